import { settleCartPayment } from "../cart/index.ts";
import { couponTaken } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { readProviderNumber, siblingId } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import {
  couponBack,
  couponPaid,
  loadTeam,
  type Order,
  orphanRefund,
  paidOrder,
  paymentBooked,
  seatLifecycle,
  soldOf,
  toldOfPayment,
} from "../order/index.ts";
import { openCase, type PaidTransaction, type PaymentAttempt, paymentLifecycle } from "../payment/index.ts";
import { decide, loadLasting, type Stored, type Table, type Write } from "../table/entity.ts";
import {
  allotments,
  couponGrants,
  dues,
  guards,
  members,
  orders,
  paymentAttempts,
  teams,
  totalCaps,
} from "../table/keys.ts";
import { clocks } from "./clocks.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Team } from "./model.ts";
import { guardWithout, unitsBack } from "./seat-writes.ts";

type Deps = { table: Table; env: Env };

/** seated: it pays its seat. orphan: it goes back in full. repeat: it was settled before. case: staff must look, nothing changed. */
export type Settlement = "seated" | "orphan" | "repeat" | "case";

/**
 * Settles a successful payment, told by a notification or found by a query: it ends as a seat or as a full refund. It counts
 * iff its success time lies before the team's deadline, whenever the news arrives. Everything is decided by one commit's
 * conditions; what was read is only a plan, made anew when it went stale.
 */
export async function settlePayment(deps: Deps, paid: PaidTransaction): Promise<Settlement> {
  const number = readProviderNumber(paid.paymentNo);
  if (!number) return asCase(deps, paid, "unknown_number", "a paid number that we never gave out");
  return decide(async (round) => {
    const order = await deps.table.load(orders, { orderId: number.id });
    if (!order) return asCase(deps, paid, "unknown_number", "a paid number without an order");
    const inForce = number.attempt === order.attempt;
    const payment = inForce
      ? order
      : await deps.table.load(paymentAttempts, { orderId: number.id, attempt: number.attempt });
    if (!payment) return asCase(deps, paid, "unknown_number", "a paid attempt that was never made");
    if (!paymentLifecycle.allows(payment.paymentState, "succeeded")) {
      if (payment.transactionId === paid.transactionId) return "repeat";
      return asCase(deps, paid, "mismatch", "a second transaction under one number");
    }
    // our own refunds follow a payment we know: this one was given back at the channel by somebody else
    if (paid.state === "REFUND") return asCase(deps, paid, "mismatch", "refunded at the channel, not by us", order);
    const { memberId } = order;
    const member = await (round === 0
      ? loadLasting(deps.table, members, { memberId })
      : deps.table.load(members, { memberId }));
    const wrong = [
      paid.totalFen !== payment.payableFen && "amount",
      paid.currency !== "CNY" && "currency",
      paid.openid !== member?.openid && "payer",
    ].filter((what) => what !== false);
    if (wrong.length > 0) return asCase(deps, paid, "mismatch", `differs from the order: ${wrong.join(", ")}`, order);
    if (!inForce) return orphanAttempt(deps, order, payment as Stored<PaymentAttempt>, paid);

    invariant(member, `order ${order.orderId} has its member`);
    const firstPaid =
      member.firstPaidAt === undefined
        ? [
            members
              .patch({ memberId: member.memberId })
              .whenMissing("firstPaidAt")
              .set({ firstPaidAt: paid.successTime }),
          ]
        : [];
    if (order.teamId === undefined) return settleCartPayment(deps, order, paid, firstPaid);
    const team = await loadTeam(deps.table, order);
    invariant(team, `order ${order.orderId} has its team`);
    if (order.seat === "HELD") {
      if (team.state === "OPENING" && team.leaderOrderId === order.orderId && paid.successTime < team.terms.hardEnd)
        return form(deps, order, team, paid, firstPaid);
      if (team.state === "FORMING" && paid.successTime < (team.deadline ?? 0))
        return pay(deps, order, team, paid, { held: -1, free: 0 }, "paid", firstPaid);
      return orphan(deps, order, team, paid);
    }
    invariant(order.seat === "RELEASED", `an unpaid seat is HELD or RELEASED, not ${order.seat} (${order.orderId})`);
    const again = await reseat(deps, order, team, paid);
    return again
      ? pay(deps, order, team, paid, { held: 0, free: -1 }, "reseated", [...again, ...firstPaid])
      : orphan(deps, order, team, paid);
  });
}

async function asCase(
  deps: Deps,
  paid: PaidTransaction,
  reason: "mismatch" | "unknown_number",
  detail: string,
  order?: Order,
): Promise<Settlement> {
  await openCase(deps, { reason, number: paid.paymentNo, detail, ...(order && { orderId: order.orderId }) });
  return "case";
}

/** The leader's payment makes the team visible and starts its clock. */
async function form(deps: Deps, order: Order, team: Team, paid: PaidTransaction, also: Write[]): Promise<Settlement> {
  invariant(team.terms.durationMs !== undefined, `team ${team.teamId} of a leader has a duration`);
  const deadline = Math.min(paid.successTime + team.terms.durationMs, team.terms.hardEnd);
  const looksAt = deadline + clocks.grace + clocks.lostTimer;
  await deps.table.commit([
    teams
      .patch({ teamId: team.teamId })
      .move("state", teamLifecycle, "leaderPaid")
      .when("leaderOrderId", "=", order.orderId)
      .add({ held: -1, paid: 1 })
      .set({ deadline }),
    paidOrder(order, paid).move("seat", seatLifecycle, "paid").set({ disposition: "SEATED" }),
    paymentBooked(deps.env, order, paid),
    ...couponPaid(deps.env, order, paid, "first"),
    dues.create({ kind: "deadline", id: team.teamId, at: looksAt, since: looksAt }),
    toldOfPayment(deps.env, "seat.paid", order),
    toldOfPayment(deps.env, "team.formed", order, { deadline }),
    ...also,
  ]);
  return "seated";
}

