import { beforeAll, expect, test } from "vitest";
import { catalogOps } from "../../functions/api/catalog-routes.ts";
import { masterdataOps } from "../../functions/api/masterdata-routes.ts";
import { staffOps } from "../../functions/api/staff-routes.ts";
import { storeOps } from "../../functions/api/store-routes.ts";
import { findArticles } from "../../shared/catalog/index.ts";
import { hour } from "../../shared/kernel/time.ts";
import { applyImport } from "../../shared/masterdata/work.ts";
import { stockMovements, stocks } from "../../shared/table/keys.ts";
import { dyingTable } from "../engine/dying-table.ts";
import { openPlatform } from "../identity/platform.ts";

/** Files against the real engine, sent as HTTP; the job and the effect are called as they would be. */
const platform = await openPlatform([...catalogOps, ...storeOps, ...staffOps, ...masterdataOps]);
const { call, hire, auditOf, events, env, table, deps } = platform;
let keys = 0;
const key = () => `import-test-${++keys}`;
const send = (
  kind: string,
  csv: string | Uint8Array<ArrayBuffer>,
  how: { dry?: boolean; staff?: string; key?: string } = {},
) =>
  call("POST", `/ops/v1/imports/${kind}${how.dry ? "" : "?dryRun=false"}`, {
    staff: how.staff ?? "boss",
    key: how.key ?? key(),
    csv,
  });
const exported = async (kind: string, query = "") => {
  const answer = await call("GET", `/ops/v1/exports/${kind}${query}`, { staff: "boss" });
  expect({ status: answer.status, text: answer.status === 200 || answer.text }).toEqual({ status: 200, text: true });
  return answer;
};
const applied = async (importId: string) => {
  expect(await applyImport(deps, importId, env.clock.now() + hour)).toBe(true);
  return (await call("GET", `/ops/v1/imports/${importId}`, { staff: "boss" })).body;
};
const imported = async (kind: string, csv: string) => {
  const planned = await send(kind, csv);
  expect(planned.text).toContain('"importId"');
  return applied(planned.body.importId);
};
const articles = async () => (await call("GET", "/ops/v1/articles?limit=50", { staff: "boss" })).body.items;
const faults = (answer: { status: number; body: { code: string; errors: { row: number; column?: string }[] } }) => {
  expect(answer).toMatchObject({ status: 422, body: { code: "CSV_INVALID" } });
  return answer.body.errors.map(({ row, column }) => [row, column]);
};

const head = "货号,名称,描述,分类,单位,售价,成本,鲜活易腐,销售方式,克重,组成";
const goods = [
  head,
  "SC-1,青菜,,蔬菜,500g,10.00,5,是,按件,,",
  'SC-2,"奉贤黄桃, 大","当日采摘\n每箱约8只",水果,箱,39.9,23.50,yes,piece,,',
  "SC-3,=整鱼,,水产,条,45,30,是,按重量,800,",
  "SC-4,周末套装,,套装,份,60,40,是,套装,,SC-1:2|SC-2:1",
].join("\r\n");
let storeId = "";

beforeAll(async () => {
  await hire("boss", ["admin"]);
  await hire("ops", ["ops"]);
  const stores = [
    "门店编码,名称,地址,纬度,经度,坐标系,服务半径米,营业时间",
    "S01,淮海店,上海市黄浦区淮海中路300号,31.22,121.47,wgs84,3000,1-5 08:00-22:00;6-7 09:00-12:00,14:00-20:00",
    "S02,徐汇店,上海市徐汇区漕溪北路1号,31.19,121.43,gcj02,2500,1-7 08:00-22:00",
  ].join("\n");
  // the second range of the weekend needs quotes
  const quoted = stores.replace(/(1-5 08:00.*20:00)/, '"$1"');
  expect(await imported("stores", quoted)).toMatchObject({ state: "APPLIED", created: 2, applied: 2, notes: [] });
  const { items } = (await call("GET", "/ops/v1/stores", { staff: "boss" })).body;
  storeId = items.find((store: { code: string }) => store.code === "S01").storeId;
  expect(await imported("articles", goods)).toMatchObject({ state: "APPLIED", created: 4, applied: 4 });
});

