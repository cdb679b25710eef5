import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, join, pay, formedTeam, paidSeat, order, team, events, made, ops, pass, recount } = world;
const { minute } = world.times;

const [wang, li, zhang, chen, stranger] = (await neighbours("王", "李", "张", "陈", "外")) as [
  Neighbour,
  Neighbour,
  Neighbour,
  Neighbour,
  Neighbour,
];
const found = (name: string) =>
  made(ops.post("/ops/v1/communities", { storeId: world.stores[0], name, kind: "neighbourhood" }));
const { communityId } = await found("淮海坊邻居群");
const elsewhere = await found("田子坊邻居群");
for (const who of [wang, li, zhang, chen]) await made(who.post(`/v1/communities/${communityId}/membership`));
const nicknames = [
  [wang, "王阿姨"],
  [li, "李叔叔"],
  [chen, "陈奶奶"],
] as const;
for (const [who, nickname] of nicknames) await made(who.put("/v1/me", { nickname }));
const roleOf = (who: Neighbour, role: string) =>
  ops.put(`/ops/v1/communities/${communityId}/members/${who.memberId}/role`, { role, reason: "群里推选" });
const tools = `/v1/leader/communities/${communityId}`;
const placed = (who: Neighbour, body: Record<string, unknown>, key?: string) =>
  wang.post(`${tools}/orders`, { memberId: who.memberId, place: world.here, ...body }, key);
const latest = async (who: Neighbour) => (await made(who.get("/v1/inbox"))).items[0];

test("staff make a member the leader of one community and take it back, and each is written down", async () => {
  const refused = { status: 403, code: "NOT_LEADER" };
  expect(refusal(await wang.get(`${tools}/members`))).toEqual(refused);
  expect(await made(roleOf(wang, "leader"))).toMatchObject({ memberId: wang.memberId, role: "leader" });
  await made(roleOf(wang, "leader")); // once more changes nothing
  const { items } = await made(wang.get(`${tools}/members`));
  expect(items.map((one: { name: string; role: string }) => `${one.name} ${one.role}`).sort()).toEqual([
    "李** member",
    "王** leader",
    "邻居 member",
    "陈** member",
  ]);
  expect(JSON.stringify(items)).not.toMatch(/阿姨|叔叔|奶奶/);
  expect(refusal(await wang.get(`/v1/leader/communities/${elsewhere.communityId}/members`))).toEqual(refused);
  expect(refusal(await li.get(`${tools}/members`))).toEqual(refused);
  expect(refusal(await roleOf(stranger, "leader"))).toEqual({ status: 404, code: "MEMBERSHIP_NOT_FOUND" });

  await made(roleOf(wang, "member"));
  expect(refusal(await wang.get(`${tools}/members`))).toEqual(refused);
  await made(roleOf(wang, "leader"));
  expect((await events("community.role_given")).map((event) => event.data.role)).toEqual([
    "leader",
    "member",
    "leader",
  ]);
  const day = toIso(world.clock.now()).slice(0, 10);
  const audits = (await made(ops.get(`/ops/v1/audit?day=${day}&limit=50`))).items.filter(
    (row: { action: string }) => row.action === "community.role",
  );
  expect(audits).toHaveLength(3);
  expect(audits[0]).toMatchObject({ target: communityId, reason: "群里推选" });
});

test("the leader pastes the chain, sees who has not paid and not collected, and hands the summary over", async () => {
  const { campaignId } = await campaign({ unitsPerStore: 10, invitesRequired: 1 });
  const other = await formedTeam(stranger, campaignId); // of no community: not the leader's
  const lead = await formedTeam(li, campaignId, { communityId, units: 2 });
  const chainOf = async () => made(wang.post(`${tools}/campaigns/${campaignId}/chain`));
  const chain = await chainOf();
  const { campaign: facts } = await made(ops.get(`/ops/v1/campaigns/${campaignId}`));
  const shown = (iso: string) => iso.slice(5, 16).replace("T", " ");
  const { deadline } = await team(lead.teamId);
  const [card] = chain.cards;
  expect(card).toMatchObject({
    teamId: lead.teamId,
    title: "还差1人成团:有机青菜邻里团",
    teamFen: 800,
    aloneFen: 1000,
    remainingInvites: 1,
    deadline,
    joined: [{ name: "李**", units: 2 }],
    path: `pages/team/team?scene=${card.token}`,
  });
  expect(chain.text).toBe(
    [
      "【有机青菜邻里团】本地有机青菜",
      "成团价8.00元(单买10.00元),邀请1位邻居成团",
      `开团截止:${shown(facts.closesAt)}  提货:${shown(facts.pickupFrom)}至${shown(facts.pickupUntil)}`,
      "",
      `第1团 还差1人,截止${shown(deadline)}`,
      "1. 李** ×2",
      `参团:pages/team/team?scene=${card.token}`,
      "",
      `开团:pages/campaign/campaign?scene=${chain.open.token}`,
    ].join("\n"),
  );
  expect(await chainOf()).toEqual(chain);
  expect((await made(chen.post(`/v1/shares/${card.token}/touches`))).team.teamId).toBe(lead.teamId);

  const seat: Seat = await made(join(chen, lead.teamId, { shareToken: card.token }));
  const pending = async () => (await made(wang.get(`${tools}/campaigns/${campaignId}/pending`))).items;
  expect(await pending()).toMatchObject([
    { teamId: lead.teamId, unpaid: [{ name: "陈**", units: 1, holdUntil: seat.holdUntil }], uncollected: [] },
  ]);
  await pay(chen, seat);
  expect(await pending()).toMatchObject([
    {
      state: "SUCCEEDED",
      unpaid: [],
      uncollected: [
        { name: "李**", units: 2, storeId: lead.storeId },
        { name: "陈**", units: 1 },
      ],
    },
  ]);
  const { code } = await made(li.post(`/v1/orders/${lead.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${lead.storeId}/pickups`, { code }));
  expect((await pending())[0].uncollected).toMatchObject([{ name: "陈**", units: 1 }]);
  const summary = await made(wang.get(`${tools}/campaigns/${campaignId}/hand-over`));
  expect(summary.items).toEqual([
    {
      teamId: lead.teamId,
      state: "SUCCEEDED",
      articles: [{ articleId: world.articleId, name: "本地有机青菜", paid: 3, collected: 2, open: 1 }],
    },
  ]);
  expect((await chainOf()).text).toContain("第1团 已成团\n1. 李** ×2\n2. 陈** ×1");
  expect(JSON.stringify(summary)).not.toContain(other.teamId);
  // the seat that came by the leader's link says so
  const [invited] = (await world.rows()).get("Order")!.filter((row) => row.orderId === seat.orderId);
  expect(invited).toMatchObject({ origin: { inviterId: wang.memberId } });
});

