import type { Env } from "../../shared/kernel/env.ts";
import { providerNumber } from "../../shared/kernel/ids.ts";
import { day, dayOf, hour } from "../../shared/kernel/time.ts";
import type { Order } from "../../shared/order/index.ts";

/** A row of an order that was paid just now, one unit at ¥8.00, and of what a test says otherwise. */
export function paidOrder({ clock, ids }: Pick<Env, "clock" | "ids">, more: Partial<Order> = {}): Order {
  const orderId = more.orderId ?? ids.next("OR");
  const now = clock.now();
  const payableFen = more.payableFen ?? 800;
  return {
    orderId,
    memberId: ids.next("MB"),
    storeId: ids.next("ST"),
    day: dayOf(now),
    teamId: ids.next("TM"),
    seat: "PAID",
    stage: "READY",
    shipping: "NONE",
    disposition: "SEATED",
    lines: [
      {
        articleId: ids.next("AR"),
        name: "青菜",
        units: 1,
        aloneFen: 1_000,
        unitFen: payableFen,
        amountFen: payableFen,
      },
    ],
    units: 1,
    createdAt: now,
    holdUntil: now + hour,
    firstOrder: true,
    routed: { by: "nearest", method: "cache", cell: "wtw3sj", distanceM: 10, passed: [] },
    origin: { channel: "mini" },
    pickupFrom: now,
    pickupUntil: now + day,
    paymentNo: providerNumber(orderId, 1),
    attempt: 1,
    paymentState: "SUCCESS",
    payableFen,
    paidAt: now,
    ...more,
  };
}