test("a checked file writes nothing; sent to be applied it makes what it says, kits of the same file among it", async () => {
  const more = `${head}\nSC-5,豆腐,,豆制品,块,3,1.5,是,按件,,\n`;
  const dry = await send("articles", more, { dry: true });
  expect(dry.body).toEqual({ dryRun: true, kind: "articles", rows: 1, created: 1, changed: 0, unchanged: 0 });
  const made = await articles();
  expect(made).toHaveLength(4);
  const [greens, peach, fish, kit] = ["SC-1", "SC-2", "SC-3", "SC-4"].map((code) =>
    made.find((article: { code: string }) => article.code === code),
  );
  expect(greens).toMatchObject({ name: "青菜", priceFen: 1000, costFen: 500, perishable: true, sale: { by: "piece" } });
  expect(peach).toMatchObject({ name: "奉贤黄桃, 大", description: "当日采摘\n每箱约8只", priceFen: 3990 });
  expect(fish).toMatchObject({ name: "=整鱼", sale: { by: "weight", grams: 800 } });
  expect(kit.sale.components).toEqual([
    { articleId: greens.articleId, units: 2 },
    { articleId: peach.articleId, units: 1 },
  ]);
  expect((await auditOf(greens.articleId)).map((row) => row.action)).toEqual(["article.create"]);
  expect((await events("article.created")).filter((e) => e.data.articleId === greens.articleId)).toHaveLength(1);
});

test("the same file again, and each export, change nothing", async () => {
  expect((await send("articles", goods)).body).toMatchObject({
    state: "APPLIED",
    unchanged: 4,
    created: 0,
    changed: 0,
  });
  const staff = "员工ID,姓名,角色,门店,在职\nclerk-1,小王,店员|store_manager,S01|S02,是\n";
  await imported("staff", staff);
  await imported("stock", "门店,商品,线上库存\nS01,SC-1,40\nS01,SC-2,0\n");
  for (const [kind, query] of [
    ["articles", "?bom=true"],
    ["articles", "?heading=en"],
    ["prices", ""],
    ["stores", ""],
    ["staff", ""],
    ["stock", `?storeId=${storeId}`],
  ] as const) {
    const { text, headers } = await exported(kind, query);
    expect(headers.get("content-type")).toMatch(/^text\/csv; charset=utf-8/);
    expect(headers.get("content-disposition")).toMatch(new RegExp(`filename="${kind}-2026-11-23.csv"`));
    const lines = text.split("\r\n").length;
    const { body } = await send(kind, text);
    expect(body, kind).toMatchObject({ state: "APPLIED", created: 0, changed: 0 });
    expect(body.unchanged).toBeGreaterThan(0);
    expect(lines).toBeGreaterThan(body.unchanged);
  }
  expect((await exported("articles")).text).toContain("'=整鱼");
  expect((await auditOf("prices")).at(-1)).toMatchObject({ action: "export", staffId: "boss" });
});

test("tax rate and temperature zone come by the file, stay where it has no column for them, and go by an empty cell", async () => {
  const row = "SC-30,冰淇淋,,冷饮,盒,12,5,否,按件,,";
  const find = async () => (await articles()).find((one: { code: string }) => one.code === "SC-30");
  await imported("articles", `${head},税率基点,温区\n${row},0,冷冻\n`);
  expect(await find()).toMatchObject({ taxBps: 0, temperatureZone: "frozen" });
  const images = ["https://img.example/ice.jpg"];
  const { articleId, sale: _, retired: __, createdAt: ___, ...facts } = await find();
  const put = await call("PUT", `/ops/v1/articles/${articleId}`, { staff: "boss", body: { ...facts, images } });
  expect(put.body).toMatchObject({ images, taxBps: 0, temperatureZone: "frozen" });
  await imported("articles", `${head}\n${row.replace(",12,", ",13,")}\n`);
  expect(await find()).toMatchObject({ priceFen: 1300, taxBps: 0, temperatureZone: "frozen", images });
  expect(faults(await send("articles", `${head},税率基点,温区\n${row},10001,温热\n`))).toEqual([
    [2, "税率基点"],
    [2, "温区"],
  ]);
  await imported("articles", `${head},税率基点,温区\n${row},,\n`);
  for (const gone of ["taxBps", "temperatureZone"]) expect(await find()).not.toHaveProperty(gone);
});

