import type { Order } from "../order/index.ts";
import type { Table } from "../table/entity.ts";
import { dispatches, tracksOf } from "../table/keys.ts";
import type { Dispatch, Track } from "./model.ts";

export interface TrailEntry extends Pick<Track, "at" | "state" | "place" | "reason"> {
  /** Who tells: the member, the store's people, a carrier, or the system. */
  by: "member" | "staff" | "carrier" | "system";
  carrier?: string;
}
export interface Trail {
  dispatch: Dispatch | undefined;
  entries: TrailEntry[];
}

/** Everything that happened to an order from its placing to its hand-over, the earliest first: what member, store and ops all see. */
export async function readTrail({ table }: { table: Table }, order: Order): Promise<Trail> {
  const [dispatch, { items }] = await Promise.all([
    order.delivery && table.load(dispatches, order),
    table.page(tracksOf(order.orderId), { limit: 200 }),
  ]);
  const own = (at: number | undefined, state: string, by: TrailEntry["by"]): TrailEntry[] =>
    at === undefined ? [] : [{ at, state, by }];
  const entries = [
    ...own(order.createdAt, "PLACED", "member"),
    // the channel tells whole seconds
    ...own(order.paidAt && Math.max(order.paidAt, order.createdAt), "PAID", "member"),
    ...own(dispatch?.readyAt, "READY", "staff"),
    ...items.map(
      ({ at, state, place, reason, actor }): TrailEntry => ({
        at,
        state,
        by: actor.kind,
        ...(place && { place }),
        ...(reason !== undefined && { reason }),
        ...((actor.kind === "carrier" || state === "ASKED") && { carrier: actor.id }),
      }),
    ),
    ...own(order.handedOverAt, "HANDED_OVER", "staff"),
    ...own(order.refundedAt, "REFUNDED", "system"),
  ];
  return { dispatch, entries: entries.sort((a, b) => a.at - b.at) };
}
