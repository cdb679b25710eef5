import { couponUsed } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { booked } from "../ledger/index.ts";
import { type PaidTransaction, paymentLifecycle, reconcileRefundOf } from "../payment/index.ts";
import type { Write } from "../table/entity.ts";
import { outbox, refunds } from "../table/keys.ts";
import type { Order } from "./model.ts";
import { atItsStore, couponBooked, couponFen, orderFacts } from "./order-writes.ts";

/** The ledger line of a payment that came in. */
export const paymentBooked = (env: Env, order: Order, paid: PaidTransaction): Write =>
  booked(env, {
    subject: order.orderId,
    storeId: order.storeId,
    kind: "payment",
    reference: paid.paymentNo,
    amountFen: paid.totalFen,
    at: paid.successTime,
  });

/** The order with the payment in force, at the store it was read at. */
export const paidOrder = (order: Order, paid: PaidTransaction) =>
  atItsStore(order)
    .when("paymentNo", "=", order.paymentNo)
    .move("paymentState", paymentLifecycle, "succeeded")
    .set({ transactionId: paid.transactionId, paidAt: paid.successTime });

/** An event that the channel's news made. */
export const toldOfPayment = (
  env: Env,
  type: string,
  order: Order,
  more: Record<string, string | number | boolean> = {},
): Write =>
  outbox.create(
    makeEvent(env, {
      type,
      actor: { kind: "channel" },
      origin: order.origin,
      data: { ...orderFacts(order), ...more },
    }),
  );

/** The coupon of a seat that is paid, and its ledger line. */
export const couponPaid = (env: Env, order: Order, paid: PaidTransaction, seated: "first" | "again"): Write[] => {
  const { coupon, memberId, orderId } = order;
  if (!coupon) return [];
  const { grantId } = coupon;
  return [
    // a seat that is taken again takes its coupon again beside its stock
    ...(seated === "first" ? [couponUsed({ memberId, grantId }, orderId)] : []),
    ...couponBooked(env, order, {
      kind: "coupon",
      reference: grantId,
      amountFen: couponFen(order),
      at: paid.successTime,
    }),
  ];
};

/** A payment that pays nothing goes back in full: the refund, and what is told. */
export const orphanRefund = (
  env: Env,
  order: Order,
  what: { refundId: string; paymentNo: string; fen: number },
): Write[] => [
  refunds.create({
    refundId: what.refundId,
    orderId: order.orderId,
    memberId: order.memberId,
    paymentNo: what.paymentNo,
    cause: "orphan",
    refundFen: what.fen,
    totalFen: what.fen,
    attempt: 1,
    refundNo: `${what.refundId}01`,
    state: "REQUESTED",
    requestedAt: env.clock.now(),
  }),
  reconcileRefundOf(env, `${order.orderId}#${what.refundId}`),
  toldOfPayment(env, "payment.orphaned", order, { refundId: what.refundId, paymentNo: what.paymentNo }),
];
