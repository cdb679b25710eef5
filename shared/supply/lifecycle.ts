import { lifecycle } from "../kernel/lifecycle.ts";

export const supplierLifecycle = lifecycle({
  ACTIVE: { suspended: "SUSPENDED" },
  SUSPENDED: { resumed: "ACTIVE" },
});

/** An arrival: announced, then checked once; what was accepted is in the store's stock from that commit on. */
export const lotLifecycle = lifecycle({
  EXPECTED: { accepted: "ACCEPTED", partlyAccepted: "PARTLY_ACCEPTED", rejected: "REJECTED" },
  ACCEPTED: {},
  PARTLY_ACCEPTED: {},
  REJECTED: {},
});

export const recallLifecycle = lifecycle({ OPEN: { closed: "CLOSED" }, CLOSED: {} });
