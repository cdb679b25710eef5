import { shareOf, yuan } from "../kernel/money.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { couponGrants } from "../table/keys.ts";
import { couponGrantLifecycle } from "./lifecycle.ts";
import type { CouponGrant, CouponTerms } from "./model.ts";

/** The order that a coupon is to be used for: what its articles come to, fen. `storeId` is not known before it is routed. */
export interface CouponUse {
  lines: readonly { articleId: string; amountFen: number }[];
  storeId?: string | undefined;
  channel: "mini" | "batch";
}

/** What of an order a coupon is for comes to, fen; undefined where it is for none of its articles. */
function eligibleFen({ articleIds }: CouponTerms, { lines }: CouponUse): number | undefined {
  const fit = lines.filter(({ articleId }) => !articleIds || articleIds.includes(articleId));
  return fit.length === 0 ? undefined : fit.reduce((sum, { amountFen }) => sum + amountFen, 0);
}

/** Why a coupon is not for this order; undefined: it is. `now` is epoch ms. */
function unfit(terms: CouponTerms, use: CouponUse, priceFen: number | undefined, now: number): string | undefined {
  const { storeIds, channels, thresholdFen, validFrom, validUntil } = terms;
  if (now < validFrom) return "its time has not come";
  if (now >= validUntil) return "its time is over";
  if (priceFen === undefined) return "it is for other articles";
  if (storeIds && use.storeId !== undefined && !storeIds.includes(use.storeId)) return "it is for other stores";
  if (channels && !channels.includes(use.channel)) return `it is for ${channels.join(", ")}, not ${use.channel}`;
  if (priceFen < thresholdFen)
    return `满${yuan(thresholdFen)}元可用: the order is ${priceFen} fen, not ${thresholdFen}`;
  return undefined;
}

const faceOf = ({ off }: CouponTerms, priceFen: number): number =>
  off.by === "amount" ? off.fen : Math.min(off.mostFen, shareOf(priceFen, off.bps));

/** The account that bears a coupon. */
export const funderAccount = ({ funder }: Pick<CouponTerms, "funder">): string =>
  funder.by === "platform"
    ? "platform:coupon"
    : funder.by === "supplier"
      ? `supplier:${funder.supplierId}`
      : `store:${funder.storeId}`;

/**
 * A member's coupon for an order, what it promises, and what of the order it is for comes to, fen. Throws COUPON_NOT_FOUND, COUPON_STATE (held by an order, used, taken
 * away), COUPON_UNFIT (with the reason).
 */
export async function couponFor(
  { table }: { table: Pick<Table, "load"> },
  key: { memberId: string; grantId: string },
  use: CouponUse,
  now: number,
): Promise<{ grant: Stored<CouponGrant>; faceFen: number; eligibleFen: number }> {
  const grant = await table.load(couponGrants, key);
  if (!grant) throw new DomainError("COUPON_NOT_FOUND");
  if (grant.state !== "GRANTED") {
    const facts = { state: grant.state, ...(grant.orderId && { orderId: grant.orderId }) };
    throw new DomainError("COUPON_STATE", `it is ${grant.state}`, { facts });
  }
  const priceFen = eligibleFen(grant.terms, use);
  const why = unfit(grant.terms, use, priceFen, now);
  if (why !== undefined || priceFen === undefined) throw new DomainError("COUPON_UNFIT", why);
  return { grant, faceFen: faceOf(grant.terms, priceFen), eligibleFen: priceFen };
}

type Key = { memberId: string; grantId: string };

/** The write that has an order hold it; another order that was faster makes the commit stale. */
export const couponHeld = (grant: Stored<CouponGrant>, orderId: string): Write =>
  couponGrants.patch(grant).asRead(grant).move("state", couponGrantLifecycle, "held").set({ orderId });

/** The order that holds it was paid. */
export const couponUsed = (key: Key, orderId: string): Write =>
  couponGrants.patch(key).when("orderId", "=", orderId).move("state", couponGrantLifecycle, "used");

/** An order that lost its seat is paid after all, and its coupon was free: it is used at once. */
export const couponTaken = (grant: Stored<CouponGrant>, orderId: string): Write =>
  couponGrants.patch(grant).asRead(grant).move("state", couponGrantLifecycle, "used").set({ orderId });

/** It is the member's again: the order was not paid, or refunded. */
export const couponReturned = (key: Key, orderId: string): Write =>
  couponGrants
    .patch(key)
    .when("orderId", "=", orderId)
    .move("state", couponGrantLifecycle, "returned")
    .set({ orderId: undefined });
