/** What only those who reward referrals need. */
export { readProgramme, setProgramme } from "./keep-programme.ts";
export { decideReferral, rewardReferral } from "./reward.ts";
