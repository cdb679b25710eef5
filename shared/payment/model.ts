import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { paymentLifecycle, refundLifecycle } from "./lifecycle.ts";

/** One payment attempt of an order. The one in force lies in the order itself; earlier ones are rows of their own. */
export const payment = z.object({
  /** Order id + two-digit attempt: the channel's out_trade_no. */
  paymentNo: z.string(),
  attempt: z.int().min(1).max(99),
  paymentState: z.enum(paymentLifecycle.states),
  payableFen: fen,
  /** What became of a payment that succeeded: it pays the seat, or goes back in full. */
  disposition: z.enum(["SEATED", "ORPHAN"]).optional(),
  transactionId: z.string().optional(),
  /** The channel's success time, whole seconds. */
  paidAt: epochMs.optional(),
});

/** A superseded attempt. */
export const paymentAttempt = payment.extend({ orderId: idOf("OR"), memberId: idOf("MB") });
export type PaymentAttempt = z.infer<typeof paymentAttempt>;

export const refundCauses = [
  "team_failed",
  "left",
  "orphan",
  "settled_difference",
  "short_arrival",
  "late_arrival",
  "weight_difference",
  "compensation",
  "cancelled",
  "short_pick",
] as const;

/** Money on its way back. Its number is fixed before the channel is asked; one refund has one attempt in force. */
export const refund = z.object({
  refundId: idOf("RF"),
  orderId: idOf("OR"),
  memberId: idOf("MB"),
  paymentNo: z.string(),
  cause: z.enum(refundCauses),
  refundFen: fen.min(1),
  totalFen: fen.min(1),
  attempt: z.int().min(1).max(99),
  /** Refund id + two-digit attempt: the channel's out_refund_no. */
  refundNo: z.string(),
  state: z.enum(refundLifecycle.states),
  requestedAt: epochMs,
  settledAt: epochMs.optional(),
  /** The channel's own number. */
  channelRefundId: z.string().optional(),
  /** That it went back another way, as one of the staff says; true once another one has approved it. */
  proposal: z.object({ proposalId: idOf("RP"), by: z.string(), at: epochMs, note: text(4, 300) }).optional(),
  /** The channel's last word that was not progress, for staff: NOT_ENOUGH, a refusal's code. */
  trouble: text(0, 100).optional(),
});
export type Refund = z.infer<typeof refund>;

/** Who must act on a matter, by what it is about. */
export const caseOwners = {
  mismatch: "finance",
  unknown_number: "finance",
  undecided: "finance",
  refund_abnormal: "customer_service",
  refund_slow: "finance",
  refund_refused: "finance",
  refund_not_enough: "finance",
  shipping_refused: "ops",
  /** The channel keeps the money of a pickup that it was told of. */
  settlement_late: "finance",
  payout_not_enough: "finance",
  /** The channel's bill has what our books have not, the other way round, or another amount. */
  books_lack: "finance",
  bill_lacks: "finance",
  bill_differs: "finance",
  bill_refused: "finance",
  invoice_refused: "finance",
  red_letter_refused: "finance",
} as const satisfies Record<string, "finance" | "customer_service" | "ops">;
export type CaseReason = keyof typeof caseOwners;
export const caseReason = z.enum(Object.keys(caseOwners) as [CaseReason, ...CaseReason[]]);

/** A matter for staff: a payment or refund the system may not decide by itself. One row per natural key, which never repeats. */
export const paymentCase = z.object({
  /** `<reason>#<payment or refund number>` */
  caseKey: text(0, 120),
  reason: caseReason,
  number: text(0, 64),
  orderId: z.string().optional(),
  detail: text(0, 300),
  at: epochMs,
  resolvedAt: epochMs.optional(),
  resolvedBy: z.string().optional(),
  resolution: text(0, 300).optional(),
});
export type PaymentCase = z.infer<typeof paymentCase>;
