import { expect, test } from "vitest";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbour, neighbours, campaign, open, join, formedTeam, paidSeat, pay, made, order, team, recount } = world;
const { pass, passTo, clock, ops, here, stores } = world;
const { minute, hour } = world.times;

/** Where the second store is the nearest. */
const eastward = { place: { ...here, lng: here.lng + 0.008 } };
const departure = (who: Parameters<typeof join>[0], seat: Seat) =>
  made(who.post(`/v1/orders/${seat.orderId}/departure`));

test("own team, twice the same team, two teams of a campaign, an unpaid order: each is refused by its own name", async () => {
  const [li, wang, zhang] = await neighbours("李", "王", "张");
  const { campaignId } = await campaign({ unitsPerStore: 8, perMemberLimit: 5 });
  const first = await formedTeam(li!, campaignId);
  const second = await formedTeam(zhang!, campaignId);
  expect(refusal(await join(li!, first.teamId))).toEqual({ status: 409, code: "TEAM_OWN" });
  expect(refusal(await open(li!, campaignId))).toEqual({
    status: 409,
    code: "TEAM_OTHER_JOINED",
    facts: { orderId: first.orderId, teamId: first.teamId },
  });

  const held: Seat = await made(join(wang!, first.teamId));
  const facts = { orderId: held.orderId, teamId: first.teamId };
  const unpaid = { status: 409, code: "ORDER_UNPAID", facts };
  expect(refusal(await join(wang!, first.teamId))).toEqual(unpaid);
  expect(refusal(await join(wang!, second.teamId))).toEqual(unpaid);
  expect(refusal(await open(wang!, campaignId))).toEqual(unpaid);
  await pay(wang!, held);
  expect(refusal(await join(wang!, first.teamId))).toEqual({ status: 409, code: "TEAM_ALREADY_JOINED", facts });
  expect(refusal(await join(wang!, second.teamId))).toEqual({ status: 409, code: "TEAM_OTHER_JOINED", facts });
  expect(refusal(await open(wang!, campaignId))).toEqual({ status: 409, code: "TEAM_OTHER_JOINED", facts });
  expect(await team(second.teamId)).toMatchObject({ paid: 1, remainingInvites: 3 });
  await recount();
});

test("the limit a member counts what is held and paid over all teams, and gives back what was refunded", async () => {
  const [li, wang, zhang] = await neighbours("赵", "钱", "孙");
  const { campaignId } = await campaign({ unitsPerStore: 10, perMemberLimit: 3, invitesRequired: 1 });
  const first = await formedTeam(li!, campaignId);
  const second = await formedTeam(zhang!, campaignId);
  const over = (counted: number) => ({ status: 409, code: "UNITS_LIMIT", facts: { limit: 3, counted } });
  expect(refusal(await join(wang!, first.teamId, { units: 4 }))).toEqual(over(0));
  await paidSeat(wang!, first.teamId, { units: 2 });
  expect(await team(first.teamId)).toMatchObject({ state: "SUCCEEDED" });
  expect(refusal(await join(wang!, second.teamId, { units: 2 }))).toEqual(over(2));
  const own = await formedTeam(wang!, campaignId, { units: 1 });
  await departure(wang!, own);
  await pass(2 * minute);
  expect(await order(wang!, own.orderId)).toMatchObject({ seat: "REFUNDED" });
  expect(refusal(await join(wang!, second.teamId, { units: 2 }))).toEqual(over(2));
  await paidSeat(wang!, second.teamId, { units: 1 });
  expect(refusal(await open(wang!, campaignId))).toEqual(over(3));
  await recount();
});

