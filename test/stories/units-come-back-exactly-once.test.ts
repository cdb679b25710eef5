import { beforeAll, expect, test } from "vitest";
import { openWorld, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, formedTeam, paidSeat, join, order, team, money, pass, recount, made, platform } = world;
const { unitsLeft, unitsOnline, ops } = world;
const { minute, day } = world.times;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 10, ...more });
const cancel = (campaignId: string) =>
  made(ops.post(`/ops/v1/campaigns/${campaignId}/cancellation`, { reason: "产地缺货" }));
const leave = (who: typeof ops, seat: { orderId: string }) => who.post(`/v1/orders/${seat.orderId}/departure`);

/** Holds two writers back until both stand before their commit of a row whose key begins so. */
const meet = (pkPrefix: string) =>
  platform.gateway.barrier({ count: 2, match: { action: "TransactWriteItems", pkPrefix }, timeoutMs: 8_000 });
/** Both were there: otherwise this was no race. */
const met = async (barrier: ReturnType<typeof meet>) => expect(await barrier.overlapped).toBe(2);

beforeAll(async () => {
  // every sweep runs once before the first race, so that none is late for want of a worker
  await pass(minute);
});

/** A team whose leader paid, and a second member with a seat of two units that is asked to be paid. */
const withHeldSeat = async (one: string, two: string, more: Parameters<typeof world.campaign>[0] = {}) => {
  const [leader, member] = await neighbours(one, two);
  const { campaignId } = await campaign(more);
  const lead = await formedTeam(leader!, campaignId);
  const seat: Seat = await made(join(member!, lead.teamId, { units: 2 }));
  await made(member!.post(`/v1/orders/${seat.orderId}/payment`));
  expect(await unitsLeft(campaignId)).toEqual([7, 10]);
  return { campaignId, leader: leader!, member: member!, lead, seat };
};

test("a hold runs out: its units are back once, however often the sweep comes", async () => {
  const { campaignId, member, seat } = await withHeldSeat("李", "王");
  for (let i = 0; i < 3; i++) await pass(19 * minute);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "RELEASED" });
  expect(await unitsLeft(campaignId)).toEqual([9, 10]);
  await recount();
  await cancel(campaignId);
  await pass(2 * minute);
});

test("a hold runs out in the moment its member leaves", async () => {
  const { campaignId, member, seat } = await withHeldSeat("赵", "钱");
  const race = meet(`ORDER#${seat.orderId}`);
  platform.clock.advance(19 * minute);
  const left = await leave(member, seat);
  await platform.idle();
  await met(race);
  expect(left).toMatchObject({ status: 200, body: { seat: "RELEASED" } });
  expect(await unitsLeft(campaignId)).toEqual([9, 10]);
  await recount();
  await cancel(campaignId);
  await pass(2 * minute);
});

test("a member leaves in the moment the campaign is cancelled: refunded once, units back once", async () => {
  const [sun, zhou] = await neighbours("孙", "周");
  const { campaignId } = await campaign();
  const online = await unitsOnline();
  const lead = await formedTeam(sun!, campaignId);
  const seat = await paidSeat(zhou!, lead.teamId, { units: 2 });
  const race = meet(`TEAM#${lead.teamId}`);
  const [left] = await Promise.all([leave(zhou!, seat), cancel(campaignId)]);
  await platform.idle();
  await met(race);
  expect([200, 409]).toContain(left.status);
  await pass(3 * minute);
  await pass(3 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "ops" });
  for (const { orderId } of [lead, seat])
    expect(await money(orderId)).toMatchObject({ balanceFen: 0, refunds: [{ state: "SUCCESS" }] });
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  expect(await unitsOnline()).toEqual([online[0]! + 10, online[1]! + 10]);
  await recount();
});

test("a hold runs out in the moment the cancelled campaign gives its units back to the store", async () => {
  const { campaignId, member, seat } = await withHeldSeat("吴", "郑");
  const online = await unitsOnline();
  const race = meet(`ALLOT#${campaignId}#${world.stores[0]}`);
  platform.clock.advance(19 * minute);
  await cancel(campaignId);
  await platform.idle();
  await met(race);
  await pass(3 * minute);
  await pass(3 * minute);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "RELEASED" });
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  expect(await unitsOnline()).toEqual([online[0]! + 10, online[1]! + 10]);
  await recount();
});

