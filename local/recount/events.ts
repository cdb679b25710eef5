import { inflateRawSync } from "node:zlib";
import type { CouponGrant } from "../../shared/coupon/index.ts";
import type { Campaign, Team } from "../../shared/groupbuy/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import type { Order } from "../../shared/order/index.ts";
import type { Refund } from "../../shared/payment/index.ts";
import type { Payout } from "../../shared/payout/index.ts";
import type { Facts } from "./facts.ts";
import { rowsOf, type Tally } from "./tally.ts";

interface AuditRow {
  at: number;
  staffId: string;
  action: string;
  target: string;
}
interface Answered {
  actorId: string;
  key: string;
  status: number;
  body: Uint8Array;
}

/** Outbox rows are kept so long, ms: what is older may have lost its events. */
const KEPT = 34 * 86_400_000;

export function recountEvents(facts: Facts, tally: Tally): void {
  recountOutbox(facts, tally);
  recountAudit(facts, tally);
  recountAnswers(facts, tally);
}

function recountOutbox(facts: Facts, { same, holds }: Tally): void {
  const events = rowsOf<DomainEvent>(facts, "Outbox");
  /** Type and id of what it is about → how many tell of it. */
  const told = new Map<string, number>();
  const note = (key: string) => told.set(key, (told.get(key) ?? 0) + 1);
  for (const { type, data } of events)
    for (const name of ["orderId", "teamId", "refundId", "campaignId", "grantId", "payoutId"])
      if (data[name] !== undefined) note(`${type} ${data[name]}`);
  const times = (type: string, id: string) => told.get(`${type} ${id}`) ?? 0;
  const since = facts.now - KEPT;
  const once = (type: string, id: string, so: boolean) => same("E3", `${type} ${id}`, times(type, id), so ? 1 : 0);

  const orders = rowsOf<Order>(facts, "Order");
  for (const order of orders) {
    const { orderId, teamId, seat, stage, disposition, createdAt } = order;
    if (createdAt < since) continue;
    const seated = disposition === "SEATED";
    once(teamId === undefined ? "order.placed" : "seat.held", orderId, true);
    once(teamId === undefined ? "order.paid" : "seat.paid", orderId, seated);
    if (teamId !== undefined) once("seat.left", orderId, order.leftAt !== undefined);
    else once("order.cancelled", orderId, stage === "CANCELLED");
    once("order.handed_over", orderId, stage === "HANDED_OVER");
    if (stage === "READY" && times("order.ready", orderId) === 0)
      holds("E3", orderId, "it is ready and nobody was told", false);
    if (disposition === "ORPHAN")
      holds("E3", orderId, "money goes back and nobody was told", times("payment.orphaned", orderId) > 0);
    if (seat === "RELEASED")
      holds(
        "E3",
        orderId,
        "it was given up and nobody was told",
        times(teamId === undefined ? "order.released" : "seat.released", orderId) + times("payment.orphaned", orderId) >
          0,
      );
  }
  for (const { refundId, state, requestedAt } of rowsOf<Refund>(facts, "Refund"))
    if (requestedAt >= since) once("refund.succeeded", refundId, state === "SUCCESS");
  for (const { teamId, state, openedAt } of rowsOf<Team>(facts, "Team")) {
    if (openedAt < since) continue;
    once("team.succeeded", teamId, state === "SUCCEEDED");
    once("team.failed", teamId, state === "FAILED");
    if (state === "FORMING" || state === "SUCCEEDED") once("team.formed", teamId, true);
  }
  for (const { campaignId, state, createdAt } of rowsOf<Campaign>(facts, "Campaign")) {
    if (createdAt < since) continue;
    once("campaign.created", campaignId, true);
    once(
      "campaign.published",
      campaignId,
      state !== "DRAFT" && (state !== "CANCELLED" || times("campaign.published", campaignId) > 0),
    );
    once("campaign.settled", campaignId, state === "SETTLED");
    once("campaign.cancelled", campaignId, state === "CANCELLED");
  }
  for (const { grantId, state, grantedAt } of rowsOf<CouponGrant>(facts, "CouponGrant")) {
    if (grantedAt < since) continue;
    once("coupon.granted", grantId, true);
    once("coupon.revoked", grantId, state === "REVOKED");
  }
  for (const { payoutId, requestedAt } of rowsOf<Payout>(facts, "Payout"))
    if (requestedAt >= since) once("payout.requested", payoutId, true);
  const known = new Set(orders.map(({ orderId }) => orderId));
  for (const { eventId, type, data } of events)
    if (typeof data.orderId === "string") holds("E3", eventId, `${type} of no order`, known.has(data.orderId));
}

