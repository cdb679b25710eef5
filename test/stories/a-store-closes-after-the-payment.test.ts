import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ stores: 3, unitsPerStore: 30 });
const { made, neighbours, ops, staff, recount, unfinished, pass, pay, money, stores, articleId, order } = world;
const { minute, hour } = world.times;
const [near = "", next = "", far = ""] = stores;
const [wang, li, zhao] = (await neighbours("王", "李", "赵")) as [Neighbour, Neighbour, Neighbour];
const tills = new Map(
  await Promise.all(stores.map(async (id, i) => [id, await staff(`till-${i + 1}`, ["store_staff"], [id])] as const)),
);
const because = { reason: "停电抢修" };

const ordered = async (who: Neighbour, units: number) => {
  const placed = await made(who.post("/v1/orders", { lines: [{ articleId, units }], place: world.here }));
  await pay(who, placed);
  return placed;
};
const codeOf = async (who: Neighbour, orderId: string): Promise<string> =>
  (await made(who.post(`/v1/orders/${orderId}/pickup-code`))).code;
const scan = (storeId: string, code: string) => tills.get(storeId)!.post(`/ops/v1/stores/${storeId}/pickups`, { code });
const suspend = (storeId: string, suspended: boolean) =>
  made(ops.post(`/ops/v1/stores/${storeId}/suspension`, { suspended, ...because }));
const reroute = (orderId: string, more = {}) => ops.post(`/ops/v1/orders/${orderId}/reroute`, { ...because, ...more });
const online = () => world.unitsOnline();
const latest = async (who: Neighbour): Promise<string> => (await made(who.get("/v1/inbox"))).items[0].title;

test("the store closes before it has packed: the order goes to the next one with its units, and the code that is out opens nothing", async () => {
  const placed = await ordered(wang, 2);
  expect(placed.storeId).toBe(near);
  const old = await codeOf(wang, placed.orderId);
  expect(await online()).toEqual([28, 30, 30]);
  await suspend(near, true);
  // who orders meanwhile is served elsewhere
  const quote = await made(li.post("/v1/cart/quotes", { lines: [{ articleId, units: 1 }], place: world.here }));
  expect(quote.storeId).toBe(next);
  expect(await made(reroute(placed.orderId))).toMatchObject({ fromStoreId: near, storeId: next });
  await world.platform.idle();
  expect(await online()).toEqual([30, 28, 30]);
  expect(await latest(wang)).toBe("提货门店已变更");
  const moved = await order(wang, placed.orderId);
  expect(moved).toMatchObject({ seat: "CONFIRMED", store: { storeId: next } });
  expect(moved.payableFen).toBe(placed.payableFen);
  await pass(2 * hour);
  for (const storeId of stores)
    expect(refusal(await scan(storeId, old))).toMatchObject({ status: 404, code: "PICKUP_CODE_INVALID" });
  const fresh = await codeOf(wang, placed.orderId);
  expect(refusal(await scan(near, fresh))).toMatchObject({ code: "PICKUP_OTHER_STORE", facts: { storeId: next } });
  expect(await scan(next, fresh)).toMatchObject({ status: 200, body: { units: 2 } });
  await suspend(near, false);
  await recount();
});

test("the member would rather go to another store: staff name it, and it must be able to serve", async () => {
  const placed = await ordered(li, 3);
  const from = await online();
  await suspend(near, true);
  await suspend(next, true);
  expect(refusal(await reroute(placed.orderId, { storeId: next }))).toMatchObject({
    code: "STORE_NOT_ABLE",
    facts: { storeId: next, why: "suspended" },
  });
  expect(await made(reroute(placed.orderId, { storeId: far }))).toMatchObject({ storeId: far });
  const [a = 0, b = 0, c = 0] = from;
  expect(await online()).toEqual([a + 3, b, c - 3]);
  expect(await order(li, placed.orderId)).toMatchObject({ store: { storeId: far } });
  await suspend(near, false);
  await suspend(next, false);
  await recount();
});

test("no other store can serve: the order stays as it is, and the money goes back in full when the store gives it up", async () => {
  const placed = await ordered(zhao, 1);
  const code = await codeOf(zhao, placed.orderId);
  const from = await online();
  for (const storeId of stores) await suspend(storeId, true);
  expect(refusal(await reroute(placed.orderId))).toMatchObject({ code: "NO_STORE_IN_RANGE" });
  expect(await order(zhao, placed.orderId)).toMatchObject({ seat: "CONFIRMED", store: { storeId: near } });
  expect(await codeOf(zhao, placed.orderId)).toBe(code);
  expect(await online()).toEqual(from);
  expect(refusal(await li.post("/v1/orders", { lines: [{ articleId, units: 1 }], place: world.here }))).toMatchObject({
    code: "NO_STORE_IN_RANGE",
  });

  await made(ops.post(`/ops/v1/stores/${near}/orders/${placed.orderId}/cancellation`, because));
  await pass(2 * minute);
  expect(await order(zhao, placed.orderId)).toMatchObject({ seat: "REFUNDED", stage: "CANCELLED" });
  expect(await money(placed.orderId)).toMatchObject({
    balanceFen: 0,
    refunds: [{ state: "SUCCESS", refundFen: placed.payableFen }],
  });
  const [a = 0, b = 0, c = 0] = from;
  expect(await online()).toEqual([a + 1, b, c]);
  await pass(2 * hour);
  expect(refusal(await scan(near, code))).toMatchObject({ status: 404, code: "PICKUP_CODE_INVALID" });
  for (const storeId of stores) await suspend(storeId, false);
  await recount();
  expect(await unfinished()).toEqual([]);
});

test("two rush the order to two stores at once: it is at one of them, and its units with it", async () => {
  const placed = await ordered(wang, 2);
  const from = await online();
  await suspend(near, true);
  const answers = await Promise.all([next, far].map((storeId) => reroute(placed.orderId, { storeId })));
  const { store } = await order(wang, placed.orderId);
  expect([next, far]).toContain(store.storeId);
  // whoever came second moved it on, or was told that it is not where it was
  for (const { status } of answers) expect([200, 409, 503]).toContain(status);
  const [a = 0, b = 0, c = 0] = from;
  expect(await online()).toEqual([a + 2, store.storeId === next ? b - 2 : b, store.storeId === far ? c - 2 : c]);
  await suspend(near, false);
  await recount();
});
