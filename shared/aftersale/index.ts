export { carryCompensation } from "./compensate-recall.ts";
export { followClaim } from "./follow-claim.ts";
export { claimLifecycle } from "./lifecycle.ts";
export { type Claim, claimLine, type RecallCompensation, recallRule } from "./model.ts";
export { remindClaim } from "./remind-claim.ts";
