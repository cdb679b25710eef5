import { expect, test } from "vitest";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, open, join, formedTeam, paidSeat, pay, payAtChannel, made, order, team, recount } = world;
const { pass, passTo, ops, articleId, unitsLeft, unitsOnline } = world;
const { minute, hour } = world.times;

const steer = (campaignId: string, how: "suspension" | "resumption" | "cancellation") =>
  ops.post(`/ops/v1/campaigns/${campaignId}/${how}`, { reason: "供应商来函" });

test("a suspended campaign takes no new teams and no joins while its teams run on; cancelled, its forming teams are refunded", async () => {
  const [li, wang, zhang, chen, zhao, qian, sun] = await neighbours("李", "王", "张", "陈", "赵", "钱", "孙");
  const online = await unitsOnline();
  const { campaignId } = await campaign({ unitsPerStore: 20, invitesRequired: 1 });
  const done = await formedTeam(li!, campaignId);
  await paidSeat(wang!, done.teamId);
  const live = await formedTeam(zhang!, campaignId);
  const held: Seat = await made(join(chen!, live.teamId));
  const opening: Seat = await made(open(zhao!, campaignId));

  expect((await made(steer(campaignId, "suspension"))).state).toBe("SUSPENDED");
  const suspended = { status: 409, code: "CAMPAIGN_SUSPENDED" };
  expect(refusal(await open(qian!, campaignId))).toEqual(suspended);
  await pay(zhao!, opening);
  expect(await team(opening.teamId)).toMatchObject({ state: "FORMING", paid: 1 });
  expect(refusal(await join(qian!, opening.teamId))).toEqual(suspended);
  await pay(chen!, held);
  expect(await team(live.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  expect(refusal(await steer(campaignId, "suspension"))).toEqual({ status: 409, code: "CAMPAIGN_STATE" });

  expect((await made(steer(campaignId, "resumption"))).state).toBe("OPEN");
  const unpaid: Seat = await made(join(qian!, opening.teamId));
  const unseen: Seat = await made(open(sun!, campaignId));
  // one payment is at the channel, unheard of, as the campaign is cancelled
  const { paymentNo } = await made(qian!.post(`/v1/orders/${unpaid.orderId}/payment`));
  await world.local("wechat/plan", { paymentNo, notify: [{ delay: minute }] });
  await payAtChannel(qian!, unpaid.orderId);

  expect((await made(steer(campaignId, "cancellation"))).state).toBe("CANCELLED");
  await world.platform.idle(30_000);
  expect(await team(opening.teamId)).toMatchObject({ state: "FAILED", outcome: "ops" });
  expect(await team(unseen.teamId)).toMatchObject({ state: "ABANDONED" });
  for (const { teamId } of [done, live]) expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  expect(refusal(await join(sun!, opening.teamId))).toMatchObject({ status: 409 });
  expect(refusal(await open(wang!, campaignId))).toEqual({
    status: 409,
    code: "CAMPAIGN_NOT_OPEN",
    facts: { campaignId },
  });
  expect(refusal(await sun!.post(`/v1/orders/${unseen.orderId}/payment`))).toEqual({
    status: 409,
    code: "TEAM_CLOSED",
    facts: { campaignId },
  });

  await pass(2 * minute); // the late notification comes
  await pass(20 * minute); // the last hold runs out
  await pass(2 * minute);
  expect(await order(zhao!, opening.orderId)).toMatchObject({ seat: "REFUNDED", refunds: [{ cause: "team_failed" }] });
  expect(await order(qian!, unpaid.orderId)).toMatchObject({
    seat: "RELEASED",
    payment: { state: "REFUNDED", disposition: "ORPHAN" },
    refunds: [{ cause: "orphan", refundFen: 800, state: "SUCCESS" }],
  });
  expect(await order(sun!, unseen.orderId)).toMatchObject({ seat: "RELEASED", refunds: [] });
  for (const [who, seat] of [
    [li!, done],
    [zhang!, live],
    [chen!, held],
  ] as const)
    expect(await order(who, seat.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [] });
  // four units are sold; all others are back in the stores
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  const sold = (units: number[]) => units.reduce((a, b) => a + b);
  expect(sold(online) - sold(await unitsOnline())).toBe(4);
  await recount();
});

test("a live team keeps its price, size and deadline though article and campaign are changed under it", async () => {
  const [li, wang, zhang, chen] = await neighbours("周", "吴", "郑", "冯");
  const { campaignId } = await campaign({ unitsPerStore: 10, invitesRequired: 1, durationMinutes: 60 });
  const lead = await formedTeam(li!, campaignId);
  const before = await team(lead.teamId);

  const { items } = await made(ops.get("/ops/v1/articles"));
  const { version } = items.find((one: { articleId: string }) => one.articleId === articleId);
  const facts = { name: "本地有机青菜", category: "蔬菜", unit: "500g", perishable: true };
  await made(ops.put(`/ops/v1/articles/${articleId}`, { ...facts, priceFen: 2000, costFen: 600, version }));
  const published = (await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign;
  const change = { shareBps: 9500, invitesRequired: 4, durationMinutes: 120, perMemberLimit: 1 };
  const edited = await made(
    ops.put(`/ops/v1/campaigns/${campaignId}`, { ...change, version: published.version, reason: "供应商调价" }),
  );
  expect(edited).toMatchObject({ ...change, teamFen: 950, aloneFen: 1000, state: "OPEN" });

  expect(await team(lead.teamId)).toEqual(before);
  const seat = await paidSeat(wang!, lead.teamId);
  expect(seat.payableFen).toBe(800);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", size: 2, deadline: before.deadline });

  const fresh = await formedTeam(zhang!, campaignId);
  expect(await team(fresh.teamId)).toMatchObject({ size: 5, teamFen: 950, aloneFen: 1000 });
  const joined: Seat = await made(join(chen!, fresh.teamId));
  expect(joined.payableFen).toBe(950);
  await recount();
});

test("teams opened before the campaign closes are joined and paid until their own deadline, or the hard end if that is first", async () => {
  const [li, wang, zhang, chen, zhao] = await neighbours("褚", "卫", "蒋", "沈", "韩");
  const online = await unitsOnline();
  const { campaignId } = await campaign({
    unitsPerStore: 10,
    invitesRequired: 1,
    durationMinutes: 120,
    at: { closesAt: 2 * hour, hardEnd: 3 * hour },
  });
  const stated = await made(li!.get(`/v1/campaigns/${campaignId}`));
  const early = await formedTeam(li!, campaignId);
  await pass(90 * minute);
  const late = await formedTeam(wang!, campaignId);
  const own = await formedTeam(zhao!, campaignId);
  const deadline = async (seat: Seat) => Date.parse((await team(seat.teamId)).deadline);
  expect(await deadline(early)).toBeLessThan(Date.parse(stated.hardEnd));
  expect(await deadline(late)).toBe(Date.parse(stated.hardEnd));

  await passTo(Date.parse(stated.closesAt) + minute);
  expect((await made(li!.get(`/v1/campaigns/${campaignId}`))).state).toBe("CUTOFF");
  expect(refusal(await open(zhang!, campaignId))).toMatchObject({ code: "CAMPAIGN_NOT_OPEN" });
  await passTo((await deadline(early)) + 4 * minute);
  expect(await team(early.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  await paidSeat(chen!, late.teamId);
  expect(await team(late.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });

  await passTo(Date.parse(stated.hardEnd) + 4 * minute);
  expect(await team(own.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  await pass(3 * minute);
  await pass(2 * minute);
  expect((await made(li!.get(`/v1/campaigns/${campaignId}`))).state).toBe("SETTLED");
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  const sold = (units: number[]) => units.reduce((a, b) => a + b);
  expect(sold(online) - sold(await unitsOnline())).toBe(2);
  await recount();
});
