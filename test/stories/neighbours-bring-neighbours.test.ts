import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 1_000 });
const { ops, neighbours, campaign, open, pay, formedTeam, paidSeat, made, pass, recount, clock, call, local } = world;
const { minute, day } = world.times;
const clerk = await world.staff("clerk", ["store_staff"], world.stores);

const coupon = async (name: string, more: object = {}): Promise<string> => {
  const terms = {
    name,
    off: { by: "amount", fen: 100 },
    thresholdFen: 500,
    validFrom: toIso(clock.now()),
    validUntil: toIso(clock.now() + 300 * day),
    funder: { by: "platform" },
    budgetFen: 100_000,
  };
  return (await made(ops.post("/ops/v1/coupons", { ...terms, ...more }))).couponId;
};
const programme = async (change: object) => {
  const { version } = await made(ops.get("/ops/v1/referral-programme"));
  return made(ops.put("/ops/v1/referral-programme", { active: true, version, reason: "老带新", ...change }));
};
const acquired = (who: Neighbour) => made(ops.get(`/ops/v1/referrals/${who.memberId}`));
const couponsOf = async (who: Neighbour): Promise<{ name: string; state: string }[]> =>
  (await made(who.get("/v1/coupons"))).items;
const shared = async (who: Neighbour, campaignId?: string): Promise<string> =>
  (await made(who.post("/v1/shares", campaignId === undefined ? {} : { campaignId }))).token;
const opens = async (who: Neighbour, token: string) => {
  await pass(1_000);
  return made(who.post(`/v1/shares/${token}/touches`));
};
const collects = async (who: Neighbour, { orderId }: Pick<Seat, "orderId">) => {
  const { storeId } = (await world.order(who, orderId)).store;
  const { code } = await made(who.post(`/v1/orders/${orderId}/pickup-code`));
  await made(clerk.post(`/ops/v1/stores/${storeId}/pickups`, { code }));
};
const passDays = async (days: number) => {
  for (let i = 0; i < days; i++) await pass(day);
};
/** Two who buy together: a customer each from here on. Their team has succeeded. */
async function pair(names: [string, string], more: Parameters<typeof campaign>[0] = {}) {
  const [leader, member] = (await neighbours(...names)) as [Neighbour, Neighbour];
  const { campaignId } = await campaign({ invitesRequired: 1, ...more });
  const lead = await formedTeam(leader, campaignId);
  const seat = await paidSeat(member, lead.teamId);
  return { leader, member, campaignId, lead, seat };
}

const newcomers = await coupon("新邻居券");
const inviters = await coupon("邀请券");

test("who brings a neighbour into his team is rewarded with him, once the after-sale time is over", async () => {
  await programme({ inviterCouponId: inviters, inviteeCouponId: newcomers });
  const { leader, member, lead, seat } = await pair(["李", "王"]);
  expect(await acquired(leader)).toMatchObject({ state: "UNREFERRED", passed: [] });
  expect(await acquired(member)).toMatchObject({
    state: "PENDING",
    by: "team_invite",
    inviterId: leader.memberId,
    orderId: seat.orderId,
  });
  await collects(leader, lead);
  await collects(member, seat);
  await passDays(6);
  expect(await couponsOf(member)).toEqual([]);
  expect((await made(leader.get("/v1/referrals"))).items).toMatchObject([{ state: "waiting" }]);
  await passDays(2);
  const rewarded = await acquired(member);
  expect(rewarded).toMatchObject({ state: "REWARDED" });
  expect(rewarded.rewards).toHaveLength(2);
  expect(await couponsOf(member)).toMatchObject([{ name: "新邻居券", state: "GRANTED" }]);
  expect(await couponsOf(leader)).toMatchObject([{ name: "邀请券", state: "GRANTED" }]);
  expect((await made(leader.get("/v1/referrals"))).items).toEqual([
    { firstOrderAt: rewarded.paidAt, state: "rewarded", rewardedAt: rewarded.rewardedAt },
  ]);
  const titles = (await made(leader.get("/v1/inbox"))).items.map(({ title }: { title: string }) => title);
  expect(titles).toContain("邀请成功");
  await recount();
});

