import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { epochMs } from "../kernel/time.ts";

/**
 * Which accounts each kind of transfer debits and credits: a transfer moves fen from the credited account to the debited one.
 * `channel:wechat` is an asset, the money at the payment channel. `order` (`order:<orderId>`) is a liability, what came in for an
 * order and is not yet earned or given back. `platform:…` are expenses. `platform:subsidy`: what the platform bears of an order whose
 * team it completed though it was not full, so that the order's account holds the price alone: what the member paid, and the discount
 * that nobody else earned him. `party`: whoever a line names. Of a coupon who bears it, `platform:coupon`, `supplier:<id>` or
 * `store:<id>` (what they owe): booked with the payment, given back by an entry of its own as far as the order no longer uses it, never
 * to the member; no money moves at the channel, and a refund gives back at most what was paid. Of a compensation who bears it,
 * `platform:compensation`, the store or a supplier, from the moment its refund begins; where it was paid first on a claim,
 * `platform:advance`, an asset, until a recovery books it to who bears it in the end, one of them or the carrier. Of goods the
 * supplier, who is owed the good units that came for a purchase order, at its price. Of a commission `member:<id>`, who is owed it until it is paid out or taken back.
 * Of a delivery `carrier:<name>` or `rider:<staff id>`, who is owed its fee; what a carrier keeps of a job that was called off is the chain's to bear.
 */
export const transferKinds = {
  payment: { debit: "channel:wechat", credit: "order" },
  refund: { debit: "order", credit: "channel:wechat" },
  subsidy: { debit: "platform:subsidy", credit: "order" },
  coupon: { debit: "party", credit: "order" },
  coupon_return: { debit: "order", credit: "party" },
  compensation: { debit: "party", credit: "order" },
  recovery: { debit: "party", credit: "platform:advance" },
  goods: { debit: "platform:goods", credit: "party" },
  commission: { debit: "platform:commission", credit: "party" },
  commission_return: { debit: "party", credit: "platform:commission" },
  payout: { debit: "party", credit: "channel:wechat" },
  delivery: { debit: "platform:delivery", credit: "party" },
  delivery_called_off: { debit: "platform:delivery", credit: "party" },
  fee: { debit: "platform:channel_fee", credit: "channel:wechat" },
  fee_return: { debit: "channel:wechat", credit: "platform:channel_fee" },
} as const;
export type TransferKind = keyof typeof transferKinds;

export const transferKind = z.enum(Object.keys(transferKinds) as [TransferKind, ...TransferKind[]]);

/** A ledger line; append-only, its natural key is (subject, kind, reference), so that a cause is booked once. */
export const transfer = z.object({
  /** What it is booked for: an order, a line of a purchase order, a payout, a day's bill. */
  subject: z.string(),
  kind: transferKind,
  /** Payment number, refund number, the id of the team that was completed, the coupon or the refund that gave it back, which arrival, who earned the commission. */
  reference: z.string(),
  debit: z.string(),
  credit: z.string(),
  /** The account that the kind leaves open, which has its own list of lines. */
  party: z.string().optional(),
  amountFen: fen.min(1),
  /** Of goods: units that came and those of them that were turned away, and the price of one. */
  goods: z.object({ units: z.int().min(1), rejected: z.int().min(0), unitFen: fen }).optional(),
  /** When it happened, as the channel says where money moved there. */
  at: epochMs,
  /** The day in Asia/Shanghai it was written on, whose books it is in: a day that is over gets no more lines. */
  bookedOn: z.string(),
  /** The store whose figures it counts in. */
  storeId: idOf("ST").optional(),
});
export type Transfer = z.infer<typeof transfer>;

/** What was booked in a day or a period: of each kind how many lines, and how much. */
const booking = z.object({ lines: z.int().min(0), amountFen: fen });
const bookings = z.partialRecord(transferKind, booking);
export type Bookings = z.infer<typeof bookings>;

/** The books of a day (YYYY-MM-DD in Asia/Shanghai) that is over. Nothing is booked on it any more, and it is never written anew. */
export const dayBook = z.object({
  day: z.string(),
  bookings,
  lines: z.int().min(0),
  amountFen: fen,
  closedAt: epochMs,
});
export type DayBook = z.infer<typeof dayBook>;

/** What counts in a store's figures of a day. */
export const storeDay = z.object({ storeId: idOf("ST"), day: z.string(), bookings });
export type StoreDay = z.infer<typeof storeDay>;

/**
 * An account on a day that moved it. `balanceFen` is what it held when the day was over, debits less credits: above zero an asset or
 * an expense, below zero what is owed. All orders are one account here, `orders`: an order's own is the sum of its lines.
 */
export const accountDay = z.object({
  account: z.string(),
  day: z.string(),
  debitFen: fen,
  creditFen: fen,
  balanceFen: z.int(),
});

/** An account as of the last day that moved it and is closed. */
export const ledgerAccount = z.object({ account: z.string(), day: z.string(), balanceFen: z.int() });
export type LedgerAccount = z.infer<typeof ledgerAccount>;

/** How far the books are closed; one row. */
export const ledgerCursor = z.object({
  name: z.literal("ledger"),
  /** The first day that has books, and the last one that is closed. */
  since: z.string(),
  closedUntil: z.string(),
});
export type LedgerCursor = z.infer<typeof ledgerCursor>;

/** A month (YYYY-MM) that somebody closed: its figures stand, what belongs to it and comes later is in a later month's books. */
export const ledgerPeriod = z.object({
  month: z.string(),
  bookings,
  lines: z.int().min(0),
  amountFen: fen,
  /** Balances when it was over, by what they are: orders, channel, platform, supplier, store. They sum to nothing. */
  balances: z.record(z.string(), z.int()),
  closedAt: epochMs,
  closedBy: z.string(),
});
export type LedgerPeriod = z.infer<typeof ledgerPeriod>;
