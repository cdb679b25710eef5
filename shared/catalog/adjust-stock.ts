import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { outbox, stockMovements, stocks, stores } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { loadArticle } from "./keep-article.ts";
import type { Stock } from "./model.ts";

/** The most units of an article that a store's online stock holds. */
export const stockLimit = 1_000_000;

/**
 * Adds `delta` units (below zero: takes them away) to what a store may sell online of an article. The movement row and the
 * audit row are of the same commit. Throws STORE_NOT_FOUND, ARTICLE_NOT_FOUND, STOCK_SHORT (it would go below zero),
 * INPUT_INVALID (above `stockLimit`).
 */
export async function adjustStock(
  deps: { env: Env; table: Table },
  input: { by: string; storeId: string; articleId: string; delta: number; reason: string; once: Once<Stock> },
): Promise<Stock> {
  const { env, table } = deps;
  const { storeId, articleId, delta, reason } = input;
  const [store] = await Promise.all([table.load(stores, { storeId }), loadArticle(deps, articleId)]);
  if (!store) throw new DomainError("STORE_NOT_FOUND");
  return decide(async () => {
    const current = await table.load(stocks, { storeId, articleId });
    const online = (current?.online ?? 0) + delta;
    if (online < 0) throw new DomainError("STOCK_SHORT", `${current?.online ?? 0} units are there`);
    if (online > stockLimit)
      throw new DomainError("INPUT_INVALID", undefined, {
        errors: [{ path: "body.delta", message: `the stock would exceed ${stockLimit} units` }],
      });
    const next = { storeId, articleId, online };
    const cause = `adjust#${env.ids.next("EV")}`;
    await table.commit([...stockWrites(env, { by: input.by, current, next, cause, reason }), ...input.once(next)]);
    return next;
  });
}

/**
 * The four writes that move a store's online stock from what was read to `next`, at the hand of `by`: the row, its movement
 * (`cause` is its natural key), audit and event.
 */
export function stockWrites(
  env: Env,
  move: { by: string; current: Stored<Stock> | undefined; next: Stock; cause: string; reason?: string | undefined },
): Write[] {
  const { by, current, next, cause, reason } = move;
  const { storeId, articleId, online } = next;
  const delta = online - (current?.online ?? 0);
  return [
    // The whole row on condition of its version, not an ADD: the answer tells the number that this very change led to.
    current ? stocks.replace({ ...next, version: current.version }) : stocks.create(next),
    stockMovements.create({ storeId, articleId, cause, delta, at: env.clock.now() }),
    audited(env, {
      staffId: by,
      action: "stock.adjust",
      target: `${storeId}/${articleId}`,
      reason,
      change: { delta, online },
    }),
    outbox.create(
      makeEvent(env, {
        type: "stock.adjusted",
        actor: { kind: "staff", id: by },
        data: { storeId, articleId, delta, online },
      }),
    ),
  ];
}
