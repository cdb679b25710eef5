import type { Env } from "../kernel/env.ts";
import { DomainError, type FieldError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table } from "../table/entity.ts";
import { stocks, stores } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { stockLimit, stockWrites } from "./adjust-stock.ts";
import { findArticles } from "./find-articles.ts";

/** What was counted of an article: all units that lie there, and those among them that are kept for orders or campaigns. */
export interface CountedLine {
  articleId: string;
  counted: number;
  aside: number;
}

/** A stock-take: what was to be there of each article for sale at the moment of counting, and what it was off by. */
export interface StockTake {
  stockTakeId: string;
  storeId: string;
  /** Epoch ms. */
  at: number;
  lines: (CountedLine & { expected: number; difference: number })[];
}

/**
 * Puts what was counted in the place of a store's online stock, article by article, in one commit: each difference is a movement
 * (`stocktake#<id>`), with its audit row and event. What is kept for orders and campaigns left the online stock before, and is not counted into it. Throws
 * STORE_NOT_FOUND, INPUT_INVALID (an unknown article, twice the same, more aside than counted, too many), TRY_AGAIN (it was sold from
 * while it was booked, again and again).
 */
export async function takeStock(
  deps: { env: Env; table: Table },
  input: { by: string; storeId: string; lines: readonly CountedLine[]; reason: string; once: Once<StockTake> },
): Promise<StockTake> {
  const { env, table } = deps;
  const { by, storeId, lines, reason, once } = input;
  if (!(await table.load(stores, { storeId }))) throw new DomainError("STORE_NOT_FOUND");
  const articleOf = await findArticles(table, [...new Set(lines.map(({ articleId }) => articleId))]);
  const errors = lines.flatMap(({ articleId, counted, aside }, i): FieldError[] => {
    const wrong = (field: string, message: string) => [{ path: `body.lines[${i}].${field}`, message }];
    if (!articleOf(articleId)) return wrong("articleId", "no such article");
    if (lines.findIndex((one) => one.articleId === articleId) < i) return wrong("articleId", "count each article once");
    if (aside > counted) return wrong("aside", "no more than were counted");
    return counted - aside > stockLimit ? wrong("counted", `at most ${stockLimit} units`) : [];
  });
  if (errors.length > 0) throw new DomainError("INPUT_INVALID", undefined, { errors });
  return decide(async () => {
    const rows = await table.loadMany(
      stocks,
      lines.map(({ articleId }) => ({ storeId, articleId })),
    );
    const stockOf = new Map(rows.map((row) => [row.articleId, row]));
    const stockTakeId = env.ids.next("TK");
    const taken: StockTake = {
      stockTakeId,
      storeId,
      at: env.clock.now(),
      lines: lines.map((line) => {
        const expected = stockOf.get(line.articleId)?.online ?? 0;
        return { ...line, expected, difference: line.counted - line.aside - expected };
      }),
    };
    await table.commit([
      ...taken.lines.flatMap(({ articleId, counted, aside, difference }) => {
        const current = stockOf.get(articleId);
        if (difference === 0) return current ? [stocks.check(current).asRead(current)] : [];
        const next = { storeId, articleId, online: counted - aside };
        return stockWrites(env, { by, current, next, cause: `stocktake#${stockTakeId}`, reason });
      }),
      audited(env, {
        staffId: by,
        action: "stock.take",
        target: storeId,
        reason,
        change: { stockTakeId, articles: lines.length },
      }),
      ...once(taken),
    ]);
    return taken;
  });
}
