import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { pairId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import {
  arrivalOf,
  atItsStore,
  loadTeam,
  nominalGrams,
  type Order,
  orderFacts,
  requestedRefund,
  seatState,
  weighed,
} from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { orders, outbox, refunds } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { dueRefund, shortOf } from "./team-seats.ts";

type Deps = { table: Table; env: Env };

/** What a store packed of an order by weight, and what goes back for what lacked, fen. `packedAt` is epoch ms. */
export interface Packing {
  orderId: string;
  articleId: string;
  grams: number;
  nominalGrams: number;
  refundFen: number;
  packedAt: number;
}

/**
 * Confirms the weight of an article of an order, once: what lacks of the nominal weight is refunded, by a refund of its own; what is
 * too much costs the member nothing. The same grams again give the same answer. Throws ORDER_NOT_FOUND (or at another store),
 * ORDER_STATE (not by weight, or ended), INPUT_INVALID (several are by weight and none is named), SEAT_STATE (its team did not succeed, or it is refunded), ARRIVAL_OUTSTANDING,
 * PACKING_CONFIRMED (facts: the grams), TRY_AGAIN (what its cut-off or arrival left over is being refunded).
 */
export async function packOrder(
  deps: Deps,
  input: {
    by: string;
    storeId: string;
    orderId: string;
    articleId?: string | undefined;
    grams: number;
    once: Once<Packing>;
  },
): Promise<Packing> {
  const { env, table } = deps;
  const { by, storeId, orderId, grams, once } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (order?.storeId !== storeId) throw new DomainError("ORDER_NOT_FOUND");
    const line = lineToPack(order, input.articleId);
    if (order.packedAt !== undefined && line.packedGrams !== undefined) {
      const known = packingOf(orderId, line, order.packedAt);
      if (known.grams !== grams)
        throw new DomainError("PACKING_CONFIRMED", `it was packed with ${known.grams} g: hand that over`, {
          facts: { grams: known.grams },
        });
      await table.commit([orders.check(order).asRead(order), ...once(known)]);
      return known;
    }
    await refuseUnready(table, order);
    const { articleId } = line;
    const { lines, backFen: refundFen } = weighed(order, articleId, grams);
    const packedAt = env.clock.now();
    const packing = packingOf(orderId, lines.find((one) => one.articleId === articleId)!, packedAt);
    const refundId = pairId("RF", orderId, articleId);
    const requested = requestedRefund(order, { refundId, cause: "weight_difference", refundFen }, packedAt);
    await table.commit([
      atItsStore(order).asRead(order).when("seat", "=", "PAID").set({ lines, packedAt }),
      ...(refundFen > 0 ? [refunds.create(requested), reconcileRefundOf(env, `${orderId}#${refundId}`)] : []),
      outbox.create(
        makeEvent(env, {
          type: "order.packed",
          actor: { kind: "staff", id: by },
          origin: order.origin,
          data: {
            ...orderFacts(order),
            articleName: line.name,
            grams,
            nominalGrams: packing.nominalGrams,
            ...(refundFen > 0 && { refundId, refundFen }),
          },
        }),
      ),
      audited(env, {
        staffId: by,
        action: "order.pack",
        target: orderId,
        change: { articleId, grams, nominalGrams: packing.nominalGrams, refundFen },
      }),
      ...once(packing),
    ]);
    return packing;
  });
}

/** The line by weight that is named, or the only one. Throws ORDER_STATE, INPUT_INVALID (there are several). */
function lineToPack({ lines }: Order, articleId: string | undefined): Order["lines"][number] {
  const byWeight = lines.filter((line) => nominalGrams(line) !== undefined);
  const fit = byWeight.filter((line) => articleId === undefined || line.articleId === articleId);
  if (fit.length === 0)
    throw new DomainError("ORDER_STATE", "its goods are not sold by weight: hand them over as they are");
  if (fit.length > 1)
    throw new DomainError("INPUT_INVALID", undefined, {
      errors: [{ path: "body.articleId", message: `say which: ${fit.map((line) => line.articleId).join(", ")}` }],
    });
  return fit[0]!;
}

function packingOf(orderId: string, line: Order["lines"][number], packedAt: number): Packing {
  const { articleId, units, unitFen, amountFen } = line;
  const nominal = nominalGrams(line) ?? 0;
  const { packedGrams: grams = nominal } = line;
  return { orderId, articleId, grams, nominalGrams: nominal, refundFen: units * unitFen - amountFen, packedAt };
}

/** Throws where the goods of an order are not, or not yet, to be packed. A team's end and what arrived for a seat are for good. */
export async function refuseUnready(table: Table, order: Stored<Order>): Promise<void> {
  if (order.stage !== "PLACED" && order.stage !== "READY")
    throw new DomainError("ORDER_STATE", `the order is ${order.stage}`);
  const team = await loadTeam(table, order);
  if (seatState(order, team) !== "CONFIRMED")
    throw new DomainError("SEAT_STATE", `pack once its team has succeeded: team ${team?.state}, seat ${order.seat}`);
  const settling = new DomainError("TRY_AGAIN", "what its cut-off or arrival left over is being refunded first");
  if (team && dueRefund(order, team)) throw settling;
  const arrival = await arrivalOf(table, order);
  if (!arrival) return;
  if (arrival.units === undefined)
    throw new DomainError("ARRIVAL_OUTSTANDING", "pack it once its units have been received");
  if (shortOf(order, arrival)) throw settling;
}
