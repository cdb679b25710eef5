import { stockLimit, stockWrites } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { booked } from "../ledger/index.ts";
import { cutArrival, lineIdOf, seatShare } from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import {
  type Lot,
  lotOfPurchase,
  type PurchaseLine,
  purchaseLifecycle,
  purchaseLineLifecycle,
} from "../supply/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { outbox, purchaseLines, purchaseOrders, stocks, teams } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { campaignOf } from "./keep-campaign.ts";
import { counts, onLine, seatsIn } from "./team-seats.ts";

type Deps = { table: Table; env: Env };

/** A store's line of a campaign's purchase order. Throws CAMPAIGN_NOT_FOUND, PURCHASE_NOT_FOUND. */
export async function lineOf(
  { table }: Pick<Deps, "table">,
  { campaignId, storeId }: { campaignId: string; storeId: string },
): Promise<Stored<PurchaseLine>> {
  const { articleId } = await campaignOf(table, campaignId);
  const line = await table.load(purchaseLines, { lineId: lineIdOf({ campaignId, storeId, articleId }) });
  if (!line) throw new DomainError("PURCHASE_NOT_FOUND");
  return line;
}

/** A line that more may come for. Throws what `lineOf` throws, PURCHASE_STATE. */
export async function openLineOf(deps: Pick<Deps, "table">, of: { campaignId: string; storeId: string }) {
  const line = await lineOf(deps, of);
  if (purchaseLineLifecycle.terminal(line.state))
    throw new DomainError("PURCHASE_STATE", "what comes now goes into stock: record it as a lot");
  return line;
}

/**
 * Receives what came to a store for a campaign's purchase order: a lot of its own, whose good units are allotted by payment time
 * over the seats of all the store's communities. The `last` one closes the line: what is too much goes into the store's online
 * stock, and what is too little is refunded from the event on; with no units it closes it as it is. Throws what `openLineOf`
 * throws, INPUT_INVALID, TRY_AGAIN (not every seat is indexed yet).
 */
export async function receiveArrival(
  deps: Deps,
  input: Pick<Lot, "certificate" | "bestBefore"> & {
    by: string;
    campaignId: string;
    storeId: string;
    units: number;
    rejected: number;
    reason?: string | undefined;
    last: boolean;
    once: Once<PurchaseLine>;
  },
): Promise<PurchaseLine> {
  const { env, table } = deps;
  const { by, units, rejected, reason, last } = input;
  return decide(async () => {
    const { version, ...line } = await openLineOf(deps, input);
    const { lineId, campaignId, storeId, articleId } = line;
    const order = await table.load(purchaseOrders, line);
    invariant(order, `line ${lineId} has its purchase order`);
    const seats = await seatsOn(table, line);
    const owed = seats.reduce((sum, seat) => sum + seat.units, 0);
    const good = line.good + units - rejected;
    const at = env.clock.now();
    const { cut: _before, ...kept } = line;
    const cut = cutArrival(seats, good);
    const surplus = Math.max(0, good - owed);
    const next: PurchaseLine = {
      ...kept,
      state: purchaseLineLifecycle.to(last ? "closed" : "arrived"),
      arrivals: line.arrivals + 1,
      good,
      damaged: line.damaged + rejected,
      ...(cut && { cut }),
      ...(last && { surplus, closedAt: at }),
    };
    const whole = last && order.closed + 1 === order.lineIds.length;
    const came =
      units === 0
        ? []
        : (
            await lotOfPurchase(deps, {
              by,
              campaignId,
              storeId,
              articleId,
              units,
              check: { rejected, reason },
              ...(order.supplierId !== undefined && { supplierId: order.supplierId }),
              ...(input.certificate && { certificate: input.certificate }),
              ...(input.bestBefore !== undefined && { bestBefore: input.bestBefore }),
            })
          ).writes;
    await table.commit([
      purchaseLines.replace({ ...next, version }),
      purchaseOrders
        .patch(order)
        .asRead(order)
        .move("state", purchaseLifecycle, whole ? "closed" : "arrived")
        .add({ closed: last ? 1 : 0 }),
      ...came,
      ...owedFor(env, order.supplierId, next, { units, rejected, at }),
      ...(last && surplus > 0 ? await intoStock(deps, by, next, surplus) : []),
      outbox.create(
        makeEvent(env, {
          type: last ? "arrival.closed" : "arrival.received",
          actor: { kind: "staff", id: by },
          data: { lineId, campaignId, storeId, articleId, good, owed, short: Math.max(0, owed - good) },
        }),
      ),
      // some seats get less than they were sold: who begins their refunds may die
      ...(last && cut ? [reconcileRefundOf(env, lineId)] : []),
      audited(env, {
        staffId: by,
        action: last ? "arrival.close" : "arrival.receive",
        target: lineId,
        reason,
        change: { units, rejected, good, owed },
      }),
      ...input.once(next),
    ]);
    return next;
  });
}

/** What the supplier is owed for the good units that came with a line's last arrival; nothing where none is named. */
function owedFor(
  env: Env,
  supplierId: string | undefined,
  { lineId, storeId, arrivals, unitCostFen }: PurchaseLine,
  { units, rejected, at }: { units: number; rejected: number; at: number },
): Write[] {
  const amountFen = (units - rejected) * unitCostFen;
  if (supplierId === undefined || amountFen === 0) return [];
  return [
    booked(env, {
      subject: lineId,
      kind: "goods",
      reference: String(arrivals),
      party: `supplier:${supplierId}`,
      amountFen,
      at,
      storeId,
      goods: { units, rejected, unitFen: unitCostFen },
    }),
  ];
}

/** The seats that a line's goods go to, with the units they were sold. Throws TRY_AGAIN. */
async function seatsOn(table: Table, line: PurchaseLine) {
  const seats: { orderId: string; paidAt: number; units: number }[] = [];
  for (const { teamId } of line.communities) {
    const team = await table.load(teams, { teamId });
    invariant(team, `line ${line.lineId} has its team ${teamId}`);
    let paid = 0;
    for await (const seat of seatsIn(table, teamId)) {
      if (!counts(seat)) continue;
      paid += 1;
      const units = onLine(seat) ? (seatShare(seat, team)?.units ?? 0) : 0;
      if (units > 0) seats.push({ orderId: seat.orderId, paidAt: seat.paidAt ?? 0, units });
    }
    if (paid !== team.paid) throw new DomainError("TRY_AGAIN", "the batch's orders are still being indexed");
  }
  return seats;
}

async function intoStock({ env, table }: Deps, by: string, line: PurchaseLine, units: number): Promise<Write[]> {
  const { storeId, articleId, lineId } = line;
  const current = await table.load(stocks, { storeId, articleId });
  const online = (current?.online ?? 0) + units;
  if (online > stockLimit)
    throw new DomainError("INPUT_INVALID", undefined, {
      errors: [{ path: "body.units", message: `the stock would exceed ${stockLimit} units` }],
    });
  const next = { storeId, articleId, online };
  return stockWrites(env, { by, current, next, cause: `surplus#${lineId}`, reason: "到货多于订货" });
}
