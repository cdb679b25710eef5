import { lifecycle } from "../kernel/lifecycle.ts";

export const campaignLifecycle = lifecycle({
  DRAFT: { published: "SCHEDULED", cancelled: "CANCELLED" },
  SCHEDULED: { opened: "OPEN", cancelled: "CANCELLED" },
  OPEN: { suspended: "SUSPENDED", closed: "CUTOFF", cancelled: "CANCELLED" },
  SUSPENDED: { resumed: "OPEN", closed: "CUTOFF", cancelled: "CANCELLED" },
  CUTOFF: { settled: "SETTLED" },
  SETTLED: {},
  CANCELLED: {},
});

/**
 * OPENING: the leader has not paid, nobody else sees the team. A terminal state is one conditional write. reached: a batch has
 * its minimum at the cut-off.
 */
export const teamLifecycle = lifecycle({
  OPENING: { leaderPaid: "FORMING", leaderLapsed: "ABANDONED" },
  FORMING: {
    filled: "SUCCEEDED",
    reached: "SUCCEEDED",
    subsidised: "SUCCEEDED",
    deadline: "FAILED",
    leaderLeft: "FAILED",
    stopped: "FAILED",
    stockLost: "FAILED",
  },
  SUCCEEDED: {},
  FAILED: {},
  ABANDONED: {},
});
