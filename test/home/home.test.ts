import { expect, test } from "vitest";
import { keepHome, mostNamed, showHome } from "../../shared/home/index.ts";
import { day, hour } from "../../shared/kernel/time.ts";
import type { Table } from "../../shared/table/entity.ts";
import { allotments, articles, campaigns, stocks, stores, totalCaps } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

const { table, env, clock } = await openTestTable();
const now = clock.now();
const storeId = env.ids.next("ST");
await table.commit([
  stores.create({
    storeId,
    name: "人民广场店",
    address: "人民大道1号",
    wgs84: { lat: 31.23, lng: 121.47, datum: "wgs84" },
    radiusM: 3000,
    hours: [],
    suspended: false,
    createdAt: now,
  }),
]);

async function newArticle(category: string, online: number): Promise<string> {
  const articleId = env.ids.next("AR");
  const facts = { unit: "份", priceFen: 1000, costFen: 500, perishable: false, retired: false, createdAt: now };
  await table.commit([
    articles.create({ articleId, name: `商品${articleId.slice(-4)}`, category, sale: { by: "piece" }, ...facts }),
    stocks.create({ storeId, articleId, online }),
  ]);
  return articleId;
}

async function newCampaign(articleId: string, left: number, capLeft?: number): Promise<string> {
  const campaignId = env.ids.next("CP");
  await table.commit([
    campaigns.create({
      ...{ campaignId, articleId, kind: "neighbour", name: "邻里团", articleName: "商品", perishable: false },
      ...{ aloneFen: 1000, teamFen: 800, costFen: 500, holdMs: 15 * 60_000, perMemberLimit: 2, admits: "anyone" },
      ...{ hardEnd: now + 2 * day, pickupFrom: now, pickupUntil: now + 3 * day, invitesRequired: 3, durationMs: day },
      ...{ leaderLeaves: "transfer", opensAt: now - hour, closesAt: now + day, state: "OPEN", createdAt: now },
      ...{ origin: { channel: "mini" }, ...(capLeft !== undefined && { totalCap: 10 }) },
    }),
    allotments.create({ campaignId, storeId, articleId, units: 10, left, state: "OPEN" }),
    ...(capLeft === undefined ? [] : [totalCaps.create({ campaignId, left: capLeft })]),
  ]);
  return campaignId;
}

/** The same table, counting what is asked of it. */
function counting(): { table: Table; reads: () => number } {
  let reads = 0;
  const asked =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      reads++;
      return call(...args);
    };
  const counted = {
    ...table,
    load: asked(table.load.bind(table)),
    loadMany: asked(table.loadMany.bind(table)),
    page: asked(table.page.bind(table)),
  } as Table;
  return { table: counted, reads: () => reads };
}
const kept = { version: 0, reason: "换首页", staffId: "root" };

test("the fullest page takes eight requests to the table, and after the catalogue is known seven", async () => {
  const named: string[] = [];
  for (let i = 0; i < 20; i++) named.push(await newArticle("蔬菜", 5));
  for (let i = 0; i < 60; i++) await newArticle("水果", i % 2);
  const run: string[] = [];
  for (let i = 0; i < mostNamed.campaigns; i++) run.push(await newCampaign(named[i % 20]!, 5, i % 2 ? 3 : undefined));
  const blocks = [
    { kind: "articles" as const, articles: named },
    ...[20, 20].map((count) => ({ kind: "category" as const, category: "水果", count })),
    ...[0, 10, 20].map((from) => ({ kind: "campaigns" as const, campaigns: run.slice(from, from + 10) })),
    { kind: "campaigns" as const, campaigns: "current" as const },
    ...Array.from({ length: mostNamed.blocks - 7 }, () => ({ kind: "notice" as const, text: "公告" })),
  ];
  await keepHome({ env, table }, { scope: "chain", blocks }, kept);
  const seen = counting();
  const shown = await showHome({ env, table: seen.table }, storeId);
  expect(shown.map((block) => block.kind)).toEqual(blocks.map((block) => block.kind));
  const first = seen.reads();
  await showHome({ env, table: seen.table }, storeId);
  expect({ first, again: seen.reads() - first }).toEqual({ first: 8, again: 7 });
  const fruit = shown.find((block) => block.kind === "category");
  expect(fruit?.kind === "category" && fruit.articles.every(({ left }) => left > 0)).toBe(true);
});

test("a campaign is current where it is open, has units here and in all", async () => {
  const articleId = await newArticle("水果", 1);
  const open = await newCampaign(articleId, 1);
  const out = await newCampaign(articleId, 0);
  const capped = await newCampaign(articleId, 5, 0);
  const page = { scope: storeId, blocks: [{ kind: "campaigns" as const, campaigns: "current" as const }] };
  await keepHome({ env, table }, page, kept);
  const current = async () => {
    const [block] = await showHome({ env, table }, storeId);
    return block?.kind === "campaigns" ? block.campaigns.map(({ campaignId }) => campaignId) : [];
  };
  expect(await current()).toContain(open);
  expect(await current()).not.toEqual(expect.arrayContaining([out]));
  expect(await current()).not.toEqual(expect.arrayContaining([capped]));
  clock.advance(day);
  expect(await current()).toEqual([]);
});
