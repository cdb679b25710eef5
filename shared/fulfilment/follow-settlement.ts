import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { day, hour } from "../kernel/time.ts";
import { shippingLifecycle } from "../order/index.ts";
import { openCase } from "../payment/index.ts";
import { decide, type Table } from "../table/entity.ts";
import { orders, outbox } from "../table/keys.ts";
import type { ShippingUpload } from "./ports.ts";

/** The channel lets the money of a pickup go two days after the upload, if the member says nothing; then it is looked at. */
export const settlesAfterMs = 2 * day + hour;
/** From then on it is late, and somebody must ask the channel why. */
const lateAfterMs = 4 * day;
/** The channel is not asked about it for ever. */
const givenUpAfterMs = 60 * day;

/**
 * Follows an order's money that the channel froze until its shipping was uploaded: released, late (a case for staff, looked at once a day
 * from then on), or gone back. True when nothing is left to follow, else when to look again (epoch ms).
 */
export async function followSettlement(
  deps: { env: Env; table: Table; shippingUpload: Pick<ShippingUpload, "settlementOf"> },
  orderId: string,
): Promise<boolean | number> {
  const { env, table } = deps;
  const order = await table.load(orders, { orderId });
  if (!order || (order.shipping !== "SENT" && order.shipping !== "LATE")) return true;
  const now = env.clock.now();
  const since = now - (order.handedOverAt ?? order.disposedAt ?? now);
  const said = await deps.shippingUpload.settlementOf(order.paymentNo);
  if (said.kind === "settled") {
    await moved(deps, orderId, "settled");
    return true;
  }
  if (said.kind === "closed" || since >= givenUpAfterMs) return true;
  if (since >= lateAfterMs && order.shipping === "SENT" && said.kind !== "busy" && said.kind !== "unknown") {
    await moved(deps, orderId, "late");
    await openCase(deps, {
      reason: "settlement_late",
      number: order.paymentNo,
      orderId,
      detail: `the channel has kept the money for ${Math.floor(since / day)} days after the pickup${said.kind === "refused" ? `, and refuses to say more: ${said.code}` : ""}: ask it why`,
    });
  }
  return now + (since >= lateAfterMs ? day : 6 * hour);
}

function moved({ env, table }: { env: Env; table: Table }, orderId: string, event: "settled" | "late"): Promise<void> {
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order || !shippingLifecycle.allows(order.shipping, event)) return;
    await table.commit([
      orders.patch(order).asRead(order).move("shipping", shippingLifecycle, event),
      outbox.create(
        makeEvent(env, {
          type: event === "settled" ? "order.money_released" : "order.money_late",
          actor: { kind: "channel" },
          origin: order.origin,
          data: { orderId, storeId: order.storeId, paymentNo: order.paymentNo },
        }),
      ),
    ]);
  });
}
