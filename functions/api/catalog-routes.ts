import * as z from "zod";
import {
  type Article,
  adjustStock,
  article,
  articleDirectory,
  articlesAfter,
  createArticle,
  loadArticle,
  retireArticle,
  sale,
  stockLimit,
  takeStock,
  updateArticle,
} from "../../shared/catalog/index.ts";
import { idOf, ownCode } from "../../shared/kernel/ids.ts";
import { basisPoints, fen } from "../../shared/kernel/money.ts";
import { pictureUrl, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { temperatureZones } from "../../shared/kernel/zone.ts";
import { loadStore } from "../../shared/store/index.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { allArticles, articles, stockOfStore, stocks } from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const articlePath = z.strictObject({ articleId: idOf("AR") });
const reason = typedText(1, 200);
const units = z.int().min(0).max(stockLimit);
const facts = {
  code: ownCode.optional().meta({ description: "货号, the chain's own and unique", example: "SC-0012" }),
  name: typedText(1, 40).meta({ example: "奉贤黄桃" }),
  description: typedText(0, 500).optional().meta({ example: "当日采摘,每箱约8只" }),
  category: typedText(1, 20).meta({ example: "水果" }),
  unit: typedText(1, 10).meta({ description: "What one unit is called", example: "箱" }),
  priceFen: fen.min(1).meta({ description: "Price of one unit alone, fen", example: 3990 }),
  costFen: fen.meta({ description: "What one unit costs us, fen", example: 2350 }),
  perishable: z.boolean().meta({ description: "鲜活易腐: members are told before they pay" }),
  supplierId: idOf("SP").optional().meta({ description: "Who delivers it; its licences then count at publishing" }),
  needsCertificate: z.boolean().optional().meta({
    description: "Publishing then wants a certified lot, accepted or expected",
  }),
  taxBps: basisPoints.optional().meta({
    description:
      "VAT in its price for invoices, basis points of the net price: 900 is 9 %, 0 exempt; left out, that of its category",
    example: 900,
  }),
  temperatureZone: z
    .enum(temperatureZones)
    .optional()
    .meta({ description: "常温, 冷藏, 冷冻; ambient where it is left out", example: "chilled" }),
  images: z
    .array(pictureUrl)
    .max(9)
    .optional()
    .meta({ description: "Pictures, at most 9, the first one in lists", example: ["https://img.example/peach.jpg"] }),
};
const saleOf = sale.meta({
  description: "By piece, by weight (`grams` a unit, estimated), or as a kit of other articles; can't be changed later",
  example: { by: "piece" },
});

const shopView = article
  .omit({ code: true, costFen: true, taxBps: true, createdAt: true })
  .extend({ sale: saleOf })
  .meta({ id: "Article" });
const opsView = article
  .extend({ sale: saleOf, createdAt: isoOutput, version: z.int().meta({ description: "Send it back with a change" }) })
  .meta({ id: "OpsArticle" });
const toOps = (row: Stored<Article>) => ({ ...row, createdAt: toIso(row.createdAt) });

const stockPath = z.strictObject({ storeId: idOf("ST"), articleId: idOf("AR") });
const online = z.int().min(0).max(stockLimit).meta({
  description: "Units that may be sold online and are not given to a campaign",
  example: 120,
});

export const shelfView = shopView
  .extend({
    left: z.int().meta({ description: "Units this store may sell online now" }),
    stockText: z.string().meta({ description: "有货, 仅剩N份, 售罄" }),
  })
  .meta({ id: "ShelfArticle" });
/** From so few units on members are told how many are left. */
const FEW = 5;
const stockText = (left: number) => (left === 0 ? "售罄" : left <= FEW ? `仅剩${left}份` : "有货");
export const toShelf = (article: Article, left: number) => ({ ...article, left, stockText: stockText(left) });

/** Articles with what a store has of them, in their order. */
async function onShelf(deps: Deps, storeId: string, found: readonly Article[]) {
  const keys = found.map(({ articleId }) => ({ storeId, articleId }));
  const rows = await deps.table.loadMany(stocks, keys, { eventually: true });
  const online = new Map(rows.map((row) => [row.articleId, row.online]));
  return found.map((one) => toShelf(one, online.get(one.articleId) ?? 0));
}

/** So many are shown of what a search finds. */
const MOST_FOUND = 50;
const storePath = z.strictObject({ storeId: idOf("ST") });

export const catalogShop: Route[] = [
  route({
    method: "get",
    path: "/v1/stores/{storeId}/categories",
    summary: "商品分类",
    description: "In the order of the shelf, with how many articles each has.",
    actor: "member",
    owns: "none",
    params: storePath,
    ok: z.object({ items: z.array(z.object({ category: z.string(), articles: z.int() })) }).meta({ id: "Categories" }),
    problems: ["STORE_NOT_FOUND"],
    run: async (deps, { params }) => {
      await loadStore(deps, params.storeId);
      return (await articleDirectory(deps)).categories;
    },
    view: (categories) => ({ items: [...categories].map(([category, count]) => ({ category, articles: count })) }),
  }),
  route({
    method: "get",
    path: "/v1/stores/{storeId}/articles",
    summary: "门店商品",
    description: "What is sold, by category and name, with what this store has left of it.",
    actor: "member",
    owns: "none",
    params: storePath,
    query: listQuery.extend({ category: typedText(1, 20).optional().meta({ description: "Of one category" }) }),
    ok: listOf(shelfView),
    problems: ["STORE_NOT_FOUND", "CURSOR_INVALID"],
    run: async (deps, { params: { storeId }, query: { category, limit, cursor } }) => {
      const scope = `shelf ${storeId} ${category ?? ""}`;
      const from = deps.cursors.open(cursor, scope);
      await loadStore(deps, storeId);
      const { items, next } = articlesAfter(await articleDirectory(deps), { category, limit, after: from?.after });
      return {
        items: await onShelf(deps, storeId, items),
        nextCursor: deps.cursors.seal(next === undefined ? undefined : { after: next }, scope),
      };
    },
  }),
  route({
    method: "get",
    path: "/v1/stores/{storeId}/search",
    summary: "搜索商品",
    description: "By name, category or code; the best first, and what this store has before what it lacks.",
    actor: "member",
    owns: "none",
    params: storePath,
    query: z.strictObject({ q: typedText(1, 40).meta({ description: "What is looked for", example: "黄桃" }) }),
    ok: z.object({ items: z.array(shelfView) }).meta({ id: "Found" }),
    problems: ["STORE_NOT_FOUND"],
    run: async (deps, { params: { storeId }, query: { q } }) => {
      await loadStore(deps, storeId);
      const found = (await articleDirectory(deps)).search(q).slice(0, MOST_FOUND);
      const items = await onShelf(deps, storeId, found);
      return { items: items.sort((a, b) => Number(b.left > 0) - Number(a.left > 0)) };
    },
  }),
  route({
    method: "get",
    path: "/v1/articles/{articleId}",
    summary: "商品详情",
    actor: "member",
    owns: "none",
    params: articlePath,
    ok: shopView,
    problems: ["ARTICLE_NOT_FOUND"],
    run: (deps, { params }) => loadArticle(deps, params.articleId),
  }),
];

export const catalogOps: Route[] = [
  route({
    method: "post",
    path: "/ops/v1/articles",
    summary: "新建商品",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops"],
    scope: "chain",
    idempotent: true,
    body: z.strictObject({ ...facts, sale: saleOf }),
    status: 201,
    ok: opsView,
    problems: ["KIT_COMPONENT_INVALID", "CODE_TAKEN", "SUPPLIER_NOT_FOUND"],
    run: (deps, { actor, body, once }) => createArticle(deps, { by: actor.staffId, article: body, once }),
    view: (row) => toOps(row),
  }),
  route({
    method: "put",
    path: "/ops/v1/articles/{articleId}",
    summary: "修改商品",
    description: "Campaigns and orders keep what they were made with. How an article is sold can't be changed.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops"],
    scope: "chain",
    params: articlePath,
    body: z.strictObject({ ...facts, version: z.int().min(1) }),
    ok: opsView,
    problems: ["ARTICLE_NOT_FOUND", "ARTICLE_RETIRED", "CODE_TAKEN", "SUPPLIER_NOT_FOUND", "VERSION_CONFLICT"],
    run: (deps, { actor, params, body: { version, ...changed } }) =>
      updateArticle(deps, { by: actor.staffId, articleId: params.articleId, version, article: changed }),
    view: (row) => toOps(row),
  }),
  route({
    method: "post",
    path: "/ops/v1/articles/{articleId}/retirement",
    summary: "下架商品",
    description: "For good: nothing new is sold of it. Retiring it again changes nothing.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops"],
    scope: "chain",
    params: articlePath,
    body: z.strictObject({ reason: reason.meta({ example: "季节结束" }) }),
    ok: opsView,
    problems: ["ARTICLE_NOT_FOUND"],
    run: (deps, { actor, params, body }) => retireArticle(deps, { by: actor.staffId, ...params, ...body }),
    view: (row) => toOps(row),
  }),
  route({
    method: "get",
    path: "/ops/v1/articles",
    summary: "商品列表",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "finance", "analyst", "executive", "store_manager"],
    scope: "chain",
    query: listQuery,
    ok: listOf(opsView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allArticles(), "articles", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toOps), nextCursor }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/stock-takes",
    summary: "盘点",
    description:
      "Counts articles of a store: what is for sale online becomes what was counted without what is kept for orders and campaigns. Answers the differences, which are booked in the same commit.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "store_manager"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: z.strictObject({ storeId: idOf("ST") }),
    body: z.strictObject({
      lines: z
        .array(
          z.strictObject({
            articleId: idOf("AR"),
            counted: units.meta({ description: "All units that lie there" }),
            aside: units.default(0).meta({ description: "Of them those kept for orders and campaigns" }),
          }),
        )
        .min(1)
        .max(20),
      reason: reason.meta({ example: "周一盘点" }),
    }),
    status: 201,
    ok: z
      .object({
        stockTakeId: z.string(),
        storeId: z.string(),
        at: isoOutput,
        lines: z.array(
          z.object({
            articleId: z.string(),
            counted: z.int(),
            aside: z.int(),
            expected: z.int().meta({ description: "For sale online when it was counted" }),
            difference: z.int().meta({ description: "Below zero: units lack" }),
          }),
        ),
      })
      .meta({ id: "StockTake" }),
    problems: ["STORE_NOT_FOUND"],
    run: (deps, { actor, params, body, once }) => takeStock(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (taken) => ({ ...taken, at: toIso(taken.at) }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/stock/{articleId}/adjustments",
    summary: "调整门店线上库存",
    description: "Adds `delta` units, or takes them away where it is below zero; never below zero in all.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "store_manager"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: stockPath,
    body: z.strictObject({
      delta: z
        .int()
        .min(-stockLimit)
        .max(stockLimit)
        .refine((delta) => delta !== 0, "0 changes nothing")
        .meta({ example: 50 }),
      reason: reason.meta({ example: "早班到货" }),
    }),
    status: 201,
    ok: z.object({ storeId: idOf("ST"), articleId: idOf("AR"), online }).meta({ id: "Stock" }),
    problems: ["STORE_NOT_FOUND", "ARTICLE_NOT_FOUND", "STOCK_SHORT"],
    run: (deps, { actor, params, body, once }) => adjustStock(deps, { by: actor.staffId, ...params, ...body, once }),
  }),
  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/stock",
    summary: "门店线上库存",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "finance", "analyst", "executive", "store_manager", "store_staff"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    params: z.strictObject({ storeId: idOf("ST") }),
    query: listQuery,
    ok: listOf(
      z
        .object({ articleId: idOf("AR"), name: z.string(), unit: z.string(), retired: z.boolean(), online })
        .meta({ id: "StockLine" }),
    ),
    problems: ["STORE_NOT_FOUND", "CURSOR_INVALID"],
    run: async (deps, { params: { storeId }, query }) => {
      await loadStore(deps, storeId);
      const { items, nextCursor } = await listPage(deps, stockOfStore(storeId), `stock ${storeId}`, query);
      const named = new Map((await deps.table.loadMany(articles, items)).map((a) => [a.articleId, a]));
      return {
        items: items.flatMap(({ articleId, online: units }) => {
          const of = named.get(articleId);
          return of ? [{ articleId, name: of.name, unit: of.unit, retired: of.retired, online: units }] : [];
        }),
        nextCursor,
      };
    },
  }),
];
