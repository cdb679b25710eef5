import type { Env } from "../kernel/env.ts";
import { type Order, returnUnits } from "../order/index.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { guards, totalCaps } from "../table/keys.ts";
import type { Guard } from "./model.ts";

/**
 * The part of a commit that gives a seat's units back to its store, and to the campaign's total cap. The commit must hold the
 * order to the store as read (`atItsStore`).
 */
export async function unitsBack(deps: { table: Table; env: Env }, order: Stored<Order>, why: string): Promise<Write[]> {
  // whether there is a cap is settled when the campaign is published
  const cap =
    order.campaignId && (await deps.table.load(totalCaps, { campaignId: order.campaignId }, { eventually: true }));
  return [...(cap ? [totalCaps.patch(cap).add({ left: order.units })] : []), ...(await returnUnits(deps, order, why))];
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
