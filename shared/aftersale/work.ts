/** What is done about a claim: the door to what is loaded with the first request to it. */
export { compensateRecall, recallCompensated } from "./compensate-recall.ts";
export { decideRecovery, rejectClaim } from "./decide-claim.ts";
export { pictureKey } from "./evidence.ts";
export { openClaim } from "./open-claim.ts";
export { claimServedBy, payClaim } from "./pay-claim.ts";
