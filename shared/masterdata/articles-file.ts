import { type Article, articleWrites, findArticles } from "../catalog/index.ts";
import { yuan } from "../kernel/money.ts";
import type { Stored } from "../table/entity.ts";
import { allArticles, articles, suppliers } from "../table/keys.ts";
import { nameOfArticle, toComponents, toFen, yes, yesOrNo } from "./cells.ts";
import { type FileType, type Judging, same, upTo, type Verdict, wrong } from "./file.ts";
import type { Cells, FileRow } from "./model.ts";

type Find = (called: string) => Stored<Article> | undefined;
/** As much of an article as a kit's component needs. */
type FindSingle = (called: string) => Pick<Article, "articleId" | "sale" | "retired"> | undefined;

const cellsOf = (article: Article, find: Find): Cells => ({
  id: article.articleId,
  code: article.code ?? "",
  name: article.name,
  description: article.description ?? "",
  category: article.category,
  unit: article.unit,
  price: yuan(article.priceFen),
  cost: yuan(article.costFen),
  perishable: yesOrNo(article.perishable),
  sale: article.sale.by,
  grams: article.sale.by === "weight" ? String(article.sale.grams) : "",
  components:
    article.sale.by === "kit"
      ? article.sale.components.map((c) => `${find(c.articleId)?.code ?? c.articleId}:${c.units}`).join("|")
      : "",
  supplier: article.supplierId ?? "",
  certificate: yesOrNo(article.needsCertificate ?? false),
  tax: article.taxBps === undefined ? "" : String(article.taxBps),
  zone: article.temperatureZone ?? "",
  retired: yesOrNo(article.retired),
});

/** How a row says it is sold; a text where it does not say it rightly. */
function saleOf(cells: Cells, find: FindSingle): Article["sale"] | string {
  const { grams = "", components: parts = "" } = cells;
  if ((cells.sale === "weight") !== (grams !== "")) return "按重量销售的商品填写克重,其他商品留空";
  if ((cells.sale === "kit") !== (parts !== "")) return "套装填写组成,其他商品留空";
  if (cells.sale === "weight") return { by: "weight", grams: Number(grams) };
  if (cells.sale !== "kit") return { by: "piece" };
  const list = toComponents(parts).map(({ called, units }) => ({ called, units, article: find(called) }));
  const bad = list.find(({ article }) => !article || article.retired || article.sale.by === "kit");
  if (bad) return `组成中的 ${bad.called} 不是在售的单品`;
  const found = list.map(({ article, units }) => ({ articleId: article!.articleId, units }));
  if (new Set(found.map((part) => part.articleId)).size < found.length) return "组成中有重复的单品";
  return { by: "kit", components: found };
}

/** Kits of a file may name singles of the same file; while it is checked those stand in for what is not made yet. */
function withFile(find: Find, rows: readonly FileRow[], how: Judging): FindSingle {
  if (how.phase === "apply") return find;
  const singles = new Set(rows.filter(({ cells }) => cells.sale !== "kit").map(({ cells }) => cells.code));
  return (called) =>
    find(called) ?? (singles.has(called) ? { articleId: called, sale: { by: "piece" }, retired: false } : undefined);
}