test("a link shared before the end leads to the ended team and on to a team of one's own, never into the dead one", async () => {
  const [li, wang, zhang] = await neighbours("周", "吴", "郑");
  const { campaignId } = await campaign({ unitsPerStore: 6, invitesRequired: 1, durationMinutes: 60 });
  const dead = await formedTeam(li!, campaignId);
  const { token } = await made(li!.post(`/v1/teams/${dead.teamId}/shares`));
  await passTo(Date.parse((await team(dead.teamId)).deadline) + 3 * minute + 1_000);
  await pass(2 * minute);

  const touched = await made(wang!.post(`/v1/shares/${token}/touches`));
  expect(touched.team).toMatchObject({ teamId: dead.teamId, campaignId, state: "FAILED", remainingInvites: 0 });
  const answer = await join(wang!, dead.teamId, { shareToken: token });
  expect(refusal(answer)).toEqual({ status: 409, code: "TEAM_CLOSED", facts: { campaignId } });
  expect(answer.body.title).toBe("该团已结束,您可以自己开团");
  const own = await formedTeam(wang!, campaignId, { shareToken: token });
  expect(own.teamId).not.toBe(dead.teamId);
  await paidSeat(zhang!, own.teamId);
  expect(refusal(await join(li!, own.teamId))).toEqual({ status: 409, code: "TEAM_FULL", facts: { campaignId } });
  expect(await team(dead.teamId)).toMatchObject({ state: "FAILED", paid: 1 });
  expect(refusal(await join(li!, dead.teamId, { shareToken: "0".repeat(16) }))).toMatchObject({ code: "TEAM_CLOSED" });
  expect(refusal(await wang!.post(`/v1/shares/${"0".repeat(16)}/touches`))).toEqual({
    status: 404,
    code: "SHARE_NOT_FOUND",
  });
  await recount();
});

test("a campaign for communities lets neighbours of the leader's in, and offers others a team of their own", async () => {
  const [li, wang, zhang] = await neighbours("冯", "陈", "褚");
  const { campaignId } = await campaign({ unitsPerStore: 6, admits: "community" });
  const found = (name: string) =>
    made(ops.post("/ops/v1/communities", { storeId: stores[0]!, name, kind: "neighbourhood" }));
  const [ours, theirs] = [await found("淮海坊"), await found("永嘉新村")];
  for (const [who, community] of [
    [li!, ours],
    [wang!, ours],
    [zhang!, theirs],
  ] as const)
    await made(who.post(`/v1/communities/${community.communityId}/membership`));

  expect(refusal(await open(li!, campaignId))).toEqual({ status: 422, code: "INPUT_INVALID" });
  const refused = { status: 403, code: "NOT_ADMITTED_COMMUNITY" };
  expect(refusal(await open(li!, campaignId, { communityId: theirs.communityId }))).toEqual(refused);
  const lead = await formedTeam(li!, campaignId, { communityId: ours.communityId });
  await paidSeat(wang!, lead.teamId);
  expect(refusal(await join(zhang!, lead.teamId))).toEqual({ ...refused, facts: { campaignId } });
  await formedTeam(zhang!, campaignId, { communityId: theirs.communityId });
  expect(await team(lead.teamId)).toMatchObject({ admits: "community", paid: 2, remainingInvites: 2 });
  await recount();
});

test("a campaign for a store's range lets in who is served by the leader's store", async () => {
  const [li, wang, zhang] = await neighbours("卫", "蒋", "沈");
  const { campaignId } = await campaign({ unitsPerStore: 6, admits: "store" });
  const lead = await formedTeam(li!, campaignId);
  expect(lead.storeId).toBe(stores[0]);
  expect(refusal(await join(wang!, lead.teamId, eastward))).toEqual({
    status: 403,
    code: "NOT_ADMITTED_STORE",
    facts: { campaignId },
  });
  expect((await formedTeam(wang!, campaignId, eastward)).storeId).toBe(stores[1]);
  await paidSeat(zhang!, lead.teamId, { ...eastward, storeId: stores[0] });
  expect(await team(lead.teamId)).toMatchObject({ paid: 2, remainingInvites: 2 });
  await recount();
});

