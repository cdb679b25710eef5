export { clocks } from "./clocks.ts";
export {
  allotmentRows,
  allotUnits,
  type CampaignDraft,
  campaignOf,
  createCampaign,
  publishCampaign,
  steerCampaign,
} from "./keep-campaign.ts";
export { leaveTeam } from "./leave-team.ts";
export { campaignLifecycle, teamLifecycle } from "./lifecycle.ts";
export { type Allotment, admission, type Campaign, type Share, type Team } from "./model.ts";
export { type Payable, payOrder } from "./pay-order.ts";
export { reconcilePayment, reconcileRefund } from "./reconcile.ts";
export { applyRefund, checkRefund, type RefundStep, requestRefund, resolveRefund } from "./refund.ts";
export { runCampaign } from "./run-campaign.ts";
export { settleHold } from "./settle-hold.ts";
export { type Settlement, settlePayment } from "./settle-payment.ts";
export { settleTeam } from "./settle-team.ts";
export { shareTeam, touchShare } from "./share-team.ts";
export { alarmUndecided, sweep } from "./sweep.ts";
export { joinTeam, openTeam, type Seat, type SeatDeps } from "./take-seat.ts";
export { counts, seatsIn } from "./team-seats.ts";
