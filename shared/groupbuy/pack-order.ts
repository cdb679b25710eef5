import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
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
  soldOf,
  weighed,
} from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { orders, outbox, refunds } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { dueRefund, shortOf, weightRefundId } from "./team-seats.ts";

type Deps = { table: Table; env: Env };

/** What a store packed of an order by weight, and what goes back for what lacked, fen. `packedAt` is epoch ms. */
export interface Packing {
  orderId: string;
  grams: number;
  nominalGrams: number;
  refundFen: number;
  packedAt: number;
}

/**
 * Confirms the weight of an order's goods, once: what lacks of the nominal weight is refunded, by a refund of its own; what is
 * too much costs the member nothing. The same grams again give the same answer. Throws ORDER_NOT_FOUND (or at another store),
 * ORDER_STATE (not by weight, or ended), SEAT_STATE (its team did not succeed, or it is refunded), ARRIVAL_OUTSTANDING,
 * PACKING_CONFIRMED (facts: the grams), TRY_AGAIN (what its cut-off or arrival left over is being refunded).
 */
export async function packOrder(
  deps: Deps,
  input: { by: string; storeId: string; orderId: string; grams: number; once: Once<Packing> },
): Promise<Packing> {
  const { env, table } = deps;
  const { by, storeId, orderId, grams, once } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (order?.storeId !== storeId) throw new DomainError("ORDER_NOT_FOUND");
    const nominal = nominalGrams(order);
    if (nominal === undefined)
      throw new DomainError("ORDER_STATE", "its goods are not sold by weight: hand them over as they are");
    if (order.packedAt !== undefined) {
      const known = packingOf(order, order.packedAt, nominal);
      if (known.grams !== grams)
        throw new DomainError("PACKING_CONFIRMED", `it was packed with ${known.grams} g: hand that over`, {
          facts: { grams: known.grams },
        });
      await table.commit([orders.check(order).asRead(order), ...once(known)]);
      return known;
    }
    await refuseUnready(table, order);
    const { lines, backFen: refundFen } = weighed(order, grams);
    const packedAt = env.clock.now();
    const packing = packingOf({ ...order, lines }, packedAt, nominal);
    const refundId = weightRefundId(order);
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
            articleName: soldOf(order).name,
            grams,
            nominalGrams: nominal,
            ...(refundFen > 0 && { refundId, refundFen }),
          },
        }),
      ),
      audited(env, {
        staffId: by,
        action: "order.pack",
        target: orderId,
        change: { grams, nominalGrams: nominal, refundFen },
      }),
      ...once(packing),
    ]);
    return packing;
  });
}

function packingOf({ orderId, lines }: Order, packedAt: number, nominal: number): Packing {
  const { units, unitFen, amountFen, packedGrams = nominal } = lines[0]!;
  return { orderId, grams: packedGrams, nominalGrams: nominal, refundFen: units * unitFen - amountFen, packedAt };
}

/** Throws where the goods of an order are not, or not yet, to be packed. A team's end and what arrived for a seat are for good. */
async function refuseUnready(table: Table, order: Stored<Order>): Promise<void> {
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
