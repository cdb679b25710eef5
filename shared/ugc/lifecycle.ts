import { lifecycle } from "../kernel/lifecycle.ts";

/** A post or a comment: others see it while it is PUBLISHED, and nothing is before it was looked at, by WeChat or by a person. */
export const postLifecycle = lifecycle({
  CHECKING: { passed: "PUBLISHED", doubted: "IN_REVIEW", refused: "REMOVED", withdrawn: "WITHDRAWN" },
  PUBLISHED: { reported: "IN_REVIEW", removed: "REMOVED", withdrawn: "WITHDRAWN" },
  IN_REVIEW: { approved: "PUBLISHED", removed: "REMOVED", withdrawn: "WITHDRAWN" },
  REMOVED: {},
  WITHDRAWN: {},
});
export type PostEvent = (typeof postLifecycle.events)[number];
