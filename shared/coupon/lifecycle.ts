import { lifecycle } from "../kernel/lifecycle.ts";

export const couponLifecycle = lifecycle({
  ACTIVE: { suspended: "SUSPENDED" },
  SUSPENDED: { resumed: "ACTIVE" },
});

/**
 * HELD: an order holds it unpaid. A payment that is seated again takes it anew, where it is still free. Past its time it stays
 * GRANTED and is of no use.
 */
export const couponGrantLifecycle = lifecycle({
  GRANTED: { held: "HELD", used: "USED", revoked: "REVOKED" },
  HELD: { used: "USED", returned: "GRANTED" },
  USED: { returned: "GRANTED" },
  REVOKED: {},
});
