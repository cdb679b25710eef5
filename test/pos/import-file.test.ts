import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { DomainError } from "../../shared/kernel/problem.ts";
import { posMappings } from "../../shared/pos/index.ts";
import { importPosFile, skippedRecords } from "../../shared/pos/work.ts";
import type { Table } from "../../shared/table/entity.ts";
import {
  articleCodes,
  articles,
  posFiles,
  posReceipts,
  posReceiptsOfDay,
  stockMovements,
  stocks,
  stores,
} from "../../shared/table/keys.ts";
import { dyingTable } from "../engine/dying-table.ts";
import { openTestTable } from "../engine/table.ts";
import { onlineRetail, onlineRetailIsHere, openOnlineRetail } from "./online-retail.ts";

/** Files of tills against the real engine. */
const { table, env, clock } = await openTestTable();
const blindIndex = (text: string) => `index-of-${text}`;
const deps = { table, env, blindIndex };
const storeId = env.ids.next("ST");
const ids = { greens: env.ids.next("AR"), bread: env.ids.next("AR"), soap: env.ids.next("AR") };

beforeAll(async () => {
  const createdAt = clock.now();
  const place = { lat: 31.22, lng: 121.47, datum: "wgs84" as const };
  const shop = { name: "淮海店", address: "淮海中路1号", wgs84: place, radiusM: 3000, hours: [], suspended: false };
  await table.commit([stores.create({ storeId, code: "S01", ...shop, createdAt })]);
  const priced = { category: "杂货", unit: "份", priceFen: 1000, costFen: 500, sale: { by: "piece" as const } };
  for (const [code, articleId, perishable] of [
    ["SC-1", ids.greens, true],
    ["SC-2", ids.bread, true],
    ["SC-3", ids.soap, false],
  ] as const)
    await table.commit([
      articles.create({ articleId, code, name: code, ...priced, perishable, retired: false, createdAt }),
      articleCodes.create({ code, articleId }),
    ]);
  await table.commit([
    stocks.create({ storeId, articleId: ids.greens, online: 10 }),
    stocks.create({ storeId, articleId: ids.soap, online: 10 }),
  ]);
});

const head = "门店,终端,小票号,行号,时间,货号,数量,金额,会员卡号,类型";
const day = "2026-11-22";
const fileOf = (rows: readonly string[]) => [head, ...rows, `合计,${rows.length},,,,,,,,`, ""].join("\r\n");
const bytes = (text: string | Uint8Array) =>
  async function* () {
    const all = typeof text === "string" ? new TextEncoder().encode(text) : text;
    // small pieces: characters, lines and cells are cut in the midst
    for (let i = 0; i < all.length; i += 7) yield all.subarray(i, i + 7);
  };
const send = (file: string | Uint8Array, more: { table?: Table; storeId?: string; cutHour?: number } = {}) =>
  importPosFile(
    { ...deps, table: more.table ?? table },
    { by: "boss", storeId: more.storeId ?? storeId, layout: "till", cutHour: more.cutHour ?? 4, open: bytes(file) },
  );
const receipt = (terminal: string, number: string, part = 0) =>
  table.load(posReceipts, { storeId, terminal, receipt: number, part });
const online = async (articleId: string) => (await table.load(stocks, { storeId, articleId }))?.online;
const refusal = async (file: string | Uint8Array) => {
  const error = await send(file).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DomainError);
  expect(error).toMatchObject({ code: "CSV_INVALID" });
  return (error as DomainError).errors!.map(({ row, column }) => [row, column]);
};

