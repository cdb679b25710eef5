export { type PictureType, pictureTypes } from "./evidence.ts";
export { claimLifecycle } from "./lifecycle.ts";
export { type Claim, claimLine } from "./model.ts";
export { remindClaim } from "./remind-claim.ts";
