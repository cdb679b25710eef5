import { expect, test } from "vitest";
import { dayOf } from "../../shared/kernel/time.ts";
import { openWorld, type Seat } from "./world.ts";

const world = await openWorld();
const { ops, made, stores, campaign, open, pay, neighbour, recount } = world;
const [first, second] = stores as [string, string];

test("a store is opened by its address alone, which the map finds", async () => {
  const hours = [{ weekday: 0, opens: 480, closes: 1320 }];
  const store = { name: "鲜邻优选·田子坊店", address: "上海市黄浦区泰康路210弄", radiusM: 3000, hours };
  const { point, storeId } = await made(ops.post("/ops/v1/stores", store));
  expect(point).toMatchObject({ datum: "wgs84", lat: expect.closeTo(31.21, 2), lng: expect.closeTo(121.465, 2) });
  const shown = await made(world.call("GET", `/v1/stores/${storeId}`));
  expect(shown).toMatchObject({ address: store.address, point: { datum: "gcj02" } });
});

test("a store taken out of a draft's plan gives no units, and the day's orders are the other one's", async () => {
  const { campaignId } = await campaign({ publish: false });
  const plan = (allotments: { storeId: string; units: number }[]) =>
    made(ops.post(`/ops/v1/campaigns/${campaignId}/allotments`, { allotments }));
  await plan([
    { storeId: first, units: 0 },
    { storeId: second, units: 7 },
  ]);
  const planned = async () => (await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).allotments;
  expect(await planned()).toMatchObject([{ storeId: second, units: 7 }]);
  await made(ops.post(`/ops/v1/campaigns/${campaignId}/publication`));
  await world.platform.idle();
  expect(await planned()).toMatchObject([{ storeId: second, left: 7 }]);

  const li = await neighbour("李");
  const seat: Seat = await made(open(li, campaignId));
  await pay(li, seat);
  const ordersOf = async (storeId: string) =>
    (await made(ops.get(`/ops/v1/stores/${storeId}/orders?day=${dayOf(world.clock.now())}`))).items;
  expect(await ordersOf(first)).toEqual([]);
  expect(await ordersOf(second)).toMatchObject([{ orderId: seat.orderId, seat: "PAID" }]);
  await recount();
});
