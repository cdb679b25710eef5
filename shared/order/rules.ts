import type { Order } from "./model.ts";

/** What a seat is to people: the stored state, and what its team's end makes of a paid one. */
export type SeatState = Order["seat"];

/**
 * Success and failure write the team only; a paid seat is read as confirmed, or as due for refund, from the team's state.
 * Exact, because a team's terminal state never changes.
 */
export function seatState(order: Pick<Order, "seat">, team: { state: string }): SeatState {
  if (order.seat !== "PAID") return order.seat;
  if (team.state === "SUCCEEDED") return "CONFIRMED";
  if (team.state === "FAILED") return "REFUND_DUE";
  return "PAID";
}
