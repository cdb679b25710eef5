import type { Env } from "../kernel/env.ts";
import { minute } from "../kernel/time.ts";
import type { Table } from "../table/entity.ts";
import { allArticles } from "../table/keys.ts";
import type { Article } from "./model.ts";
import { type ArticleIndex, indexArticles } from "./search-articles.ts";

/** A running function keeps the catalogue this long; a price or a stock that is sold at is read from its own row. */
const KEPT_MS = minute;

/** What is on sale, as it was read at one time: by category, and in it by name. */
export interface ArticleDirectory extends ArticleIndex {
  articles: readonly Article[];
  /** How many articles each category has, in the order of the catalogue. */
  categories: ReadonlyMap<string, number>;
}

const kept = new WeakMap<Table, { at: number; directory: ArticleDirectory }>();

/** The articles that are not retired, up to a minute old; indexed once for as long as they are kept. */
export async function articleDirectory(deps: { env: Pick<Env, "clock">; table: Table }): Promise<ArticleDirectory> {
  const now = deps.env.clock.now();
  const known = kept.get(deps.table);
  if (known && known.at <= now && now - known.at < KEPT_MS) return known.directory;
  const articles: Article[] = [];
  let after: Record<string, string> | undefined;
  do {
    const page = await deps.table.page(allArticles(), { limit: 100, after, eventually: true });
    articles.push(...page.items.filter(({ retired }) => !retired));
    after = page.next;
  } while (after);
  articles.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const categories = new Map<string, number>();
  for (const { category } of articles) categories.set(category, (categories.get(category) ?? 0) + 1);
  const directory = { articles, categories, ...indexArticles(articles) };
  kept.set(deps.table, { at: now, directory });
  return directory;
}

const placeOf = ({ category, name, articleId }: Article): string => [category, name, articleId].join("\u0000");

/** A page of the catalogue, of one category where it is named; `after` is what the page before ended with. */
export function articlesAfter(
  { articles }: Pick<ArticleDirectory, "articles">,
  { category, after, limit }: { category?: string | undefined; after?: string | undefined; limit: number },
): { items: Article[]; next: string | undefined } {
  const rest = articles.filter(
    (article) =>
      (category === undefined || article.category === category) && (after === undefined || placeOf(article) > after),
  );
  const items = rest.slice(0, limit);
  return { items, next: rest.length > limit ? placeOf(items.at(-1)!) : undefined };
}
