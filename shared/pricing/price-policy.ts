import { day } from "../kernel/time.ts";

/** Every figure that prices are judged by; rates in basis points (1/10,000). */
export const pricePolicy = {
  /** Bringing the goods to the store, of their cost. */
  deliveryBps: 300,
  /** What spoils, breaks or is given back, of the cost: perishable articles, and others. */
  lossBps: { perishable: 400, other: 100 },
  /** What leaders and KOC get, of the price. */
  commissionBps: 300,
  /**
   * A price is struck through only if it was really asked: at most the lowest deal of these days before the sale begins, else the
   * last deal (《明码标价和禁止价格欺诈规定》第16、17条).
   */
  referenceMs: 7 * day,
} as const;
