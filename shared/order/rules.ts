import { invariant } from "../kernel/invariant.ts";
import type { Table } from "../table/entity.ts";
import { teams } from "../table/keys.ts";
import type { Order } from "./model.ts";

/** What a seat is to people: the stored state, and what its team's end makes of a paid one. */
export type SeatState = Order["seat"];

/**
 * Success and failure write the team only; a paid seat is read as confirmed, or as due for refund, from the team's state.
 * Exact, because a team's terminal state never changes. An order without a team waits for nobody: paid, it stands.
 */
export function seatState(order: Pick<Order, "seat" | "teamId">, team: { state: string } | undefined): SeatState {
  if (order.seat !== "PAID") return order.seat;
  if (order.teamId === undefined) return "CONFIRMED";
  invariant(team, `a seat is read with its team ${order.teamId}`);
  if (team.state === "SUCCEEDED") return "CONFIRMED";
  if (team.state === "FAILED") return "REFUND_DUE";
  return "PAID";
}

/**
 * What an order is to its member. forming: paid, its team is not decided yet; to_collect, to_receive: it stands, and waits at the store or
 * is to be brought; refunded: its money is on its way back, or there; cancelled: given up unpaid.
 */
export const memberStates = ["to_pay", "forming", "to_collect", "to_receive", "done", "refunded", "cancelled"] as const;
export type MemberState = (typeof memberStates)[number];

/** Of an order and its team, by `seatState`. A payment that came too late for its seat is refunded, not cancelled. */
export function memberState(
  order: Pick<Order, "seat" | "teamId" | "stage" | "delivery" | "disposition">,
  team: { state: string } | undefined,
): MemberState {
  const seat = seatState(order, team);
  if (seat === "HELD") return "to_pay";
  if (seat === "RELEASED") return order.disposition === "ORPHAN" ? "refunded" : "cancelled";
  if (seat === "PAID") return "forming";
  if (seat !== "CONFIRMED") return "refunded";
  if (order.stage === "HANDED_OVER" || order.stage === "DISPOSED") return "done";
  return order.delivery ? "to_receive" : "to_collect";
}

/** The team of an order's seat; undefined for an order without one. */
export const loadTeam = (
  table: Pick<Table, "load">,
  { teamId }: Pick<Order, "teamId">,
  how: { eventually?: boolean } = {},
) => (teamId === undefined ? undefined : table.load(teams, { teamId }, how));