test("every broken cell is told with row and column, up to a hundred, all are counted, and nothing is written", async () => {
  const before = await articles();
  const bad = [
    head,
    "SC-6,菠菜,,蔬菜,份,12.345,5,是,按件,,",
    "SC-7,,,蔬菜,份,12,5,也许,按件,,",
    "SC-8,芹菜,,蔬菜,份,12,5,是,按件,,",
    "SC-8,芹菜,,蔬菜,份,12,5,是,按件,,",
    "SC 9,韭菜,,蔬菜,份,12,5,是,按重量,,",
  ].join("\n");
  expect(faults(await send("articles", bad))).toEqual([
    [2, "售价"],
    [3, "名称"],
    [3, "鲜活易腐"],
    [6, "货号"],
  ]);
  expect(
    faults(
      await send(
        "articles",
        bad.replace("12.345", "12.34").replace("SC-7,,", "SC-7,菜,").replace("也许", "否").replace("SC 9", "SC-9"),
      ),
    ),
  ).toEqual([
    [5, undefined],
    [6, "销售方式"],
  ]);
  const many = [head, ...Array.from({ length: 150 }, (_, i) => `SC-1${i},菜,,蔬菜,份,免费,5,是,按件,,`)].join("\n");
  const told = await send("articles", many);
  expect(faults(told)).toHaveLength(100);
  expect(told.body.facts).toEqual({ errors: 150 });
  expect(await articles()).toEqual(before);
});

test("a file that is none of ours is refused by its header, its length or its encoding", async () => {
  const gbk = Buffer.concat([
    Buffer.from(`${head}\nSC-1,`),
    Buffer.from([0xc7, 0xe0, 0xb2, 0xcb]),
    Buffer.from(",,\n"),
  ]);
  expect(faults(await send("articles", new Uint8Array(gbk)))).toEqual([[2, "第2列"]]);
  expect(faults(await send("articles", "货号,名称,名称,颜色\nSC-1,a,b,c\n")).slice(0, 3)).toEqual([
    [1, "名称"],
    [1, "颜色"],
    [1, "分类"],
  ]);
  expect(faults(await send("articles", head))).toEqual([[2, undefined]]);
  expect(faults(await send("prices", "article,price,cost\nSC-1,1\n"))).toEqual([[2, undefined]]);
  const long = ["article,price,cost", ...Array.from({ length: 2001 }, () => "SC-1,1,1")].join("\n");
  expect(faults(await send("prices", long))).toEqual([[2002, undefined]]);
  const wrongType = await call("POST", "/ops/v1/imports/prices", { staff: "boss", key: key(), body: {} });
  expect(wrongType).toMatchObject({ status: 422, body: { code: "CSV_INVALID" } });
});

test("rows that name nothing, a code that is another's, and a change of how it is sold are refused", async () => {
  const article = (await findArticles(table, ["SC-1"]))("SC-1")!;
  expect(faults(await send("prices", "article,price,cost\nNO-1,1,1\n"))).toEqual([[2, "article"]]);
  expect(faults(await send("stock", "store,article,online\nS09,SC-1,1\nS01,NO-1,1\nS01,SC-1,-1\n"))).toEqual([
    [4, "online"],
  ]);
  expect(faults(await send("stock", "store,article,online\nS09,SC-1,1\nS01,NO-1,1\n"))).toEqual([
    [2, "store"],
    [3, "article"],
  ]);
  expect(faults(await send("articles", `${head}\nSC-1,青菜,,蔬菜,500g,10,5,是,按重量,500,\n`))).toEqual([
    [2, "销售方式"],
  ]);
  expect(faults(await send("staff", "员工ID,姓名,角色,门店,在职\nboss,老板,店员,,是\n"))).toEqual([[2, "角色"]]);
  const put = await call("PUT", `/ops/v1/articles/${article.articleId}`, {
    staff: "boss",
    body: {
      name: "a",
      category: "b",
      unit: "c",
      priceFen: 1,
      costFen: 1,
      perishable: true,
      code: "SC-2",
      version: article.version,
    },
  });
  expect(put).toMatchObject({ status: 409, body: { code: "CODE_TAKEN" } });
});

test("ops keeps articles and stock, not staff; a second import of a kind waits for the first", async () => {
  const prices = (cost: number) => `article,price,cost\nSC-1,10,${cost}\n`;
  expect((await send("staff", "员工ID\n", { staff: "ops" })).body.code).toBe("FORBIDDEN");
  const one = key();
  const first = await send("prices", prices(6), { staff: "ops", key: one });
  expect(first.body).toMatchObject({ state: "PLANNED", changed: 1 });
  expect((await send("prices", prices(6), { staff: "ops", key: one })).text).toBe(first.text);
  expect(await send("prices", prices(7))).toMatchObject({ status: 409, body: { code: "IMPORT_UNDER_WAY" } });
  expect((await applied(first.body.importId)).state).toBe("APPLIED");
  expect(await imported("prices", prices(5))).toMatchObject({ changed: 1, applied: 1 });
});

const many = (from: number, count: number) =>
  [head, ...Array.from({ length: count }, (_, i) => `M-${from + i},菜${from + i},,蔬菜,份,12,5,是,按件,,`)].join("\n");

