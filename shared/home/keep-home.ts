import type { Env } from "../kernel/env.ts";
import { DomainError, type FieldError } from "../kernel/problem.ts";
import { loadStore } from "../store/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { articles, campaigns, homePages } from "../table/keys.ts";
import { type HomeBlock, type HomePage, mostNamed } from "./model.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table };

/** The page of a scope, the chain or a store, as it was kept; no blocks until somebody says so. */
export const readHome = async ({ table }: { table: Table }, scope: string): Promise<Stored<HomePage>> =>
  (await table.load(homePages, { scope })) ?? { scope, blocks: [], version: 0 };

/**
 * Puts a page in the place of a scope's. `version` is of the page that the change was made from, 0 at first. Throws STORE_NOT_FOUND,
 * VERSION_CONFLICT, and INPUT_INVALID with the place of each article or campaign that there is none of, and of each time that ends
 * before it begins.
 */
export async function keepHome(
  deps: Deps,
  page: HomePage,
  { version, reason, staffId }: { version: number; reason: string; staffId: string },
): Promise<Stored<HomePage>> {
  const { env, table } = deps;
  const { scope, blocks } = page;
  if (scope !== "chain") await loadStore(deps, scope);
  const errors = [...overfull(blocks), ...backwards(blocks), ...(await unknown(table, blocks))];
  if (errors.length > 0) throw new DomainError("INPUT_INVALID", undefined, { errors });
  return decide(async () => {
    const known = await table.load(homePages, { scope });
    if ((known?.version ?? 0) !== version) throw new DomainError("VERSION_CONFLICT");
    await table.commit([
      known ? homePages.replace({ ...page, version }) : homePages.create(page),
      audited(env, { staffId, action: "home.change", target: scope, reason, change: { version, blocks } }),
    ]);
    return { ...page, version: version + 1 };
  });
}

/** What blocks name, and where. */
const named = (blocks: readonly HomeBlock[]) =>
  blocks.flatMap((block, i): { articleId?: string; campaignId?: string; path: string }[] => {
    const at = `body.blocks.${i}`;
    if (block.kind === "articles")
      return block.articles.map((articleId, n) => ({ articleId, path: `${at}.articles.${n}` }));
    if (block.kind === "campaigns" && block.campaigns !== "current")
      return block.campaigns.map((campaignId, n) => ({ campaignId, path: `${at}.campaigns.${n}` }));
    if (block.kind !== "banner" || !block.link) return [];
    if (block.link.to === "article") return [{ articleId: block.link.articleId, path: `${at}.link.articleId` }];
    if (block.link.to === "campaign") return [{ campaignId: block.link.campaignId, path: `${at}.link.campaignId` }];
    return [];
  });

async function unknown(table: Table, blocks: readonly HomeBlock[]): Promise<FieldError[]> {
  const names = named(blocks);
  const articleIds = [...new Set(names.flatMap(({ articleId }) => articleId ?? []))];
  const campaignIds = [...new Set(names.flatMap(({ campaignId }) => campaignId ?? []))];
  const [sold, run] = await Promise.all([
    table.loadMany(
      articles,
      articleIds.map((articleId) => ({ articleId })),
    ),
    table.loadMany(
      campaigns,
      campaignIds.map((campaignId) => ({ campaignId })),
    ),
  ]);
  const there = new Set([
    ...sold.filter(({ retired }) => !retired).map(({ articleId }) => articleId),
    ...run.filter(({ state }) => state !== "CANCELLED").map(({ campaignId }) => campaignId),
  ]);
  return names
    .filter(({ articleId, campaignId }) => !there.has(articleId ?? campaignId ?? ""))
    .map(({ articleId, path }) => ({
      path,
      message: articleId === undefined ? "no such campaign, or it is cancelled" : "no such article, or it is retired",
    }));
}

const backwards = (blocks: readonly HomeBlock[]): FieldError[] =>
  blocks.flatMap(({ from, until }, i) =>
    from !== undefined && until !== undefined && until <= from
      ? [{ path: `body.blocks.${i}.until`, message: "after `from`" }]
      : [],
  );

function overfull(blocks: readonly HomeBlock[]): FieldError[] {
  const names = named(blocks);
  const shown = blocks.reduce((sum, block) => sum + (block.kind === "category" ? block.count : 0), 0);
  const counts = {
    articles: shown + names.filter(({ articleId }) => articleId !== undefined).length,
    campaigns: names.filter(({ campaignId }) => campaignId !== undefined).length,
  };
  return (["articles", "campaigns"] as const)
    .filter((what) => counts[what] > mostNamed[what])
    .map((what) => ({
      path: "body.blocks",
      message: `at most ${mostNamed[what]} ${what} on a page, not ${counts[what]}`,
    }));
}