test("a day of a till: sales, a return, a void, an unknown article, an anonymous buyer; every line left out says why", async () => {
  const rows = [
    `S01,T1,1001,1,${day} 20:05:09,SC-1,2,19.80,88001,销售`,
    `S01,T1,1001,2,${day} 20:05:09,SC-3,1,5,88001,sale`,
    `S01,T1,1002,1,${day} 20:06,SC-2,1,"6.50",,销售`,
    `S01,T1,1003,1,${day} 20:07,SC-3,3,15.00,,退货`,
    `S01,T1,1003,2,${day} 20:07,SC-1,1,9.90,,退货`,
    `S01,T1,1004,1,${day} 20:08,SC-1,4,39.60,,作废`,
    `S01,T1,1005,1,${day} 20:09,NO-9,1,1,,销售`,
    `S01,T1,1005,2,${day} 20:09,SC-1,0,1,,销售`,
    `S01,T1,1005,3,${day} 20:09,SC-1,-1,1,,销售`,
    `S01,T1,1005,4,${day} 20:09,SC-1,1,0,,销售`,
    `S01,T1,1005,5,${day} 20:09,SC-1,1,-1,,销售`,
    `S01,T1,1006,1,2027-01-01 20:09,SC-1,1,1,,销售`,
  ];
  const file = await send(fileOf(rows));
  expect(file).toMatchObject({
    state: "APPLIED",
    run: 1,
    terminal: "T1",
    lines: 12,
    added: 5,
    already: 0,
    unitsShort: 0,
  });
  const skipped = {
    void: 1,
    unknown_article: 1,
    no_quantity: 1,
    negative_sale: 1,
    no_price: 1,
    negative_price: 1,
    future: 1,
  };
  expect(file.skipped).toEqual(skipped);
  expect(file.firstSkipped[1]).toEqual({
    row: 8,
    receipt: "1005",
    line: 1,
    article: "NO-9",
    reason: "unknown_article",
  });
  const { records } = await skippedRecords(table, file);
  expect(records).toHaveLength(8);
  expect(records[2]).toEqual([8, "1005", 1, "NO-9", "没有这个货号的商品:建好商品后重新导入本文件"]);

  expect(await receipt("T1", "1001")).toMatchObject({
    day,
    buyer: "index-of-pos-card:88001",
    lines: [
      { line: 1, kind: "sale", articleId: ids.greens, quantity: 2, amountFen: 1980 },
      { line: 2, kind: "sale", articleId: ids.soap, quantity: 1, amountFen: 500 },
    ],
  });
  expect(await receipt("T1", "1002")).not.toHaveProperty("buyer");
  expect((await receipt("T1", "1003"))?.lines[0]).toMatchObject({ kind: "return", quantity: -3, amountFen: -1500 });
  expect(await receipt("T1", "1005")).toBeUndefined();
  // soap comes back to the shelf, greens do not; bread has no stock here
  expect([await online(ids.greens), await online(ids.soap), await online(ids.bread)]).toEqual([8, 12, undefined]);

  const again = await send(fileOf(rows));
  expect(again).toMatchObject({ fileId: file.fileId, run: 2, added: 0, already: 5, skipped });
  expect([await online(ids.greens), await online(ids.soap)]).toEqual([8, 12]);
  expect((await receipt("T1", "1001"))?.version).toBe(1);
});

test("ranges that overlap add what is new; a line that differs is left as it was; a void takes back what was sold", async () => {
  const line = (n: number, receipt: string, more = "SC-3,1,5.00,,销售") =>
    `S01,T2,${receipt},${n},${day} 09:00,${more}`;
  await send(fileOf([line(1, "1"), line(2, "1"), line(1, "2")]));
  const before = await online(ids.soap);
  const second = await send(fileOf([line(2, "1"), line(1, "2"), line(2, "2"), line(1, "3")]));
  expect(second).toMatchObject({ added: 2, already: 2, skipped: {} });
  const third = await send(
    fileOf([line(1, "1", "SC-3,2,10.00,,销售"), line(1, "2", "SC-3,1,5.00,,作废"), line(3, "2")]),
  );
  expect(third).toMatchObject({ added: 1, takenBack: 1, already: 0, skipped: { differs: 1, void: 1 } });
  expect(await online(ids.soap)).toBe(before! - 2 + 1 - 1);
  const fourth = await send(fileOf([line(1, "2"), line(1, "4", "NO-9,1,5.00,,作废"), line(1, "4")]));
  expect(fourth).toMatchObject({ added: 0, skipped: { void: 1, voided_before: 2 } });
  expect((await receipt("T2", "2"))?.lines.map(({ kind }) => kind)).toEqual(["void", "sale", "sale"]);
  const moved = await table.page(stockMovements.query({ pk: `STOCK#${storeId}#${ids.soap}`, prefix: "MOVE#" }), {
    limit: 99,
  });
  expect(moved.items.reduce((sum, { delta }) => sum + delta, 10)).toBe(await online(ids.soap));
});

test("receipts past midnight belong to the day of the shift, until the hour that is given", async () => {
  const rows = ["2026-11-20 23:50", "2026-11-21 00:10:30", "2026-11-21 03:59:59", "2026-11-21 04:00"].map(
    (at, i) => `S01,T3,9${i},1,${at},SC-2,1,6.50,,销售`,
  );
  await send(fileOf(rows));
  const of = async (on: string) =>
    (await table.page(posReceiptsOfDay(storeId, on), { limit: 50 })).items
      .filter(({ terminal }) => terminal === "T3")
      .map((row) => row.receipt);
  expect(await of("2026-11-20")).toEqual(["90", "91", "92"]);
  expect(await of("2026-11-21")).toEqual(["93"]);
});

