import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { providerNumber, siblingId } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { yuan } from "../kernel/money.ts";
import { DomainError } from "../kernel/problem.ts";
import { dayOf } from "../kernel/time.ts";
import { booked } from "../ledger/index.ts";
import {
  arrivalOf,
  atItsStore,
  couponBack,
  couponBooked,
  couponFen,
  loadTeam,
  type Order,
  orderFacts,
  requestedRefund,
  resold,
  seatLifecycle,
  soldOf,
} from "../order/index.ts";
import {
  type ChannelRefund,
  caseWrites,
  openCase,
  type PaymentChannel,
  paymentLifecycle,
  type Refund,
  reconcileRefundOf,
  refundLifecycle,
} from "../payment/index.ts";
import { discounted } from "../pricing/index.ts";
import { audited } from "../table/audit.ts";
import { decide, Stale, type Stored, type Table, type Write } from "../table/entity.ts";
import { dues, guards, orders, outbox, paymentAttempts, refunds, refundsOf } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { refundAlarm, refundWaitAtLast, refundWaits } from "./clocks.ts";
import { unitsBack, withoutSeat } from "./seat-writes.ts";
import { arrivalRefundId, dueRefund, shortOf } from "./team-seats.ts";

type Deps = { table: Table; env: Env; channel: PaymentChannel };
type RefundKey = { orderId: string; refundId: string };

/** Where a refund stands for the machine that follows it. `round` counts its looks, `at` (epoch ms) is the next one. */
export interface RefundStep extends RefundKey {
  round: number;
  outcome: "done" | "pending" | "again";
  at: number;
}

/**
 * Asks the channel for a refund. The row is written before, and its number is what every repetition asks under; for a paid
 * seat that its team's end, or what arrived for it, owes a refund the row is made here, on condition of that, and the units go back
 * with it.
 */
export async function requestRefund(deps: Deps, input: RefundKey & { round: number }): Promise<RefundStep> {
  const refund =
    (await deps.table.load(refunds, input)) ??
    (await refundOfTeamsEnd(deps, input)) ??
    (await refundOfArrival(deps, input));
  if (!refund || !["REQUESTED", "UNKNOWN"].includes(refund.state)) return step(deps, input, refund);
  if (await isOneTooMany(deps, refund)) {
    await stick(deps, refund, {
      trouble: "PARTS_USED_UP",
      detail: `the channel gives a payment back in at most ${MOST_PARTS} parts, and it had them: pay ${yuan(refund.refundFen)} yuan another way, then record it`,
    });
    return step(deps, input, await deps.table.load(refunds, input));
  }
  const asked = await deps.channel.refund({
    refundNo: refund.refundNo,
    paymentNo: refund.paymentNo,
    refundFen: refund.refundFen,
    totalFen: refund.totalFen,
    reason: reasons[refund.cause],
  });
  switch (asked.kind) {
    case "refund":
      await applyRefund(deps, refund, asked.refund);
      break;
    case "notEnough":
      await note(deps, refund, "NOT_ENOUGH");
      break;
    case "refused":
      await note(deps, refund, asked.code);
      break;
    case "unknown":
      await timedOut(deps, refund);
      break;
    case "busy":
      return sooner(deps, input, refund);
  }
  return step(deps, input, await deps.table.load(refunds, input));
}

/** Partial refunds of one payment that the channel takes (微信支付: 一笔订单最多部分退款50次). */
const MOST_PARTS = 50;

/** Whether the payment of a part that nobody asked for yet had as many as the channel takes. */
async function isOneTooMany({ table }: Deps, { orderId, refundId, paymentNo, state, refundFen, totalFen }: Refund) {
  if (state !== "REQUESTED" || refundFen === totalFen) return false;
  const { items } = await table.page(refundsOf(orderId), { limit: 100 });
  const others = items.filter((one) => one.paymentNo === paymentNo && one.refundId !== refundId);
  return others.filter((one) => one.state !== "REQUESTED" && one.state !== "CLOSED").length >= MOST_PARTS;
}

/**
 * Looks how a refund stands: our own row first (a notification may have settled it), the channel only while it is open. One
 * the channel never heard of is asked for again under the same number; one that it says here it CLOSED gets its next number.
 * After five days staff are asked to look.
 */
