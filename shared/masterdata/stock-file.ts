import { findArticles, stockLimit, stockWrites } from "../catalog/index.ts";
import { findStores } from "../store/index.ts";
import { articles, stockOfStore, stocks, stores } from "../table/keys.ts";
import { nameOfArticle, nameOfStore } from "./cells.ts";
import { type FileType, upTo, type Verdict, wrong } from "./file.ts";

/**
 * What stores may sell online. A row is planned as the difference to what was there, and applied as that: units that a campaign
 * took or gave back meanwhile stay right. It never takes more than there is.
 */
export const stockFile: FileType = {
  register: "stock",

  async judge({ env, table }, rows, how) {
    const [findStore, findArticle] = await Promise.all([
      findStores(
        table,
        rows.map(({ cells }) => cells.store!),
      ),
      findArticles(
        table,
        rows.map(({ cells }) => cells.article!),
      ),
    ]);
    const keys = rows.flatMap(({ cells }) => {
      const [store, article] = [findStore(cells.store!), findArticle(cells.article!)];
      return store && article ? [{ storeId: store.storeId, articleId: article.articleId }] : [];
    });
    const known = new Map((await table.loadMany(stocks, keys)).map((row) => [`${row.storeId}/${row.articleId}`, row]));
    return rows.map(({ cells }): Verdict => {
      const [store, article] = [findStore(cells.store!), findArticle(cells.article!)];
      if (!store) return wrong("store", "没有这个门店:填写已有门店的编码或门店ID");
      if (!article) return wrong("article", "没有这个商品:填写已有商品的货号或商品ID");
      const { storeId } = store;
      const { articleId } = article;
      const target = `${storeId}/${articleId}`;
      const current = known.get(target);
      const before = current?.online ?? 0;
      const asked = how.phase === "plan" ? Number(cells.online) - before : Number(cells.delta);
      const online = Math.min(stockLimit, Math.max(0, before + asked));
      const note =
        online - before === asked
          ? undefined
          : `导入期间库存有变动,应${asked < 0 ? "减" : "加"}${Math.abs(asked)}件,实际${Math.abs(online - before)}件`;
      if (online === before) return { target, action: "same", ...(note && { note }) };
      return {
        target,
        action: current ? "change" : "create",
        cells: { store: cells.store!, article: cells.article!, delta: String(asked) },
        ...(note && { note }),
        writes: () =>
          stockWrites(env, {
            by: how.by,
            current,
            next: { storeId, articleId, online },
            cause: how.cause,
            reason: "导入",
          }),
      };
    });
  },

  async page(table, { storeId = "", ...page }) {
    const store = await table.load(stores, { storeId });
    const { items, next } = await upTo(table, stockOfStore(storeId), page);
    const named = new Map((await table.loadMany(articles, items)).map((article) => [article.articleId, article]));
    return {
      rows: items.map(({ articleId, online }) => {
        const article = named.get(articleId);
        return {
          store: store ? nameOfStore(store) : storeId,
          article: article ? nameOfArticle(article) : articleId,
          name: article?.name ?? "",
          online: String(online),
        };
      }),
      next,
    };
  },
};
