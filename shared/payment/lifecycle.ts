import { lifecycle } from "../kernel/lifecycle.ts";

/** UNKNOWN: the channel did not answer; only a query under the same number can tell. CLOSED → SUCCESS: the payment raced the close. */
export const paymentLifecycle = lifecycle({
  CREATED: { timedOut: "UNKNOWN", prepaid: "PREPAID", closed: "CLOSED", succeeded: "SUCCESS" },
  UNKNOWN: { prepaid: "PREPAID", closed: "CLOSED", succeeded: "SUCCESS" },
  PREPAID: { closed: "CLOSED", succeeded: "SUCCESS" },
  CLOSED: { succeeded: "SUCCESS" },
  SUCCESS: { partlyRefunded: "PARTIALLY_REFUNDED", refunded: "REFUNDED" },
  PARTIALLY_REFUNDED: { partlyRefunded: "PARTIALLY_REFUNDED", refunded: "REFUNDED" },
  REFUNDED: {},
});

/** REQUESTED: to be asked for, under its number. ACCEPTED is not refunded. CLOSED (by query) alone allows a next attempt, under a next number. */
export const refundLifecycle = lifecycle({
  REQUESTED: { timedOut: "UNKNOWN", accepted: "ACCEPTED", succeeded: "SUCCESS", stuck: "ABNORMAL", closed: "CLOSED" },
  UNKNOWN: { accepted: "ACCEPTED", succeeded: "SUCCESS", stuck: "ABNORMAL", closed: "CLOSED" },
  ACCEPTED: { succeeded: "SUCCESS", stuck: "ABNORMAL", closed: "CLOSED" },
  ABNORMAL: { succeeded: "SUCCESS" },
  CLOSED: { again: "REQUESTED" },
  SUCCESS: {},
});
