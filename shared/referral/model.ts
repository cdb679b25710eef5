import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { acquisitionLifecycle } from "./lifecycle.ts";

/** In the order of precedence: joined a team by invitation; opened somebody's link before. */
export const referredBy = z.enum(["team_invite", "share"]);

/** How a member became a customer: by the first order that was paid and stands. One a member. */
export const acquisition = z.object({
  memberId: idOf("MB"),
  orderId: idOf("OR"),
  paidAt: epochMs,
  state: z.enum(acquisitionLifecycle.states),
  by: referredBy.optional(),
  inviterId: idOf("MB").optional(),
  touchedAt: epochMs.optional(),
  /** Who came before in the order of precedence and does not count, and why. */
  passed: z
    .array(
      z.object({
        inviterId: idOf("MB"),
        by: referredBy,
        why: z.enum(["self", "unknown", "no_order_before", "same_device"]),
      }),
    )
    .max(5),
  /** Why it was held back or refused. */
  why: text(0, 200).optional(),
  /** What was granted for it. */
  rewards: z.array(z.object({ memberId: idOf("MB"), grantId: idOf("CG") })).optional(),
  rewardedAt: epochMs.optional(),
  /** The inviter's part was kept for what an earlier one of his owed. */
  offset: z.boolean().optional(),
  /** It was clawed back when the inviter's reward was spent: his next one is kept. */
  owed: z.boolean().optional(),
});
export type Acquisition = z.infer<typeof acquisition>;
export type ReferredBy = z.infer<typeof referredBy>;

/** What a referral is rewarded with; one row. */
export const referralProgramme = z.object({
  name: z.literal("referral"),
  active: z.boolean(),
  inviterCouponId: idOf("CT").optional(),
  inviteeCouponId: idOf("CT").optional(),
});
export type ReferralProgramme = z.infer<typeof referralProgramme>;
