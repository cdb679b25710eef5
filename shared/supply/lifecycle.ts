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

/** A purchase order follows its lines: something came to a store, every store's line is closed. */
export const purchaseLifecycle = lifecycle({
  OPEN: { arrived: "PARTLY_RECEIVED", closed: "RECEIVED" },
  PARTLY_RECEIVED: { arrived: "PARTLY_RECEIVED", closed: "RECEIVED" },
  RECEIVED: {},
});

/** A store's line: closed, nothing more comes, and what it lacks is refunded. */
export const purchaseLineLifecycle = lifecycle({
  EXPECTED: { arrived: "PARTLY_RECEIVED", closed: "RECEIVED" },
  PARTLY_RECEIVED: { arrived: "PARTLY_RECEIVED", closed: "RECEIVED" },
  RECEIVED: {},
});
