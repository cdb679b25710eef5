import { lifecycle } from "../kernel/lifecycle.ts";

/**
 * REQUESTED: to be asked for, under its number. UNKNOWN: the channel did not answer, only a query can tell. ACCEPTED: the channel has it,
 * and waits for the member. FAILED: not taken, refused or given back; the money is available again.
 */
export const payoutLifecycle = lifecycle({
  REQUESTED: { timedOut: "UNKNOWN", accepted: "ACCEPTED", succeeded: "PAID", failed: "FAILED" },
  UNKNOWN: { absent: "REQUESTED", accepted: "ACCEPTED", succeeded: "PAID", failed: "FAILED" },
  ACCEPTED: { succeeded: "PAID", failed: "FAILED" },
  PAID: {},
  FAILED: {},
});
