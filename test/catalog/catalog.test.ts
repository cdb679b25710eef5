import { beforeAll, expect, test } from "vitest";
import { catalogOps, catalogShop } from "../../functions/api/catalog-routes.ts";
import { logIn } from "../../shared/identity/index.ts";
import { stockMovements, stockOfStore, stores } from "../../shared/table/keys.ts";
import { openPlatform } from "../identity/platform.ts";

const { deps, table, env, clock, call, hire, auditOf, events } = await openPlatform([...catalogOps, ...catalogShop]);
const ops = await hire("ops", ["ops"]);
let keys = 0;
const key = () => `key-number-${keys++}`;
const facts = { name: "奉贤黄桃", category: "水果", unit: "箱", priceFen: 3990, costFen: 2350, perishable: true };
const add = (body: object = {}) =>
  call("POST", "/ops/v1/articles", { staff: ops, key: key(), body: { ...facts, sale: { by: "piece" }, ...body } });
const storeId = env.ids.next("ST");

beforeAll(async () => {
  const wgs84 = { lat: 31.22, lng: 121.47, datum: "wgs84" as const };
  const store = { storeId, name: "店", address: "路", wgs84, radiusM: 1000, hours: [], suspended: false };
  await table.commit([stores.create({ ...store, createdAt: clock.now() })]);
});

test("a member sees an article without its cost", async () => {
  const { body: article } = await add({ description: "当日采摘" });
  expect(article).toMatchObject({ ...facts, retired: false, version: 1, createdAt: "2026-11-23T10:00:00+08:00" });
  const { accessToken: token } = await logIn(deps, { code: "shopper" });
  const { status, body } = await call("GET", `/v1/articles/${article.articleId}`, { token });
  expect(status).toBe(200);
  expect(body).toMatchObject({ name: "奉贤黄桃", priceFen: 3990, sale: { by: "piece" } });
  expect(body).not.toHaveProperty("costFen");
  const none = await call("GET", `/v1/articles/${env.ids.next("AR")}`, { token });
  expect(none).toMatchObject({ status: 404, body: { code: "ARTICLE_NOT_FOUND" } });
});

test("pictures are https addresses, nine at most, and members see them with the temperature zone", async () => {
  const images = Array.from({ length: 9 }, (_, i) => `https://img.example/${i}.jpg`);
  const { body: article } = await add({ images, temperatureZone: "chilled" });
  const { accessToken: token } = await logIn(deps, { code: "looker" });
  const seen = await call("GET", `/v1/articles/${article.articleId}`, { token });
  expect(seen.body).toMatchObject({ images, temperatureZone: "chilled" });
  for (const wrong of [
    { images: [...images, images[0]] },
    { images: ["http://img.example/a"] },
    { temperatureZone: "hot" },
  ])
    expect(await add(wrong)).toMatchObject({ status: 422, body: { code: "INPUT_INVALID" } });
});

test("a kit is made of distinct articles on sale that are no kits", async () => {
  const [a, b, gone] = (await Promise.all([add(), add({ sale: { by: "weight", grams: 500 } }), add()])).map(
    (r) => r.body.articleId as string,
  );
  await call("POST", `/ops/v1/articles/${gone}/retirement`, { staff: ops, body: { reason: "季节结束" } });
  const kit = (...ids: string[]) =>
    add({ sale: { by: "kit", components: ids.map((articleId) => ({ articleId, units: 1 })) } });
  const good = await kit(a!, b!);
  expect(good.status).toBe(201);
  for (const wrong of [[env.ids.next("AR")], [a!, good.body.articleId], [a!, a!], [a!, gone!]])
    expect(await kit(...wrong)).toMatchObject({ status: 422, body: { code: "KIT_COMPONENT_INVALID" } });
});

test("a change keeps how the article is sold, drops what is left out, and needs the version seen", async () => {
  const { articleId } = (await add({ description: "旧", sale: { by: "weight", grams: 500 } })).body;
  const put = (body: object) => call("PUT", `/ops/v1/articles/${articleId}`, { staff: ops, body });
  const changed = await put({ ...facts, priceFen: 4290, version: 1 });
  expect(changed.body).toMatchObject({ priceFen: 4290, sale: { by: "weight", grams: 500 }, version: 2 });
  expect(changed.body).not.toHaveProperty("description");
  expect(await put({ ...facts, version: 1 })).toMatchObject({ status: 409, body: { code: "VERSION_CONFLICT" } });
  expect((await put({ ...facts, version: 2, sale: { by: "piece" } })).status).toBe(422);
  expect((await auditOf(articleId)).map((row) => row.action)).toEqual(["article.create", "article.update"]);
});