test("a team's invitation comes before a link, the last link before earlier ones, and who was no customer does not count", async () => {
  const { leader: zhang, member: chen } = await pair(["张", "陈"]);
  const [liu, yang, zhao, huang] = await neighbours("刘", "杨", "赵", "黄");
  const { campaignId } = await campaign({ invitesRequired: 2 });
  const byShop = await shared(zhang);
  const byCampaign = await shared(chen, campaignId);
  const byNobody = await shared(huang!);
  expect(await opens(liu!, byShop)).toEqual({});
  expect(await opens(liu!, byCampaign)).toMatchObject({ campaign: { campaignId } });
  await opens(liu!, byNobody);
  // his own link is opened by himself, and is not his way here
  await opens(liu!, await shared(liu!));
  const lead = await formedTeam(liu!, campaignId);
  expect(await acquired(liu!)).toMatchObject({
    state: "PENDING",
    by: "share",
    inviterId: chen.memberId,
    passed: [
      { inviterId: liu!.memberId, why: "self" },
      { inviterId: huang!.memberId, why: "no_order_before" },
    ],
  });
  // the leader's team comes before the link that was opened before it
  await opens(yang!, byShop);
  await paidSeat(yang!, lead.teamId);
  expect(await acquired(yang!)).toMatchObject({ by: "team_invite", inviterId: liu!.memberId });
  // of a team, who sent the link comes before who leads it
  const { token } = await made(yang!.post(`/v1/teams/${lead.teamId}/shares`));
  await paidSeat(zhao!, lead.teamId, { shareToken: token });
  expect(await acquired(zhao!)).toMatchObject({ by: "team_invite", inviterId: yang!.memberId });
  await recount();
});

test("an order that goes back makes no customer: the next one that stands does", async () => {
  const { leader: wu } = await pair(["吴", "徐"]);
  const [sun] = await neighbours("孙");
  const short = await campaign({ durationMinutes: 60, invitesRequired: 3 });
  const failing = await formedTeam(sun!, short.campaignId);
  expect(await acquired(sun!)).toMatchObject({ state: "UNREFERRED", orderId: failing.orderId });
  await pass(64 * minute);
  for (let i = 0; i < 3; i++) await pass(5 * minute);
  expect(await acquired(sun!)).toMatchObject({ state: "REVERSED" });
  await opens(sun!, await shared(wu));
  const next = await campaign({ invitesRequired: 1 });
  const lead = await formedTeam(sun!, next.campaignId);
  expect(await acquired(sun!)).toMatchObject({
    state: "PENDING",
    by: "share",
    inviterId: wu.memberId,
    orderId: lead.orderId,
  });
  // nobody joins: it fails too, and nothing is ever rewarded
  await passDays(2);
  expect(await acquired(sun!)).toMatchObject({ state: "REVERSED" });
  await recount();
});

