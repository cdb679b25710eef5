import { applyRefund, settlePayment } from "../groupbuy/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { readProviderNumber } from "../kernel/ids.ts";
import { day, dayOf, hour, parseIso, startOfDay } from "../kernel/time.ts";
import { booked, type Transfer, type TransferKind } from "../ledger/index.ts";
import { openCase, type PaymentChannel } from "../payment/index.ts";
import { applyTransfer, bringShare, type PayoutChannel, type ProfitSharing } from "../payout/index.ts";
import { decide, type Table } from "../table/entity.ts";
import { billDays, LEDGER_BUCKETS, outbox, payouts, refunds, transfers, transfersBookedOn } from "../table/keys.ts";
import { type Difference, matchBills } from "./match-bill.ts";
import type { BillDay } from "./model.ts";
import type { BillSource, BillType } from "./ports.ts";
import { BillFlaw, readFlowBill, readTradeBill } from "./read-bill.ts";

type Deps = {
  table: Table;
  env: Env;
  bills: BillSource;
  channel: PaymentChannel;
  payouts: PayoutChannel;
  sharing: ProfitSharing;
};

/** Days before today that are looked at until they are reconciled. */
const LOOK_BACK = 7;
/** The channel makes a day's bills until so long after its end, ms. */
const madeAfter = 10 * hour;

const startOf = (on: string): number => parseIso(`${on}T00:00:00+08:00`);

/**
 * Reconciles each of the last days whose bills are there and that is not reconciled yet, the earliest first. Stops at `untilMs` (epoch ms).
 * Answers how many days it looked at.
 */
export async function reconcileDays(deps: Deps, untilMs: number): Promise<number> {
  const { env, table } = deps;
  const now = env.clock.now();
  let looked = 0;
  for (let back = LOOK_BACK; back >= 1; back--) {
    const on = dayOf(startOfDay(now) - back * day);
    if (now < startOf(on) + day + madeAfter || env.clock.now() >= untilMs) continue;
    const known = await table.load(billDays, { day: on });
    if (known?.state === "MATCHED" || known?.state === "DIFFERENT") continue;
    await reconcileDay(deps, on);
    looked += 1;
  }
  return looked;
}

/**
 * Holds the channel's bills of a day (YYYY-MM-DD) against the ledger, both directions. What the channel has and we have not is asked for by
 * its number first, and finished like a notification that came late; what differs then is a case for staff, opened once. Looking again at a day changes nothing that fits.
 */
export async function reconcileDay(deps: Deps, on: string): Promise<BillDay> {
  const trade = await fetchBill(deps, "trade", on);
  const flow = await fetchBill(deps, "flow", on);
  const lines = await linesOf(deps, on);
  const flaw = worstOf(trade, flow);
  if (flaw) return unread(deps, on, flaw, lines.length);
  const bills = { payments: trade.payments, flows: flow.flows };

  const first = matchBills(bills, lines);
  const unheard = new Set<string>();
  let finished = 0;
  for (const difference of first.differences) {
    if (difference.billedFen === undefined || difference.bookedFen !== undefined) continue;
    const outcome = await finish(deps, difference);
    if (outcome === "finished") finished += 1;
    if (outcome === "unheard") unheard.add(difference.number);
  }
  const { differences, feeFen } = finished > 0 ? matchBills(bills, await linesOf(deps, on)) : first;
  const late = isLate(deps, on);
  for (const difference of differences) if (late || !unheard.has(difference.number)) await tell(deps, difference, on);

  const count = (kind: string) => flow.flows.filter((one) => one.kind === kind).length;
  const waits = unheard.size > 0 && !late;
  return keep(deps, on, {
    state: waits ? "WAITING" : differences.length > 0 ? "DIFFERENT" : "MATCHED",
    payments: trade.payments.length,
    paymentFen: trade.payments.reduce((sum, { amountFen }) => sum + amountFen, 0),
    refunds: count("refund"),
    payouts: count("payout"),
    feeFen,
    finished,
    differing: differences.length,
    differences: differences.slice(0, 50),
    ...(waits && { flaw: { bill: "trade", why: `the channel does not answer about ${unheard.size} numbers` } }),
  });
}

/** A day that should have been reconciled long ago: what is open of it is told to staff. */
const isLate = ({ env }: Pick<Deps, "env">, on: string): boolean => env.clock.now() >= startOf(on) + 2 * day;

