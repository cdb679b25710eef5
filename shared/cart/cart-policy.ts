import { day, hour, minute } from "../kernel/time.ts";

/** The clocks of an order from the cart, ms. */
export const cartPolicy = {
  /** How long its units are held unpaid. */
  holdMs: 15 * minute,
  /** After it, before the channel is asked: notifications of the last second arrive in it. */
  graceMs: 3 * minute,
  /** An order that is collected, without a slot: ready this long after it was placed, and kept until the end of that day and one more. */
  readyMs: hour,
  keptMs: day,
} as const;