/**
 * A member's payment; the one that makes paid = size completes the team, by the same conditional write. A batch runs on to its
 * cut-off however full it is, and counts the units as wanted.
 */
async function pay(
  deps: Deps,
  order: Order,
  team: Team,
  paid: PaidTransaction,
  seats: { held: number; free: number },
  event: "paid" | "reseated",
  also: Write[],
): Promise<Settlement> {
  const { batch } = team.terms;
  const completing = !batch && team.paid === team.size - 1;
  const counted = teams
    .patch({ teamId: team.teamId })
    .add({ ...seats, paid: 1, paidUnits: batch ? (order.wantedUnits ?? order.units) : 0 });
  if (seats.free < 0) counted.when("free", ">=", -seats.free);
  if (completing)
    counted
      .when("paid", "=", team.size - 1)
      .move("state", teamLifecycle, "filled")
      .set({ outcome: "natural", decidedAt: deps.env.clock.now() });
  else counted.when("paid", "<", batch ? team.size : team.size - 1).when("state", "=", "FORMING");
  await deps.table.commit([
    counted,
    paidOrder(order, paid).move("seat", seatLifecycle, event).set({ disposition: "SEATED" }),
    paymentBooked(deps.env, order, paid),
    ...couponPaid(deps.env, order, paid, event === "paid" ? "first" : "again"),
    toldOfPayment(deps.env, "seat.paid", order),
    ...(completing ? [toldOfPayment(deps.env, "team.succeeded", order, { outcome: "natural", size: team.size })] : []),
    ...also,
  ]);
  return "seated";
}

/**
 * The writes that seat a released seat again, stock, cap and limit taken anew; undefined where it can't be: too late, no
 * seat, no stock, or the member has another seat by now.
 */
async function reseat(deps: Deps, order: Order, team: Team, paid: PaidTransaction): Promise<Write[] | undefined> {
  if (!order.campaignId || team.state !== "FORMING" || team.free < 1 || paid.successTime >= (team.deadline ?? 0))
    return undefined;
  const key = { campaignId: order.campaignId, storeId: order.storeId, articleId: soldOf(order).articleId };
  const coupon = order.coupon && { memberId: order.memberId, grantId: order.coupon.grantId };
  const [allotment, cap, guard, grant] = await Promise.all([
    deps.table.load(allotments, key),
    deps.table.load(totalCaps, { campaignId: order.campaignId }),
    deps.table.load(guards, { campaignId: order.campaignId, memberId: order.memberId }),
    coupon && deps.table.load(couponGrants, coupon),
  ]);
  if (coupon && grant?.state !== "GRANTED") return undefined;
  if (allotment?.state !== "OPEN" || allotment.left < order.units || (cap && cap.left < order.units)) return undefined;
  if (!guard || guard.liveOrderId) return undefined;
  const counted = Object.values(guard.units).reduce((a, b) => a + b, 0);
  if (counted + order.units > team.terms.perMemberLimit) return undefined;
  return [
    allotments.patch(key).add({ left: -order.units }).when("left", ">=", order.units).when("state", "=", "OPEN"),
    ...(cap
      ? [totalCaps.patch({ campaignId: order.campaignId }).add({ left: -order.units }).when("left", ">=", order.units)]
      : []),
    ...(grant ? [couponTaken(grant, order.orderId)] : []),
    guards.replace({ ...guard, liveOrderId: order.orderId, units: { ...guard.units, [order.orderId]: order.units } }),
  ];
}

/** A payment that pays no seat: a held one is given up with it, and the money goes back in full. */
async function orphan(deps: Deps, order: Stored<Order>, team: Team, paid: PaidTransaction): Promise<Settlement> {
  const refundId = siblingId("RF", order.orderId);
  const changed = paidOrder(order, paid).set({ disposition: "ORPHAN", refundId });
  const writes: Write[] = [
    changed,
    paymentBooked(deps.env, order, paid),
    ...orphanRefund(deps.env, order, { refundId, paymentNo: paid.paymentNo, fen: paid.totalFen }),
  ];
  if (order.seat === "HELD") {
    changed.move("seat", seatLifecycle, "released");
    const counted = teams.patch({ teamId: team.teamId }).add({ held: -1, free: 1 }).when("state", "=", team.state);
    if (team.state === "OPENING")
      counted.move("state", teamLifecycle, "leaderLapsed").set({ decidedAt: deps.env.clock.now() });
    writes.push(
      counted,
      ...(await unitsBack(deps, order, "orphan")),
      ...couponBack(order),
      ...(await guardWithout(deps.table, order, { unitsToo: true })),
    );
  } else {
    changed.when("seat", "=", "RELEASED");
  }
  await deps.table.commit(writes);
  return "orphan";
}

/** A payment under an attempt that was given up: the order may be paid by another one, so this goes back. */
async function orphanAttempt(
  deps: Deps,
  order: Order,
  attempt: Stored<PaymentAttempt>,
  paid: PaidTransaction,
): Promise<Settlement> {
  const refundId = deps.env.ids.next("RF");
  await deps.table.commit([
    paymentAttempts
      .patch({ orderId: order.orderId, attempt: attempt.attempt })
      .move("paymentState", paymentLifecycle, "succeeded")
      .set({ transactionId: paid.transactionId, paidAt: paid.successTime, disposition: "ORPHAN" }),
    paymentBooked(deps.env, order, paid),
    ...orphanRefund(deps.env, order, { refundId, paymentNo: paid.paymentNo, fen: paid.totalFen }),
  ]);
  return "orphan";
}
