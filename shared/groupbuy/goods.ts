import type { Article } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import type { TemperatureZone } from "../kernel/zone.ts";
import type { KitPart } from "../order/index.ts";
import { type GoodsJudgement, judgeGoods, standingRecall } from "../supply/index.ts";
import type { Table } from "../table/entity.ts";
import { articles } from "../table/keys.ts";
import type { Campaign } from "./model.ts";

type Deps = { env: Env; table: Table };

/** What a campaign keeps of its article's goods; of a kit, of its components' too. `refused`: why it can't be sold. */
interface Goods {
  refused?: string | undefined;
  costFen: number;
  perishable: boolean;
  components?: KitPart[];
  grams?: number;
  zone?: TemperatureZone;
}

/**
 * The goods of an article as they are now. A kit costs what it says, or what its components cost together where that is more, so
 * that no floor is dodged by a kit; it is perishable where a component is.
 */
export async function goodsOf(table: Pick<Table, "loadMany">, article: Article): Promise<Goods> {
  const { sale, costFen, perishable, temperatureZone: zone } = article;
  const own = {
    costFen,
    perishable,
    ...(zone !== undefined && { zone }),
    refused: article.retired ? "the article is retired: choose one on sale" : undefined,
  };
  if (sale.by === "weight") return { ...own, grams: sale.grams };
  if (sale.by === "piece") return own;
  const found = new Map((await table.loadMany(articles, sale.components)).map((one) => [one.articleId, one]));
  const parts = sale.components.flatMap(({ articleId, units }) => {
    const part = found.get(articleId);
    return part ? [{ ...part, units }] : [];
  });
  const unfit = parts.find((part) => part.retired || part.sale.by === "weight");
  const why = unfit?.retired ? "is retired" : "is sold by weight, and a kit has one price";
  return {
    refused: own.refused ?? (unfit && `component ${unfit.articleId} ${why}: make a kit without it`),
    costFen: Math.max(
      costFen,
      parts.reduce((sum, part) => sum + part.units * part.costFen, 0),
    ),
    perishable: perishable || parts.some((part) => part.perishable),
    components: parts.map(({ articleId, name, units, priceFen, temperatureZone }) => ({
      articleId,
      name,
      units,
      aloneFen: priceFen,
      ...(temperatureZone !== undefined && { zone: temperatureZone }),
    })),
  };
}

type Sells = Pick<Campaign, "articleId" | "articleName" | "components">;

/** What one unit of a campaign takes out of a store's stock. */
export const takenByUnit = ({ articleId, components }: Sells): { articleId: string; units: number }[] =>
  components ?? [{ articleId, units: 1 }];

/** The units of an article in one unit of a campaign, and what members call it; undefined: it is not in it. */
export function partOf({ articleId, articleName, components }: Sells, called: string) {
  if (called === articleId) return { units: 1, name: articleName };
  const part = components?.find((one) => one.articleId === called);
  return part && { units: part.units, name: `${part.name}(${articleName})` };
}

/** A recall that stands against what a campaign sells, and is not excepted; undefined where there is none. */
export async function recallOf(deps: Deps, { articleId, components = [] }: Sells): Promise<string | undefined> {
  for (const one of [articleId, ...components.map((part) => part.articleId)]) {
    const recallId = await standingRecall(deps, one);
    if (recallId) return recallId;
  }
  return undefined;
}

/**
 * The goods of a campaign as `judgeGoods` judges them until the end of its pickup; of a kit each component, whose name then stands
 * before what is broken or not known of it, and the lowest score. An exception from the margin floor is the kit's own.
 */
export async function judgeCampaign(
  deps: Deps,
  { articleId, components, pickupUntil: until }: Campaign,
): Promise<Pick<GoodsJudgement, "broken" | "exceptions" | "margin" | "notes" | "article">> {
  const own = await judgeGoods(deps, { articleId, until });
  if (!components) return own;
  const { broken, exceptions, ...kit } = own;
  const judged = { ...kit, broken: [...broken], exceptions: [...exceptions], notes: [] as string[] };
  for (const part of components) {
    const found = await judgeGoods(deps, { articleId: part.articleId, until });
    const named = (text: string) => `${part.name}: ${text}`;
    judged.broken.push(...found.broken.map(({ path, message }) => ({ path, message: named(message) })));
    judged.notes.push(...found.notes.map(named));
    judged.exceptions.push(...found.exceptions);
    if ((found.article.score ?? 100) < (judged.article.score ?? 101)) judged.article = found.article;
  }
  return judged;
}