export const articlesFile: FileType = {
  register: "articles",
  last: "components",

  async judge({ env, table }, rows, how) {
    const called = rows.flatMap(({ cells }) => [
      cells.id ?? "",
      cells.code ?? "",
      ...toComponents(cells.components ?? "").map(({ called }) => called),
    ]);
    const found = await findArticles(table, called.filter(Boolean));
    const inKits = await table.loadMany(
      articles,
      rows.flatMap(({ cells }) => {
        const current = found(cells.id || (cells.code ?? ""));
        return current?.sale.by === "kit" ? current.sale.components : [];
      }),
    );
    const byId = new Map(inKits.map((part) => [part.articleId, part]));
    const find: Find = (called) => found(called) ?? byId.get(called);
    const named = rows.flatMap(({ cells }) => (cells.supplier ? [{ supplierId: cells.supplier }] : []));
    const known = new Set((await table.loadMany(suppliers, named)).map(({ supplierId }) => supplierId));
    const judged = withFile(find, rows, how);
    return rows.map(({ cells: given }): Verdict => {
      const cells = { ...given };
      if (given.components)
        cells.components = toComponents(given.components)
          .map(({ called, units }) => `${find(called)?.code ?? called}:${units}`)
          .join("|");
      const ofCode = cells.code ? find(cells.code) : undefined;
      const current = cells.id ? find(cells.id) : ofCode;
      if (!cells.id && !cells.code) return wrong("code", "填写货号,或填写已有商品的商品ID");
      if (cells.id && !current) return wrong("id", "没有这个商品;新商品请把商品ID留空");
      if (ofCode && ofCode !== current && ofCode.articleId !== current?.articleId)
        return wrong("code", `货号属于另一个商品“${ofCode.name}”`);
      if (current?.code !== undefined && cells.code !== undefined && cells.code !== current.code)
        return wrong("code", `这个商品的货号是 ${current.code},导入不能修改货号`);
      const target = current?.articleId ?? `code ${cells.code}`;
      if (current && same(cells, cellsOf(current, find))) return { target, action: "same" };
      if (current?.retired) return wrong(cells.id ? "id" : "code", "商品已下架,不能修改");
      const before = current && cellsOf(current, find);
      const sale = saleOf({ ...before, ...cells }, judged);
      if (typeof sale === "string") return wrong("sale", sale);
      const { sale: by = "", grams = "", components: parts = "" } = { ...before, ...cells };
      if (before && !same({ sale: by, grams, components: parts }, before))
        return wrong("sale", "已有商品的销售方式、克重和组成不能修改");
      const supplierId = cells.supplier ?? current?.supplierId;
      if (supplierId && cells.supplier && !known.has(supplierId)) return wrong("supplier", "没有这个供应商");
      const needsCertificate = cells.certificate ? yes(cells.certificate) : current?.needsCertificate;
      const description = cells.description ?? current?.description;
      const { tax, zone } = { ...before, ...cells };
      const itsCode = cells.code || current?.code;
      const facts = {
        ...(itsCode && { code: itsCode }),
        name: cells.name!,
        ...(description && { description }),
        category: cells.category!,
        unit: cells.unit!,
        priceFen: toFen(cells.price!),
        costFen: toFen(cells.cost!),
        perishable: yes(cells.perishable!),
        ...(supplierId && { supplierId }),
        ...(needsCertificate !== undefined && { needsCertificate }),
        ...(tax && { taxBps: Number(tax) }),
        ...(zone && { temperatureZone: zone as Article["temperatureZone"] }),
        // the file has no column for them
        ...(current?.images && { images: current.images }),
      };
      return {
        target,
        action: current ? "change" : "create",
        writes: () =>
          articleWrites(env, how.by, current, {
            articleId: current?.articleId ?? env.ids.next("AR"),
            ...facts,
            sale: current?.sale ?? sale,
            retired: false,
            createdAt: current?.createdAt ?? env.clock.now(),
          }),
      };
    });
  },

  async page(table, page) {
    const { items, next } = await upTo(table, allArticles(), page);
    const parts = items.flatMap(({ sale }) => (sale.by === "kit" ? sale.components : []));
    const byId = new Map((await table.loadMany(articles, parts)).map((part) => [part.articleId, part]));
    return { rows: items.map((article) => cellsOf(article, (called) => byId.get(called))), next };
  },
};

const priceCells = (article: Article): Cells => ({
  article: nameOfArticle(article),
  name: article.name,
  price: yuan(article.priceFen),
  cost: yuan(article.costFen),
});

/** Prices and costs alone: what changes often, without the rest of an article. */
export const pricesFile: FileType = {
  register: "articles",

  async judge({ env, table }, rows, how) {
    const find = await findArticles(
      table,
      rows.map(({ cells }) => cells.article!),
    );
    return rows.map(({ cells }): Verdict => {
      const current = find(cells.article!);
      if (!current) return wrong("article", "没有这个商品:填写已有商品的货号或商品ID");
      const target = current.articleId;
      const next = { ...current, priceFen: toFen(cells.price!), costFen: toFen(cells.cost!) };
      if (next.priceFen === current.priceFen && next.costFen === current.costFen) return { target, action: "same" };
      if (current.retired) return wrong("article", "商品已下架,不能修改");
      return { target, action: "change", writes: () => articleWrites(env, how.by, current, next) };
    });
  },

  async page(table, page) {
    const { items, next } = await upTo(table, allArticles(), page);
    return { rows: items.map(priceCells), next };
  },
};
