import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { siblingId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import {
  atItsStore,
  notGoneBackFen,
  type Order,
  orderFacts,
  orderLifecycle,
  requestedRefund,
  returnUnits,
  seatLifecycle,
} from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table } from "../table/entity.ts";
import { orders, outbox, pickupCodes, refunds, refundsOf } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { slotOf } from "./settle-cart.ts";

/** Who cancels: the member, until the store has begun to make it ready; the store, with a reason, until it is handed over. */
export type Canceller = { kind: "member" } | { kind: "staff"; staffId: string; storeId: string; reason: string };

/**
 * Cancels an order from the cart: everything paid and not refunded yet goes back, delivery fee included, the units return to the
 * store. One that is not paid must have been settled with the channel before (it is then RELEASED, and answered as it is). Throws
 * ORDER_NOT_FOUND, ORDER_STATE (of a team: leave that; ready, on its way or handed over), SEAT_STATE (refunded or being refunded).
 */
export async function cancelOrder(
  deps: { table: Table; env: Env },
  input: { orderId: string; by: Canceller; once: Once<Order> },
): Promise<Order> {
  const { env, table } = deps;
  const { orderId, by, once } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order || (by.kind === "staff" && order.storeId !== by.storeId)) throw new DomainError("ORDER_NOT_FOUND");
    if (order.teamId !== undefined) throw new DomainError("ORDER_STATE", "it is a seat in a team: leave the team");
    if (order.seat === "RELEASED") {
      await table.commit([orders.check(order).when("seat", "=", "RELEASED"), ...once(order)]);
      return order;
    }
    if (order.seat !== "PAID") throw new DomainError("SEAT_STATE", `the order is ${order.seat}`);
    if (order.stage !== "PLACED" && (by.kind === "member" || order.stage !== "READY"))
      throw new DomainError(
        "ORDER_STATE",
        `it is ${order.stage}: ${by.kind === "member" ? "ask the store" : "use after-sale"}`,
      );
    const now = env.clock.now();
    const { items } = await table.page(refundsOf(orderId), { limit: 100 });
    const refundId = siblingId("RF", orderId);
    const refundFen = notGoneBackFen(order, items);
    if (refundFen === 0) throw new DomainError("SEAT_STATE", "all of it is being refunded already");
    const cancelled: Order = { ...order, seat: "REFUND_DUE", stage: "CANCELLED", refundId };
    await table.commit([
      atItsStore(order)
        .asRead(order)
        .move("seat", seatLifecycle, "cancelled")
        .move("stage", orderLifecycle, "cancelled")
        .set({ refundId }),
      refunds.create(requestedRefund(order, { refundId, cause: "cancelled", refundFen }, now)),
      reconcileRefundOf(env, `${orderId}#${refundId}`),
      ...(await returnUnits(deps, order, "cancelled")),
      ...slotOf(order),
      ...(order.pickupHash === undefined
        ? []
        : [pickupCodes.patch({ codeHash: order.pickupHash }).when("state", "=", "ISSUED").set({ state: "VOID" })]),
      outbox.create(
        makeEvent(env, {
          type: "order.cancelled",
          actor: by.kind === "member" ? { kind: "member", id: order.memberId } : { kind: "staff", id: by.staffId },
          origin: order.origin,
          data: { ...orderFacts(order), refundId, refundFen, by: by.kind },
        }),
      ),
      ...(by.kind === "staff"
        ? [
            audited(env, {
              staffId: by.staffId,
              action: "order.cancel",
              target: orderId,
              reason: by.reason,
              change: { refundFen },
            }),
          ]
        : []),
      ...once(cancelled),
    ]);
    return cancelled;
  });
}
