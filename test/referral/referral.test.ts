import { expect, test } from "vitest";
import type { Coupon } from "../../shared/coupon/index.ts";
import { bucketOf } from "../../shared/kernel/ids.ts";
import { day, hour } from "../../shared/kernel/time.ts";
import type { Order } from "../../shared/order/index.ts";
import { attributeOrder, awaitReward, reverseAcquisition } from "../../shared/referral/index.ts";
import { rewardReferral } from "../../shared/referral/work.ts";
import {
  acquisitions,
  couponGrants,
  coupons,
  couponsOf,
  dueBuckets,
  dueUntil,
  members,
  orders,
  referralProgrammes,
  touches,
} from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();
const deps = { table, env };

/** A customer of before, or nobody yet. */
async function person(firstPaidAt?: number): Promise<string> {
  const memberId = env.ids.next("MB");
  const row = { memberId, openid: `o-${memberId}`, dataKey: "none", joinedAt: clock.now() };
  await table.commit([members.create({ ...row, ...(firstPaidAt !== undefined && { firstPaidAt }) })]);
  return memberId;
}
const touched = (memberId: string, inviterId: string, firstAt: number, lastAt = firstAt) =>
  table.commit([touches.create({ token: env.ids.next("EV").slice(2, 18), memberId, inviterId, firstAt, lastAt })]);

/** An order that is paid now, and handed over at once. */
async function bought(memberId: string, more: Partial<Order> = {}): Promise<Order> {
  const order = paidOrder(env, { memberId, stage: "HANDED_OVER", handedOverAt: clock.now(), ...more });
  await table.commit([orders.create(order)]);
  return order;
}
const givenBack = async ({ orderId }: Order) => {
  await table.commit([orders.patch({ orderId }).set({ paymentState: "REFUNDED", refundedFen: 800 })]);
  await reverseAcquisition(deps, orderId);
};
const acquired = (memberId: string) => table.load(acquisitions, { memberId });
const grantsOf = async (memberId: string) => (await table.page(couponsOf(memberId), { limit: 50 })).items;
async function programme(): Promise<{ mine: Coupon; theirs: Coupon }> {
  const make = async (name: string): Promise<Coupon> => {
    const coupon: Coupon = {
      couponId: env.ids.next("CT"),
      name,
      off: { by: "amount", fen: 100 },
      thresholdFen: 500,
      validFrom: clock.now(),
      validUntil: clock.now() + 300 * day,
      funder: { by: "platform" },
      budgetFen: 10_000,
      grantedFen: 0,
      state: "ACTIVE",
      createdAt: clock.now(),
    };
    await table.commit([coupons.create(coupon)]);
    return coupon;
  };
  const [mine, theirs] = [await make("邀请券"), await make("新邻居券")];
  const before = await table.load(referralProgrammes, { name: "referral" });
  const row = {
    name: "referral" as const,
    active: true,
    inviterCouponId: mine.couponId,
    inviteeCouponId: theirs.couponId,
  };
  await table.commit([
    before ? referralProgrammes.replace({ ...row, version: before.version }) : referralProgrammes.create(row),
  ]);
  return { mine, theirs };
}
const granted = async ({ couponId }: Coupon) => (await table.load(coupons, { couponId }))?.grantedFen;

/** A customer whom the inviter brought, rewarded. */
async function rewarded(inviterId: string): Promise<{ memberId: string; order: Order }> {
  const memberId = await person();
  await touched(memberId, inviterId, clock.now());
  const order = await bought(memberId);
  await attributeOrder(deps, order.orderId);
  clock.advance(7 * day);
  expect(await rewardReferral(deps, memberId)).toBe(true);
  expect(await acquired(memberId)).toMatchObject({ state: "REWARDED", inviterId });
  return { memberId, order };
}

test("a payment that is told five times at once makes one customer", async () => {
  const [inviter, member] = [await person(clock.now() - day), await person()];
  await touched(member, inviter, clock.now() - hour);
  const { orderId } = await bought(member);
  await Promise.all(Array.from({ length: 5 }, () => attributeOrder(deps, orderId)));
  expect(await acquired(member)).toMatchObject({ state: "PENDING", inviterId: inviter, version: 1 });
});

test("a link counts for 30 days, by the last time it was opened before the order", async () => {
  const [early, late, again] = [await person(1), await person(1), await person(1)];
  const member = await person();
  const now = clock.now();
  await touched(member, early, now - 31 * day);
  await touched(member, late, now - 30 * day);
  await attributeOrder(deps, (await bought(member)).orderId);
  expect(await acquired(member)).toMatchObject({ inviterId: late, touchedAt: now - 30 * day, passed: [] });

  const other = await person();
  await touched(other, late, now - 2 * hour);
  // opened before the order, and once more since: the first time is before it
  await touched(other, again, now - hour, now + hour);
  await attributeOrder(deps, (await bought(other)).orderId);
  expect(await acquired(other)).toMatchObject({ inviterId: again, touchedAt: now - hour });
  // who was a customer before anything was noted is none anew
  const known = await person(1);
  await touched(known, late, now);
  await attributeOrder(deps, (await bought(known, { firstOrder: false })).orderId);
  expect(await acquired(known)).toBeUndefined();
});

