import { lifecycle } from "../kernel/lifecycle.ts";

/** FROZEN until the after-sale time of the order is over. RETURNED: the order went back in full. */
export const commissionLifecycle = lifecycle({
  FROZEN: { released: "RELEASED", returned: "RETURNED" },
  RELEASED: { returned: "RETURNED" },
  RETURNED: {},
});
