import { day, hour, minute } from "../kernel/time.ts";

/** Every figure of payouts; the channel's own are those of its merchant transfers (商家转账). */
export const payoutPolicy = {
  /** The channel transfers no less. */
  leastFen: 10,
  /** From here on the channel wants the account's real name. */
  realNameFromFen: 200_000,
  /** The most of one transfer. */
  mostFen: 2_000_000,
  /** How long after the request the channel is asked, again and again. */
  askAgainMs: [minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour],
  /** A member has so long to confirm; then the channel gives up by itself. */
  confirmMs: day,
  /** How soon the channel is asked what became of a share, and again. */
  shareAgainMs: 5 * minute,
  /** How often it is looked whether the channel has settled the payment, which it must have before a share. */
  shareUnsettledMs: 6 * hour,
  /** The channel keeps what is marked for sharing no longer than this after the payment (分账规则: 30 天). */
  shareWithinMs: 30 * day,
} as const;
