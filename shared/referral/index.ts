export { attributeOrder, awaitReward, reverseAcquisition } from "./attribute.ts";
export { acquisitionLifecycle } from "./lifecycle.ts";
export { type Acquisition, type ReferralProgramme, referredBy } from "./model.ts";
