import { expect, test } from "vitest";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, community, batch, join, paidSeat, made, order, team, recount, pass, passTo, unitsLeft } = world;
const { minute } = world.times;

const titles = async (who: { get(path: string): Promise<{ status: number; body: { items: { title: string }[] } }> }) =>
  (await who.get("/v1/inbox")).body.items.map((message) => message.title);

test("a community orders ten units until the cut-off: nobody is decided before it, all are confirmed after it", async () => {
  const [li, wang, zhang, chen, zhao] = await neighbours("李", "王", "张", "陈", "赵");
  const inside = [li!, wang!, zhang!, chen!];
  const communityId = await community(inside);
  const { campaignId, teamIds } = await batch([communityId], { seats: 4, perMemberLimit: 9 });
  const teamId = teamIds[0]!;
  expect(await team(teamId)).toMatchObject({
    state: "FORMING",
    kind: "batch",
    communityId,
    paid: 0,
    quantity: { units: 0, unitFen: 800, frozen: false },
    batch: { minUnits: 10, tiers: [{ fromUnits: 10, unitFen: 800 }] },
  });
  const listed = await made(li!.get(`/v1/communities/${communityId}/campaigns`));
  expect(listed.items.map((one: { teamId: string }) => one.teamId)).toEqual([teamId]);

  expect(refusal(await join(zhao!, teamId))).toEqual({ status: 403, code: "NOT_ADMITTED_COMMUNITY" });
  expect(refusal(await world.open(li!, campaignId))).toEqual({ status: 409, code: "CAMPAIGN_KIND" });
  const seats: Seat[] = [];
  for (const [i, units] of [3, 3, 2, 2].entries()) seats.push(await paidSeat(inside[i]!, teamId, { units }));
  expect(seats.map((seat) => seat.payableFen)).toEqual([2400, 2400, 1600, 1600]);
  expect(new Set(seats.map((seat) => seat.storeId))).toEqual(new Set([world.stores[0]]));
  // four orders fill it, and it waits for its cut-off all the same
  const full = await team(teamId);
  expect(full).toMatchObject({ state: "FORMING", paid: 4, remainingInvites: 0, quantity: { units: 10 } });
  expect(refusal(await li!.post(`/v1/orders/${seats[0]!.orderId}/pickup-code`))).toMatchObject({
    code: "PICKUP_NOT_READY",
  });
  await recount();

  await passTo(full.batch.cutOff);
  expect(await team(teamId)).toMatchObject({ state: "FORMING", settling: true });
  expect(refusal(await join(zhao!, teamId))).toMatchObject({ code: "BATCH_CUT_OFF" });
  expect(refusal(await li!.post(`/v1/orders/${seats[0]!.orderId}/departure`))).toMatchObject({ code: "LEAVE_CLOSED" });
  await pass(4 * minute);
  expect(await team(teamId)).toMatchObject({
    state: "SUCCEEDED",
    outcome: "natural",
    quantity: { units: 10, unitFen: 800, frozen: true },
  });
  expect(refusal(await join(zhao!, teamId))).toMatchObject({ code: "BATCH_CUT_OFF" });
  for (const [i, seat] of seats.entries())
    expect(await order(inside[i]!, seat.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [], leader: false });
  expect(await titles(li!)).toEqual(["截单成功", "支付成功"]);
  await pass(3 * minute);
  expect((await made(li!.get(`/v1/campaigns/${campaignId}`))).state).toBe("SETTLED");
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  expect(await made(li!.post(`/v1/orders/${seats[0]!.orderId}/pickup-code`))).toMatchObject({
    code: expect.stringMatching(/^\d{12}$/),
  });
  await recount();
});