/** Why a bill can't be read; `how`: it can't be believed, it is not there, or the channel did not say. */
type Flaw = { how: "refused" | "none" | "unheard"; why: string; line?: number };
/** What keeps a day's bills from being read; that there are none only where there is neither. */
function worstOf(trade: Read, flow: Read): (Flaw & { bill: BillType }) | undefined {
  const flaws = [
    ...(trade.flaw ? [{ bill: "trade" as const, ...trade.flaw }] : []),
    ...(flow.flaw ? [{ bill: "flow" as const, ...flow.flaw }] : []),
  ];
  const worst = flaws.find(({ how }) => how === "refused") ?? flaws.find(({ how }) => how === "unheard") ?? flaws[0];
  if (worst?.how !== "none" || flaws.length === 2) return worst;
  return { ...worst, how: "unheard", why: "the channel has one of the day's two bills" };
}

interface Read {
  flaw?: Flaw;
  payments: ReturnType<typeof readTradeBill>;
  flows: ReturnType<typeof readFlowBill>;
}

async function fetchBill({ bills }: Deps, type: BillType, on: string): Promise<Read> {
  const nothing = { payments: [], flows: [] };
  const answer = await bills.fetchBill(type, on);
  switch (answer.kind) {
    case "bill":
      try {
        return type === "trade"
          ? { ...nothing, payments: readTradeBill(answer.text, { day: on, mchid: bills.mchid }) }
          : { ...nothing, flows: readFlowBill(answer.text, { day: on }) };
      } catch (error) {
        if (!(error instanceof BillFlaw)) throw error;
        return { ...nothing, flaw: { how: "refused", line: error.line, why: error.message.slice(0, 300) } };
      }
    case "altered":
      return { ...nothing, flaw: { how: "refused", why: answer.why } };
    case "none":
      return { ...nothing, flaw: { how: "none", why: "the channel has no bill of this day" } };
    case "refused":
      return { ...nothing, flaw: { how: "unheard", why: `the channel refuses: ${answer.code}` } };
    case "busy":
      return { ...nothing, flaw: { how: "unheard", why: "the channel is busy" } };
    case "unknown":
      return { ...nothing, flaw: { how: "unheard", why: answer.reason.slice(0, 300) } };
  }
}

const kinds = ["payment", "refund", "payout"] as const satisfies TransferKind[];

/** The ledger lines whose money moved at the channel on a day, whenever they were booked since. */
async function linesOf({ table, env }: Deps, on: string): Promise<Transfer[]> {
  const [start, end] = [startOf(on), startOf(on) + day];
  const found: Transfer[] = [];
  for (let at = start; at <= env.clock.now(); at += day)
    for (const kind of kinds)
      for (let bucket = 0; bucket < LEDGER_BUCKETS; bucket++) {
        let after: Record<string, string> | undefined;
        do {
          const page = await table.page(transfersBookedOn(dayOf(at), bucket, kind), { limit: 100, after });
          found.push(...page.items.filter((line) => line.at >= start && line.at < end));
          after = page.next;
        } while (after);
      }
  return found;
}

/** Asks the channel for what it has and we have not, and puts it into our rows as its notification would. */
async function finish(deps: Deps, { kind, number }: Difference): Promise<"finished" | "differs" | "unheard"> {
  const { table, channel } = deps;
  const named = readProviderNumber(number);
  if (!named || kind === "other") return "differs";
  const isBooked = async (subject: string) =>
    (await table.load(transfers, { subject, kind, reference: number })) ? "finished" : "differs";
  if (kind === "payment") {
    const asked = await channel.query(number);
    if (asked.kind !== "transaction") return saidNothing(asked);
    const { transaction } = asked;
    if (transaction.state !== "SUCCESS" && transaction.state !== "REFUND") return "differs";
    await settlePayment(deps, transaction);
    return isBooked(named.id);
  }
  if (kind === "refund") {
    const asked = await channel.queryRefund(number);
    if (asked.kind !== "refund") return saidNothing(asked);
    const orderId = readProviderNumber(asked.refund.paymentNo)?.id;
    const refund = orderId && (await table.load(refunds, { orderId, refundId: named.id }));
    if (!refund) return "differs";
    await applyRefund(deps, refund, asked.refund);
    return isBooked(refund.orderId);
  }
  // a share goes by its order's number
  if (named.id.startsWith("OR")) return (await bringShare(deps, named.id)) === true ? "finished" : "unheard";
  const payout = await table.load(payouts, { payoutId: named.id });
  if (!payout) return "differs";
  const asked = await deps.payouts.queryTransfer(number);
  if (asked.kind !== "transfer") return saidNothing(asked);
  await applyTransfer(deps, payout, asked.transfer);
  return isBooked(payout.payoutId);
}