test("the leader orders for an elder, who pays or refuses; it is the elder's seat, limit and secret", async () => {
  const { campaignId } = await campaign({ unitsPerStore: 10, invitesRequired: 2, perMemberLimit: 2 });
  const answer = await placed(chen, { campaignId, units: 2 }, "for-the-elder");
  expect(answer).toMatchObject({ status: 201, body: { seat: "HELD", payableFen: 1600 } });
  expect((await placed(chen, { campaignId, units: 2 }, "for-the-elder")).text).toBe(answer.text);
  const seat: Seat = answer.body;
  await world.platform.idle();
  expect(await latest(chen)).toMatchObject({ title: "团长为您下单", orderId: seat.orderId });
  expect((await latest(chen)).body).toContain("应付16.00元");
  expect(await order(chen, seat.orderId)).toMatchObject({ seat: "HELD", placedBy: wang.memberId });
  expect((await events("seat.placed_for"))[0]).toMatchObject({
    actor: { kind: "member", id: wang.memberId },
    data: { memberId: chen.memberId, placedBy: wang.memberId },
  });

  // the leader can neither read the order, nor pay it, nor leave for the elder
  const hidden = { status: 404, code: "ORDER_NOT_FOUND" };
  expect(refusal(await wang.get(`/v1/orders/${seat.orderId}`))).toEqual(hidden);
  expect(refusal(await wang.post(`/v1/orders/${seat.orderId}/payment`))).toEqual(hidden);
  expect(refusal(await wang.post(`/v1/orders/${seat.orderId}/departure`))).toEqual(hidden);
  expect(answer.text).not.toMatch(/陈|奶奶/);
  // one unpaid order is all that anybody may place for her, she herself neither
  expect(refusal(await placed(chen, { campaignId }))).toMatchObject({ code: "ORDER_UNPAID" });

  await pay(chen, seat);
  expect(await team(seat.teamId)).toMatchObject({ state: "FORMING", paid: 1 });
  expect(refusal(await placed(chen, { campaignId }))).toMatchObject({ code: "TEAM_OTHER_JOINED" });

  // another is placed in the elder's team and refused by whom it is for
  const refused: Seat = (await placed(zhang, { teamId: seat.teamId })).body;
  expect(await team(seat.teamId)).toMatchObject({ held: 1, remainingInvites: 1 });
  await made(zhang.post(`/v1/orders/${refused.orderId}/departure`));
  expect(await order(zhang, refused.orderId)).toMatchObject({ seat: "RELEASED", refunds: [] });
  expect(await team(seat.teamId)).toMatchObject({ held: 0, remainingInvites: 2 });

  // nobody outside the community, no team outside it, not the leader himself
  expect(refusal(await placed(stranger, { campaignId }))).toEqual({ status: 404, code: "MEMBERSHIP_NOT_FOUND" });
  const foreign = await formedTeam(stranger, campaignId);
  expect(refusal(await placed(zhang, { teamId: foreign.teamId }))).toEqual({ status: 404, code: "TEAM_NOT_FOUND" });
  for (const body of [{ campaignId, teamId: seat.teamId }, {}])
    expect(refusal(await placed(zhang, body))).toEqual({ status: 422, code: "INPUT_INVALID" });
  expect(refusal(await placed(wang, { campaignId }))).toEqual({ status: 422, code: "INPUT_INVALID" });

  // unpaid, it runs out as any other seat does, and the elder is told
  const idle: Seat = (await placed(li, { teamId: seat.teamId, units: 2 })).body;
  await pass(19 * minute);
  await pass(2 * minute);
  expect(await order(li, idle.orderId)).toMatchObject({ seat: "RELEASED" });

  // two units are the limit of whom the order is for, over all teams, whoever places the next
  const pair = await campaign({ unitsPerStore: 10, invitesRequired: 1, perMemberLimit: 2 });
  const own: Seat = (await placed(chen, { campaignId: pair.campaignId, units: 2 })).body;
  await pay(chen, own);
  await paidSeat(li, own.teamId);
  expect(await team(own.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  expect(refusal(await placed(chen, { campaignId: pair.campaignId }))).toEqual({
    status: 409,
    code: "UNITS_LIMIT",
    facts: { limit: 2, counted: 2 },
  });
  await recount();
});
