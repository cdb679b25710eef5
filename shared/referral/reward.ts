import { grantWrites } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { day } from "../kernel/time.ts";
import { afterSaleMs, type Order } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import {
  acquisitions,
  acquisitionsOf,
  coupons,
  orders,
  ordersOfMember,
  outbox,
  referralProgrammes,
} from "../table/keys.ts";
import { reverseAcquisition } from "./attribute.ts";
import { acquisitionLifecycle } from "./lifecycle.ts";
import type { Acquisition } from "./model.ts";
import { referralPolicy } from "./policy.ts";

type Deps = { table: Table; env: Env };

/**
 * Rewards a referral once the after-sale window of the order is over, for `sweep`: true when it is decided, else when to look
 * again (epoch ms). What looks wrong (one address for both, too many at once) waits for a person.
 */
export function rewardReferral(deps: Deps, memberId: string): Promise<boolean | number> {
  return decide(async () => {
    const known = await deps.table.load(acquisitions, { memberId });
    if (known?.state !== "PENDING") return true;
    const order = await deps.table.load(orders, { orderId: known.orderId });
    invariant(order, `acquisition ${memberId} has its order`);
    if (order.paymentState === "REFUNDED") {
      await reverseAcquisition(deps, order.orderId);
      return true;
    }
    const now = deps.env.clock.now();
    // a due row of an earlier order, which went back: this one's hand-over makes its own
    if (order.handedOverAt === undefined) return true;
    const over = order.handedOverAt + afterSaleMs;
    if (now < over) return over;
    const odd = await whatIsOdd(deps, known, order);
    if (odd) return decided(deps, known, "heldBack", odd);
    try {
      return await reward(deps, known, []);
    } catch (error) {
      if (!(error instanceof DomainError && (error.code === "COUPON_BUDGET" || error.code === "COUPON_STATE")))
        throw error;
      // ops may raise or resume it
      return now < over + referralPolicy.couponWaitMs ? now + day : decided(deps, known, "refused", "no_coupon");
    }
  });
}

/**
 * A person decides on a referral that was held back. Throws REFERRAL_NOT_FOUND, REFERRAL_STATE, COUPON_BUDGET, COUPON_STATE.
 */
export function decideReferral(
  deps: Deps,
  input: { memberId: string; approved: boolean; reason: string; staffId: string },
): Promise<Stored<Acquisition>> {
  const { memberId, approved, reason, staffId } = input;
  return decide(async () => {
    const known = await deps.table.load(acquisitions, { memberId });
    if (!known) throw new DomainError("REFERRAL_NOT_FOUND");
    if (known.state !== "IN_REVIEW") throw new DomainError("REFERRAL_STATE", `it is ${known.state}`);
    const audit = audited(deps.env, {
      staffId,
      action: approved ? "referral.approve" : "referral.refuse",
      target: memberId,
      reason,
    });
    await (approved ? reward(deps, known, [audit]) : decided(deps, known, "refused", reason, [audit]));
    const after = await deps.table.load(acquisitions, { memberId });
    invariant(after, "an acquisition stays");
    return after;
  });
}

async function decided(
  deps: Deps,
  known: Stored<Acquisition>,
  event: "refused" | "heldBack",
  why: string,
  also: Write[] = [],
): Promise<true> {
  await deps.table.commit([
    acquisitions.replace({ ...known, state: acquisitionLifecycle.to(event), why }),
    told(deps, event === "refused" ? "referral.refused" : "referral.held_back", known, { why }),
    ...also,
  ]);
  return true;
}

/** What a person should look at; undefined: nothing. */
async function whatIsOdd(deps: Deps, { inviterId, paidAt }: Acquisition, order: Order): Promise<string | undefined> {
  invariant(inviterId !== undefined, "a referral has its inviter");
  if (order.addressHash !== undefined) {
    const { items } = await deps.table.page(ordersOfMember(inviterId), { limit: 50 });
    if (items.some((one) => one.addressHash === order.addressHash)) return "same_address";
  }
  for (const { withinMs, count } of referralPolicy.most) {
    const { items } = await deps.table.page(acquisitionsOf(inviterId, paidAt - withinMs, paidAt), { limit: count + 1 });
    if (items.length > count) return "too_many";
  }
  return undefined;
}

/** Grants both coupons in the commit that says so; of an inviter who owes one, his is kept. */
async function reward(deps: Deps, known: Stored<Acquisition>, also: Write[]): Promise<true> {
  const { memberId, inviterId, orderId, paidAt } = known;
  invariant(inviterId !== undefined, "a referral has its inviter");
  const programme = await deps.table.load(referralProgrammes, { name: "referral" });
  if (!programme?.active) return decided(deps, known, "refused", "no_programme", also);
  const owing = await owed(deps, inviterId, paidAt);
  const wanted = new Map<string, string[]>();
  const add = (couponId: string | undefined, whose: string) => {
    if (couponId !== undefined) wanted.set(couponId, [...(wanted.get(couponId) ?? []), whose]);
  };
  add(programme.inviteeCouponId, memberId);
  if (!owing) add(programme.inviterCouponId, inviterId);
  const rewards: { memberId: string; grantId: string }[] = [];
  const writes: Write[] = [];
  for (const [couponId, whose] of wanted) {
    const coupon = await deps.table.load(coupons, { couponId });
    invariant(coupon, `a programme's coupon ${couponId} exists`);
    const granted = await grantWrites(
      deps,
      coupon,
      whose.map((memberId) => ({ memberId, causeId: orderId })),
    );
    rewards.push(...granted.grants.map(({ memberId, grantId }) => ({ memberId, grantId })));
    writes.push(...granted.writes);
  }
  const rewardedAt = deps.env.clock.now();
  const { why: _, ...rest } = known;
  await deps.table.commit([
    acquisitions.replace({
      ...rest,
      state: acquisitionLifecycle.to("rewarded"),
      rewards,
      rewardedAt,
      ...(owing && { offset: true }),
    }),
    ...(owing ? [acquisitions.replace({ ...owing, owed: false })] : []),
    ...writes,
    told(deps, "referral.rewarded", known, { memberId: inviterId, offset: owing !== undefined }),
    ...also,
  ]);
  return true;
}

/** One of his that was clawed back when its reward was spent. */
async function owed(deps: Deps, inviterId: string, until: number): Promise<Stored<Acquisition> | undefined> {
  let after: Record<string, string> | undefined;
  do {
    const page = await deps.table.page(acquisitionsOf(inviterId, 0, until), { limit: 100, after });
    const found = page.items.find((one) => one.owed);
    if (found) return found;
    after = page.next;
  } while (after);
  return undefined;
}

const told = (deps: Deps, type: string, known: Acquisition, more: Record<string, string | boolean>): Write =>
  outbox.create(
    makeEvent(deps.env, {
      type,
      actor: { kind: "system" },
      data: { customerId: known.memberId, orderId: known.orderId, inviterId: known.inviterId ?? "", ...more },
    }),
  );
