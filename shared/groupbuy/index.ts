export { clocks } from "./clocks.ts";
export { editCampaign } from "./edit-campaign.ts";
export {
  allotmentRows,
  allotUnits,
  campaignOf,
  createCampaign,
  publishCampaign,
  steerCampaign,
} from "./keep-campaign.ts";
export { leaveTeam } from "./leave-team.ts";
export { campaignLifecycle, teamLifecycle } from "./lifecycle.ts";
export { type Allotment, admission, type Campaign, type Team } from "./model.ts";
export { payOrder } from "./pay-order.ts";
export { reconcilePayment, reconcileRefund } from "./reconcile.ts";
export { applyRefund, checkRefund, requestRefund, resolveRefund } from "./refund.ts";
export { runCampaign } from "./run-campaign.ts";
export { settleHold } from "./settle-hold.ts";
export { settlePayment } from "./settle-payment.ts";
export { settleTeam } from "./settle-team.ts";
export { shareTeam, touchShare } from "./share-team.ts";
export { subsidiseTeam } from "./subsidise-team.ts";
export { alarmUndecided, sweep } from "./sweep.ts";
export { joinTeam, openTeam } from "./take-seat.ts";
export { counts, seatsIn } from "./team-seats.ts";
