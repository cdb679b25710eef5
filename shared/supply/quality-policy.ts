import { day } from "../kernel/time.ts";

/** How goods are judged; every figure that the quality score and its rule rest on. */
export const qualityPolicy = {
  /** Lots older than this say nothing any more; beside it, the last 20 are kept. */
  recentMs: 180 * day,
  /** A score starts here and loses points. */
  full: 100,
  /** Points lost where everything was rejected; in proportion to the rejected share of the units. */
  allRejected: 100,
  /** Below this nothing new is published. */
  threshold: 70,
  /** The longest an exception holds. */
  longestException: 90 * day,
} as const;
