import { releaseCart } from "../cart/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { atItsStore, couponBack, loadTeam, type Order, orderFacts, seatLifecycle } from "../order/index.ts";
import { type PaymentChannel, paymentLifecycle, reconcilePaymentOf } from "../payment/index.ts";
import { decide, type Table } from "../table/entity.ts";
import { orders, outbox, teams } from "../table/keys.ts";
import { teamLifecycle } from "./lifecycle.ts";
import { guardWithout, unitsBack } from "./seat-writes.ts";
import { settlePayment } from "./settle-payment.ts";

type Deps = { table: Table; env: Env; channel: PaymentChannel };

/**
 * paid: the payment was found and settled (as a seat or an orphan). released: the channel holds no open payment any more.
 * undecided: the channel did not say; ask again. gone: the seat is not held.
 */
export type HoldOutcome = "paid" | "released" | "undecided" | "gone";

/**
 * Decides a held seat with the channel: query → not paid → close → closed → release. A close that says "paid" is asked
 * again and treated as paid; nothing is ever decided on an unknown answer. At most two queries and one close.
 */
export async function settleHold(deps: Deps, orderId: string): Promise<HoldOutcome> {
  const order = await deps.table.load(orders, { orderId });
  if (order?.seat !== "HELD") return "gone";
  const found = await askChannel(deps, order.paymentNo);
  if (found === "undecided" || found === "paid") return found;
  return release(deps, orderId, order.paymentNo);
}

/** Settles an order that is held unpaid, so that it is paid or released. Throws ORDER_NOT_FOUND, PAYMENT_UNKNOWN (ask again). */
export async function freeHold(deps: Deps, orderId: string): Promise<void> {
  const order = await deps.table.load(orders, { orderId });
  if (!order) throw new DomainError("ORDER_NOT_FOUND");
  if (order.seat === "HELD" && (await settleHold(deps, orderId)) === "undecided")
    throw new DomainError("PAYMENT_UNKNOWN");
}

async function askChannel(deps: Deps, paymentNo: string): Promise<"paid" | "free" | "undecided"> {
  for (const last of [false, true]) {
    const asked = await deps.channel.query(paymentNo);
    if (asked.kind === "absent") return "free"; // it was never asked for: there is nothing to close
    if (asked.kind !== "transaction") return "undecided";
    const { transaction } = asked;
    if (transaction.state === "SUCCESS" || transaction.state === "REFUND") {
      // a payment that is not this order's (amount, payer, refunded elsewhere) is with staff; it pays no seat
      return (await settlePayment(deps, transaction)) === "case" ? "free" : "paid";
    }
    if (transaction.state === "CLOSED") return "free";
    if (last) return "undecided";
    const closed = await deps.channel.close(paymentNo);
    if (closed.kind === "closed" || closed.kind === "absent") return "free";
    if (closed.kind !== "paid") return "undecided";
  }
  return "undecided";
}

/** Gives the seat, its units and the member's place up, in one commit; an unpaid leader's team is abandoned with it. */
async function release(deps: Deps, orderId: string, paymentNo: string): Promise<HoldOutcome> {
  return decide(async () => {
    const order = await deps.table.load(orders, { orderId });
    if (order?.seat !== "HELD") return "gone";
    if (order.paymentNo !== paymentNo) return "undecided"; // another attempt was begun meanwhile
    if (order.teamId === undefined) {
      await releaseCart(deps, order);
      return "released";
    }
    const team = await loadTeam(deps.table, order);
    invariant(team, `order ${orderId} has its team`);
    const seat = atItsStore(order).when("paymentNo", "=", paymentNo).move("seat", seatLifecycle, "released");
    if (order.paymentState === "CLOSED") seat.when("paymentState", "=", "CLOSED");
    else seat.move("paymentState", paymentLifecycle, "closed");
    const counted = teams.patch({ teamId: team.teamId }).add({ held: -1, free: 1 }).when("state", "=", team.state);
    const lapses = team.state === "OPENING" && team.leaderOrderId === orderId;
    if (lapses) counted.move("state", teamLifecycle, "leaderLapsed").set({ decidedAt: deps.env.clock.now() });
    await deps.table.commit([
      counted,
      seat,
      ...(await unitsBack(deps, order, "released")),
      ...(await guardWithout(deps.table, order, { unitsToo: true })),
      ...couponBack(order),
      seatReleased(deps.env, order, lapses),
      reconcilePaymentOf(deps.env, paymentNo),
    ]);
    return "released";
  });
}

const seatReleased = (env: Env, order: Order, lapses: boolean) =>
  outbox.create(
    makeEvent(env, {
      type: "seat.released",
      actor: { kind: "system" },
      origin: order.origin,
      data: { ...orderFacts(order), abandoned: lapses },
    }),
  );