test("a member leaves in the moment the deadline fails the team", async () => {
  const [feng, chen] = await neighbours("冯", "陈");
  const { campaignId } = await campaign();
  const lead = await formedTeam(feng!, campaignId);
  const seat = await paidSeat(chen!, lead.teamId, { units: 2 });
  const race = meet(`TEAM#${lead.teamId}`);
  platform.clock.advance(day + 3 * minute);
  const left = await leave(chen!, seat);
  await platform.idle();
  await met(race);
  expect([200, 409]).toContain(left.status);
  await pass(3 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  for (const { orderId } of [lead, seat])
    expect(await money(orderId)).toMatchObject({ balanceFen: 0, refunds: [{ state: "SUCCESS" }] });
  expect(await unitsLeft(campaignId)).toEqual([10, 10]);
  await recount();
  await cancel(campaignId);
  await pass(2 * minute);
});

test("the deadline fails a team in the moment its campaign is cancelled", async () => {
  const [chu] = await neighbours("褚");
  const { campaignId } = await campaign();
  const online = await unitsOnline();
  const lead = await formedTeam(chu!, campaignId, { units: 2 });
  const race = meet(`TEAM#${lead.teamId}`);
  platform.clock.advance(day + 3 * minute);
  await cancel(campaignId);
  await platform.idle();
  await met(race);
  await pass(3 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED" });
  expect(await money(lead.orderId)).toMatchObject({ balanceFen: 0, refunds: [{ state: "SUCCESS" }] });
  expect(await unitsOnline()).toEqual([online[0]! + 10, online[1]! + 10]);
  await recount();
});

test("a hold and the deadline of its team run out together", async () => {
  const [wei, jiang] = await neighbours("卫", "蒋");
  const { campaignId } = await campaign();
  const lead = await formedTeam(wei!, campaignId);
  await pass(day - 5 * minute);
  const seat = await made(join(jiang!, lead.teamId, { units: 2 }));
  await made(jiang!.post(`/v1/orders/${seat.orderId}/payment`));
  const race = meet(`ORDER#${seat.orderId}`);
  await pass(9 * minute);
  await met(race);
  await pass(3 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  expect(await order(jiang!, seat.orderId)).toMatchObject({ seat: "RELEASED" });
  expect(await unitsLeft(campaignId)).toEqual([10, 10]);
  await recount();
  await cancel(campaignId);
  await pass(2 * minute);
});

test("a campaign ends: what nobody bought goes back to the stores, what was bought does not", async () => {
  const [shen, han] = await neighbours("沈", "韩");
  const online = await unitsOnline();
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const lead = await formedTeam(shen!, campaignId, { units: 2 });
  await paidSeat(han!, lead.teamId);
  expect(await unitsLeft(campaignId)).toEqual([7, 10]);
  await pass(5 * day + 6 * minute);
  await pass(minute);
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  expect(await unitsOnline()).toEqual([online[0]! - 3, online[1]!]);
  await recount();
});

test("six neighbours race for the last unit: one has it, the others are told, and leave no order and no payment", async () => {
  const [yang, zhu, ...six] = await neighbours("杨", "朱", "秦", "尤", "许", "何", "吕", "施");
  const { campaignId } = await campaign({ invitesRequired: 9, unitsPerStore: 5, perMemberLimit: 5 });
  const lead = await formedTeam(yang!, campaignId, { units: 5 });
  await paidSeat(zhu!, lead.teamId, { units: 4 });
  expect(await unitsLeft(campaignId)).toEqual([0, 1]);
  const race = platform.gateway.barrier({
    count: 4,
    match: { action: "TransactWriteItems", pkPrefix: `ALLOT#${campaignId}#${world.stores[1]}` },
    timeoutMs: 8_000,
  });
  const entities = ["Order", "Due", "PaymentAttempt", "Guard"] as const;
  const counted = async () => {
    const all = await world.rows();
    return Object.fromEntries(entities.map((entity) => [entity, all.get(entity)?.length ?? 0]));
  };
  const before = await counted();
  const payments = (await world.book()).payments.length;
  const answers = await Promise.all(six.map((who) => join(who, lead.teamId)));
  expect(await race.overlapped).toBe(4);
  expect(answers.map((a) => a.status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  for (const { status, body } of answers) if (status === 409) expect(body).toMatchObject({ code: "SOLD_OUT" });
  await platform.idle();
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  // one order, its hold's due row, its member's guard: the winner's
  expect(await counted()).toEqual({
    ...before,
    Order: before.Order! + 1,
    Due: before.Due! + 1,
    Guard: before.Guard! + 1,
  });
  expect((await world.book()).payments).toHaveLength(payments);
  for (const [i, who] of six.entries())
    expect((await made(who.get("/v1/orders"))).items).toHaveLength(answers[i]!.status === 201 ? 1 : 0);
  expect(await team(lead.teamId)).toMatchObject({ paid: 2, remainingInvites: 7 });
  await recount();
});
