import { lifecycle } from "../kernel/lifecycle.ts";

/** APPLYING is decided: the file was read to its end, and is written whatever happens between. Sent again, it is looked through again. */
export const posFileLifecycle = lifecycle({
  APPLYING: { finished: "APPLIED" },
  APPLIED: { sentAgain: "APPLYING" },
});