const saidNothing = ({ kind }: { kind: "absent" | "refused" | "busy" | "unknown" }): "unheard" | "differs" =>
  kind === "busy" || kind === "unknown" ? "unheard" : "differs";

/** Opens the case of a difference, once for good. */
async function tell(deps: Deps, { kind, number, billedFen, bookedFen }: Difference, on: string): Promise<void> {
  const orderId = kind === "payment" ? readProviderNumber(number)?.id : undefined;
  const what = kind === "other" ? "movement" : kind;
  const [reason, detail] =
    billedFen === undefined
      ? (["bill_lacks", `our books have the ${what} of ${bookedFen} fen, the channel's bill of ${on} has not`] as const)
      : bookedFen === undefined
        ? ([
            "books_lack",
            `the channel's bill of ${on} has the ${what} of ${billedFen} fen, our books have not`,
          ] as const)
        : ([
            "bill_differs",
            `the channel's bill of ${on} has ${billedFen} fen for the ${what}, our books ${bookedFen}`,
          ] as const);
  await openCase(deps, { reason, number, detail, ...(orderId !== undefined && { orderId }) });
}

/** A bill that is not there, or can't be believed. Where nothing moved at all the channel makes none. */
async function unread(
  deps: Deps,
  on: string,
  { how, bill, ...told }: Flaw & { bill: BillType },
  lines: number,
): Promise<BillDay> {
  const late = isLate(deps, on);
  const state = how === "refused" ? "REFUSED" : how === "none" && lines === 0 ? "MATCHED" : "WAITING";
  if (state === "REFUSED" || (state === "WAITING" && late && lines > 0))
    await openCase(deps, {
      reason: "bill_refused",
      number: `${bill}-${on}`,
      detail:
        `the ${bill} bill of ${on} can't be used${told.line === undefined ? "" : `, line ${told.line}`}: ${told.why}; have the day looked at again, or look into the merchant platform`.slice(
          0,
          300,
        ),
    });
  const nothing = { payments: 0, paymentFen: 0, refunds: 0, payouts: 0, feeFen: 0, finished: 0, differing: 0 };
  return keep(deps, on, {
    state,
    ...nothing,
    differences: [],
    ...(state !== "MATCHED" && { flaw: { bill, ...told } }),
  });
}

/** Writes what was found of a day; with the first look that reads its bills, what the channel kept is booked. */
async function keep(
  deps: Deps,
  on: string,
  found: Omit<BillDay, "day" | "looks" | "at" | "bookedFeeFen">,
): Promise<BillDay> {
  const { table, env } = deps;
  return decide(async () => {
    const known = await table.load(billDays, { day: on });
    const at = env.clock.now();
    const bookedFen = known?.bookedFeeFen ?? 0;
    // what was booked of it before is put right by a line of its own, once the day is read to its end
    const final = found.state === "MATCHED" || found.state === "DIFFERENT";
    const deltaFen = final ? found.feeFen - bookedFen : 0;
    const looks = (known?.looks ?? 0) + 1;
    const row: BillDay = { day: on, ...found, bookedFeeFen: bookedFen + deltaFen, looks, at };
    const kind = deltaFen > 0 ? ("fee" as const) : ("fee_return" as const);
    await table.commit([
      known ? billDays.replace({ ...row, version: known.version }) : billDays.create(row),
      ...(deltaFen === 0
        ? []
        : [
            booked(env, {
              subject: `BILL-${on}`,
              kind,
              reference: `${on}#${looks}`,
              amountFen: Math.abs(deltaFen),
              at: startOf(on) + day - 1_000,
            }),
          ]),
      outbox.create(
        makeEvent(env, {
          type: "bill.reconciled",
          actor: { kind: "system" },
          data: { day: on, state: row.state, differing: row.differing, finished: row.finished },
        }),
      ),
    ]);
    return row;
  });
}