export async function checkRefund(deps: Deps, input: RefundKey & { round: number }): Promise<RefundStep> {
  const refund = await deps.table.load(refunds, input);
  if (!refund || ["SUCCESS", "ABNORMAL"].includes(refund.state)) return step(deps, input, refund);
  const asked = await deps.channel.queryRefund(refund.refundNo);
  if (asked.kind === "busy") {
    await alarmSlow(deps, refund);
    return sooner(deps, input, refund);
  }
  if (asked.kind === "refund") await applyRefund(deps, refund, asked.refund);
  const current = await deps.table.load(refunds, input);
  const closed = asked.kind === "refund" && asked.refund.status === "CLOSED";
  if (current?.state === "CLOSED" && closed && asked.refund.refundNo === current.refundNo) {
    await nextAttempt(deps, current);
    return { ...step(deps, input, current), outcome: "again" };
  }
  const next = step(deps, input, current);
  if (current && next.outcome !== "done") await alarmSlow(deps, current);
  return asked.kind === "absent" && next.outcome === "pending" ? { ...next, outcome: "again" } : next;
}

const reasons: Record<Refund["cause"], string> = {
  team_failed: "拼团未成功,全额退款",
  left: "退出拼团,全额退款",
  orphan: "支付超时未占座,全额退款",
  settled_difference: "截单结算,退还差额",
  short_arrival: "到货不足,退还未到部分",
  late_arrival: "到货延期,会员申请全额退款",
  weight_difference: "称重结算,退还不足部分",
  compensation: "售后先行赔付",
  cancelled: "取消订单,全额退款",
  short_pick: "缺货,退还缺少部分",
};

function step(deps: Deps, input: RefundKey & { round: number }, refund: Refund | undefined): RefundStep {
  // ABNORMAL is with staff; a refund that can't be (the team did not fail) has nothing to follow
  const done = !refund || refund.state === "SUCCESS" || refund.state === "ABNORMAL";
  const wait = refundWaits[input.round] ?? refundWaitAtLast;
  return {
    orderId: input.orderId,
    refundId: input.refundId,
    round: input.round + 1,
    outcome: done ? "done" : "pending",
    at: deps.env.clock.now() + wait,
  };
}

/** The channel takes no more just now: the next look, at a moment of its own, so that they don't all come back at once. */
function sooner(deps: Deps, input: RefundKey & { round: number }, refund: Refund): RefundStep {
  const now = deps.env.clock.now();
  const next = step(deps, input, refund);
  return { ...next, at: now + Math.ceil(((next.at - now) * (1 + deps.env.rng.bytes(1)[0]!)) / 256) };
}

/**
 * The intent of a refund that a team's end owes: made once a seat, with the units going back; undefined where none is due. A
 * failed team's seat gets all of its money. A batch's seat gets what its share leaves over, which may be nothing, and its lines
 * become that share; one that the last case left out gets all.
 */
export async function refundOfTeamsEnd(
  deps: Pick<Deps, "env" | "table">,
  { orderId, refundId }: RefundKey,
): Promise<Stored<Refund> | undefined> {
  const key = { orderId, refundId };
  if (key.refundId !== siblingId("RF", key.orderId)) return undefined;
  return decide(async () => {
    const order = await deps.table.load(orders, { orderId: key.orderId });
    if (order?.refundId !== undefined || order?.settledAt !== undefined) return deps.table.load(refunds, key);
    // a team's end is for good, so that the commit need not ask again
    const team = order && (await loadTeam(deps.table, order));
    const due = team && dueRefund(order, team);
    if (!due) return undefined;
    const now = deps.env.clock.now();
    const refundFen = due.cause === "team_failed" ? order.payableFen : due.share.backFen;
    const requested = requestedRefund(order, { refundId: key.refundId, cause: due.cause, refundFen }, now);
    const seat = atItsStore(order).when("seat", "=", "PAID").whenMissing("refundId").whenMissing("settledAt");
    let returned = order;
    let cut: Cut | undefined;
    if (due.cause === "team_failed") seat.set({ refundId: key.refundId });
    else if (due.share.units === 0)
      seat.move("seat", seatLifecycle, "unserved").set({ refundId: key.refundId, settledAt: now });
    else {
      const { units, unitFen } = due.share;
      cut = cutTo(deps.env, order, units, unitFen, { refundId: key.refundId, at: now });
      seat.set({ settledAt: now, ...cut.fields });
      returned = { ...order, ...resold(order, order.units - due.share.units, due.share.unitFen) };
    }
    await deps.table.commit([
      seat,
      ...(cut?.lines ?? []),
      ...(returned.units > 0
        ? await unitsBack(deps, returned, due.cause === "team_failed" ? "failed" : "settled")
        : []),
      ...(refundFen === 0
        ? []
        : [
            refunds.create(requested),
            reconcileRefundOf(deps.env, `${key.orderId}#${key.refundId}`),
            told(deps.env, "refund.requested", order, {
              refundId: key.refundId,
              refundFen,
              cause: due.cause,
              ...(due.cause === "settled_difference" && {
                settledUnits: due.share.units,
                unitFen: due.share.unitFen,
                quantity: team.frozen?.units ?? 0,
              }),
            }),
          ]),
    ]);
    return refundFen === 0 ? undefined : { ...requested, version: 1 };
  });
}

