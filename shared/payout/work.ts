export { chooseWay } from "./choose-way.ts";
export { payoutPolicy } from "./policy.ts";
export { requestPayout } from "./request-payout.ts";