test("one device is one person, one address is looked at by one, and what nobody collects is not rewarded", async () => {
  const signIn = async (user: string, deviceId: string) => {
    const { code } = await local("wechat/login-code", { user });
    await made(call("POST", "/v1/login", undefined, { code, deviceId }));
  };
  const address = { address: "上海市黄浦区泰康路210弄" };
  const { leader: he } = await pair(["何", "高"]);
  await made(open(he, (await campaign()).campaignId, { place: address }));
  await signIn("何", "a-device-of-two");
  const [ma, lin, guo] = await neighbours("马", "林", "郭");
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const token = await shared(he, campaignId);

  for (let i = 0; i < 6; i++) await signIn("马", `device-${i}-of-ma`);
  await signIn("马", "a-device-of-two");
  await opens(ma!, token);
  const mas = await formedTeam(ma!, campaignId);
  expect(await acquired(ma!)).toMatchObject({
    state: "UNREFERRED",
    passed: [{ inviterId: he.memberId, why: "same_device" }],
  });
  await paidSeat(guo!, mas.teamId);

  await opens(lin!, token);
  const lins: Seat = await made(open(lin!, campaignId, { place: { address: "上海市黄浦区 泰康路,210弄" } }));
  await pay(lin!, lins);
  const [friend] = await neighbours("罗");
  const friends = await paidSeat(friend!, lins.teamId);
  await collects(lin!, lins);
  await passDays(9);
  expect(await acquired(lin!)).toMatchObject({ state: "IN_REVIEW", why: "same_address" });
  const { items } = await made(ops.get("/ops/v1/referrals"));
  expect(items.map(({ memberId }: { memberId: string }) => memberId)).toEqual([lin!.memberId]);
  const decide = (approved: boolean) =>
    ops.post(`/ops/v1/referrals/${lin!.memberId}/decision`, { approved, reason: "同住的婆婆和儿媳" });
  expect(await made(decide(true))).toMatchObject({ state: "REWARDED" });
  expect(await couponsOf(lin!)).toMatchObject([{ name: "新邻居券" }]);
  expect(refusal(await decide(false))).toEqual({ status: 409, code: "REFERRAL_STATE" });

  // the two who never came for their goods
  expect(await acquired(friend!)).toMatchObject({ state: "PENDING", orderId: friends.orderId });
  expect(await acquired(guo!)).toMatchObject({ state: "PENDING" });
  await recount();
});

test("a reward whose coupon is spent waits for it, and without a programme there is none", async () => {
  const small = await coupon("小额券", { budgetFen: 100 });
  await programme({ inviteeCouponId: small });
  const one = await pair(["梁", "宋"]);
  const two = await pair(["唐", "许"]);
  for (const { leader, member, lead, seat } of [one, two]) {
    await collects(leader, lead);
    await collects(member, seat);
  }
  await passDays(9);
  const states = async () => (await Promise.all([one, two].map(({ member }) => acquired(member)))).map((a) => a.state);
  expect((await states()).sort()).toEqual(["PENDING", "REWARDED"]);
  // a fresh coupon takes its place
  await programme({ inviteeCouponId: newcomers });
  await passDays(1);
  expect(await states()).toEqual(["REWARDED", "REWARDED"]);

  const three = await pair(["邓", "冯"]);
  await collects(three.member, three.seat);
  await programme({ active: false });
  await passDays(9);
  expect(await acquired(three.member)).toMatchObject({ state: "REFUSED", why: "no_programme" });
  expect(refusal(await ops.put("/ops/v1/referral-programme", { active: true, version: 1, reason: "旧" }))).toEqual({
    status: 409,
    code: "VERSION_CONFLICT",
  });
  await recount();
});

test("a member who brings many at once is looked at", async () => {
  await programme({ inviteeCouponId: newcomers });
  const { leader } = await pair(["韩", "曹"]);
  const { campaignId } = await campaign({ invitesRequired: 6, perMemberLimit: 1 });
  const lead = await formedTeam(leader, campaignId);
  const six = await neighbours("甲", "乙", "丙", "丁", "戊", "己");
  const seats: Seat[] = [];
  for (const who of six) {
    await pass(minute);
    seats.push(await paidSeat(who, lead.teamId));
  }
  for (const [i, who] of six.entries()) await collects(who, seats[i]!);
  await passDays(9);
  const states = [];
  for (const who of six) states.push((await acquired(who)).state);
  // 曹 was the first of the day: five are, the sixth and seventh are too many
  expect(states).toEqual(["REWARDED", "REWARDED", "REWARDED", "REWARDED", "IN_REVIEW", "IN_REVIEW"]);
  expect(await acquired(six[5]!)).toMatchObject({ why: "too_many" });
  await recount();
});
