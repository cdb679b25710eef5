import type { dispatchLifecycle } from "./lifecycle.ts";
import type { Dispatch } from "./model.ts";
import type { CarrierNews, CarrierState } from "./ports.ts";

type DispatchEvent = (typeof dispatchLifecycle.events)[number];

/** How often an order is asked of somebody before a person must see to it. */
export const ATTEMPTS_AT_MOST = 5;

const progress: Partial<Record<CarrierState, { event: DispatchEvent; rank: number }>> = {
  CREATED: { event: "offered", rank: 1 },
  ACCEPTED: { event: "accepted", rank: 2 },
  ARRIVED_STORE: { event: "arrived", rank: 3 },
  PICKED_UP: { event: "pickedUp", rank: 4 },
  RETURNING: { event: "returning", rank: 5 },
  RETURNED: { event: "returned", rank: 7 },
  DELIVERED: { event: "delivered", rank: 7 },
};
const ranks: Record<Dispatch["state"], number> = {
  WAITING: 0,
  UNKNOWN: 0,
  OFFERED: 1,
  ACCEPTED: 2,
  ARRIVED_STORE: 3,
  PICKED_UP: 4,
  RETURNING: 5,
  DELIVERED: 7,
  CANCELLED: 7,
  RETURNED: 7,
  FAILED: 7,
};

/**
 * What a carrier's news of the live job does; undefined: nothing. Progress counts if it is more than is known, and happened after the
 * last rider gave up; giving up counts if nothing later is known. A job that its carrier ends before it has the goods is lost, after that failed.
 */
export function eventOf(
  row: Dispatch,
  news: Pick<CarrierNews, "state" | "at" | "cancelledBy">,
): DispatchEvent | undefined {
  const rank = ranks[row.state];
  // nothing was asked of anybody
  if (row.state === "WAITING" || rank === 7) return undefined;
  switch (news.state) {
    case "UNKNOWN":
      return undefined;
    case "RIDER_DROPPED":
      return (rank === 2 || rank === 3) && news.at >= row.heardAt ? "dropped" : undefined;
    case "CANCELLED":
    case "FAILED":
      if (rank >= 4) return "failed";
      if (news.state === "CANCELLED" && news.cancelledBy === "merchant") return "cancelled";
      return row.attempt < ATTEMPTS_AT_MOST ? "lost" : "failed";
    default: {
      const step = progress[news.state]!;
      if (row.droppedAt !== undefined && news.at <= row.droppedAt) return undefined;
      return step.rank > rank ? step.event : undefined;
    }
  }
}

/** Another rider has the job already that is said to be given up: a later word of the same state is remembered. */
export const isHeardAnew = (row: Dispatch, { state, at }: Pick<CarrierNews, "state" | "at">): boolean =>
  state === row.state && at > row.heardAt;
