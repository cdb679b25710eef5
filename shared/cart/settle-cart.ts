import { couponTaken } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { siblingId } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import {
  atItsStore,
  couponBack,
  couponPaid,
  hasUnits,
  type Order,
  orderFacts,
  orphanRefund,
  paidOrder,
  paymentBooked,
  returnUnits,
  seatLifecycle,
  takeUnits,
  toldOfPayment,
} from "../order/index.ts";
import { type PaidTransaction, paymentLifecycle, reconcilePaymentOf } from "../payment/index.ts";
import { slotBack, takeSlot } from "../slot/index.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { couponGrants, outbox } from "../table/keys.ts";

type Deps = { table: Table; env: Env };

/**
 * Settles the payment of an order from the cart: it stands, also where its hold had ended and its units can be taken again in the same
 * commit; else the money goes back in full. `also` are writes of the same commit.
 */
export async function settleCartPayment(
  deps: Deps,
  order: Stored<Order>,
  paid: PaidTransaction,
  also: Write[],
): Promise<"seated" | "orphan"> {
  const { env, table } = deps;
  const held = order.seat === "HELD";
  invariant(held || order.seat === "RELEASED", `an unpaid order is HELD or RELEASED, not ${order.seat}`);
  const again = held ? [] : await takenAgain(deps, order);
  if (!again) {
    const refundId = siblingId("RF", order.orderId);
    await table.commit([
      paidOrder(order, paid).when("seat", "=", "RELEASED").set({ disposition: "ORPHAN", refundId }),
      paymentBooked(env, order, paid),
      ...orphanRefund(env, order, { refundId, paymentNo: paid.paymentNo, fen: paid.totalFen }),
    ]);
    return "orphan";
  }
  await table.commit([
    paidOrder(order, paid)
      .move("seat", seatLifecycle, held ? "paid" : "reseated")
      .set({ disposition: "SEATED" }),
    paymentBooked(env, order, paid),
    ...couponPaid(env, order, paid, held ? "first" : "again"),
    toldOfPayment(env, "order.paid", order, order.delivery && { delivers: true }),
    ...again,
    ...also,
  ]);
  return "seated";
}

/** The writes that take an order's units and coupon again; undefined where they are gone. */
async function takenAgain(deps: Deps, order: Stored<Order>): Promise<Write[] | undefined> {
  const { memberId, orderId, storeId, coupon } = order;
  const grant = coupon && (await deps.table.load(couponGrants, { memberId, grantId: coupon.grantId }));
  if (coupon && grant?.state !== "GRANTED") return undefined;
  if (!(await hasUnits(deps.table, order, storeId))) return undefined;
  const slot = await slotAgain(deps, order);
  if (slot === "gone") return undefined;
  return [
    ...takeUnits(deps, order, storeId, `again#${orderId}#${order.version}`),
    ...(grant ? [couponTaken(grant, orderId)] : []),
    ...(slot ? [slot.write] : []),
  ];
}

/** Its slot once more, where it has one; gone: full, or its orders are closed. */
async function slotAgain(deps: Deps, { storeId, slotId, delivery }: Order) {
  if (slotId === undefined) return undefined;
  try {
    return await takeSlot(deps, { storeId, slotId, kind: delivery ? "delivery" : "pickup" });
  } catch (error) {
    if (error instanceof DomainError) return "gone";
    throw error;
  }
}

/** The write that gives an order's place of a slot back; none where it has none. */
export const slotOf = ({ storeId, slotId }: Order): Write[] =>
  slotId === undefined ? [] : [slotBack({ storeId, slotId })];

/** The commit that gives up an unpaid order whose payment is closed at the channel: its units and its coupon are free again. */
export async function releaseCart(deps: Deps, order: Stored<Order>): Promise<void> {
  const { env, table } = deps;
  const { paymentNo } = order;
  const given = atItsStore(order).when("paymentNo", "=", paymentNo).move("seat", seatLifecycle, "released");
  if (order.paymentState === "CLOSED") given.when("paymentState", "=", "CLOSED");
  else given.move("paymentState", paymentLifecycle, "closed");
  await table.commit([
    given,
    ...(await returnUnits(deps, order, "released")),
    ...slotOf(order),
    ...couponBack(order),
    outbox.create(
      makeEvent(env, {
        type: "order.released",
        actor: { kind: "system" },
        origin: order.origin,
        data: orderFacts(order),
      }),
    ),
    reconcilePaymentOf(env, paymentNo),
  ]);
}