test("an import that dies in the midst goes on where it was: every row once", async () => {
  const { body } = await send("articles", many(0, 60));
  expect(body).toMatchObject({ state: "PLANNED", created: 60 });
  // the process dies once in each commit: before it, and after it without knowing
  for (const when of ["before", "after"] as const) {
    const dying = dyingTable(table, when);
    await expect(applyImport({ env, table: dying }, body.importId, env.clock.now() + hour)).rejects.toThrow("killed");
  }
  const halfway = (await call("GET", `/ops/v1/imports/${body.importId}`, { staff: "boss" })).body;
  expect(halfway).toMatchObject({ state: "APPLYING", applied: 48 });
  expect(await applyImport(deps, body.importId, env.clock.now())).toBe(false); // no time: later
  // two at once, and again
  await Promise.all([applied(body.importId), applied(body.importId)]);
  expect(await applied(body.importId)).toMatchObject({ state: "APPLIED", applied: 60, notes: [] });
  const created = (await events("article.created")).map((e) => e.data.articleId);
  expect(new Set(created).size).toBe(created.length);
  expect((await send("articles", many(0, 60))).body).toMatchObject({ unchanged: 60 });
});

test("what others write meanwhile is built upon: stock by the difference, never below nothing; a code made by hand is changed", async () => {
  const article = async (code: string) => (await findArticles(table, [code]))(code)!;
  const { articleId } = await article("SC-1");
  const online = async () => (await table.load(stocks, { storeId, articleId }))!.online;
  expect(await online()).toBe(40);
  const { body } = await send("stock", "store,article,online\nS01,SC-1,50\n");
  await call("POST", `/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, {
    staff: "ops",
    key: key(),
    body: { delta: -15, reason: "活动" },
  });
  await applied(body.importId);
  expect(await online()).toBe(35);
  const fewer = await send("stock", "store,article,online\nS01,SC-1,5\n");
  await call("POST", `/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, {
    staff: "ops",
    key: key(),
    body: { delta: -25, reason: "活动" },
  });
  expect((await applied(fewer.body.importId)).notes).toEqual([
    { row: 2, message: expect.stringMatching(/应减30件,实际10件/) },
  ]);
  expect(await online()).toBe(0);
  const moved = await table.page(stockMovements.query({ pk: `STOCK#${storeId}#${articleId}`, prefix: "MOVE#" }), {
    limit: 50,
  });
  expect(moved.items.reduce((sum, { delta }) => sum + delta, 0)).toBe(0);

  const planned = await send("articles", `${head}\nSC-9,萝卜,,蔬菜,份,2,1,是,按件,,\n`);
  const byHand = { name: "白萝卜", category: "蔬菜", unit: "份", priceFen: 300, costFen: 100, perishable: true };
  await call("POST", "/ops/v1/articles", {
    staff: "ops",
    key: key(),
    body: { ...byHand, code: "SC-9", sale: { by: "piece" } },
  });
  expect(await applied(planned.body.importId)).toMatchObject({ state: "APPLIED", notes: [] });
  expect(await article("SC-9")).toMatchObject({ name: "萝卜", priceFen: 200 });
});

test("an import changes a store's own facts and leaves its area and special days, which no file tells of", async () => {
  const { items } = (await call("GET", "/ops/v1/stores", { staff: "boss" })).body;
  const { code, name, address, radiusM, hours, version } = items.find(
    (store: { code: string }) => store.code === "S02",
  );
  const rings = [[31.18, 31.2, 31.19].map((lat, i) => ({ lat, lng: 121.42 + i / 100 }))];
  const kept = {
    area: { datum: "wgs84", rings },
    specialDays: [{ date: "2027-02-06", hours: [], name: "春节" }],
  };
  const body = { code, name, address, radiusM, hours, ...kept, version };
  const storeId = items.find((store: { code: string }) => store.code === "S02").storeId;
  expect((await call("PUT", `/ops/v1/stores/${storeId}`, { staff: "ops", body })).status).toBe(200);
  const file = [
    "门店编码,名称,地址,纬度,经度,坐标系,服务半径米,营业时间",
    "S02,徐汇店,上海市徐汇区漕溪北路1号,31.19,121.43,gcj02,2600,1-7 08:00-22:00",
  ].join("\n");
  expect(await imported("stores", file)).toMatchObject({ state: "APPLIED", changed: 1, notes: [] });
  const after = (await call("GET", "/ops/v1/stores", { staff: "boss" })).body.items;
  expect(after.find((store: { code: string }) => store.code === "S02")).toMatchObject({ radiusM: 2600, ...kept });
});