/**
 * The intent of a refund that a seat is owed of whose goods too few arrived: made once a seat, at the price it was settled at, with
 * its lines cut to what it got; one that got nothing is refunded wholly. Undefined where none is due.
 */
async function refundOfArrival(deps: Deps, key: RefundKey): Promise<Stored<Refund> | undefined> {
  const { table, env } = deps;
  const { orderId, refundId } = key;
  const known = await table.load(orders, { orderId });
  if (!known || refundId !== arrivalRefundId(known)) return undefined;
  // first what the cut-off left over: from then on the lines hold what the seat was sold
  await refundOfTeamsEnd(deps, { orderId, refundId: siblingId("RF", orderId) });
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order || order.refundId !== undefined || order.shortAt !== undefined) return table.load(refunds, key);
    const arrival = await arrivalOf(table, order);
    const short = arrival && shortOf(order, arrival);
    if (!short) return undefined;
    const at = env.clock.now();
    const { units, unitFen, refundFen } = short;
    const requested = requestedRefund(order, { refundId, cause: "short_arrival", refundFen }, at);
    const seat = atItsStore(order).asRead(order).set({ shortAt: at });
    const cut = units === 0 ? undefined : cutTo(deps.env, order, units, unitFen, { refundId, at });
    if (cut) seat.when("seat", "=", "PAID").set(cut.fields);
    else seat.move("seat", seatLifecycle, "unserved").set({ refundId });
    await table.commit([
      seat,
      refunds.create(requested),
      ...(cut?.lines ?? []),
      reconcileRefundOf(env, `${orderId}#${refundId}`),
      told(env, "refund.requested", order, {
        refundId,
        refundFen,
        cause: "short_arrival",
        articleName: soldOf(order).name,
        soldUnits: short.soldUnits,
        arrivedUnits: units,
      }),
    ]);
    return { ...requested, version: 1 };
  });
}

interface Cut {
  fields: Pick<Order, "units" | "lines" | "kit" | "discounts">;
  /** What the coupon's funder is given back. */
  lines: Write[];
}

/** A seat that gets so many units at a price: its discounts stay as far as the floor leaves room, of a coupon the rest is not used. */
function cutTo(
  env: Env,
  order: Order,
  units: number,
  unitFen: number,
  { refundId, at }: { refundId: string; at: number },
): Cut {
  const fields = resold(order, units, unitFen);
  if (!order.discounts) return { fields, lines: [] };
  const { discounts } = discounted({ units, unitFen, floorFen: order.floorFen }, order.discounts);
  const amountFen = couponFen(order) - couponFen({ discounts });
  const lines = couponBooked(env, order, { kind: "coupon_return", reference: refundId, amountFen, at });
  return { fields: { ...fields, discounts }, lines };
}

