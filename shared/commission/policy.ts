import { day } from "../kernel/time.ts";

/** Every figure that commissions are judged by. */
export const commissionPolicy = {
  /** Frozen until the goods are so long in the customer's hands. */
  afterSaleMs: 7 * day,
} as const;
