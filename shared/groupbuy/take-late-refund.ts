import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { siblingId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { toIso } from "../kernel/time.ts";
import {
  type Arrival,
  arrivalOf,
  atItsStore,
  keptFen,
  leaveLine,
  type Order,
  orderFacts,
  requestedRefund,
  seatLifecycle,
} from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import { decide, type Table } from "../table/entity.ts";
import { orders, outbox, refunds } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { refundOfTeamsEnd } from "./refund.ts";
import { arrivalRefundId } from "./team-seats.ts";

/** Whether the goods of a paid order were put off and are not there for it yet. */
export const refundableAsLate = (order: Order, { line, units }: Arrival): boolean =>
  order.seat === "PAID" && order.stage !== "HANDED_OVER" && line?.movedAt !== undefined && units === undefined;

/**
 * Gives an order back whose goods were put off, in full, until they are there for it: what has not been refunded of its payment
 * goes back, and its units are owed to nobody. Throws ORDER_NOT_FOUND, SEAT_STATE, LATE_REFUND_CLOSED.
 */
export async function takeLateRefund(
  deps: { table: Table; env: Env },
  { orderId, once }: { orderId: string; once: Once<Order> },
): Promise<Order> {
  const { table, env } = deps;
  // first what the cut-off left over, under its own number
  await refundOfTeamsEnd(deps, { orderId, refundId: siblingId("RF", orderId) });
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    if (order.seat !== "PAID") throw new DomainError("SEAT_STATE", `the seat is ${order.seat}`);
    const arrival = await arrivalOf(table, order);
    if (!arrival?.share || arrival.line?.movedAt === undefined)
      throw new DomainError("LATE_REFUND_CLOSED", "its goods are not put off");
    if (!refundableAsLate(order, arrival))
      throw new DomainError(
        "LATE_REFUND_CLOSED",
        `the goods have come: collect them until ${toIso(order.pickupUntil)}`,
      );
    const refundId = arrivalRefundId(order);
    const given: Order = { ...order, seat: "REFUND_DUE", refundId };
    const refundFen = keptFen(order);
    await table.commit([
      atItsStore(order).asRead(order).move("seat", seatLifecycle, "withdrawn").set({ refundId }),
      refunds.create(requestedRefund(order, { refundId, cause: "late_arrival", refundFen }, env.clock.now())),
      reconcileRefundOf(env, `${orderId}#${refundId}`),
      ...(await leaveLine(deps, order, arrival, "late")),
      outbox.create(
        makeEvent(env, {
          type: "seat.withdrawn",
          actor: { kind: "member", id: order.memberId },
          origin: order.origin,
          data: { ...orderFacts(order), refundId, refundFen },
        }),
      ),
      ...once(given),
    ]);
    return given;
  });
}
