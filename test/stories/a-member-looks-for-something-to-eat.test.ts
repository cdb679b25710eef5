import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 30 });
const { made, neighbours, ops, newArticle, pass, stores } = world;
const { minute } = world.times;
const [store = "", far = ""] = stores;
const [wang] = (await neighbours("王")) as [Neighbour];
const ids = new Map<string, string>();
for (const [name, category] of [
  ["奉贤黄桃", "水果"],
  ["阳山水蜜桃", "水果"],
  ["黄桃罐头", "零食"],
  ["土鸡蛋", "蛋品"],
] as const)
  ids.set(name, (await newArticle({ name, category })).articleId);
const adjust = (storeId: string, name: string, delta: number) =>
  made(ops.post(`/ops/v1/stores/${storeId}/stock/${ids.get(name)}/adjustments`, { delta, reason: "盘点" }));
await adjust(store, "奉贤黄桃", -30);
await adjust(store, "土鸡蛋", -28);
const shelf = `/v1/stores/${store}/articles`;
const names = (items: { name: string }[]) => items.map(({ name }) => name);

test("a store's shelf is read category by category, page by page, with what is left", async () => {
  const { items: categories } = await made(wang.get(`/v1/stores/${store}/categories`));
  expect(categories).toEqual(
    expect.arrayContaining([
      { category: "水果", articles: 2 },
      { category: "零食", articles: 1 },
    ]),
  );
  const fruit = await made(wang.get(`${shelf}?category=${encodeURIComponent("水果")}`));
  expect(fruit.items.map((one: Record<string, unknown>) => [one.name, one.left, one.stockText])).toEqual([
    ["奉贤黄桃", 0, "售罄"],
    ["阳山水蜜桃", 30, "有货"],
  ]);
  const all: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await made(wang.get(`${shelf}?limit=2${cursor ? `&cursor=${cursor}` : ""}`));
    expect(page.items.length).toBeLessThanOrEqual(2);
    all.push(...names(page.items));
    cursor = page.nextCursor;
  } while (cursor);
  expect(all).toEqual(expect.arrayContaining([...ids.keys()]));
  expect(new Set(all).size).toBe(all.length);
  expect((await made(wang.get(`${shelf}?category=${encodeURIComponent("海鲜")}`))).items).toEqual([]);
  expect(refusal(await wang.get(`/v1/stores/ST${"0".repeat(24)}/articles`))).toMatchObject({ status: 404 });
});

test("a search finds by part of a name, and shows first what the store has", async () => {
  const search = (storeId: string, q: string) =>
    made(wang.get(`/v1/stores/${storeId}/search?q=${encodeURIComponent(q)}`));
  expect(names((await search(store, "黄桃")).items)).toEqual(["黄桃罐头", "奉贤黄桃"]);
  expect(names((await search(far, "奉贤 黄桃")).items)).toEqual(["奉贤黄桃"]);
  expect((await search(store, "土鸡蛋")).items).toMatchObject([{ name: "土鸡蛋", left: 2, stockText: "仅剩2份" }]);
  expect((await search(store, "!!")).items).toEqual([]);
  expect(refusal(await wang.get(`/v1/stores/${store}/search`))).toMatchObject({ code: "INPUT_INVALID" });
  await made(ops.post(`/ops/v1/articles/${ids.get("黄桃罐头")}/retirement`, { reason: "停产" }));
  await pass(2 * minute);
  expect(names((await search(store, "黄桃")).items)).toEqual(["奉贤黄桃"]);
});
