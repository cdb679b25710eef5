import { minute, second } from "../kernel/time.ts";

/** The clocks of a group buy, ms. What a campaign may set itself is in its terms; these hold for all. */
export const clocks = {
  /** How long a seat is held unpaid, unless the campaign says otherwise. */
  hold: 15 * minute,
  /** After a hold or a deadline, before the channel is asked: notifications of the last second arrive in it. */
  grace: 3 * minute,
  /** Opening and joining end this long before the deadline, so that there is time to pay. */
  joinMargin: 90 * second,
  /** An undecided seat or team is looked at again after this, and shown to staff after `alarm`. */
  again: minute,
  alarm: 30 * minute,
  /** The sweep for lost timers looks this much after the timer should have rung. */
  lostTimer: 2 * minute,
} as const;

/** When a refund is looked at again: after each round this long, then every six hours; staff are told after five days. */
export const refundWaits = [1, 1, 1, 1, 1, 5, 10, 20, 30].map((m) => m * minute);
export const refundWaitAtLast = 6 * 60 * minute;
export const refundAlarm = 5 * 24 * 60 * minute;
