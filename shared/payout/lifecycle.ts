import { lifecycle } from "../kernel/lifecycle.ts";

/**
 * REQUESTED: to be asked for. ACCEPTED: the channel works on it. UNFREEZING: nobody gets anything of it, what the channel keeps is let go.
 * FINISHED: each receiver has his part, or it is available to him again, and nothing of the payment is frozen any more.
 */
export const shareLifecycle = lifecycle({
  REQUESTED: { accepted: "ACCEPTED", finished: "FINISHED", refused: "UNFREEZING" },
  ACCEPTED: { finished: "FINISHED" },
  UNFREEZING: { finished: "FINISHED" },
  FINISHED: {},
});

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
