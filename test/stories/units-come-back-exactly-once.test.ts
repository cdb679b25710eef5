import { beforeAll, expect, test } from "vitest";
import { givingBack, unitsGivenBack } from "../races/units.ts";
import { openWorld, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, formedTeam, paidSeat, join, order, team, pass, recount, made, platform } = world;
const { unitsLeft, unitsOnline, ops } = world;
const { minute, day } = world.times;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 10, ...more });
const cancel = (campaignId: string) =>
  made(ops.post(`/ops/v1/campaigns/${campaignId}/cancellation`, { reason: "产地缺货" }));

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

test.each(Object.entries(givingBack))("two give units back at the same moment: %s", async (_, rivals) => {
  expect(await unitsGivenBack(world, rivals, 2, 2)).toMatchObject({ rounds: 2, overlapped: 2 });
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
