import { day } from "../kernel/time.ts";

/** Every figure that referrals are judged by. */
export const referralPolicy = {
  /** A link that was opened so long before the first paid order still counts. */
  touchMs: 30 * day,
  /** More new customers of one inviter in these times are looked at by a person. */
  most: [
    { withinMs: day, count: 5 },
    { withinMs: 30 * day, count: 30 },
  ],
  /** How long a reward waits for a coupon that is suspended or spent. */
  couponWaitMs: 30 * day,
} as const;
