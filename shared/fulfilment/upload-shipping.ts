import type { Env } from "../kernel/env.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { nameOf, shippingLifecycle } from "../order/index.ts";
import { decide, loadLasting, type Table } from "../table/entity.ts";
import { dues, members, orders } from "../table/keys.ts";
import { settlesAfterMs } from "./follow-settlement.ts";
import type { ShippingUpload } from "./ports.ts";

/** sent: the channel has it, and the order says so. later: call again. refused: staff must look; the due row stays. */
export type ShippingOutcome =
  | { kind: "sent" }
  | { kind: "later"; reason: string }
  | { kind: "refused"; code: string; message: string };

/**
 * Tells the payment channel that an order was handed over, or disposed of by the rule. May be called any number of times and by two at once: the channel
 * takes the same values again, and one commit moves NONE → SENT, takes the due row away, and has the money followed. `dueAt` (epoch ms) names the due
 * row if a sweep moved it; otherwise it is the hand-over's own. Outside calls: one, not retried here. Throws ORDER_NOT_FOUND,
 * ORDER_STATE (not handed over).
 */
export async function uploadShipping(
  deps: { env: Pick<Env, "clock" | "ids">; table: Table; shippingUpload: ShippingUpload },
  orderId: string,
  dueAt?: number,
): Promise<ShippingOutcome> {
  const { env, table, shippingUpload } = deps;
  const order = await table.load(orders, { orderId });
  if (!order) throw new DomainError("ORDER_NOT_FOUND");
  const handedOverAt = order.handedOverAt ?? order.disposedAt;
  if (handedOverAt === undefined) throw new DomainError("ORDER_STATE", "not handed over yet");
  if (order.shipping === "NONE") {
    const member = await loadLasting(table, members, { memberId: order.memberId });
    invariant(member, `order ${orderId} has a member`);
    const [name, units] = [nameOf(order), order.units];
    const outcome = await shippingUpload.uploadPickup({
      paymentNo: order.paymentNo,
      openid: member.openid,
      description: `${name}×${units}`,
      handedOverAt,
      way: order.delivery ? "delivery" : "pickup",
    });
    if (outcome.kind === "refused") return outcome;
    if (outcome.kind !== "uploaded")
      return { kind: "later", reason: outcome.kind === "busy" ? "busy" : outcome.reason };
  }
  const dueKey = { kind: "shipping" as const, id: orderId, at: dueAt ?? handedOverAt };
  const looksAt = env.clock.now() + settlesAfterMs;
  await decide(async (round) => {
    const [now, due] = await Promise.all([
      round === 0 ? order : table.load(orders, { orderId }),
      table.load(dues, dueKey),
    ]);
    const moves = now?.shipping === "NONE";
    if (!moves && !due) return;
    await table.commit([
      ...(moves
        ? [
            orders.patch({ orderId }).move("shipping", shippingLifecycle, "sent"),
            dues.create({ kind: "settlement", id: orderId, at: looksAt, since: looksAt }),
          ]
        : []),
      ...(due ? [dues.remove(dueKey)] : []),
    ]);
  });
  return { kind: "sent" };
}
