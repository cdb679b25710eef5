import { lifecycle } from "../kernel/lifecycle.ts";

/** PLANNED is decided: every row passed, and from there it is applied to its end whatever happens between. */
export const importLifecycle = lifecycle({
  PLANNED: { began: "APPLYING" },
  APPLYING: { began: "APPLYING", finished: "APPLIED" },
  APPLIED: {},
});
