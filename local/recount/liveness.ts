import type { Campaign, Team } from "../../shared/groupbuy/index.ts";
import type { Order } from "../../shared/order/index.ts";
import type { Refund } from "../../shared/payment/index.ts";
import type { Payout } from "../../shared/payout/index.ts";
import type { Facts } from "./facts.ts";
import { rowsOf, type Tally } from "./tally.ts";

interface Case {
  caseKey: string;
  number: string;
  reason: string;
  resolvedAt?: number;
}
interface Due {
  kind: string;
  id: string;
  at: number;
}
/** So long after its time a sweep may be under way, ms. */
const LATE = 2 * 60_000;
const WAITED_FOR = ["SCHEDULED", "OPEN", "SUSPENDED", "CUTOFF"];

/**
 * What goes on is looked at again by somebody. `rested`: everything that was due has had its turn, for a day, and nothing was
 * disturbed: then nothing may be left over.
 */
export function recountLiveness(facts: Facts, { holds }: Tally, rested: boolean): void {
  const { now } = facts;
  const dues = rowsOf<Due>(facts, "Due");
  const looked = new Set(dues.map(({ kind, id }) => `${kind} ${id}`));
  const owned = (where: string, what: string, kind: string) =>
    holds("L1", where, `${what}, and nobody looks at it again`, looked.has(`${kind} ${where}`));
  for (const { orderId, seat, stage, shipping, holdUntil, disposition, paymentState } of rowsOf<Order>(
    facts,
    "Order",
  )) {
    if (seat === "HELD") owned(orderId, "held", "hold");
    if (stage === "HANDED_OVER" && shipping === "NONE") owned(orderId, "handed over", "shipping");
    if (!rested) continue;
    holds("L1", orderId, "held beyond its time", seat !== "HELD" || holdUntil >= now);
    holds(
      "L1",
      orderId,
      `its late payment is ${paymentState}`,
      disposition !== "ORPHAN" || paymentState === "REFUNDED",
    );
  }
  for (const { teamId, state, deadline } of rowsOf<Team>(facts, "Team")) {
    if (state === "FORMING") owned(teamId, "forming", "deadline");
    if (rested)
      holds("L1", teamId, `still ${state}`, state !== "OPENING" && (state !== "FORMING" || (deadline ?? 0) >= now));
  }
  for (const { refundId, orderId, state } of rowsOf<Refund>(facts, "Refund")) {
    if (state !== "SUCCESS") owned(`${orderId}#${refundId}`, state, "refund");
    if (rested) holds("L1", refundId, `still ${state}`, state === "SUCCESS");
  }
  for (const { campaignId, state } of rowsOf<Campaign>(facts, "Campaign"))
    if (WAITED_FOR.includes(state)) owned(campaignId, state, "campaign");
  for (const { payoutId, state } of rowsOf<Payout>(facts, "Payout"))
    if (state !== "PAID" && state !== "FAILED") owned(payoutId, state, "payout");
  for (const { kind, id, at } of dues)
    holds("L1", `${kind} ${id}`, `due since ${new Date(at).toISOString()}`, !rested || at >= now - LATE);
  if (!rested) return;
  const orders = new Map(rowsOf<Order>(facts, "Order").map((one) => [one.orderId, one]));
  const teams = new Map(rowsOf<Team>(facts, "Team").map((one) => [one.teamId, one]));
  const refunded = new Set(
    rowsOf<Refund>(facts, "Refund")
      .filter(({ state }) => state === "SUCCESS")
      .map(({ refundNo }) => refundNo),
  );
  for (const { caseKey, number, reason, resolvedAt } of rowsOf<Case>(facts, "PaymentCase")) {
    if (resolvedAt !== undefined) continue;
    // what came to its end meanwhile asks nobody any more
    const over: Record<string, boolean> = {
      undecided: orders.has(number)
        ? orders.get(number)?.seat !== "HELD"
        : ["SUCCEEDED", "FAILED", "ABANDONED"].includes(teams.get(number)?.state ?? ""),
      refund_slow: refunded.has(number),
      // its refunds go on by themselves, and are looked at above
      refund_not_enough: true,
    };
    holds("L1", caseKey, `staff are asked: ${reason}`, over[reason] ?? false);
  }
}
