import { pairId } from "../kernel/ids.ts";
import type { Table } from "../table/entity.ts";
import { purchaseLines } from "../table/keys.ts";
import { arrivedUnits, type SeatShare, seatShare } from "./batch-share.ts";
import type { Order } from "./model.ts";
import { loadTeam } from "./rules.ts";

/** The line of a purchase order that brings a campaign's article to a store. */
export const lineIdOf = (of: { campaignId: string; storeId: string; articleId: string }): string =>
  pairId("PL", pairId("PL", of.campaignId, of.storeId), of.articleId);

/**
 * How the goods of an order stand that are bought at the cut-off: what it was sold (`share`, once its team succeeded), its store's
 * line (once it was ordered), and what it gets of what came (`units`, undefined while that is open). Undefined: its goods come from
 * stock.
 */
export async function arrivalOf(table: Pick<Table, "load">, order: Order): Promise<Arrival | undefined> {
  const { campaignId, storeId } = order;
  const [first] = order.lines;
  if (order.sourced !== "to_order" || campaignId === undefined || !first) return undefined;
  const lineId = lineIdOf({ campaignId, storeId, articleId: first.articleId });
  const team = await loadTeam(table, order);
  return arrivalAt(order, team, await loadLine(table, lineId));
}

/** The same, of what was read before. */
export function arrivalAt(order: Order, team: TeamEnd | undefined, line: Line | undefined): Arrival {
  const { orderId, paidAt } = order;
  const share = team && seatShare(order, team);
  const units =
    line && share && paidAt !== undefined ? arrivedUnits(line, { orderId, paidAt, units: share.units }) : undefined;
  return { share, line, units };
}

type TeamEnd = Parameters<typeof seatShare>[1];
type Line = NonNullable<Awaited<ReturnType<typeof loadLine>>>;
const loadLine = (table: Pick<Table, "load">, lineId: string) => table.load(purchaseLines, { lineId });
export interface Arrival {
  share: SeatShare | undefined;
  line: Line | undefined;
  units: number | undefined;
}