/** Of what staff did and an event tells there is an audit row, of the same person at the same moment. */
function recountAudit(facts: Facts, { holds, same }: Tally): void {
  const audit = Map.groupBy(rowsOf<AuditRow>(facts, "Audit"), ({ staffId }) => staffId);
  for (const { eventId, type, at, actor } of rowsOf<DomainEvent>(facts, "Outbox")) {
    if (actor.kind !== "staff" || actor.id === undefined || actor.id === "system") continue;
    const mine = audit.get(actor.id) ?? [];
    holds(
      "A1",
      eventId,
      `${type} by ${actor.id} without an audit row`,
      mine.some((row) => Math.abs(row.at - at) <= 5_000),
    );
  }
  const events = rowsOf<DomainEvent>(facts, "Outbox");
  const rows = rowsOf<AuditRow>(facts, "Audit");
  /** Actions that are told under another name: as many rows as events, target by target. */
  for (const [action, type, target] of [
    ["stock.adjust", "stock.adjusted", (data: DomainEvent["data"]) => `${data.storeId}/${data.articleId}`],
    ["campaign.create", "campaign.created", (data: DomainEvent["data"]) => String(data.campaignId)],
    ["campaign.publish", "campaign.published", (data: DomainEvent["data"]) => String(data.campaignId)],
    ["order.reroute", "order.rerouted", (data: DomainEvent["data"]) => String(data.orderId)],
    ["order.compensate", "order.compensated", (data: DomainEvent["data"]) => String(data.orderId)],
    ["order.make_ready", "order.ready", (data: DomainEvent["data"]) => String(data.orderId)],
  ] as const) {
    const count = (list: readonly string[]) =>
      Object.fromEntries([...Map.groupBy([...list].sort(), (one) => one)].map(([one, all]) => [one, all.length]));
    const said = count(rows.filter((row) => row.action === action).map((row) => row.target));
    const is = count(events.filter((event) => event.type === type).map((event) => target(event.data)));
    for (const of of new Set([...Object.keys(said), ...Object.keys(is)]))
      same("A1", `${action} ${of}`, said[of] ?? 0, is[of] ?? 0);
  }
}

/** What an answer that is kept for repetitions tells of is there. */
function recountAnswers(facts: Facts, { holds }: Tally): void {
  const there: Record<string, Set<string>> = {};
  for (const [name, entity] of [
    ["orderId", "Order"],
    ["teamId", "Team"],
    ["campaignId", "Campaign"],
    ["couponId", "Coupon"],
    ["payoutId", "Payout"],
    ["storeId", "Store"],
    ["articleId", "Article"],
  ] as const)
    there[name] = new Set(rowsOf<Record<string, string>>(facts, entity).map((row) => row[name]!));
  for (const { actorId, key, status, body } of rowsOf<Answered>(facts, "Idempotency")) {
    if (status >= 300 || body.length === 0) continue;
    const text = inflateRawSync(body).toString();
    const told = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
    for (const [name, ids] of Object.entries(there))
      if (typeof told[name] === "string")
        holds("E1", `${actorId} ${key}`, `it was answered ${name} ${told[name]}`, ids.has(told[name]));
  }
}
