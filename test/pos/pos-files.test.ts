import { beforeAll, expect, test } from "vitest";
import { posOps } from "../../functions/api/pos-routes.ts";
import { minute } from "../../shared/kernel/time.ts";
import { articleCodes, articles, stores } from "../../shared/table/keys.ts";
import { openPlatform } from "../identity/platform.ts";

/** Files of tills as staff send them over HTTP. */
const { call, hire, auditOf, events, env, table, clock } = await openPlatform(posOps);
const [storeId, other, third] = [env.ids.next("ST"), env.ids.next("ST"), env.ids.next("ST")];
const wgs84 = { lat: 31.22, lng: 121.47, datum: "wgs84" as const };
const facts = { address: "淮海中路1号", wgs84, radiusM: 3000, hours: [], suspended: false, createdAt: 0 };
const files = `/ops/v1/stores/${storeId}/pos-files`;
let keys = 0;
const send = (csv: string | Uint8Array<ArrayBuffer>, more: { key?: string; path?: string; staff?: string } = {}) =>
  call("POST", more.path ?? files, { staff: more.staff ?? "manager", key: more.key ?? `pos-file-test-${++keys}`, csv });
const get = (path: string) => call("GET", `${files}${path}`, { staff: "manager" });

beforeAll(async () => {
  await hire("manager", ["store_manager"], [storeId]);
  const articleId = env.ids.next("AR");
  const greens = { name: "青菜", category: "蔬菜", unit: "份", priceFen: 990, costFen: 500, perishable: true };
  await table.commit([
    stores.create({ storeId, code: "S01", name: "淮海店", ...facts }),
    stores.create({ storeId: other, code: "S02", name: "徐汇店", ...facts }),
    articles.create({ articleId, code: "SC-1", ...greens, sale: { by: "piece" }, retired: false, createdAt: 0 }),
    articleCodes.create({ code: "SC-1", articleId }),
  ]);
});

const file = (rows: readonly string[]) =>
  ["门店,终端,小票号,行号,时间,货号,数量,金额,会员卡号,类型", ...rows, `合计,${rows.length}`, ""].join("\n");
const sold = ["S01,T1,1,1,2026-11-22 20:05,SC-1,1,9.90,,销售", "S01,T1,1,2,2026-11-22 20:05,SC-9,1,9.90,,销售"];

test("a manager sends the file of the day and reads what was left out; the same request again is the same answer", async () => {
  const first = await send(file(sold), { key: "the-day-of-the-till" });
  expect(first.body).toMatchObject({ state: "APPLIED", run: 1, lines: 2, added: 1, skipped: { unknown_article: 1 } });
  expect((await send(file(sold), { key: "the-day-of-the-till" })).text).toBe(first.text);
  const { fileId } = first.body;
  expect((await get(`/${fileId}`)).body).toEqual(first.body);
  const skipped = await get(`/${fileId}/skipped-lines`);
  expect(skipped.headers.get("content-type")).toMatch(/^text\/csv; charset=utf-8/);
  expect(skipped.text).toBe(
    "文件行,小票号,行号,货号,原因\r\n3,1,2,SC-9,没有这个货号的商品:建好商品后重新导入本文件\r\n",
  );
  expect((await send(file(sold))).body).toMatchObject({ fileId, run: 2, added: 0, already: 1 });
  expect((await auditOf(fileId)).map(({ action, staffId }) => [action, staffId])).toEqual([
    ["pos.import", "manager"],
    ["pos.import", "manager"],
  ]);
  expect((await events("pos.imported")).map(({ data }) => data.added).sort()).toEqual([0, 1]);
});

test("skipped lines of a long file are told page after page, none twice", async () => {
  const many = Array.from({ length: 3_000 }, (_, i) => `S01,T2,${i},1,2026-11-22 20:05,NO-${i % 7},1,1,,退货`);
  // between them enough that is kept, so that they come in many commits
  const kept = Array.from({ length: 1_500 }, (_, i) => `S01,T2,K${i},1,2026-11-22 20:05,SC-1,1,1,,销售`);
  const rows = kept.flatMap((row, i) => [row, many[2 * i]!, many[2 * i + 1]!]);
  const { body } = await send(file(rows));
  expect(body).toMatchObject({ added: 1_500, skipped: { unknown_article: 3_000 } });
  const told: string[] = [];
  let pages = 0;
  for (let query = ""; ; pages++) {
    const page = await get(`/${body.fileId}/skipped-lines${query}`);
    told.push(...page.text.trim().split("\r\n").slice(1));
    const next = /\?([^>]+)>/.exec(page.headers.get("link") ?? "")?.[1];
    if (!next) break;
    query = `?${next}`;
  }
  expect(pages).toBeGreaterThan(0);
  expect(told).toHaveLength(3_000);
  expect(new Set(told).size).toBe(3_000);
});

test("a store's files are listed, the one sent last first, page by page, and no other store's", async () => {
  await table.commit([stores.create({ storeId: third, code: "S03", name: "长宁店", ...facts })]);
  await hire("third-manager", ["store_manager"], [third]);
  const path = `/ops/v1/stores/${third}/pos-files`;
  const at = { path, staff: "third-manager" };
  const list = async (query = "") => (await call("GET", `${path}${query}`, { staff: "third-manager" })).body;
  expect(await list()).toEqual({ items: [] });
  const ids: string[] = [];
  const of = (terminal: string) => file([sold[0]!.replace("S01,T1", `S03,${terminal}`)]);
  for (const terminal of ["T1", "T2", "T3"]) {
    clock.advance(minute);
    ids.unshift((await send(of(terminal), at)).body.fileId);
  }
  const { items } = await list();
  expect(items.map((one: { fileId: string }) => one.fileId)).toEqual(ids);
  expect(items[0]).toMatchObject({ terminal: "T3", state: "APPLIED", lines: 1, added: 1 });
  expect(items[0]).not.toHaveProperty("firstSkipped");
  const first = await list("?limit=2");
  const rest = await list(`?limit=2&cursor=${encodeURIComponent(first.nextCursor)}`);
  expect([...first.items, ...rest.items]).toEqual(items);
  clock.advance(minute);
  await send(of("T1"), at);
  expect((await list()).items.map((one: { fileId: string }) => one.fileId)).toEqual([ids[2], ids[0], ids[1]]);
  expect(await call("GET", path, { staff: "manager" })).toMatchObject({ status: 403 });
});

test("another store's rows, another store's file, and what is no CSV are refused, and nothing is there of them", async () => {
  const elsewhere = await send(file([sold[0]!.replace("S01", "S02")]));
  expect(elsewhere).toMatchObject({ status: 422, body: { code: "CSV_INVALID", errors: [{ row: 2, column: "门店" }] } });
  const cut = await send(file(sold).slice(0, -10));
  expect(cut).toMatchObject({ status: 422, body: { code: "CSV_INVALID" } });
  const json = await call("POST", files, { staff: "manager", key: "a-till-file-as-json", body: {} });
  expect(json).toMatchObject({ status: 422, body: { code: "CSV_INVALID" } });
  await hire("boss", ["admin"]);
  const { body } = await send(file(sold));
  const wrong = await call("GET", `/ops/v1/stores/${other}/pos-files/${body.fileId}`, { staff: "boss" });
  expect(wrong).toMatchObject({ status: 404, body: { code: "POS_FILE_NOT_FOUND" } });
  expect(await send(file(sold), { path: `/ops/v1/stores/${other}/pos-files` })).toMatchObject({ status: 403 });
});
