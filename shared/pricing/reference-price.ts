import { dayOf, day as oneDay } from "../kernel/time.ts";
import { decide, type Table } from "../table/entity.ts";
import { deals, dealsOf } from "../table/keys.ts";
import { pricePolicy } from "./price-policy.ts";

/** What may be struck through; nothing where the article was never sold. `recent`: within the days before. */
export interface Reference {
  fen?: number | undefined;
  recent?: boolean | undefined;
}

/**
 * Remembers a deal: the lowest of its day stays, whoever comes first or again. `at` is epoch ms.
 */
export async function noteDeal(
  { table }: { table: Table },
  { articleId, unitFen, at }: { articleId: string; unitFen: number; at: number },
): Promise<void> {
  const key = { articleId, day: dayOf(at) };
  await decide(async () => {
    const [known] = await table.loadMany(deals, [key]);
    if (!known) await table.write(deals.create({ ...key, lowFen: unitFen }));
    else if (unitFen < known.lowFen) await table.write(deals.replace({ ...known, lowFen: unitFen }));
  });
}

/**
 * The highest price that may be struck through in a sale that begins at `at` (epoch ms): the lowest deal of the days before, else
 * the last deal. All stores count, so that it is at most what any one of them may show.
 */
export async function referencePrice(
  { table }: { table: Pick<Table, "page"> },
  { articleId, at }: { articleId: string; at: number },
): Promise<Reference> {
  const first = dayOf(at - pricePolicy.referenceMs);
  // newest first; more rows than the days asked about has no window
  const limit = Math.ceil(pricePolicy.referenceMs / oneDay) + 2;
  const { items } = await table.page(dealsOf(articleId), { limit });
  const recent = items.filter(({ day }) => day >= first);
  if (recent.length > 0) return { fen: Math.min(...recent.map(({ lowFen }) => lowFen)), recent: true };
  const [last] = items;
  return last ? { fen: last.lowFen, recent: false } : {};
}
