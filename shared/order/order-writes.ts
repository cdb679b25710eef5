import { couponReturned } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { providerNumber } from "../kernel/ids.ts";
import { booked } from "../ledger/index.ts";
import type { Refund } from "../payment/index.ts";
import type { Write } from "../table/entity.ts";
import { orders } from "../table/keys.ts";
import type { Order } from "./model.ts";

/** A patch of an order on condition that it is still at the store it was read at. */
export const atItsStore = (order: Order) =>
  orders.patch({ orderId: order.orderId }).when("storeId", "=", order.storeId);

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

/** What every event of an order tells. */
export const orderFacts = (order: Order) => ({
  orderId: order.orderId,
  ...(order.teamId && { teamId: order.teamId }),
  memberId: order.memberId,
  storeId: order.storeId,
  ...(order.campaignId && { campaignId: order.campaignId }),
  units: order.units,
  payableFen: order.payableFen,
});
