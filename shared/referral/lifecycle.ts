import { lifecycle } from "../kernel/lifecycle.ts";

/**
 * UNREFERRED: a new customer who came by himself. REVERSED: the order went back in full, the next one that stands is the first.
 * CLAWED_BACK: it went back after the reward.
 */
export const acquisitionLifecycle = lifecycle({
  UNREFERRED: { reversed: "REVERSED" },
  PENDING: { rewarded: "REWARDED", heldBack: "IN_REVIEW", refused: "REFUSED", reversed: "REVERSED" },
  IN_REVIEW: { rewarded: "REWARDED", refused: "REFUSED", reversed: "REVERSED" },
  REWARDED: { clawedBack: "CLAWED_BACK" },
  REFUSED: { reversed: "REVERSED" },
  CLAWED_BACK: {},
  REVERSED: { referred: "PENDING", unreferred: "UNREFERRED" },
});
