import { lifecycle } from "../kernel/lifecycle.ts";

/** paid: the member has the money, whoever is to bear it; decided: somebody bears it, and the chain's advance is back. */
export const claimLifecycle = lifecycle({
  OPEN: { paid: "PAID_FIRST", rejected: "REJECTED" },
  PAID_FIRST: { decided: "DECIDED" },
  DECIDED: {},
  REJECTED: {},
});