test("an article that was unknown is added by the same file, once it is there; stock is never brought below nothing", async () => {
  const rows = [`S01,T4,1,1,${day} 10:00,SC-77,1,3,,销售`, `S01,T4,1,2,${day} 10:00,SC-1,100,990,,销售`];
  const had = (await online(ids.greens))!;
  expect(await send(fileOf(rows))).toMatchObject({ added: 1, skipped: { unknown_article: 1 }, unitsShort: 100 - had });
  expect(await online(ids.greens)).toBe(0);
  const articleId = env.ids.next("AR");
  const facts = { name: "豆腐", category: "豆制品", unit: "块", priceFen: 300, costFen: 100, perishable: true };
  await table.commit([
    articles.create({ articleId, code: "SC-77", ...facts, sale: { by: "piece" }, retired: false, createdAt: 0 }),
    articleCodes.create({ code: "SC-77", articleId }),
  ]);
  expect(await send(fileOf(rows))).toMatchObject({ run: 2, added: 1, already: 1, skipped: {}, unitsShort: 0 });
});

test("a receipt of many lines is kept in parts, and a file that is cut down in the midst goes on where it was", async () => {
  const rows = Array.from({ length: 130 }, (_, i) => `S01,T5,7,${i + 1},${day} 11:00,SC-3,1,5,,退货`).concat(
    Array.from({ length: 200 }, (_, i) => `S01,T5,8${i},1,${day} 11:00,SC-2,1,6.50,,销售`),
  );
  const had = (await online(ids.soap))!;
  for (const when of ["before", "after"] as const) {
    const dying = dyingTable(table, when);
    await expect(send(fileOf(rows), { table: dying })).rejects.toThrow("killed");
  }
  // two who send it at once help each other
  const [one, other] = await Promise.all([send(fileOf(rows)), send(fileOf(rows))]);
  expect(one).toMatchObject({ state: "APPLIED", run: 1, added: 330, already: 0, skipped: {} });
  expect(other).toMatchObject({ state: "APPLIED", run: 1, added: 330, already: 0, skipped: {} });
  expect((await receipt("T5", "7", 3))?.lines.map(({ line }) => line)).toEqual([
    121, 122, 123, 124, 125, 126, 127, 128, 129, 130,
  ]);
  expect(await online(ids.soap)).toBe(had + 130);
});

test("who is late with a file leaves its later sending alone: every line of it is looked at", async () => {
  const rows = Array.from({ length: 300 }, (_, i) => `S01,T8,${i},1,${day} 11:00,SC-2,1,6.50,,销售`);
  const released = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const after = (count: number, then: () => Promise<void>): Table => {
    let commits = 0;
    return {
      ...table,
      async commit(writes) {
        commits += 1;
        if (commits === count) await then();
        await table.commit(writes);
      },
    };
  };
  const waits = after(2, () => {
    reached.resolve();
    return released.promise;
  });
  const late = send(fileOf(rows), { table: waits });
  await reached.promise;
  expect(await send(fileOf(rows))).toMatchObject({ run: 1, added: 300 });
  await expect(send(fileOf(rows), { table: after(2, () => Promise.reject(new Error("killed"))) })).rejects.toThrow(
    "killed",
  );
  released.resolve();
  expect(await late).toMatchObject({ run: 2, state: "APPLYING" });
  expect(await send(fileOf(rows))).toMatchObject({ run: 2, state: "APPLIED", added: 0, already: 300 });
});