test("a campaign for new customers lets those in who never paid; who did may open a team and bring them", async () => {
  const { campaignId: earlier } = await campaign({ unitsPerStore: 4 });
  const { campaignId } = await campaign({ unitsPerStore: 6, admits: "new" });
  const [li, wang, zhang] = await neighbours("韩", "杨", "朱");
  await formedTeam(li!, earlier);
  const paidOnce = await formedTeam(wang!, earlier);
  const lead = await formedTeam(li!, campaignId);
  expect(refusal(await join(wang!, lead.teamId))).toEqual({
    status: 403,
    code: "NOT_ADMITTED_NEW",
    facts: { campaignId },
  });
  // having the money back does not make anybody new
  await departure(wang!, paidOnce);
  await pass(2 * minute);
  expect(refusal(await join(wang!, lead.teamId))).toMatchObject({ code: "NOT_ADMITTED_NEW" });
  await formedTeam(wang!, campaignId);
  await paidSeat(zhang!, lead.teamId);
  expect(await team(lead.teamId)).toMatchObject({ paid: 2 });
  await recount();
});

test("joining ends a minute and a half before the deadline, opening as long before the hard end", async () => {
  const [li, wang, zhang, chen] = await neighbours("秦", "尤", "许", "何");
  const { campaignId } = await campaign({
    unitsPerStore: 6,
    durationMinutes: 60,
    at: { closesAt: 2 * hour, hardEnd: 2 * hour },
  });
  const lead = await formedTeam(li!, campaignId);
  const { deadline, joinUntil, hardEnd } = await team(lead.teamId);
  expect(Date.parse(joinUntil)).toBe(Date.parse(deadline) - 90_000);
  await passTo(Date.parse(deadline) - 5 * minute);
  const held: Seat = await made(join(wang!, lead.teamId));
  expect(held.holdUntil).toBe(deadline);
  await passTo(Date.parse(joinUntil) + 1_000);
  expect(refusal(await join(zhang!, lead.teamId))).toEqual({
    status: 409,
    code: "TEAM_CLOSING",
    facts: { campaignId },
  });

  await passTo(Date.parse(hardEnd) - 5 * minute);
  const late: Seat = await made(open(chen!, campaignId));
  expect(late.holdUntil).toBe(hardEnd);
  await pay(chen!, late);
  expect(await team(late.teamId)).toMatchObject({ state: "FORMING", deadline: hardEnd });
  await passTo(Date.parse(hardEnd) - 89_000);
  expect(refusal(await open(zhang!, campaignId))).toEqual({
    status: 409,
    code: "CAMPAIGN_NOT_OPEN",
    facts: { campaignId },
  });
  expect(clock.now()).toBeLessThan(Date.parse(hardEnd));
  await pass(10 * minute);
  await pass(2 * minute);
  for (const { teamId } of [lead, late])
    expect(await team(teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  await recount();
});

test("a campaign that is a draft, not open yet, over or unknown is refused as such, and so is a team that never was", async () => {
  const li = await neighbour("吕");
  const unknown = { status: 404, code: "CAMPAIGN_NOT_FOUND" };
  const draft = await campaign({ unitsPerStore: 4, publish: false });
  expect(refusal(await open(li, draft.campaignId))).toEqual(unknown);
  expect(refusal(await li.get(`/v1/campaigns/${draft.campaignId}`))).toEqual(unknown);
  const soon = await campaign({ unitsPerStore: 4, at: { opensAt: hour, closesAt: 2 * hour } });
  const notOpen = { status: 409, code: "CAMPAIGN_NOT_OPEN", facts: { campaignId: soon.campaignId } };
  expect(refusal(await open(li, soon.campaignId))).toEqual(notOpen);
  await pass(hour + minute);
  expect((await open(li, soon.campaignId)).status).toBe(201);
  await pass(hour);
  expect(refusal(await open(await neighbour("施"), soon.campaignId))).toEqual(notOpen);
  const nowhere = (id: string) => `${id.slice(0, -4)}0000`;
  expect(refusal(await open(li, nowhere(draft.campaignId)))).toEqual(unknown);
  const lead = await formedTeam(await neighbour("张三"), (await campaign({ unitsPerStore: 4 })).campaignId);
  expect(refusal(await join(li, nowhere(lead.teamId)))).toEqual({ status: 404, code: "TEAM_NOT_FOUND" });
  await recount();
});
