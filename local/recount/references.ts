import type { Commission } from "../../shared/commission/index.ts";
import type { Community } from "../../shared/community/index.ts";
import type { CouponGrant } from "../../shared/coupon/index.ts";
import type { Allotment, Campaign, Team } from "../../shared/groupbuy/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import type { Transfer } from "../../shared/ledger/index.ts";
import type { Order } from "../../shared/order/index.ts";
import type { PaymentAttempt, Refund } from "../../shared/payment/index.ts";
import type { Payout } from "../../shared/payout/index.ts";
import type { Facts } from "./facts.ts";
import { rowsOf, type Tally } from "./tally.ts";

/** Kept for a while only. */
const FOR_A_WHILE = ["Idempotency", "Session", "Limit", "Outbox", "PickupTries", "RateToken", "RouteCell"];

/** What belongs to somebody refers to his own things alone, and to nothing that is not there. */
export function recountReferences(facts: Facts, { same, holds }: Tally): void {
  const ids = (entity: string, name: string) =>
    new Set(rowsOf<Record<string, string>>(facts, entity).map((row) => row[name]!));
  const members = ids("Member", "memberId");
  const stores = ids("Store", "storeId");
  const articles = ids("Article", "articleId");
  const orders = new Map(rowsOf<Order>(facts, "Order").map((one) => [one.orderId, one]));
  const teams = new Map(rowsOf<Team>(facts, "Team").map((one) => [one.teamId, one]));
  const campaigns = new Map(rowsOf<Campaign>(facts, "Campaign").map((one) => [one.campaignId, one]));
  const communities = new Map(rowsOf<Community>(facts, "Community").map((one) => [one.communityId, one]));
  const grants = new Map(rowsOf<CouponGrant>(facts, "CouponGrant").map((one) => [one.grantId, one]));
  const there = (where: string, what: string, so: boolean) => holds("A4", where, `no ${what} of that id`, so);

  for (const order of orders.values()) {
    const { orderId, memberId, storeId, campaignId, teamId, coupon, origin } = order;
    there(orderId, `member ${memberId}`, members.has(memberId));
    there(orderId, `store ${storeId}`, stores.has(storeId));
    for (const line of order.lines) there(orderId, `article ${line.articleId}`, articles.has(line.articleId));
    if (campaignId !== undefined) there(orderId, `campaign ${campaignId}`, campaigns.has(campaignId));
    if (coupon) {
      const grant = grants.get(coupon.grantId);
      there(orderId, `coupon ${coupon.grantId}`, grant !== undefined);
      if (grant) same("A2", `${orderId} coupon`, grant.memberId, memberId);
    }
    if (teamId === undefined) continue;
    const team = teams.get(teamId);
    there(orderId, `team ${teamId}`, team !== undefined);
    if (!team) continue;
    same("A2", `${orderId} campaign`, campaignId, team.campaignId);
    if (!team.terms.batch) continue;
    same("A2", `${orderId} community`, origin.communityId, team.communityId);
    const sold = order.kit?.articleId ?? order.lines[0]?.articleId;
    same("A2", `${orderId} article`, sold, team.terms.articleId);
  }
  for (const team of teams.values()) {
    const { teamId, campaignId, communityId, storeId } = team;
    there(teamId, `campaign ${campaignId}`, campaigns.has(campaignId));
    there(teamId, `store ${storeId}`, stores.has(storeId));
    const community = communityId === undefined ? undefined : communities.get(communityId);
    if (communityId !== undefined) there(teamId, `community ${communityId}`, community !== undefined);
    if (community && team.terms.batch) same("A2", `${teamId} store`, storeId, community.storeId);
  }
  for (const { campaignId, storeId, articleId } of rowsOf<Allotment>(facts, "Allotment")) {
    there(`${campaignId} ${storeId}`, `campaign ${campaignId}`, campaigns.has(campaignId));
    there(`${campaignId} ${storeId}`, `store ${storeId}`, stores.has(storeId));
    same("A2", `${campaignId} ${storeId} article`, articleId, campaigns.get(campaignId)?.articleId);
  }
  for (const [where, orderId, memberId] of [
    ...rowsOf<Refund>(facts, "Refund").map((one) => [one.refundId, one.orderId, one.memberId] as const),
    ...rowsOf<PaymentAttempt>(facts, "PaymentAttempt").map(
      (one) => [one.paymentNo, one.orderId, one.memberId] as const,
    ),
  ]) {
    const order = orders.get(orderId);
    there(where, `order ${orderId}`, order !== undefined);
    if (order) same("A2", where, memberId, order.memberId);
  }
  for (const { refundId, orderId, paymentNo } of rowsOf<Refund>(facts, "Refund"))
    same("A2", `${refundId} payment`, paymentNo.slice(0, -2), orderId);
  for (const { subject, kind, reference, storeId } of rowsOf<Transfer>(facts, "Transfer")) {
    const where = `${subject} ${kind} ${reference}`;
    if (subject.startsWith("OR")) there(where, `order ${subject}`, orders.has(subject));
    if (storeId !== undefined) there(where, `store ${storeId}`, stores.has(storeId));
    if (kind === "payment") same("A2", where, reference.slice(0, -2), subject);
  }
  for (const { orderId, memberId } of rowsOf<Commission>(facts, "Commission")) {
    there(`${orderId} ${memberId}`, `order ${orderId}`, orders.has(orderId));
    there(`${orderId} ${memberId}`, `member ${memberId}`, members.has(memberId));
  }
  for (const { payoutId, memberId } of rowsOf<Payout>(facts, "Payout"))
    there(payoutId, `member ${memberId}`, members.has(memberId));
  for (const { communityId, memberId } of rowsOf<{ communityId: string; memberId: string }>(facts, "Membership")) {
    there(`${communityId} ${memberId}`, `community ${communityId}`, communities.has(communityId));
    there(`${communityId} ${memberId}`, `member ${memberId}`, members.has(memberId));
  }
  for (const entity of ["PickupCode", "Dispatch", "Track", "Invoice"])
    for (const { orderId } of rowsOf<{ orderId: string }>(facts, entity))
      there(`${entity} of ${orderId}`, `order ${orderId}`, orders.has(orderId));
  const events = new Map(rowsOf<DomainEvent>(facts, "Outbox").map((one) => [one.eventId, one]));
  for (const { memberId, eventId } of rowsOf<{ memberId: string; eventId: string }>(facts, "InboxMessage")) {
    const event = events.get(eventId);
    const order = orders.get(String(event?.data.orderId));
    if (event && order && /^(order|refund|payment)\./.test(event.type))
      same("A2", `message ${eventId}`, memberId, order.memberId);
  }
  for (const entity of FOR_A_WHILE)
    for (const { pk, ttl } of facts.rows.get(entity) ?? [])
      holds("A4", pk, "it is kept for ever", Number.isInteger(ttl));
}
