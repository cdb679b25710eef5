import type { Env } from "../kernel/env.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { allotments, purchaseLines, stockMovements, stocks } from "../table/keys.ts";
import type { Arrival } from "./arrival.ts";
import type { Order } from "./model.ts";
import { soldOf } from "./sold.ts";

/** Units of an order by article: of a kit, by its components. */
export function unitsByArticle(order: Pick<Order, "lines">): Map<string, number> {
  const units = new Map<string, number>();
  for (const line of order.lines) units.set(line.articleId, (units.get(line.articleId) ?? 0) + line.units);
  return units;
}

/**
 * The campaign's allotment a store would take an order's units from, a kit's as kits; undefined where it would be its online
 * stock. What may be ordered of goods that are bought at the cut-off is no stock for an order that is served from stock.
 */
export async function openAllotment(
  table: Table,
  order: Pick<Order, "campaignId" | "sourced" | "units" | "lines" | "kit">,
  storeId: string,
) {
  const { campaignId } = order;
  if (campaignId === undefined) return undefined;
  const row = await table.load(allotments, { campaignId, storeId, articleId: soldOf(order).articleId });
  return row?.state === "OPEN" && row.sourced === order.sourced ? row : undefined;
}

/**
 * The part of a commit that gives an order's units back to where its store would take them from: the campaign's allotment
 * while that is open, else the store's online stock; to no place where the goods are still to be bought or to come. `why` and the order's version, which no two commits share, name the
 * movement. The commit must hold the order to its store as read: a re-route may move it.
 */
export async function returnUnits(
  deps: { env: Pick<Env, "clock">; table: Table },
  order: Stored<Order>,
  why: string,
): Promise<Write[]> {
  const { table, env } = deps;
  const allotment = await openAllotment(table, order, order.storeId);
  if (allotment) return [allotments.patch(allotment).add({ left: order.units }).when("state", "=", "OPEN")];
  if (order.sourced === "to_order") return [];
  const writes: Write[] = [];
  for (const [articleId, units] of unitsByArticle(order))
    writes.push(...(await intoStock({ env, table }, order, articleId, units, why)));
  return writes;
}

/** Whether a store's online stock has an order's units. */
export async function hasUnits(table: Table, order: Pick<Order, "lines">, storeId: string): Promise<boolean> {
  const units = unitsByArticle(order);
  const rows = await table.loadMany(
    stocks,
    [...units.keys()].map((articleId) => ({ storeId, articleId })),
  );
  const online = new Map(rows.map((row) => [row.articleId, row.online]));
  return [...units].every(([articleId, n]) => (online.get(articleId) ?? 0) >= n);
}

/** The part of a commit that takes an order's units out of a store's online stock, on condition that they are there. `cause` names the movements. */
export const takeUnits = (
  { env }: { env: Pick<Env, "clock"> },
  order: Pick<Order, "lines">,
  storeId: string,
  cause: string,
): Write[] =>
  [...unitsByArticle(order)].flatMap(([articleId, units]) => [
    stocks.patch({ storeId, articleId }).add({ online: -units }).when("online", ">=", units),
    stockMovements.create({ storeId, articleId, cause, delta: -units, at: env.clock.now() }),
  ]);

async function intoStock(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  order: Stored<Order>,
  articleId: string,
  units: number,
  why: string,
): Promise<Write[]> {
  const { storeId } = order;
  const stock = await table.load(stocks, { storeId, articleId });
  return [
    stock
      ? stocks.patch({ storeId, articleId }).add({ online: units })
      : stocks.create({ storeId, articleId, online: units }),
    stockMovements.create({
      storeId,
      articleId,
      cause: `${why}#${order.orderId}#${order.version}`,
      delta: units,
      at: env.clock.now(),
    }),
  ];
}

/**
 * The part of a commit by which an order leaves its store's line of a purchase order: on condition that nothing came since
 * `arrival` was read, and so that whoever allots meanwhile looks at the seats again. Of a closed line, what the order got of it
 * goes into the store's online stock.
 */
export async function leaveLine(
  deps: { env: Pick<Env, "clock">; table: Table },
  order: Stored<Order>,
  { line, share, units }: Arrival,
  why: string,
): Promise<Write[]> {
  if (!line || !share) return [];
  if (line.state === "RECEIVED") return units ? intoStock(deps, order, line.articleId, units, why) : [];
  return [
    purchaseLines
      .patch(line)
      .when("arrivals", "=", line.arrivals)
      .when("state", "=", line.state)
      .add({ withdrawn: share.units }),
  ];
}
