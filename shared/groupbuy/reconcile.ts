import type { Env } from "../kernel/env.ts";
import { readProviderNumber, siblingId } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import type { Order } from "../order/index.ts";
import type { PaymentChannel } from "../payment/index.ts";
import type { Table } from "../table/entity.ts";
import { orders, paymentAttempts, refunds, teams } from "../table/keys.ts";
import { clocks, refundWaitAtLast } from "./clocks.ts";
import { applyRefund, checkRefund, requestRefund } from "./refund.ts";
import { settlePayment } from "./settle-payment.ts";
import { arrivalRefundId, counts, dueRefund, eachShort, seatsIn } from "./team-seats.ts";

type Deps = { table: Table; env: Env; channel: PaymentChannel };

/**
 * Finishes refunds that nobody finished. `id` names a team, whose end's refunds must each have begun, a line of a purchase order that came short, or one refund as
 * `<orderId>#<refundId>`, which is asked about and, where the channel never heard of it, asked for under the same number.
 * Answers true when nothing is left to do, else when (epoch ms) to look again: later each time, as the machine does, counted
 * from `since`.
 */
export async function reconcileRefund(deps: Deps, id: string, since: number): Promise<true | number> {
  const [orderId, refundId] = id.split("#");
  const now = deps.env.clock.now();
  const later = now + Math.min(refundWaitAtLast, Math.max(clocks.again, now - since));
  if (id.startsWith("PL")) {
    const begin = (seat: Order) =>
      requestRefund(deps, { orderId: seat.orderId, refundId: arrivalRefundId(seat), round: 0 });
    return (await eachShort(deps.table, id, begin)) || later;
  }
  if (orderId === undefined || refundId === undefined) {
    const team = await deps.table.load(teams, { teamId: id });
    let begun = 0;
    for await (const seat of seatsIn(deps.table, id)) {
      if (!counts(seat)) continue;
      // its execution may be dead, and its name taken for good: ask here, under the number that is fixed anyway
      if (team && dueRefund(seat, team))
        await requestRefund(deps, { orderId: seat.orderId, refundId: siblingId("RF", seat.orderId), round: 0 });
      begun += 1;
    }
    return begun === team?.paid || later; // once begun, each is looked at by a row of its own
  }
  const key = { orderId, refundId };
  const refund = await deps.table.load(refunds, key);
  if (!refund || refund.state === "SUCCESS") return true;
  if (refund.state === "ABNORMAL") {
    // looked at only where staff want it: they may have had it done in the merchant platform
    const asked = await deps.channel.queryRefund(refund.refundNo);
    if (asked.kind === "refund") await applyRefund(deps, refund, asked.refund);
    return asked.kind === "refund" || asked.kind === "absent" || later;
  }
  const looked = await checkRefund(deps, { ...key, round: 0 });
  if (looked.outcome === "again") await requestRefund(deps, { ...key, round: 0 });
  const current = await deps.table.load(refunds, key);
  return current?.state === "SUCCESS" || current?.state === "ABNORMAL" || later;
}

/**
 * Asks once more about a payment that was closed, by its number: one that raced the close is settled, as the order's own or as
 * one given up for a next attempt. Answers whether the channel said.
 */
export async function reconcilePayment(deps: Deps, paymentNo: string): Promise<boolean> {
  const number = readProviderNumber(paymentNo);
  invariant(number, `${paymentNo} is a payment number`);
  const order = await deps.table.load(orders, { orderId: number.id });
  const payment =
    order?.attempt === number.attempt
      ? order
      : await deps.table.load(paymentAttempts, { orderId: number.id, attempt: number.attempt });
  if (payment?.paymentState !== "CLOSED") return true;
  const asked = await deps.channel.query(paymentNo);
  if (asked.kind === "absent") return true;
  if (asked.kind !== "transaction") return false;
  const { transaction } = asked;
  if (transaction.state === "SUCCESS" || transaction.state === "REFUND") await settlePayment(deps, transaction);
  return true;
}
