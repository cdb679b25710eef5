import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { siblingId } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { atItsStore, loadTeam, type Order, orderFacts, requestedRefund, seatLifecycle } from "../order/index.ts";
import { type PaymentChannel, reconcileRefundOf } from "../payment/index.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { orders, outbox, refunds, teams } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Team } from "./model.ts";
import { guardWithout, unitsBack } from "./seat-writes.ts";
import { freeHold } from "./settle-hold.ts";
import { counts, seatsIn, teamFailed } from "./team-seats.ts";

type Deps = { table: Table; env: Env; channel: PaymentChannel };

/**
 * Leaves a team: free while it forms, a batch until its cut-off, so that nobody's price rises after it. A paid seat is refunded
 * in full; an unpaid one is closed at the channel first. A leader's lead passes to the earliest paid seat, with the original deadline, or the team is dissolved where the campaign
 * says so or nobody is left. Throws ORDER_NOT_FOUND, LEAVE_CLOSED, SEAT_STATE, PAYMENT_UNKNOWN (ask again).
 */
export async function leaveTeam(deps: Deps, input: { orderId: string; once: Once<Order> }): Promise<Order> {
  await freeHold(deps, input.orderId);
  return decide(() => leavePaid(deps, input));
}

async function leavePaid(deps: Deps, input: { orderId: string; once: Once<Order> }): Promise<Order> {
  const order = await deps.table.load(orders, { orderId: input.orderId });
  if (!order) throw new DomainError("ORDER_NOT_FOUND");
  if (order.seat === "RELEASED") {
    // given up just now, or before: either way the member has what was asked for
    await deps.table.commit([orders.check(order).when("seat", "=", "RELEASED"), ...input.once(order)]);
    return order;
  }
  if (order.leftAt !== undefined) throw new DomainError("SEAT_STATE", "the seat was given up already");
  if (order.teamId === undefined) throw new DomainError("LEAVE_CLOSED", "it is in no team: cancel the order");
  const team = await loadTeam(deps.table, order);
  invariant(team && order.transactionId !== undefined, `paid order ${order.orderId} has its team and transaction`);
  const now = deps.env.clock.now();
  const cutOff = team.terms.batch !== undefined && now >= team.terms.hardEnd;
  if (team.state !== "FORMING" || order.seat !== "PAID" || cutOff) throw new DomainError("LEAVE_CLOSED");
  const refundId = siblingId("RF", order.orderId);
  const left: Order = { ...order, seat: "REFUND_DUE", leftAt: now, refundId };
  const actor = { kind: "member" as const, id: order.memberId };
  await deps.table.commit([
    ...(await teamWithout(deps, team, order)),
    atItsStore(order).move("seat", seatLifecycle, "left").set({ leftAt: now, refundId }),
    refunds.create(requestedRefund(order, { refundId, cause: "left", refundFen: order.payableFen }, now)),
    reconcileRefundOf(deps.env, `${order.orderId}#${refundId}`),
    ...(await unitsBack(deps, order, "left")),
    ...(await guardWithout(deps.table, order, { unitsToo: false })),
    outbox.create(
      makeEvent(deps.env, { type: "seat.left", actor, origin: order.origin, data: { ...orderFacts(order), refundId } }),
    ),
    ...input.once(left),
  ]);
  return left;
}

/** The team's side of a paid seat leaving: counters, and for the leader the next leader or the end of the team. */
async function teamWithout(deps: Deps, team: Stored<Team>, order: Order): Promise<Write[]> {
  const counted = teams
    .patch({ teamId: team.teamId })
    .when("state", "=", "FORMING")
    .add({ paid: -1, free: 1, paidUnits: -(order.wantedUnits ?? 0) });
  if (team.leaderOrderId === undefined) return [counted];
  counted.when("leaderOrderId", "=", team.leaderOrderId); // the lead may just be passing to the one who leaves
  if (team.leaderOrderId !== order.orderId) return [counted];
  const actor = { kind: "member" as const, id: order.memberId };
  const paid: Order[] = [];
  for await (const seat of seatsIn(deps.table, team.teamId)) if (seat.seat === "PAID" && counts(seat)) paid.push(seat);
  const heirs = paid.filter((seat) => seat.orderId !== order.orderId);
  if (heirs.length + 1 !== team.paid) throw new DomainError("TRY_AGAIN", "the team's seats are still being indexed");
  const heir = heirs.sort((a, b) => (a.paidAt ?? 0) - (b.paidAt ?? 0) || (a.orderId < b.orderId ? -1 : 1))[0];
  if (!heir || team.terms.leaderLeaves === "dissolve") {
    // the others' paid seats count as paid when the team fails: they are refunded as of any failed team
    const failing = teams
      .patch({ teamId: team.teamId })
      .when("leaderOrderId", "=", order.orderId)
      .when("paid", "=", team.paid)
      .add({ paid: -1, free: 1 })
      .move("state", teamLifecycle, "leaderLeft")
      .set({ outcome: "leader_left", decidedAt: deps.env.clock.now() });
    return [failing, ...teamFailed(deps.env, { ...team, paid: team.paid - 1 }, "leader_left", actor)];
  }
  return [
    counted.when("paid", "=", team.paid).set({ leaderId: heir.memberId, leaderOrderId: heir.orderId }),
    orders.check({ orderId: heir.orderId }).when("seat", "=", "PAID"),
    outbox.create(
      makeEvent(deps.env, {
        type: "team.led_by_another",
        actor,
        origin: team.origin,
        data: {
          teamId: team.teamId,
          campaignId: team.campaignId,
          leaderId: heir.memberId,
          formerLeaderId: order.memberId,
          deadline: team.deadline ?? 0,
        },
      }),
    ),
  ];
}
