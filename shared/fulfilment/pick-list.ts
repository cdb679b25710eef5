import { dayOf } from "../kernel/time.ts";
import { byZone, type TemperatureZone } from "../kernel/zone.ts";
import { arrivalAt, lineIdOf, type Order, seatState, unsettledShare } from "../order/index.ts";
import type { Query, Stored, Table } from "../table/entity.ts";
import { cartOrdersFor, purchaseLines, seatsOfTeam, teams, teamsToHandOver } from "../table/keys.ts";

/** What is picked of an article for one order. */
interface Pick {
  orderId: string;
  units: number;
  /** Of goods by weight: grams of one unit nominally, and of all units once they are weighed. */
  grams?: number | undefined;
  packedGrams?: number | undefined;
  ready: boolean;
  shelfNo?: number | undefined;
  delivers: boolean;
  /** When it is handed over, or leaves, at the earliest, epoch ms. */
  from: number;
}

/** What a store picks for a day, by zone and article, in the order of when it is wanted. */
export interface PickList {
  storeId: string;
  day: string;
  /** Orders on the list, those of them that are ready, and those whose goods or shares are still open. */
  orders: number;
  ready: number;
  waiting: number;
  zones: {
    zone: TemperatureZone;
    /** Units of an article in all, and of those not made ready yet. */
    articles: { articleId: string; name: string; units: number; left: number; orders: Pick[] }[];
  }[];
}

/**
 * The orders of a store whose hand-over or delivery begins on a day (YYYY-MM-DD in Asia/Shanghai): paid for good, and neither handed
 * over, on their way nor cancelled. What is bought at the cut-off is on it as far as it has come. As long as what one store hands over in a day.
 */
export async function pickList(
  deps: { table: Table },
  { storeId, day }: { storeId: string; day: string },
): Promise<PickList> {
  const { picked, waiting } = await toPick(deps.table, storeId, day);
  picked.sort((a, b) => a.order.pickupFrom - b.order.pickupFrom || (a.order.orderId < b.order.orderId ? -1 : 1));
  const picks = picked.flatMap(({ order, lines }) =>
    lines.map(({ articleId, name, zone, ...line }) => ({
      articleId,
      name,
      zone,
      of: {
        ...line,
        orderId: order.orderId,
        ready: order.stage === "READY",
        shelfNo: order.shelfNo,
        delivers: order.delivery !== undefined,
        from: order.pickupFrom,
      },
    })),
  );
  return {
    storeId,
    day,
    orders: picked.length,
    ready: picked.filter(({ order }) => order.stage === "READY").length,
    waiting,
    zones: byZone(picks).map(({ zone, lines }) => ({
      zone,
      articles: [...Map.groupBy(lines, ({ articleId }) => articleId)].map(([articleId, ofArticle]) => ({
        articleId,
        name: ofArticle[0]!.name,
        units: ofArticle.reduce((sum, { of }) => sum + of.units, 0),
        left: ofArticle.reduce((sum, { of }) => sum + (of.ready ? 0 : of.units), 0),
        orders: ofArticle.map(({ of }) => of),
      })),
    })),
  };
}

/** What the labels of a day's orders say that are ready, by shelf number; as `pickList`. */
export async function labelsOf(
  { table }: { table: Table },
  { storeId, day }: { storeId: string; day: string },
): Promise<Picked[]> {
  const { picked } = await toPick(table, storeId, day);
  return picked
    .filter(({ order }) => order.stage === "READY")
    .sort((a, b) => (a.order.shelfNo ?? 0) - (b.order.shelfNo ?? 0));
}

interface Picked {
  order: Stored<Order>;
  lines: ReturnType<typeof linesToPick>;
}

/** Teams whose seats are read at the same time. */
const AT_ONCE = 10;

async function toPick(table: Table, storeId: string, day: string): Promise<{ picked: Picked[]; waiting: number }> {
  const picked: Picked[] = [];
  let waiting = 0;
  const look = async (query: Query<Order>) => {
    for await (const orders of pagesOf(table, query))
      for (const { order, units } of await servable(table, orders)) {
        // another store took it over, or it was put off
        if (order.storeId !== storeId || dayOf(order.pickupFrom) !== day) continue;
        if (units === undefined) waiting += 1;
        else if (units > 0) picked.push({ order, lines: linesToPick(order, units) });
      }
  };
  await look(cartOrdersFor(storeId, day));
  for await (const found of pagesOf(table, teamsToHandOver(storeId, day)))
    for (let start = 0; start < found.length; start += AT_ONCE)
      await Promise.all(found.slice(start, start + AT_ONCE).map(({ teamId }) => look(seatsOfTeam(teamId))));
  return { picked, waiting };
}

async function* pagesOf<T>(table: Table, query: Query<T>): AsyncGenerator<Stored<T>[]> {
  let after: Record<string, string> | undefined;
  do {
    const page = await table.page(query, { limit: 100, after });
    yield page.items;
    after = page.next;
  } while (after);
}

/** What an order bought at the cut-off gets is one article's; else the lines say it. */
const linesToPick = (order: Order, units: number) =>
  order.lines.map(({ articleId, name, units: n, grams, packedGrams, zone }) => ({
    articleId,
    name,
    units: order.sourced === "to_order" ? units : n,
    grams,
    packedGrams,
    ...(zone !== undefined && { zone }),
  }));

/** Those of some orders that are to be served, and the units of each; undefined while these are open. */
async function servable(
  table: Table,
  orders: readonly Stored<Order>[],
): Promise<{ order: Stored<Order>; units: number | undefined }[]> {
  const open = orders.filter(({ seat, stage }) => seat === "PAID" && (stage === "PLACED" || stage === "READY"));
  const teamIds = [...new Set(open.flatMap(({ teamId }) => teamId ?? []))];
  const lineIds = [...new Set(open.flatMap((order) => lineOf(order) ?? []))];
  const [ofTeams, ofLines] = await Promise.all([
    table.loadMany(
      teams,
      teamIds.map((teamId) => ({ teamId })),
    ),
    table.loadMany(
      purchaseLines,
      lineIds.map((lineId) => ({ lineId })),
    ),
  ]);
  const team = new Map(ofTeams.map((one) => [one.teamId, one]));
  const line = new Map(ofLines.map((one) => [one.lineId, one]));
  return open.flatMap((order) => {
    const its = order.teamId === undefined ? undefined : team.get(order.teamId);
    if (order.teamId !== undefined && (!its || seatState(order, its) !== "CONFIRMED")) return [];
    const lineId = lineOf(order);
    const units =
      its && unsettledShare(order, its)
        ? undefined
        : lineId === undefined
          ? order.units
          : arrivalAt(order, its, line.get(lineId)).units;
    return [{ order, units }];
  });
}

function lineOf({ sourced, campaignId, storeId, lines }: Order): string | undefined {
  if (sourced !== "to_order" || campaignId === undefined) return undefined;
  return lineIdOf({ campaignId, storeId, articleId: lines[0]!.articleId });
}
