export { chainText, sharePath, shareTitle } from "./chain-text.ts";
export { clocks } from "./clocks.ts";
export { type CommunityTeam, communityTeams } from "./community-teams.ts";
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
export { placeForMember } from "./place-for-member.ts";
export { reconcilePayment, reconcileRefund } from "./reconcile.ts";
export { applyRefund, checkRefund, requestRefund, resolveRefund } from "./refund.ts";
export { runCampaign } from "./run-campaign.ts";
export { settleHold } from "./settle-hold.ts";
export { settlePayment } from "./settle-payment.ts";
export { settleTeam } from "./settle-team.ts";
export { shareOfLeader, shareTeam, touchShare } from "./share-team.ts";
export { subsidiseTeam } from "./subsidise-team.ts";
export { alarmUndecided, sweep } from "./sweep.ts";
export { joinTeam, openTeam } from "./take-seat.ts";
export { counts, seatsIn } from "./team-seats.ts";