test("one unit short of the minimum, a batch fails at its cut-off and everybody is refunded in full", async () => {
  const [li, wang, zhang] = await neighbours("周", "吴", "郑");
  const communityId = await community([li!, wang!, zhang!]);
  const { campaignId, teamIds } = await batch([communityId], { minUnits: 6 });
  const teamId = teamIds[0]!;
  const paid = [await paidSeat(li!, teamId, { units: 3 }), await paidSeat(wang!, teamId, { units: 2 })];
  const held: Seat = await made(join(zhang!, teamId, { units: 1 }));
  expect(await team(teamId)).toMatchObject({ quantity: { units: 5 }, onFailure: { refund: "full" } });
  await passTo((await team(teamId)).deadline);
  await pass(4 * minute);
  expect(await team(teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", quantity: { units: 5 } });
  await pass(2 * minute);
  for (const [i, who] of [li!, wang!].entries())
    expect(await order(who, paid[i]!.orderId)).toMatchObject({
      seat: "REFUNDED",
      payment: { state: "REFUNDED" },
      refunds: [{ cause: "team_failed", state: "SUCCESS", refundFen: paid[i]!.payableFen }],
    });
  expect(await order(zhang!, held.orderId)).toMatchObject({ seat: "RELEASED", refunds: [] });
  expect(await titles(li!)).toEqual(["退款到账", "本次团购未成功", "支付成功"]);
  await pass(3 * minute);
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  await recount();
});

const kinds = [
  { kind: "batch", terms: {} },
  {
    kind: "ladder",
    terms: {
      tiers: [
        { fromUnits: 2, unitFen: 900 },
        { fromUnits: 20, unitFen: 800 },
      ],
    },
  },
];

test.for(kinds)("suspended, a $kind takes no orders and runs on; cancelled, it is refunded", async ({ terms }) => {
  const [li, wang, zhang] = await neighbours("钱", "孙", "冯");
  const communityId = await community([li!, wang!, zhang!]);
  const { campaignId, teamIds } = await batch([communityId], { minUnits: 2, ...terms });
  const teamId = teamIds[0]!;
  const steer = (how: string) =>
    made(world.ops.post(`/ops/v1/campaigns/${campaignId}/${how}`, { reason: "供应商来函" }));
  const paid = await paidSeat(li!, teamId, { units: 2 });
  const held: Seat = await made(join(wang!, teamId, { units: 1 }));
  await steer("suspension");
  expect(refusal(await join(zhang!, teamId))).toMatchObject({ code: "CAMPAIGN_SUSPENDED" });
  await world.pay(wang!, held);
  expect(await team(teamId)).toMatchObject({ state: "FORMING", paid: 2, quantity: { units: 3 } });
  await steer("cancellation");
  await world.platform.idle(30_000);
  expect(await team(teamId)).toMatchObject({ state: "FAILED", outcome: "ops" });
  expect(refusal(await join(zhang!, teamId))).toMatchObject({ code: "BATCH_CUT_OFF" });
  await pass(2 * minute);
  for (const [who, seat] of [
    [li!, paid],
    [wang!, held],
  ] as const)
    expect(await order(who, seat.orderId)).toMatchObject({ seat: "REFUNDED", refunds: [{ cause: "team_failed" }] });
  await pass(2 * minute);
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  await recount();
});

test.for(kinds)(
  "a $kind's limit counts what a member holds and has paid in all its communities, of two orders at once too",
  async ({ terms }) => {
    const [li] = await neighbours("卫");
    const communities = [await community([li!]), await community([li!])];
    const { teamIds } = await batch(communities, { minUnits: 2, perMemberLimit: 4, ...terms });
    const [first, second] = teamIds as [string, string];
    const both = await Promise.all([join(li!, first, { units: 3 }), join(li!, second, { units: 3 })]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    const seat: Seat = both.find(({ status }) => status === 201)!.body as unknown as Seat;
    await world.pay(li!, seat);
    const other = seat.teamId === first ? second : first;
    expect(refusal(await join(li!, other, { units: 2 })).status).toBe(409);
    await recount();
  },
);

const rising = [
  { fromUnits: 12, unitFen: 900 },
  { fromUnits: 24, unitFen: 950 },
];
test.for([
  { breaks: "prices that rise", more: { minUnits: 12, tiers: rising }, path: "tiers", says: "950 fen follow 900" },
  {
    breaks: "quantities that fall",
    more: { minUnits: 12, tiers: [rising[0], { fromUnits: 12, unitFen: 700 }] },
    path: "tiers",
    says: "12 units follow 12",
  },
  {
    breaks: "a first price above the minimum",
    more: { minUnits: 10, tiers: [rising[0], { fromUnits: 24, unitFen: 700 }] },
    path: "tiers",
    says: "must begin at minUnits, 10",
  },
  {
    breaks: "a minimum of half a case",
    more: { minUnits: 10, casePack: 4 },
    path: "minUnits",
    says: "8 or 12 would pass",
  },
  {
    breaks: "a last price below the floor",
    more: { minUnits: 12, tiers: [rising[0], { fromUnits: 24, unitFen: 400 }] },
    path: "tiers",
    says: "400 fen is below the margin floor of 552 fen",
  },
  { breaks: "a price above the one alone", more: { shareBps: 10_000 }, path: "shareBps", says: "below 1000 alone" },
  {
    breaks: "a minimum nobody can order",
    more: { seats: 2, perMemberLimit: 4 },
    path: "minUnits",
    says: "can't reach 10",
  },
  {
    breaks: "too few units at the store",
    more: { unitsPerStore: 9 },
    path: "allotments",
    says: "has 9 units: give it 10",
  },
  {
    breaks: "pickup before the cut-off",
    more: { at: { pickupFrom: 0 } },
    path: "pickupFrom",
    says: "the cut-off or later",
  },
  { breaks: "a cut-off too soon", more: { at: { cutOff: 10 * minute } }, path: "cutOff", says: "after opensAt" },
])("a batch with $breaks is refused with the rule and what would pass", async ({ more, path, says }) => {
  const communityId = await community([]);
  const { campaignId } = await batch([communityId], { ...more, publish: false });
  const answer = await world.ops.post(`/ops/v1/campaigns/${campaignId}/publication`);
  expect(refusal(answer)).toEqual({ status: 422, code: "CAMPAIGN_RULE" });
  expect(answer.body.errors).toEqual([{ path, message: expect.stringContaining(says) }]);
});
