import { expect, test } from "vitest";
import { day, dayOf } from "../../shared/kernel/time.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld({ stores: 3 });
const { neighbours, open, order, made, rows, recount, ops, stores, here, clock } = world;
const [first, second, third] = stores as [string, string, string];
const routedOf = async (orderId: string) =>
  ((await rows()).get("Order") ?? []).find((o) => o.orderId === orderId)?.routed as Record<string, unknown>;

/** Says something of a store anew, as staff do: the whole of it, from the version that was read. */
async function change(storeId: string, more: object): Promise<void> {
  const { items } = await made(ops.get("/ops/v1/stores?limit=50"));
  const { code, name, address, point, radiusM, area, hours, specialDays, version } = items.find(
    (store: { storeId: string }) => store.storeId === storeId,
  );
  const body = { code, name, address, point, radiusM, area, hours, specialDays, ...more, version };
  await made(ops.put(`/ops/v1/stores/${storeId}`, body));
  clock.advance(31_000); // functions that run keep the chain's stores half a minute
}
/** Every day on which the goods of a campaign may be fetched, and more. */
const closedFor = (days: number) =>
  Array.from({ length: days }, (_, i) => ({ date: dayOf(clock.now() + i * day), hours: [], name: "春节" }));

test("the nearest store keeps a holiday while the goods wait: the next one serves, and the member reads why", async () => {
  const [li, wang, zhang] = await neighbours("李", "王", "张");
  const { campaignId } = await world.campaign({ unitsPerStore: 6 });
  await change(first, { specialDays: closedFor(60) });
  const seat = await made(open(li!, campaignId));
  expect(seat.storeId).toBe(second);
  expect(seat.why).toContain("提货时段不营业");
  expect((await order(li!, seat.orderId)).store).toMatchObject({ storeId: second });
  expect(await routedOf(seat.orderId)).toMatchObject({ passed: [{ storeId: first, why: "closed" }] });
  expect((await made(li!.get(`/v1/stores/${first}`))).specialDays).toHaveLength(60);
  expect(refusal(await open(zhang!, campaignId, { storeId: first }))).toMatchObject({
    code: "STORE_NOT_ABLE",
    facts: { why: "closed" },
  });

  // one day of other hours is no holiday: the store serves, and its hours tell of that day
  await change(first, { specialDays: [{ date: dayOf(clock.now()), hours: [{ opens: 600, closes: 1440 }] }] });
  const offers = await made(wang!.post("/v1/store-offers", { campaignId, place: here }));
  expect(offers.items.map((o: { storeId: string }) => o.storeId)).toEqual([first, second, third]);
  expect((await made(open(wang!, campaignId))).storeId).toBe(first);
  await recount();
});

test("a member within the radius but outside the area of the nearest store is served by the next one", async () => {
  const [chen, zhao] = await neighbours("陈", "赵");
  const { campaignId } = await world.campaign({ unitsPerStore: 6 });
  const corners = (south: number, north: number) => [
    { lat: here.lat + south, lng: here.lng - 0.02 },
    { lat: here.lat + south, lng: here.lng + 0.02 },
    { lat: here.lat + north, lng: here.lng + 0.02 },
    { lat: here.lat + north, lng: here.lng - 0.02 },
  ];
  // the member stands at the door, south of what the store serves across the creek
  await change(first, { area: { datum: "wgs84", rings: [corners(0.001, 0.02)] } });
  const seat = await made(open(chen!, campaignId));
  expect(seat.storeId).toBe(second);
  expect(seat.why).toContain("超出服务范围");
  expect(await routedOf(seat.orderId)).toMatchObject({ passed: [{ storeId: first, why: "out_of_range" }] });
  const across = await made(open(zhao!, campaignId, { place: { ...here, lat: here.lat + 0.004 } }));
  expect(across.storeId).toBe(first);
  await recount();
});
