import { expect, test } from "vitest";
import { toGcj02 } from "../../shared/kernel/geo.ts";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ stores: 3 });
const { neighbours, open, join, formedTeam, order, made, ops, rows, recount, local, unitsLeft, stores, here } = world;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 6, ...more });
const [first, second, third] = stores as [string, string, string];

/** How an order was routed, as it is kept. */
const routedOf = async (orderId: string) =>
  ((await rows()).get("Order") ?? []).find((o) => o.orderId === orderId)?.routed as Record<string, unknown>;
const ordersAndPayments = async () => [(await rows()).get("Order")?.length ?? 0, (await world.book()).payments.length];
/** Far from every store of the neighbourhood, and from other stories: each has its own. */
const away = (lat: number, lng: number) => ({ ...here, lat, lng });

test("the nearest store is sold out: the next one in range serves and says why; when none is left, nothing is asked to be paid", async () => {
  const [li, wang, zhang, chen] = await neighbours("李", "王", "张", "陈");
  const { campaignId } = await campaign({ invitesRequired: 9, perMemberLimit: 6 });
  const lead = await formedTeam(li!, campaignId, { units: 5 });
  expect(lead.storeId).toBe(first);
  // two units are wanted, one is left in the nearest store: they are not split over two stores
  const next = await made(join(wang!, lead.teamId, { units: 2 }));
  expect(next.storeId).toBe(second);
  expect(next.why).toContain("库存不足");
  expect((await order(wang!, next.orderId)).store).toMatchObject({ storeId: second });
  expect(await routedOf(next.orderId)).toMatchObject({ by: "nearest", passed: [{ storeId: first, why: "no_stock" }] });
  await made(join(zhang!, lead.teamId, { units: 6 }));
  expect(await unitsLeft(campaignId)).toEqual([1, 4, 0]);

  const before = await ordersAndPayments();
  const units = { units: 5 };
  const soldOut = { status: 409, code: "SOLD_OUT", facts: { campaignId } };
  expect(refusal(await join(chen!, lead.teamId, units))).toEqual(soldOut);
  expect(refusal(await open(chen!, campaignId, units))).toEqual(soldOut);
  expect(await ordersAndPayments()).toEqual(before);
  expect(await unitsLeft(campaignId)).toEqual([1, 4, 0]);
  await recount();
});

test("a member picks one of the stores offered; one that was not is refused with the reason", async () => {
  const [zhao, qian, sun] = await neighbours("赵", "钱", "孙");
  const { campaignId } = await campaign({ perMemberLimit: 6 });
  const offers = await made(zhao!.post("/v1/store-offers", { campaignId, place: here }));
  expect(offers.items.map((o: { storeId: string }) => o.storeId)).toEqual([first, second, third]);
  const distances = offers.items.map((o: { distanceM: number }) => o.distanceM);
  expect(distances).toEqual([...distances].sort((a, b) => a - b));
  const lead = await formedTeam(zhao!, campaignId, { storeId: third });
  expect(lead.storeId).toBe(third);
  expect(await routedOf(lead.orderId)).toMatchObject({ by: "picked" });

  await made(join(qian!, lead.teamId, { units: 6, storeId: second }));
  expect(refusal(await join(sun!, lead.teamId, { storeId: second }))).toMatchObject({
    status: 409,
    code: "STORE_NOT_ABLE",
    facts: { storeId: second, why: "no_stock" },
  });
  const left = await made(sun!.post("/v1/store-offers", { campaignId, place: here }));
  expect(left.items.map((o: { storeId: string }) => o.storeId)).toEqual([first, third]);
  expect(refusal(await join(sun!, lead.teamId, { storeId: `ST${first.slice(2, -4)}ZZZZ` }))).toMatchObject({
    code: "STORE_NOT_FOUND",
  });
  expect(refusal(await join(sun!, lead.teamId, { fulfilment: "delivery" }))).toMatchObject({
    code: "DELIVERY_NOT_OFFERED",
  });
  await recount();
});

test("nobody is in range, or the address is none: each is refused with its own code before anything is held", async () => {
  const [zhou] = await neighbours("周");
  const { campaignId } = await campaign();
  const before = await ordersAndPayments();
  const beijing = { lat: 39.9042, lng: 116.4074, datum: "wgs84" };
  const refused = await open(zhou!, campaignId, { place: beijing });
  expect(refusal(refused)).toMatchObject({ status: 422, code: "NO_STORE_IN_RANGE", facts: { why: "out_of_range" } });
  expect(refused.body.facts.distanceM).toBeGreaterThan(1_000_000);
  expect(refusal(await open(zhou!, campaignId, { place: { address: "不存在的地方啊啊啊" } }))).toMatchObject({
    status: 422,
    code: "ADDRESS_NOT_FOUND",
  });
  for (const place of [
    { lat: 0, lng: 0, datum: "wgs84" },
    { lat: here.lng, lng: here.lat, datum: "wgs84" },
    { lat: here.lat, lng: here.lng },
    { lat: here.lat, lng: here.lng, datum: "bd09" },
  ])
    expect(refusal(await open(zhou!, campaignId, { place }))).toMatchObject({ status: 422, code: "INPUT_INVALID" });
  expect(await ordersAndPayments()).toEqual(before);

  const found = await made(open(zhou!, campaignId, { place: { address: "上海市黄浦区西藏中路100号" } }));
  expect(found.storeId).toBe(first);
  await recount();
});

