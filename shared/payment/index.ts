export { paymentLifecycle, refundLifecycle } from "./lifecycle.ts";
export { caseOwners, caseReason, type PaymentAttempt, type PaymentCase, type Refund, refundCauses } from "./model.ts";
export { caseWrites, openCase } from "./open-case.ts";
export type {
  Busy,
  ChannelRefund,
  ChannelShare,
  ChannelTransfer,
  Notification,
  PaidTransaction,
  PaymentChannel,
  PaymentParameters,
  Refused,
  Unknown,
} from "./ports.ts";
export { reconcilePaymentOf, reconcileRefundOf } from "./reconcile-later.ts";
export { resolveCase } from "./resolve-case.ts";
