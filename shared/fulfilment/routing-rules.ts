import ngeohash from "ngeohash";
import type { Point } from "../kernel/geo.ts";
import { day } from "../kernel/time.ts";
import type { Routed } from "../order/index.ts";
import { hasOpening, type Store, serves } from "../store/index.ts";
import type { RouteCell } from "./model.ts";
import type { StoreIndex } from "./nearest-stores.ts";

/** Streets are longer than the great circle by about this factor; used where no road distance is to be had. */
export const DETOUR = 1.35;
/**
 * No road is longer than this, in metres, however a river or a railway runs: so many times the straight line and so many metres
 * more. Where even that is no further than the next store's straight line, the roads need not be asked about.
 */
const LONGEST_ROAD = { times: 4, plusM: 2000 };
/** At most this many stores are compared. */
export const MAX_COMPARED = 8;
/** How long our decision for a cell holds, ms. */
const CELL_HOLDS = day;

/** Why a store can't serve, in the words of `Routed.passed`. */
export type Why = "suspended" | "closed" | "out_of_range" | "no_stock" | "no_slot";
/** Those that a store itself does not tell. */
export type Lacking = Extract<Why, "no_stock" | "no_slot">;

/** When the goods can be fetched, epoch ms; `until` excluded. */
export interface PickupWindow {
  from: number;
  until: number;
}

/** A store as seen from a place: great-circle metres, and why it can't serve, if so. */
export interface Judged {
  store: Store;
  straightM: number;
  why?: Why;
}

/** A store that can serve: metres and seconds of travel, and where the figures come from. */
export interface Candidate {
  storeId: string;
  distanceM: number;
  durationS?: number;
  method: Routed["method"];
}

/** Why this store hands over nothing in the window, to whomever. */
export function whyNotOpen(store: Store, window: PickupWindow): "suspended" | "closed" | undefined {
  if (store.suspended) return "suspended";
  return hasOpening(store, window.from, window.until) ? undefined : "closed";
}

/** Why this store can't serve a pickup by somebody at `from` in the window; stock apart. Both points in wgs84. */
export function whyNot(store: Store, from: Point, window: PickupWindow): Exclude<Why, Lacking> | undefined {
  return whyNotOpen(store, window) ?? (serves(store, from) ? undefined : "out_of_range");
}

/** The stores as seen from `from` (wgs84), nearest first, the smaller storeId first where two are equally far; judged as they are taken. */
export function* judgeNearest(index: StoreIndex<Store>, from: Point, window: PickupWindow): Generator<Judged, void> {
  for (const { store, straightM } of index.nearest(from)) {
    const why = whyNot(store, from, window);
    yield { store, straightM, ...(why && { why }) };
  }
}

/** Shortest way first, then the quicker one, then the smaller storeId: never left to chance. */
export const byTravel = (a: Omit<Candidate, "method">, b: Omit<Candidate, "method">): number =>
  a.distanceM - b.distanceM ||
  (a.durationS ?? Number.MAX_SAFE_INTEGER) - (b.durationS ?? Number.MAX_SAFE_INTEGER) ||
  (a.storeId < b.storeId ? -1 : 1);

/** The straight line, lengthened: what is said of a way whose roads nobody told us. */
export const straightLine = (storeId: string, straightM: number): Candidate => ({
  storeId,
  distanceM: Math.round(straightM * DETOUR),
  method: "great_circle",
});

/** Whether the nearest of some stores, by their straight lines in metres, is the nearest by road too, whatever the roads. */
export function nearestForSure(straightM: readonly number[]): boolean {
  const [nearest = 0, next = Number.POSITIVE_INFINITY] = [...straightM].sort((a, b) => a - b);
  return nearest * LONGEST_ROAD.times + LONGEST_ROAD.plusM <= next;
}

/** The geohash-7 cell (some 150 m) of a wgs84 point, and its middle. */
export const cellOf = (wgs84: Point): string => ngeohash.encode(wgs84.lat, wgs84.lng, 7);
export function middleOf(cell: string): Point {
  const { latitude, longitude } = ngeohash.decode(cell);
  return { lat: latitude, lng: longitude, datum: "wgs84" };
}

/** Names the question a cell's decision answers: these stores, where they stand (to some 20 m). */
export const askedAbout = (stores: readonly Store[]): string =>
  stores
    .map(({ storeId, wgs84 }) => `${storeId}@${ngeohash.encode(wgs84.lat, wgs84.lng, 8)}`)
    .sort()
    .join(",");

/** Whether a kept decision may still be used; decided by its own time, for the table may delete it days late. */
export const stillHolds = (cell: RouteCell, now: number): boolean =>
  cell.decidedAt <= now && now - cell.decidedAt < CELL_HOLDS;
