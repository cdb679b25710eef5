import { type Article, articleDirectory } from "../catalog/index.ts";
import { type Campaign, campaignsOpenAt } from "../groupbuy/index.ts";
import type { Env } from "../kernel/env.ts";
import { loadStore } from "../store/index.ts";
import type { Table } from "../table/entity.ts";
import { homePages, stocks } from "../table/keys.ts";
import type { HomeBlock } from "./model.ts";

type Banner = Extract<HomeBlock, { kind: "banner" }>;

/** An article with the units that the store may sell online. */
interface OnSale {
  article: Article;
  left: number;
}

/** A block with what it shows at a store now. */
export type ShownBlock =
  | Pick<Banner, "kind" | "imageUrl" | "link" | "title">
  | { kind: "campaigns"; title?: string | undefined; campaigns: Campaign[] }
  | { kind: "articles"; title?: string | undefined; articles: OnSale[] }
  | { kind: "category"; title?: string | undefined; category: string; articles: OnSale[] }
  | { kind: "notice"; title?: string | undefined; text: string };

/** What of a page's articles and campaigns can be had at a store. */
interface Offered {
  /** On sale with units left, by id. */
  articles: ReadonlyMap<string, OnSale>;
  /** Articles of each category, in the order of the shelf, whether any are left or not. */
  categories: ReadonlyMap<string, readonly Article[]>;
  campaigns: ReadonlyMap<string, Campaign>;
  current: Campaign[];
}

/** Of a category so many times what it shows is looked at, for what is sold out is passed over. */
const LOOKED_AT = 2;

/**
 * The home page of a store at this moment: its own where it has blocks, else the chain's. What can't be had there is left out, and
 * a block of which nothing is left with it: out of its time, sold out, retired, a campaign that is over, suspended or without units, all of
 * them at a store that is suspended. Prices and names are up to a minute old. At most 8 requests to the table, that of the
 * catalogue once a minute in each running function. Throws STORE_NOT_FOUND.
 */
export async function showHome(
  deps: { env: Pick<Env, "clock">; table: Table },
  storeId: string,
): Promise<ShownBlock[]> {
  const { env, table } = deps;
  const store = await loadStore(deps, storeId);
  const pages = await table.loadMany(homePages, [{ scope: storeId }, { scope: "chain" }], { eventually: true });
  const own = pages.find(({ scope }) => scope === storeId);
  const page = own && own.blocks.length > 0 ? own : pages.find(({ scope }) => scope === "chain");
  const now = env.clock.now();
  const blocks = (page?.blocks ?? []).filter(({ from = 0, until = now + 1 }) => from <= now && now < until);
  const offered = await offeredAt(deps, { storeId, suspended: store.suspended, blocks });
  return blocks.flatMap((block) => shown(block, offered) ?? []);
}

async function offeredAt(
  deps: { env: Pick<Env, "clock">; table: Table },
  { storeId, suspended, blocks }: { storeId: string; suspended: boolean; blocks: readonly HomeBlock[] },
): Promise<Offered> {
  const links = blocks.flatMap((block) => (block.kind === "banner" && block.link ? [block.link] : []));
  const lists = blocks.flatMap((block) => (block.kind === "campaigns" ? [block.campaigns] : []));
  const named = new Set([
    ...blocks.flatMap((block) => (block.kind === "articles" ? block.articles : [])),
    ...links.flatMap((link) => (link.to === "article" ? [link.articleId] : [])),
  ]);
  const wanted = new Map<string, number>();
  for (const block of blocks)
    if (block.kind === "category") wanted.set(block.category, Math.max(wanted.get(block.category) ?? 0, block.count));
  for (const link of links) if (link.to === "category" && !wanted.has(link.category)) wanted.set(link.category, 1);
  if (suspended) return { articles: new Map(), categories: new Map(), campaigns: new Map(), current: [] };

  const catalogue = named.size + wanted.size > 0 ? (await articleDirectory(deps)).articles : [];
  const categories = new Map(
    [...wanted].map(([category, count]) => [
      category,
      catalogue.filter((one) => one.category === category).slice(0, LOOKED_AT * count),
    ]),
  );
  const candidates = new Map(
    [...catalogue.filter(({ articleId }) => named.has(articleId)), ...[...categories.values()].flat()].map(
      (article) => [article.articleId, article],
    ),
  );
  const [rows, open] = await Promise.all([
    deps.table.loadMany(
      stocks,
      [...candidates.keys()].map((articleId) => ({ storeId, articleId })),
      { eventually: true },
    ),
    campaignsOpenAt(deps, {
      storeId,
      campaignIds: [
        ...lists.flatMap((list) => (list === "current" ? [] : list)),
        ...links.flatMap((link) => (link.to === "campaign" ? [link.campaignId] : [])),
      ],
      current: lists.includes("current"),
    }),
  ]);
  const left = new Map(rows.map((row) => [row.articleId, row.online]));
  const onSale = [...candidates.values()].flatMap((article): [string, OnSale][] => {
    const units = left.get(article.articleId) ?? 0;
    return units > 0 ? [[article.articleId, { article, left: units }]] : [];
  });
  return { articles: new Map(onSale), categories, campaigns: open.named, current: open.current };
}

/** The block with what of it can be had; undefined where nothing can. */
function shown(block: HomeBlock, { articles, categories, campaigns, current }: Offered): ShownBlock | undefined {
  const title = block.title === undefined ? {} : { title: block.title };
  const onSale = (ids: readonly string[]) => ids.flatMap((articleId) => articles.get(articleId) ?? []);
  const of = (category: string) => onSale((categories.get(category) ?? []).map(({ articleId }) => articleId));
  switch (block.kind) {
    case "banner": {
      const { link, imageUrl } = block;
      const leads =
        !link ||
        (link.to === "article" && articles.has(link.articleId)) ||
        (link.to === "campaign" && campaigns.has(link.campaignId)) ||
        (link.to === "category" && (categories.get(link.category) ?? []).length > 0);
      return leads ? { kind: "banner", imageUrl, ...(link && { link }), ...title } : undefined;
    }
    case "campaigns": {
      const list =
        block.campaigns === "current"
          ? current
          : block.campaigns.flatMap((campaignId) => campaigns.get(campaignId) ?? []);
      return list.length > 0 ? { kind: "campaigns", ...title, campaigns: list } : undefined;
    }
    case "articles": {
      const list = onSale(block.articles);
      return list.length > 0 ? { kind: "articles", ...title, articles: list } : undefined;
    }
    case "category": {
      const list = of(block.category).slice(0, block.count);
      return list.length > 0 ? { kind: "category", ...title, category: block.category, articles: list } : undefined;
    }
    case "notice":
      return { kind: "notice", ...title, text: block.text };
  }
}