test("Amazon Location is out: a point is routed by straight lines, and says so; an address is asked for again", async () => {
  const [wu, zheng] = await neighbours("吴", "郑");
  const { campaignId } = await campaign();
  await local("location/faults", { fault: "outage" });
  const place = away(31.2204, 121.4837);
  const seat = await made(open(wu!, campaignId, { place }));
  expect(seat.storeId).toBe(second);
  expect(seat.why).toContain("按直线估算");
  expect(await routedOf(seat.orderId)).toMatchObject({ method: "great_circle" });
  expect(await routedOf(seat.orderId)).not.toHaveProperty("durationS");
  expect(refusal(await open(zheng!, campaignId, { place: { address: "上海市黄浦区西藏中路100号" } }))).toMatchObject({
    status: 503,
    code: "TRY_AGAIN",
  });
  await local("location/faults", { fault: "none" });
  const later = await made(open(zheng!, campaignId, { place }));
  expect(later).toMatchObject({ storeId: second });
  expect(await routedOf(later.orderId)).toMatchObject({ method: "matrix", durationS: expect.any(Number) });
  await recount();
});

test("the same spot in gcj02 and in wgs84 is served alike; the bare numbers under the wrong datum would go elsewhere", async () => {
  const [feng, chu, wei] = await neighbours("冯", "褚", "卫");
  const { campaignId } = await campaign();
  // a little west of the middle between the first two stores: 480 m further east it would be the second one's
  const spot = away(here.lat, here.lng + 0.0035);
  const asGcj02 = toGcj02(spot);
  const one = await made(open(feng!, campaignId, { place: spot }));
  const two = await made(open(chu!, campaignId, { place: asGcj02 }));
  const wrong = await made(open(wei!, campaignId, { place: { ...asGcj02, datum: "wgs84" } }));
  expect([one.storeId, two.storeId, wrong.storeId]).toEqual([first, first, second]);
  const [a, b] = [await routedOf(one.orderId), await routedOf(two.orderId)];
  expect({ cell: b.cell, distanceM: b.distanceM }).toEqual({ cell: a.cell, distanceM: a.distanceM });
  await recount();
});

test("two stores are equally far: every neighbour gets the same one, with Amazon Location and without", async () => {
  const corner = { lat: 31.2989, lng: 121.5075 };
  const twins = [await world.newStore(corner), await world.newStore(corner)].sort();
  const [jiang, shen, han, yang] = await neighbours("蒋", "沈", "韩", "杨");
  const { campaignId } = await campaign();
  const place = away(corner.lat + 0.004, corner.lng + 0.003);
  const served = [];
  await local("location/faults", { fault: "outage" });
  for (const who of [jiang!, shen!]) served.push(await made(open(who, campaignId, { place })));
  await local("location/faults", { fault: "none" });
  for (const who of [han!, yang!]) served.push(await made(open(who, campaignId, { place })));
  expect(served.map((s) => s.storeId)).toEqual(Array(4).fill(twins[0]));
  const methods = await Promise.all(served.map(async (s) => (await routedOf(s.orderId)).method));
  expect(methods).toEqual(["great_circle", "great_circle", "matrix", "cache"]);
  await recount();
});

test("a store whose slots are all taken is passed over, and the order goes to the next one that brings it in time", async () => {
  const [near = "", next = ""] = world.stores;
  const [zhao] = (await world.neighbours("赵")) as [Neighbour];
  const because = { reason: "试运行" };
  const windows = (capacity: number) =>
    [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, from: 18 * 60, until: 20 * 60, capacity, leadMinutes: 60 }));
  for (const [storeId, capacity] of [
    [near, 1],
    [next, 5],
  ] as const)
    await made(
      ops.put(`/ops/v1/stores/${storeId}/slot-plan`, {
        delivery: { daysAhead: 0, windows: windows(capacity) },
        version: 0,
        ...because,
      }),
    );
  const rules = { baseFen: 300, baseDistanceM: 3000, perKmFen: 100, baseGrams: 2000, perKgFen: 100, peaks: [] };
  const limits = { freeOverFen: 99_000, maxDistanceM: 10_000, maxGrams: 20_000 };
  await made(ops.put("/ops/v1/delivery-fees", { rules: { ...rules, ...limits }, version: 0, ...because }));
  const home = { name: "赵", phone: "13912345678", address: "人民大道200号", point: world.here };
  const { addressId } = await made(zhao.post("/v1/me/addresses", home));
  const wanted = { lines: [{ articleId: world.articleId, units: 1 }], fulfilment: "delivery", addressId };
  const quote = () => made(zhao.post("/v1/cart/quotes", wanted));
  const first = await quote();
  expect(first.storeId).toBe(near);
  await made(zhao.post("/v1/orders", { ...wanted, storeId: near, slotId: first.slots[0].slotId }));
  const second = await quote();
  expect(second).toMatchObject({ storeId: next, slots: [{ left: 5 }] });
  expect(second.why).toContain("时段已约满");
});
