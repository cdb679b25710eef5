import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { basisPoints, fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { couponGrantLifecycle, couponLifecycle } from "./lifecycle.ts";

/** What is taken off: an amount, or a share of the team price up to an amount. */
export const couponOff = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("amount"), fen: fen.min(1) }),
  z.strictObject({ by: z.literal("percent"), bps: basisPoints.min(1), mostFen: fen.min(1) }),
]);

/** Who bears it. */
export const couponFunder = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("platform") }),
  z.strictObject({ by: z.literal("supplier"), supplierId: idOf("SP") }),
  z.strictObject({ by: z.literal("store"), storeId: idOf("ST") }),
]);

export const couponTerms = z.object({
  name: text(1, 40),
  off: couponOff,
  /** Team price of an order, fen, from which on it may be used. */
  thresholdFen: fen,
  /** Only these articles, stores, channels; all where absent. */
  articleIds: z.array(idOf("AR")).min(1).max(50).optional(),
  storeIds: z.array(idOf("ST")).min(1).max(50).optional(),
  channels: z
    .array(z.enum(["mini", "batch"]))
    .min(1)
    .max(2)
    .optional(),
  validFrom: epochMs,
  validUntil: epochMs,
  funder: couponFunder,
});
export type CouponTerms = z.infer<typeof couponTerms>;

/** A coupon that may be granted. `grantedFen`: what its grants may come to at most, within the budget. */
export const coupon = couponTerms.extend({
  couponId: idOf("CT"),
  budgetFen: fen,
  grantedFen: fen,
  state: z.enum(couponLifecycle.states),
  reason: text(0, 200).optional(),
  createdAt: epochMs,
});
export type Coupon = z.infer<typeof coupon>;

/** A member's coupon, with the terms it was granted under. One a coupon and cause: the member himself, or what earned it. */
export const couponGrant = z.object({
  grantId: idOf("CG"),
  memberId: idOf("MB"),
  couponId: idOf("CT"),
  terms: couponTerms,
  state: z.enum(couponGrantLifecycle.states),
  /** The order that holds or has used it. */
  orderId: idOf("OR").optional(),
  grantedAt: epochMs,
});
export type CouponGrant = z.infer<typeof couponGrant>;