test("a first order that went back makes way for another that was paid meanwhile", async () => {
  const [inviter, member] = [await person(1), await person()];
  const first = await bought(member);
  await attributeOrder(deps, first.orderId);
  expect(await acquired(member)).toMatchObject({ state: "UNREFERRED" });
  clock.advance(hour);
  await touched(member, inviter, clock.now());
  clock.advance(hour);
  const second = await bought(member);
  await attributeOrder(deps, second.orderId);
  expect(await acquired(member)).toMatchObject({ orderId: first.orderId });
  await givenBack(first);
  await givenBack(first);
  expect(await acquired(member)).toMatchObject({ state: "PENDING", orderId: second.orderId, inviterId: inviter });
});

test("a reward is taken back with the order: unspent ones at once, a spent one of the inviter's next", async () => {
  const { mine, theirs } = await programme();
  const inviter = await person(1);
  const one = await rewarded(inviter);
  const two = await rewarded(inviter);
  expect([await granted(mine), await granted(theirs)]).toEqual([200, 200]);

  await givenBack(one.order);
  await reverseAcquisition(deps, one.order.orderId);
  expect(await acquired(one.memberId)).toMatchObject({ state: "CLAWED_BACK" });
  expect((await acquired(one.memberId))?.owed).toBeUndefined();
  expect((await grantsOf(one.memberId)).map(({ state }) => state)).toEqual(["REVOKED"]);
  expect((await grantsOf(inviter)).map(({ state }) => state).sort()).toEqual(["GRANTED", "REVOKED"]);
  expect([await granted(mine), await granted(theirs)]).toEqual([100, 100]);

  const [left] = (await grantsOf(inviter)).filter(({ state }) => state === "GRANTED");
  await table.commit([
    couponGrants
      .patch({ memberId: inviter, grantId: left!.grantId })
      .set({ state: "USED", orderId: one.order.orderId }),
  ]);
  await givenBack(two.order);
  expect(await acquired(two.memberId)).toMatchObject({ state: "CLAWED_BACK", owed: true });
  expect([await granted(mine), await granted(theirs)]).toEqual([100, 0]);

  // the next is kept for it, the one after it is his
  const three = await rewarded(inviter);
  expect(await acquired(three.memberId)).toMatchObject({ offset: true });
  expect(await acquired(two.memberId)).toMatchObject({ owed: false });
  expect([await granted(mine), await granted(theirs)]).toEqual([100, 100]);
  const four = await rewarded(inviter);
  expect((await acquired(four.memberId))?.offset).toBeUndefined();
  expect([await granted(mine), await granted(theirs)]).toEqual([200, 200]);
});

test("a reward that is due many times is granted once", async () => {
  const { mine } = await programme();
  const [inviter, member] = [await person(1), await person()];
  await touched(member, inviter, clock.now());
  await attributeOrder(deps, (await bought(member)).orderId);
  const over = (await acquired(member))!.paidAt + 7 * day;
  const { items } = await table.page(dueUntil("referral", bucketOf(member, dueBuckets.referral), over), { limit: 99 });
  expect(items.filter(({ id }) => id === member)).toHaveLength(1);
  expect(await rewardReferral(deps, member)).toBe(over);
  clock.advance(7 * day);
  await Promise.all(Array.from({ length: 4 }, () => rewardReferral(deps, member)));
  expect(await granted(mine)).toBe(100);
  expect(await grantsOf(inviter)).toHaveLength(1);
});

test("the due row of an order that went back rewards nothing, and is not in the way of the next order's", async () => {
  await programme();
  const [inviter, member] = [await person(1), await person()];
  await touched(member, inviter, clock.now());
  const first = await bought(member);
  await attributeOrder(deps, first.orderId);
  const { handedOverAt: _, ...waiting } = await bought(member, { stage: "PLACED" });
  await table.commit([orders.patch({ orderId: waiting.orderId }).set({ handedOverAt: undefined })]);
  await givenBack(first);
  expect(await acquired(member)).toMatchObject({ state: "PENDING", orderId: waiting.orderId });
  clock.advance(7 * day);
  expect(await rewardReferral(deps, member)).toBe(true);
  expect(await acquired(member)).toMatchObject({ state: "PENDING" });
  await table.commit([orders.patch({ orderId: waiting.orderId }).set({ handedOverAt: clock.now() })]);
  await awaitReward(deps, waiting.orderId);
  clock.advance(7 * day);
  expect(await rewardReferral(deps, member)).toBe(true);
  expect(await acquired(member)).toMatchObject({ state: "REWARDED", inviterId: inviter });
});

test("who is told of a payment again makes up for what broke off after it was noted", async () => {
  const [inviter, member] = [await person(1), await person()];
  await touched(member, inviter, clock.now());
  const { orderId, handedOverAt: at } = await bought(member);
  const noted = { memberId: member, orderId, paidAt: at!, passed: [], by: "share" as const, inviterId: inviter };
  await table.commit([acquisitions.create({ ...noted, state: "PENDING", touchedAt: at! })]);
  await attributeOrder(deps, orderId);
  const { items } = await table.page(dueUntil("referral", bucketOf(member, dueBuckets.referral), at! + 7 * day), {
    limit: 99,
  });
  expect(items.filter(({ id }) => id === member)).toHaveLength(1);
});
