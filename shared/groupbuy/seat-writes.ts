import type { Env } from "../kernel/env.ts";
import type { Order } from "../order/index.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { allotments, guards, stockMovements, stocks, totalCaps } from "../table/keys.ts";
import type { Guard } from "./model.ts";

/** The part of a commit that gives a seat's units back: to its allotment, or to the store once the campaign has returned it. */
export async function unitsBack(deps: { table: Table; env: Env }, order: Order): Promise<Write[]> {
  const line = order.lines[0];
  if (!order.campaignId || !line) return [];
  const key = { campaignId: order.campaignId, storeId: order.storeId, articleId: line.articleId };
  const [allotment, cap] = await Promise.all([
    deps.table.load(allotments, key),
    deps.table.load(totalCaps, { campaignId: order.campaignId }),
  ]);
  const capped = cap ? [totalCaps.patch({ campaignId: order.campaignId }).add({ left: order.units })] : [];
  if (allotment?.state === "RETURNED") {
    const stock = { storeId: order.storeId, articleId: line.articleId };
    return [
      ...capped,
      stocks.patch(stock).add({ online: order.units }),
      stockMovements.create({ ...stock, cause: `late#${order.orderId}`, delta: order.units, at: deps.env.clock.now() }),
    ];
  }
  return [...capped, allotments.patch(key).add({ left: order.units }).when("state", "=", "OPEN")];
}

/** The guard without a live seat of this order; `refunded` takes its units out of the count as well. */
export function withoutSeat(guard: Stored<Guard>, orderId: string, how: { unitsToo: boolean }): Write {
  const { liveOrderId, ...rest } = guard;
  const units = { ...guard.units };
  if (how.unitsToo) delete units[orderId];
  return guards.replace({ ...rest, units, ...(liveOrderId && liveOrderId !== orderId && { liveOrderId }) });
}

/** Loads the guard of an order's member and campaign and takes the seat out of it; no write where there is none. */
export async function guardWithout(table: Table, order: Order, how: { unitsToo: boolean }): Promise<Write[]> {
  if (!order.campaignId) return [];
  const guard = await table.load(guards, { campaignId: order.campaignId, memberId: order.memberId });
  return guard ? [withoutSeat(guard, order.orderId, how)] : [];
}

/** What every event of a seat tells. */
export const seatFacts = (order: Order) => ({
  orderId: order.orderId,
  teamId: order.teamId,
  memberId: order.memberId,
  storeId: order.storeId,
  ...(order.campaignId && { campaignId: order.campaignId }),
  units: order.units,
  payableFen: order.payableFen,
});
