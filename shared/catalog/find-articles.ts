import type { Stored, Table } from "../table/entity.ts";
import { articleCodes, articles } from "../table/keys.ts";
import type { Article } from "./model.ts";

/** Articles by what they are called, id or code, as many as are there; reads in batches. */
export async function findArticles(
  table: Table,
  called: readonly string[],
): Promise<(idOrCode: string) => Stored<Article> | undefined> {
  const ids = called.filter(isArticleId);
  const codes = called.filter((name) => name !== "" && !isArticleId(name)).map((code) => ({ code }));
  const links = await table.loadMany(articleCodes, codes);
  const found = await table.loadMany(articles, [...ids.map((articleId) => ({ articleId })), ...links]);
  const byId = new Map(found.map((article) => [article.articleId, article]));
  const idOf = new Map(links.map(({ code, articleId }) => [code, articleId]));
  return (name) => byId.get(idOf.get(name) ?? name);
}

const isArticleId = (name: string): boolean => /^AR[0-9A-HJKMNP-TV-Z]{24}$/.test(name);
