import { expect, test } from "vitest";
import { type Neighbour, openWorld, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 1_000 });
const { ops, made, neighbours, campaign, formedTeam, paidSeat, money, casesOf, local, events } = world;
const { pass, passTo, recount } = world;
const { minute, hour, day } = world.times;
const settlement = async (seat: Seat) => (await money(seat.orderId)).settlement;

/** Two neighbours' seats of a team that succeeded and may be collected now. */
async function readyPair(...names: [string, string]): Promise<[Neighbour, Seat, Neighbour, Seat]> {
  const [one, two] = (await neighbours(...names)) as [Neighbour, Neighbour];
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const first = await formedTeam(one, campaignId);
  const second = await paidSeat(two, first.teamId);
  const { pickupFrom } = await made(one.get(`/v1/orders/${first.orderId}`));
  if (Date.parse(pickupFrom) > world.clock.now()) await passTo(pickupFrom);
  return [one, first, two, second];
}
async function collected(who: Neighbour, seat: Seat): Promise<void> {
  const { code } = await made(who.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
  await world.platform.idle();
}

test("money is frozen until the goods are handed over, the channel was told, and its two days are over", async () => {
  const [wang, seat, , other] = await readyPair("王", "李");
  expect(await settlement(seat)).toEqual({ state: "frozen", mustAct: "store" });
  await local("wechat/outage", { on: true });
  await collected(wang, seat);
  expect(await settlement(seat)).toEqual({ state: "frozen", mustAct: "system" });
  await local("wechat/outage", { on: false });
  await pass(11 * minute);
  await pass(10 * minute);
  expect(await settlement(seat)).toEqual({ state: "frozen", mustAct: "channel" });
  await pass(2 * day + hour);
  await pass(10 * minute);
  expect(await settlement(seat)).toEqual({ state: "released" });
  expect(await settlement(other)).toEqual({ state: "frozen", mustAct: "store" });
  expect((await events("order.money_released")).map(({ data }) => data.orderId)).toEqual([seat.orderId]);
  await recount();
});

test("money that the channel keeps is late after four days: a case of finance, once, and released once it lets go", async () => {
  const [zhao, seat] = await readyPair("赵", "钱");
  const paymentNo = `${seat.orderId}01`;
  await local("wechat/settlement-plan", { paymentNo, held: true });
  await collected(zhao, seat);
  await pass(3 * day);
  await pass(10 * minute);
  expect(await settlement(seat)).toEqual({ state: "frozen", mustAct: "channel" });
  await pass(2 * day);
  await pass(10 * minute);
  expect(await settlement(seat)).toEqual({ state: "late", mustAct: "finance" });
  expect(await casesOf(paymentNo)).toMatchObject([{ reason: "settlement_late", owner: "finance" }]);
  await pass(day);
  await pass(10 * minute);
  expect(await casesOf(paymentNo)).toHaveLength(1);
  await local("wechat/settlement-plan", { paymentNo, held: false });
  await pass(day);
  await pass(10 * minute);
  expect(await settlement(seat)).toEqual({ state: "released" });
  await recount();
});
