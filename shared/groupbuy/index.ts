export { carryRecall } from "./carry-recall.ts";
export { chainText, sharePath, shareTitle } from "./chain-text.ts";
export { clocks } from "./clocks.ts";
export { type CommunityTeam, communityTeams } from "./community-teams.ts";
export { accountOf, type Bearer, compensationOf } from "./compensation.ts";
export { editCampaign } from "./edit-campaign.ts";
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
export { type Allotment, admission, type Campaign, campaignKind, type Share, type Team, type Terms } from "./model.ts";
export { carryPromise } from "./move-promise.ts";
export { campaignsOpenAt } from "./open-campaigns.ts";
export { payOrder } from "./pay-order.ts";
export { pickingList } from "./picking-list.ts";
export { placeForMember } from "./place-for-member.ts";
export { priceOf, quoteSeat } from "./quote-seat.ts";
export { reconcilePayment, reconcileRefund } from "./reconcile.ts";
export {
  applyRefund,
  approveResolution,
  checkRefund,
  lookAtRefund,
  proposeResolution,
  requestRefund,
} from "./refund.ts";
export { runCampaign } from "./run-campaign.ts";
export { freeHold, settleHold } from "./settle-hold.ts";
export { settlePayment } from "./settle-payment.ts";
export { settleTeam } from "./settle-team.ts";
export { shareOnce, shareShop, sharesOf, shareTeam, touchShare } from "./share-link.ts";
export { bookSubsidies, subsidiseTeam } from "./subsidise-team.ts";
export { alarmUndecided, sweep } from "./sweep.ts";
export { refundableAsLate, takeLateRefund } from "./take-late-refund.ts";
export { joinTeam, openTeam } from "./take-seat.ts";
export { arrivalRefundId, batchTeamId, counts, dueRefund, eachShort, seatPagesIn } from "./team-seats.ts";
export { kindOf, sizeOf, tierAt } from "./terms.ts";
