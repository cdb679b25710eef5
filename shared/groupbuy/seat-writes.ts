import { couponReturned } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { providerNumber } from "../kernel/ids.ts";
import { booked } from "../ledger/index.ts";
import { type Order, returnUnits } from "../order/index.ts";
import type { Refund } from "../payment/index.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { guards, orders, totalCaps } from "../table/keys.ts";
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

/** A patch of an order on condition that it is still at the store it was read at. */
export const atItsStore = (order: Order) =>
  orders.patch({ orderId: order.orderId }).when("storeId", "=", order.storeId);

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

/** A refund of an order's payment in force that nobody has asked the channel for yet; it begins at `at` (epoch ms). */
export const requestedRefund = (
  order: Order,
  what: Pick<Refund, "refundId" | "cause" | "refundFen">,
  at: number,
): Refund => ({
  ...what,
  orderId: order.orderId,
  memberId: order.memberId,
  paymentNo: order.paymentNo,
  totalFen: order.payableFen,
  attempt: 1,
  refundNo: providerNumber(what.refundId, 1),
  state: "REQUESTED",
  requestedAt: at,
});

/** The part of a commit that gives an order's coupon back to its member; none where it has none. */
export const couponBack = ({ memberId, orderId, coupon }: Order): Write[] =>
  coupon ? [couponReturned({ memberId, grantId: coupon.grantId }, orderId)] : [];

/** What an order's coupon takes off it, fen. */
export const couponFen = ({ discounts = [] }: Pick<Order, "discounts">): number =>
  discounts.reduce((sum, { kind, amountFen }) => sum + (kind === "coupon" ? amountFen : 0), 0);

/** The ledger line by which a coupon's funder bears, or is given back, so much of an order; none for nothing. */
export const couponBooked = (
  env: Env,
  { orderId, storeId, coupon }: Order,
  line: { kind: "coupon" | "coupon_return"; reference: string; amountFen: number; at: number },
): Write[] =>
  coupon && line.amountFen > 0 ? [booked(env, { subject: orderId, storeId, ...line, party: coupon.funder })] : [];

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