test("a retired article stays retired, is not changed any more, and is retired once on the record", async () => {
  const { articleId } = (await add()).body;
  const retire = () =>
    call("POST", `/ops/v1/articles/${articleId}/retirement`, { staff: ops, body: { reason: "停产" } });
  await Promise.all([retire(), retire()]);
  expect((await retire()).body).toMatchObject({ retired: true });
  const put = await call("PUT", `/ops/v1/articles/${articleId}`, { staff: ops, body: { ...facts, version: 2 } });
  expect(put).toMatchObject({ status: 409, body: { code: "ARTICLE_RETIRED" } });
  expect((await auditOf(articleId)).map((row) => row.action)).toEqual(["article.create", "article.retire"]);
});

const adjust = (articleId: string, delta: number, more: { staff?: string; key?: string; store?: string } = {}) =>
  call("POST", `/ops/v1/stores/${more.store ?? storeId}/stock/${articleId}/adjustments`, {
    staff: more.staff ?? ops,
    key: more.key ?? key(),
    body: { delta, reason: "到货" },
  });
const movementsOf = async (articleId: string) => {
  const of = stockMovements.query({ pk: `STOCK#${storeId}#${articleId}`, prefix: "MOVE#" });
  return (await table.page(of, { limit: 100 })).items.map((m) => m.delta);
};

test("stock moves by adjustments that sum to it, each with its audit row and event", async () => {
  const { articleId } = (await add()).body;
  expect(await adjust(articleId, 50)).toMatchObject({ status: 201, body: { storeId, articleId, online: 50 } });
  expect((await adjust(articleId, -20)).body.online).toBe(30);
  const short = await adjust(articleId, -31);
  expect(short).toMatchObject({ status: 409, body: { code: "STOCK_SHORT" } });
  expect((await movementsOf(articleId)).sort()).toEqual([-20, 50]);
  expect(await auditOf(`${storeId}/${articleId}`)).toHaveLength(2);
  expect((await events("stock.adjusted")).filter((e) => e.data.articleId === articleId)).toHaveLength(2);
  const { body } = await call("GET", `/ops/v1/stores/${storeId}/stock?limit=50`, { staff: ops });
  expect(body.items).toContainEqual({ articleId, name: "奉贤黄桃", unit: "箱", retired: false, online: 30 });
});

test("the same key moves stock once, even when both come at once; another body under it is refused", async () => {
  const { articleId } = (await add()).body;
  const one = key();
  const twins = await Promise.all([1, 2, 3].map(() => adjust(articleId, 10, { key: one })));
  expect(new Set(twins.map((t) => t.text)).size).toBe(1);
  expect((await adjust(articleId, 10, { key: one })).body.online).toBe(10);
  const other = await adjust(articleId, 11, { key: one });
  expect(other).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
  expect(await movementsOf(articleId)).toEqual([10]);
});

test("ten people who take 3 of 20 at once leave 2, never less than none", async () => {
  const { articleId } = (await add()).body;
  await adjust(articleId, 20);
  const answers = await Promise.all(Array.from({ length: 10 }, () => adjust(articleId, -3)));
  expect(answers.filter((r) => r.status === 201)).toHaveLength(6);
  for (const r of answers) if (r.status !== 201) expect(r.body.code).toBe("STOCK_SHORT");
  const { items } = await table.page(stockOfStore(storeId), { limit: 100 });
  expect(items.find((s) => s.articleId === articleId)?.online).toBe(2);
  expect((await movementsOf(articleId)).reduce((a, b) => a + b, 0)).toBe(2);
});

test("what is not there, not one's store, nothing, or beyond the limit is not adjusted", async () => {
  const { articleId } = (await add()).body;
  await hire("elsewhere", ["store_manager"], [env.ids.next("ST")]);
  await hire("here", ["store_manager"], [storeId]);
  expect((await adjust(articleId, 1, { staff: "here" })).status).toBe(201);
  expect(await adjust(articleId, 1, { staff: "elsewhere" })).toMatchObject({ body: { code: "STORE_OUT_OF_SCOPE" } });
  expect(await adjust(env.ids.next("AR"), 1)).toMatchObject({ body: { code: "ARTICLE_NOT_FOUND" } });
  expect(await adjust(articleId, 1, { store: env.ids.next("ST") })).toMatchObject({
    body: { code: "STORE_NOT_FOUND" },
  });
  expect((await adjust(articleId, 0)).status).toBe(422);
  expect(await adjust(articleId, 1_000_000)).toMatchObject({ status: 422, body: { code: "INPUT_INVALID" } });
});
