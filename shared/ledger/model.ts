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
 * to the member; no money moves at the channel, and a refund gives back at most what was paid.
 */
export const transferKinds = {
  payment: { debit: "channel:wechat", credit: "order" },
  refund: { debit: "order", credit: "channel:wechat" },
  subsidy: { debit: "platform:subsidy", credit: "order" },
  coupon: { debit: "party", credit: "order" },
  coupon_return: { debit: "order", credit: "party" },
} as const;
export type TransferKind = keyof typeof transferKinds;

/** A ledger line; append-only, its natural key is (subject, kind, reference), so that a cause is booked once. */
export const transfer = z.object({
  /** What it is booked for: an order. */
  subject: idOf("OR"),
  kind: z.enum(Object.keys(transferKinds) as [TransferKind, ...TransferKind[]]),
  /** Payment number, refund number, the id of the team that was completed, the coupon or the refund that gave it back. */
  reference: z.string(),
  debit: z.string(),
  credit: z.string(),
  amountFen: fen.min(1),
  /** When it happened, as the channel says where money moved there. */
  at: epochMs,
  /** The day in Asia/Shanghai it was written on, whose books it is in: a day that is over gets no more lines. */
  bookedOn: z.string(),
  /** The store whose figures it counts in. */
  storeId: idOf("ST").optional(),
});
export type Transfer = z.infer<typeof transfer>;
