import type { Env } from "../kernel/env.ts";
import { minute } from "../kernel/time.ts";
import type { Write } from "../table/entity.ts";
import { dues } from "../table/keys.ts";

/** The reconciliation looks at a refund that should be under way, and at a payment that was closed, after this, ms. */
const REFUND_LOOKED_AT = 30 * minute;
const PAYMENT_LOOKED_AT = 60 * minute;

/** Lets the reconciliation look at a refund (`<orderId>#<refundId>`), at the refunds of a team's end (its id), or of a line that came short (its id), in a while. */
export const reconcileRefundOf = (env: Env, id: string): Write => {
  const at = env.clock.now() + REFUND_LOOKED_AT;
  return dues.create({ kind: "refund", id, at, since: at });
};

/** Lets the reconciliation ask once more about a closed payment: it may have won against the close, and its news be lost. */
export const reconcilePaymentOf = (env: Env, paymentNo: string): Write => {
  const at = env.clock.now() + PAYMENT_LOOKED_AT;
  return dues.create({ kind: "payment", id: paymentNo, at, since: at });
};