test("a file that is none, is cut off, or has a wrong encoding or column is refused by line and column; nothing of it stays", async () => {
  const good = [`S01,T6,1,1,${day} 10:00,SC-2,1,3,,销售`, `S01,T6,1,2,${day} 10:00,SC-2,1,3,,销售`];
  const whole = fileOf(good);
  const gbk = Buffer.concat([
    Buffer.from(`${head}\nS01,T6,1,1,`),
    Buffer.from([0xcf, 0xfa, 0xca, 0xdb]),
    Buffer.from("\n"),
  ]);
  expect(await refusal("")).toEqual([[1, "第1列"]]);
  expect(await refusal(new Uint8Array([0x1f, 0x8b, 8, 0, 0]))).toEqual([[1, "第1列"]]);
  expect(await refusal(gbk)).toEqual([[2, "第5列"]]);
  expect(await refusal(Buffer.from(`\uFEFF${whole}`, "utf16le"))).toEqual([[1, "第1列"]]);
  expect(await refusal("你好\n")).toEqual([[1, "第1列"]]);
  expect(await refusal(whole.replace("金额", "价格"))).toEqual([[1, "第8列"]]);
  expect(await refusal(whole.replace("类型", "类型,备注"))).toEqual([[1, "第11列"]]);
  expect(await refusal(`${head}\r\n合计,0\r\n`)).toEqual([[2, "第1列"]]);
  expect(await refusal(whole.replace("合计,2", "合计,3"))).toEqual([[4, "第2列"]]);
  expect(await refusal(`${whole}${good[0]}\n`)).toEqual([[5, "第1列"]]);
  expect(await refusal(whole.replace(",1,3,,销售", ',"1,3,,销售'))).toEqual([[2, "第7列"]]);
  expect(await refusal(`${head}\n${`"${"长".repeat(20_000)}`}`)).toEqual([[2, "第1列"]]);
  const cells = [
    `S02,T6,1,1,${day} 10:00,SC-2,1,3,,销售`,
    `S01,T7,1,2,2026-02-30 10:00,SC-2,1.5,3.001,,赠送`,
    `S01,T7,1,3,${day} 10:00,SC-2,1,3,,销售`,
    `S01,T6,1,0,${day} 25:00,SC-2,1,3,,销售,多`,
  ];
  expect(await refusal(fileOf(cells))).toEqual([
    [2, "门店"],
    [3, "时间"],
    [3, "数量"],
    [3, "金额"],
    [3, "类型"],
    [4, "终端"],
    [5, "第11列"],
  ]);
  expect(await receipt("T6", "1")).toBeUndefined();
  const dear = `${posMappings["online-retail"].columns.map(({ heading }) => heading).join(",")}\n1,A,1000000,2026-11-22T10:00,99999999,,\n`;
  await expect(
    importPosFile(deps, { by: "boss", storeId, layout: "online-retail", cutHour: 4, open: bytes(dear) }),
  ).rejects.toMatchObject({ code: "CSV_INVALID", errors: [{ row: 2 }] });

  // wherever it is cut off
  const all = new TextEncoder().encode(whole);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: all.length - 1 }), async (length) => {
      const [place] = await refusal(all.subarray(0, length));
      expect(place![0]).toBeGreaterThanOrEqual(1);
    }),
    { numRuns: 60 },
  );
  expect(await receipt("T6", "1")).toBeUndefined();
  expect(await send(`\uFEFF${whole.replaceAll("\r\n", "\n")}`)).toMatchObject({ added: 2 });
});

test("whatever the order and the cuts of its files, a receipt comes to the same", async () => {
  let terminals = 0;
  const lineNo = fc.integer({ min: 1, max: 90 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uniqueArray(lineNo, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 4 }),
      async (files) => {
        const terminal = `P${++terminals}`;
        let added = 0;
        for (const lines of files)
          added += (await send(fileOf(lines.map((n) => `S01,${terminal},1,${n},${day} 12:00,SC-2,${n},${n},,销售`))))
            .added;
        const wanted = [...new Set(files.flat())].sort((a, b) => a - b);
        const parts = await Promise.all([0, 1, 2].map((part) => receipt(terminal, "1", part)));
        const kept = parts.flatMap((part) => part?.lines ?? []);
        expect(kept.map(({ line, quantity }) => [line, quantity])).toEqual(wanted.map((n) => [n, n]));
        expect(added).toBe(wanted.length);
      },
    ),
    { numRuns: 15 },
  );
});

describe.skipIf(!onlineRetailIsHere)("five thousand lines of a real shop", () => {
  test("come in through the mapping, and again without effect; every line is counted once", async () => {
    const { storeId: shop } = await openOnlineRetail({ table, env });
    const told: number[] = [];
    const given = {
      by: "boss",
      storeId: shop,
      layout: "online-retail" as const,
      cutHour: 4,
      open: () => onlineRetail(5_000),
    };
    const first = await importPosFile(deps, { ...given, progress: (lines) => told.push(lines) });
    const left = Object.values(first.skipped).reduce((a, b) => a + b, 0);
    expect(first).toMatchObject({ state: "APPLIED", terminal: "online", lines: 5_000, already: 0 });
    expect(first.added + left).toBe(5_000);
    expect(first.skipped).toMatchObject({ fee: expect.any(Number), no_price: expect.any(Number) });
    expect(told.at(-1)).toBe(5_000);
    expect(
      await table.load(posReceipts, { storeId: shop, terminal: "online", receipt: "536365", part: 0 }),
    ).toMatchObject({
      buyer: "index-of-pos-card:17850",
      day: "2010-12-01",
      lines: expect.arrayContaining([expect.objectContaining({ line: 1, quantity: 6, amountFen: 2550 })]),
    });
    const again = await importPosFile(deps, given);
    expect(again).toMatchObject({ run: 2, added: 0, already: first.added, skipped: first.skipped });
    expect(await table.load(posFiles, { fileId: first.fileId })).toMatchObject({ run: 2 });
  });
});
if (!onlineRetailIsHere)
  process.stderr.write("pos: ../shared/data/online-retail-lines.csv.gz is not here, its import is NOT tested\n");
