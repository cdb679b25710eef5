import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 100 });
const { made, neighbours, ops, staff, recount, unfinished, pass, pay, newArticle, stores } = world;
const { minute, hour } = world.times;
const [here = ""] = stores;
const clerk = await staff("clerk-who-talks", ["store_staff"], [here]);
const greens = (await newArticle({ name: "青菜" })).articleId;
const eggs = (await newArticle({ name: "鸡蛋" })).articleId;

async function collected(who: Neighbour, articleIds: string[]) {
  const lines = articleIds.map((articleId) => ({ articleId, units: 1 }));
  const placed = await made(who.post("/v1/orders", { lines, place: world.here, storeId: here }));
  await pay(who, placed);
  await pass(61 * minute);
  const { code } = await made(who.post(`/v1/orders/${placed.orderId}/pickup-code`));
  const handed = await made(clerk.post(`/ops/v1/stores/${here}/pickups`, { code }));
  await world.platform.idle();
  return { orderId: placed.orderId as string, card: handed.card };
}
const rate = (who: Neighbour, orderId: string, articleId: string, tasty: boolean) =>
  who.post(`/v1/orders/${orderId}/ratings`, { articleId, tasty });
const asked = async (who: Neighbour) =>
  (await made(who.get("/v1/inbox?limit=50"))).items.filter(({ title }: { title: string }) => title === "好吃吗?");
const goods = async (articleId: string) => made(ops.get(`/ops/v1/articles/${articleId}/goods`));

test("the counter knows what to talk about, and two hours later the member says whether it tasted good", async () => {
  const [wang, li] = (await neighbours("王", "李")) as [Neighbour, Neighbour];
  const first = await collected(wang, [eggs, greens]);
  expect(first.card).toEqual({ bought: [], ask: "第一次来取货,是邻居介绍的吗?" });
  expect(refusal(await rate(li, first.orderId, greens, true))).toMatchObject({ code: "ORDER_NOT_FOUND" });
  expect(await asked(wang)).toEqual([]);
  await pass(2 * hour + minute);
  expect(await asked(wang)).toMatchObject([{ orderId: first.orderId, body: expect.stringContaining("鸡蛋等2种商品") }]);

  const answers = await Promise.all([1, 2, 3].map(() => rate(wang, first.orderId, greens, true)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  await made(rate(wang, first.orderId, eggs, false));
  expect(refusal(await rate(wang, first.orderId, eggs, true))).toMatchObject({ code: "RATED_ALREADY" });
  expect(refusal(await rate(wang, first.orderId, world.articleId, true))).toMatchObject({ code: "ORDER_STATE" });
  await world.platform.idle();
  expect(await goods(greens)).toMatchObject({ ratings: { tasty: 1, all: 1 }, article: { lines: [] } });
  expect(await goods(eggs)).toMatchObject({ ratings: { tasty: 0, all: 1 } });

  const second = await collected(wang, [greens]);
  expect(second.card).toEqual({ bought: ["鸡蛋等2种商品"], ask: "上次的“青菜”吃着怎么样?" });
  const unpicked = await made(
    li.post("/v1/orders", { lines: [{ articleId: greens, units: 1 }], place: world.here, storeId: here }),
  );
  expect(refusal(await rate(li, unpicked.orderId, greens, true))).toMatchObject({ code: "ORDER_STATE" });
  await made(rate(wang, second.orderId, greens, false));
  await world.platform.idle();
  expect(await goods(greens)).toMatchObject({ ratings: { tasty: 1, all: 2 } });
  await pass(24 * hour);
  expect(await asked(wang)).toHaveLength(2);
  expect(await unfinished()).toEqual([]);
  await recount();
});

test("a stock-take puts what was counted in the place of what was expected, and tells each difference", async () => {
  const manager = await staff("manager-who-counts", ["store_manager"], [here]);
  const online = async () =>
    (await made(ops.get(`/ops/v1/stores/${here}/stock?limit=50`))).items.find(
      (one: { articleId: string }) => one.articleId === eggs,
    ).online;
  const before = await online();
  const fresh = (await made(ops.post("/ops/v1/articles", article("紫薯")))).articleId;
  const take = (lines: object[], key?: string) =>
    manager.post(`/ops/v1/stores/${here}/stock-takes`, { lines, reason: "周一盘点" }, key);
  const lines = [
    { articleId: eggs, counted: before + 1, aside: 4 },
    { articleId: greens, counted: 0 },
    { articleId: fresh, counted: 7 },
  ];
  const taken = await made(take(lines, "stock-take-0001"));
  expect(taken.lines).toMatchObject([
    { expected: before, difference: -3 },
    { counted: 0, aside: 0, difference: -taken.lines[1].expected },
    { expected: 0, difference: 7 },
  ]);
  expect(await made(take(lines, "stock-take-0001"))).toEqual(taken);
  expect(await online()).toBe(before - 3);
  const again = await made(take([{ articleId: eggs, counted: before - 3 }]));
  expect(again.lines).toMatchObject([{ expected: before - 3, difference: 0 }]);
  const { items } = await made(ops.get("/ops/v1/audit?day=2026-11-24&limit=50"));
  expect(items.filter(({ action }: { action: string }) => action === "stock.take")).toHaveLength(2);
  for (const [bad, path] of [
    [[{ articleId: eggs, counted: 1, aside: 2 }], "body.lines[0].aside"],
    [[lines[0], lines[0]], "body.lines[1].articleId"],
    [[{ articleId: `AR${"0".repeat(24)}`, counted: 1 }], "body.lines[0].articleId"],
  ] as const)
    expect((await take([...bad] as object[])).body.errors).toMatchObject([{ path }]);
  expect((await clerk.post(`/ops/v1/stores/${here}/stock-takes`, { lines, reason: "盘点" })).status).toBe(403);
  await recount();
});

const article = (name: string) => ({
  name,
  category: "蔬菜",
  unit: "500g",
  priceFen: 1000,
  costFen: 500,
  perishable: true,
  sale: { by: "piece" },
});