/** Puts what the channel says of a refund, as it was read last, into our rows; told twice, or late, it changes nothing. */
export async function applyRefund(
  deps: { table: Table; env: Env },
  refund: Stored<Refund>,
  said: ChannelRefund,
): Promise<void> {
  if (said.refundNo !== refund.refundNo) return; // news of an attempt that was given up
  if (said.refundFen !== refund.refundFen || said.totalFen !== refund.totalFen) {
    await openCase(deps, {
      reason: "mismatch",
      number: refund.refundNo,
      orderId: refund.orderId,
      detail: "the channel's refund has another amount",
    });
    return;
  }
  await decide(async (round) => {
    const current = round === 0 ? refund : await deps.table.load(refunds, refund);
    if (!current || current.refundNo !== said.refundNo) return;
    if (said.status === "SUCCESS" && refundLifecycle.allows(current.state, "succeeded"))
      await settle(deps, current, said);
    else if (said.status === "ABNORMAL" && refundLifecycle.allows(current.state, "stuck"))
      await stick(deps, current, {
        channelRefundId: said.channelRefundId,
        trouble: "ABNORMAL",
        detail: "the payer's account can't take the refund: agree another way with the member, then record it",
      });
    else if (said.status === "CLOSED" && refundLifecycle.allows(current.state, "closed"))
      await deps.table.write(refunds.patch(current).asRead(current).move("state", refundLifecycle, "closed"));
    else if (said.status === "PROCESSING" && refundLifecycle.allows(current.state, "accepted"))
      await deps.table.write(
        refunds
          .patch(current)
          .asRead(current)
          .move("state", refundLifecycle, "accepted")
          .set({ channelRefundId: said.channelRefundId, trouble: undefined }),
      );
  });
}

/** Money arrived back: refund, seat, payment, ledger, limit and event in one commit. */
async function settle(
  deps: { table: Table; env: Env },
  refund: Stored<Refund>,
  said: ChannelRefund,
  also: readonly Write[] = [],
): Promise<void> {
  const order = await deps.table.load(orders, { orderId: refund.orderId });
  invariant(order, `refund ${refund.refundId} has its order`);
  const settledAt = said.successTime ?? deps.env.clock.now();
  const guard =
    order.campaignId && (await deps.table.load(guards, { campaignId: order.campaignId, memberId: order.memberId }));
  const seated = refund.paymentNo === order.paymentNo;
  const whole = order.refundId === refund.refundId;
  await deps.table.commit([
    refunds
      .patch(refund)
      .asRead(refund)
      .move("state", refundLifecycle, "succeeded")
      .set({ settledAt, channelRefundId: said.channelRefundId, trouble: undefined }),
    ...(seated ? [seatRefunded(order, refund, settledAt)] : [attemptRefunded(refund)]),
    booked(deps.env, {
      subject: refund.orderId,
      storeId: order.storeId,
      kind: "refund",
      reference: refund.refundNo,
      amountFen: refund.refundFen,
      at: settledAt,
    }),
    ...(seated && whole && refund.cause !== "orphan"
      ? [
          ...couponBack(order),
          ...couponBooked(deps.env, order, {
            kind: "coupon_return",
            reference: refund.refundId,
            amountFen: couponFen(order),
            at: settledAt,
          }),
        ]
      : []),
    ...(guard && seated && whole && order.orderId in guard.units
      ? [withoutSeat(guard, order.orderId, { unitsToo: true })]
      : []),
    told(deps.env, "refund.succeeded", order, {
      refundId: refund.refundId,
      refundFen: refund.refundFen,
      cause: refund.cause,
      ...(order.handedOverAt !== undefined && { handedOverAt: order.handedOverAt }),
    }),
    ...also,
  ]);
}

/** A part that goes back leaves the seat as it is; the payment is refunded once its parts have come to all of it. */
function seatRefunded(order: Stored<Order>, refund: Refund, at: number): Write {
  const refundedFen = (order.refundedFen ?? 0) + refund.refundFen;
  // never more than was paid: somebody else put this refund into the rows since it was read
  if (refundedFen > refund.totalFen) throw new Stale(`what of order ${order.orderId} was refunded`);
  const changed = orders
    .patch(order)
    .asRead(order)
    .move("paymentState", paymentLifecycle, refundedFen === refund.totalFen ? "refunded" : "partlyRefunded")
    .set({ refundedFen });
  if (order.refundId !== refund.refundId) return changed;
  if (refund.cause === "orphan") return changed.when("seat", "=", "RELEASED").set({ refundedAt: at });
  const event =
    order.seat === "PAID" ? "refundedOfFailed" : order.seat === "REFUND_ATTENTION" ? "resolved" : "refunded";
  return changed.move("seat", seatLifecycle, event).set({ refundedAt: at });
}

const attemptRefunded = (refund: Refund): Write =>
  paymentAttempts
    .patch({ orderId: refund.orderId, attempt: Number(refund.paymentNo.slice(-2)) })
    .move("paymentState", paymentLifecycle, "refunded");

/** The payer's account can't take the money: the seat waits for staff (one that keeps its goods does not), its siblings go on. */
async function stick(
  deps: { table: Table; env: Env },
  refund: Stored<Refund>,
  said: { channelRefundId?: string; trouble: string; detail: string },
): Promise<void> {
  const order = await deps.table.load(orders, { orderId: refund.orderId });
  invariant(order, `refund ${refund.refundId} has its order`);
  const seated = refund.cause !== "orphan" && order.refundId === refund.refundId;
  await deps.table.commit([
    refunds
      .patch(refund)
      .asRead(refund)
      .move("state", refundLifecycle, "stuck")
      .set({ trouble: said.trouble, ...(said.channelRefundId && { channelRefundId: said.channelRefundId }) }),
    ...(seated
      ? [
          orders
            .patch({ orderId: order.orderId })
            .move("seat", seatLifecycle, order.seat === "PAID" ? "stuckOfFailed" : "stuck"),
        ]
      : []),
    ...caseWrites(deps.env, {
      reason: "refund_abnormal",
      number: refund.refundNo,
      orderId: refund.orderId,
      detail: said.detail,
    }),
    told(deps.env, "refund.stuck", order, {
      refundId: refund.refundId,
      refundFen: refund.refundFen,
      cause: refund.cause,
    }),
  ]);
}

async function timedOut(deps: Deps, refund: Stored<Refund>): Promise<void> {
  if (!refundLifecycle.allows(refund.state, "timedOut")) return;
  await quietly(deps.table.commit([refunds.patch(refund).asRead(refund).move("state", refundLifecycle, "timedOut")]));
}

/** Keeps the channel's word for staff. */
async function note(deps: Deps, refund: Stored<Refund>, trouble: string): Promise<void> {
  if (refund.trouble !== trouble)
    await quietly(deps.table.commit([refunds.patch(refund).asRead(refund).set({ trouble })]));
  // the merchant's account is one matter a day, however many refunds wait for it
  if (trouble === "NOT_ENOUGH")
    await openCase(deps, {
      reason: "refund_not_enough",
      number: dayOf(deps.env.clock.now()),
      orderId: refund.orderId,
      detail: "the merchant account lacks the money for refunds: top it up, they go on by themselves",
    });
  else
    await openCase(deps, {
      reason: "refund_refused",
      number: refund.refundNo,
      orderId: refund.orderId,
      detail: `the channel refuses the refund: ${trouble}`,
    });
}

/** Whatever keeps it: a balance that is empty, a channel that does not answer, one that accepted and does not finish. */
async function alarmSlow(deps: Deps, refund: Refund): Promise<void> {
  if (deps.env.clock.now() - refund.requestedAt <= refundAlarm) return;
  await openCase(deps, {
    reason: "refund_slow",
    number: refund.refundNo,
    orderId: refund.orderId,
    detail: `not refunded after five days: ${refund.trouble ?? refund.state}`,
  });
}

async function nextAttempt(deps: Deps, refund: Stored<Refund>): Promise<void> {
  const attempt = refund.attempt + 1;
  await quietly(
    deps.table.commit([
      refunds
        .patch(refund)
        .asRead(refund)
        .move("state", refundLifecycle, "again")
        .set({ attempt, refundNo: providerNumber(refund.refundId, attempt) }),
    ]),
  );
}

/** Somebody else moved it meanwhile: what they wrote stands. */
async function quietly(commit: Promise<void>): Promise<void> {
  try {
    await commit;
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
  }
}

/** The refund, for staff to say something about it. Throws REFUND_NOT_FOUND, and REFUND_STATE unless it is ABNORMAL. */
async function abnormal(deps: { table: Table }, key: RefundKey): Promise<Stored<Refund>> {
  const refund = await deps.table.load(refunds, key);
  if (!refund) throw new DomainError("REFUND_NOT_FOUND");
  if (refund.state !== "ABNORMAL") throw new DomainError("REFUND_STATE", `it is ${refund.state}`);
  return refund;
}

/**
 * The first of the four eyes: staff say that an abnormal refund was given back another way, and how. Books nothing; a later
 * proposal takes the place of an earlier one. Throws REFUND_NOT_FOUND, REFUND_STATE.
 */
export async function proposeResolution(
  deps: { table: Table; env: Env },
  input: RefundKey & { note: string; staffId: string; once: Once<Refund> },
): Promise<Refund> {
  return decide(async () => {
    const refund = await abnormal(deps, input);
    const proposal = {
      proposalId: deps.env.ids.next("RP"),
      by: input.staffId,
      at: deps.env.clock.now(),
      note: input.note,
    };
    const proposed: Refund = { ...refund, proposal };
    await deps.table.commit([
      refunds.patch(refund).asRead(refund).set({ proposal }),
      audited(deps.env, {
        staffId: input.staffId,
        action: "refund.propose_resolution",
        target: refund.refundId,
        reason: input.note,
      }),
      ...input.once(proposed),
    ]);
    return proposed;
  });
}

/**
 * The other two: somebody else of the staff approves a proposal, and what it says is booked, as given back now. Throws
 * REFUND_NOT_FOUND, REFUND_STATE (it is not, or no more, what is proposed), FOUR_EYES (the proposer himself).
 */
export async function approveResolution(
  deps: { table: Table; env: Env },
  input: RefundKey & { proposalId: string; staffId: string; once: Once<Refund> },
): Promise<Refund> {
  return decide(async () => {
    const refund = await abnormal(deps, input);
    const { proposal } = refund;
    if (proposal?.proposalId !== input.proposalId)
      throw new DomainError(
        "REFUND_STATE",
        proposal
          ? `read the order's money again: ${proposal.proposalId} is proposed now`
          : "propose a resolution first",
      );
    if (proposal.by === input.staffId) throw new DomainError("FOUR_EYES");
    const settledAt = deps.env.clock.now();
    const resolved: Refund = { ...refund, state: "SUCCESS", settledAt };
    const said = {
      refundNo: refund.refundNo,
      paymentNo: refund.paymentNo,
      channelRefundId: refund.channelRefundId ?? "",
      status: "SUCCESS" as const,
      successTime: settledAt,
      refundFen: refund.refundFen,
      totalFen: refund.totalFen,
    };
    // conditioned on the refund as read, and with it on the proposal
    await settle(deps, refund, said, [
      audited(deps.env, {
        staffId: input.staffId,
        action: "refund.approve_resolution",
        target: refund.refundId,
        reason: `${proposal.by}: ${proposal.note}`,
      }),
      ...input.once(resolved),
    ]);
    return resolved;
  });
}

/**
 * Has a refund looked at with the next reconciliation: asked for once more, or, where its account could not take it, asked about. Throws
 * REFUND_NOT_FOUND, REFUND_STATE (it arrived).
 */
export async function lookAtRefund(
  deps: { table: Table; env: Env },
  input: RefundKey & { reason: string; staffId: string; once: Once<undefined> },
): Promise<undefined> {
  const { env, table } = deps;
  const { orderId, refundId, reason, staffId } = input;
  const refund = await table.load(refunds, input);
  if (!refund) throw new DomainError("REFUND_NOT_FOUND");
  if (refund.state === "SUCCESS") throw new DomainError("REFUND_STATE", "it has arrived");
  const now = env.clock.now();
  await table.commit([
    dues.create({ kind: "refund", id: `${orderId}#${refundId}`, at: now, since: now }),
    audited(env, { staffId, action: "refund.look_again", target: refundId, reason }),
    ...input.once(undefined),
  ]);
}

const told = (env: Env, type: string, order: Order, more: Record<string, string | number>): Write =>
  outbox.create(
    makeEvent(env, { type, actor: { kind: "system" }, origin: order.origin, data: { ...orderFacts(order), ...more } }),
  );
