import type { Env } from "../kernel/env.ts";
import { greatCircle, type Point, toWgs84 } from "../kernel/geo.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Routed } from "../order/index.ts";
import { loadLasting, Stale, type Table } from "../table/entity.ts";
import { routeCells, stocks, stores } from "../table/keys.ts";
import type { Place } from "./model.ts";
import type { Geocoder, RoutePlanner, Travel } from "./ports.ts";
import { explainRoute, openingText, reasonText, wayText } from "./route-texts.ts";
import {
  askedAbout,
  byTravel,
  type Candidate,
  cellOf,
  DETOUR,
  type Judged,
  judgeNearest,
  type Lacking,
  MAX_COMPARED,
  middleOf,
  nearestForSure,
  type PickupWindow,
  stillHolds,
  straightLine,
  whyNot,
  whyNotOpen,
} from "./routing-rules.ts";
import { type Directory, storeDirectory } from "./store-directory.ts";

/** Below this the geocoder found a district or a guess, not the address: better to ask for a point on the map. */
const RELEVANT = 0.6;
/** Offers shown for picking. */
const MAX_OFFERS = 5;

export interface RoutingDeps {
  env: Env;
  table: Table;
  planner: RoutePlanner;
  geocoder: Geocoder;
}

export interface RouteRequest {
  place: Place;
  articleId: string;
  units: number;
  /**
   * Units left of the article by store, where a campaign has its own, or that nothing is free there when it is to be fetched or brought;
   * stores left out have none. Without it: the online stock.
   */
  allotmentLeft?: (storeIds: readonly string[]) => Promise<ReadonlyMap<string, number | "no_slot">>;
  /** The pickup window, epoch ms. A part of it that has passed does not count. */
  window: PickupWindow;
}

/** What a member says of where the order is to be fetched. */
export interface PickedPlace {
  place: Place;
  /** One of the stores offered; the nearest able one where absent. */
  pickedStoreId?: string | undefined;
  fulfilment: "pickup" | "delivery";
}

export interface RouteChoice {
  storeId: string;
  routed: Routed;
  /** Why this store, in words for the member. */
  why: string;
  /** Every able store that was compared, the best first; metres and seconds. */
  options: Candidate[];
}

/** What is asked of a place: the way to a store that was picked, or only which store is the nearest; else the nearest stores. */
interface Wanted {
  pickedStoreId?: string | undefined;
  onlyNearest?: boolean;
}

/** What was found for a place: the able stores ranked, and all that were looked at, nearest first. */
interface Survey {
  cell: string;
  from: Point;
  window: PickupWindow;
  judged: Judged[];
  ranked: Candidate[];
}

/**
 * Chooses the store that serves an order: the nearest able one by road, or the one the member picked from those. Able: not
 * suspended, open at some time between readiness and the pickup's end, within its radius, with the units. Nothing is written
 * but our decision for the cell. Throws DELIVERY_NOT_OFFERED, ADDRESS_NOT_FOUND, NO_STORE_IN_RANGE (facts: the nearest store,
 * its distance, why not), STORE_NOT_ABLE (facts: why), STORE_NOT_FOUND (a picked store that does not exist), TRY_AGAIN.
 */
export async function routeOrder(deps: RoutingDeps, input: RouteRequest & PickedPlace): Promise<RouteChoice> {
  if (input.fulfilment === "delivery") throw new DomainError("DELIVERY_NOT_OFFERED");
  return onTheDirectory(deps, async (directory) => {
    const survey = await look(deps, directory, input, { pickedStoreId: input.pickedStoreId, onlyNearest: true });
    const chosen = choose(survey, directory, input.pickedStoreId);
    // The directory may be half a minute old: the store that is answered is looked at once more, as it is now.
    const now = await loadLasting(deps.table, stores, { storeId: chosen.storeId });
    const why = now ? whyNot(now, survey.from, survey.window) : "suspended";
    if (why)
      throw new DomainError("STORE_NOT_ABLE", `store ${chosen.storeId}: ${why}`, {
        facts: { storeId: chosen.storeId, why },
      });
    const { storeId } = chosen;
    const routed: Routed = {
      by: input.pickedStoreId === undefined ? "nearest" : "picked",
      method: chosen.method,
      cell: survey.cell,
      distanceM: chosen.distanceM,
      ...(chosen.durationS !== undefined && { durationS: chosen.durationS }),
      passed: passedOver(survey.judged, storeId),
    };
    return { storeId, routed, why: explainRoute({ storeId, routed }, directory.byId), options: survey.ranked };
  });
}

/**
 * The store that serves a batch, as it is now: its community's, whose own place stands for the way. Throws STORE_NOT_ABLE
 * (facts: why), STORE_NOT_FOUND.
 */
export async function communityStore(
  deps: { table: Pick<Table, "load"> },
  { storeId, window }: { storeId: string; window: PickupWindow },
): Promise<RouteChoice> {
  const store = await deps.table.load(stores, { storeId });
  if (!store) throw new DomainError("STORE_NOT_FOUND");
  const why = whyNotOpen(store, window);
  if (why) throw new DomainError("STORE_NOT_ABLE", `store ${storeId}: ${why}`, { facts: { storeId, why } });
  const cell = cellOf(store.wgs84);
  const routed: Routed = { by: "community", method: "great_circle", cell, distanceM: 0, passed: [] };
  return { storeId, routed, why: explainRoute({ storeId, routed }, new Map([[storeId, store]])), options: [] };
}

export interface StoreOffer {
  storeId: string;
  name: string;
  address: string;
  /** Metres; seconds of travel, where known. */
  distanceM: number;
  durationS?: number;
  method: Routed["method"];
  /** Why it is offered, in Chinese. */
  why: string;
  /** Opening hours, in Chinese. */
  hours: string;
}

/** Up to five able stores for a place, the best first, for a member to pick from. Throws as `routeOrder` does. */
export async function offerStores(deps: RoutingDeps, input: RouteRequest): Promise<StoreOffer[]> {
  return onTheDirectory(deps, async (directory) => {
    const survey = await look(deps, directory, input, {});
    const best = choose(survey, directory, undefined);
    const { byId } = directory;
    const passed = passedOver(survey.judged, best.storeId)
      .map((p) => `${byId.get(p.storeId)?.name ?? p.storeId}因${reasonText(p.why)}`)
      .join("、");
    return survey.ranked.slice(0, MAX_OFFERS).map((candidate, rank) => {
      const store = byId.get(candidate.storeId)!;
      const { name, address } = store;
      const place =
        rank === 0 ? `最近的可服务门店${passed && `(更近的${passed}不可选)`}` : `可服务门店中第 ${rank + 1} 近`;
      return {
        ...candidate,
        name,
        address,
        why: `${place}:${wayText(candidate)}`,
        hours: openingText(store, survey.window),
      };
    });
  });
}

/**
 * Runs `attempt` on the kept directory; where that ends in a refusal that an older directory may be to blame for, once more
 * on one read now.
 */
async function onTheDirectory<R>(deps: RoutingDeps, attempt: (directory: Directory) => Promise<R>): Promise<R> {
  const directory = await storeDirectory(deps);
  try {
    return await attempt(directory);
  } catch (error) {
    if (
      !(error instanceof DomainError) ||
      !["NO_STORE_IN_RANGE", "STORE_NOT_ABLE", "STORE_NOT_FOUND"].includes(error.code)
    )
      throw error;
    const now = await storeDirectory(deps, 0);
    if (now === directory) throw error;
    return attempt(now);
  }
}

async function look(deps: RoutingDeps, directory: Directory, request: RouteRequest, wanted: Wanted): Promise<Survey> {
  const { pickedStoreId } = wanted;
  const from = await locate(deps, directory, request.place);
  const window = { from: Math.max(request.window.from, deps.env.clock.now()), until: request.window.until };
  const judged = await judgeStock(deps, directory, { from, window }, request, pickedStoreId);
  let able = judged.filter(({ why }) => why === undefined);
  const picked = able.find(({ store }) => store.storeId === pickedStoreId);
  able = able.slice(0, MAX_COMPARED);
  if (picked && !able.includes(picked)) able = [...able.slice(0, MAX_COMPARED - 1), picked];
  const cell = cellOf(from);
  return { cell, from, window, judged, ranked: able.length === 0 ? [] : await rank(deps, cell, able, wanted) };
}

/** The wgs84 point of a place. The coordinates are used here and not kept: an order keeps its cell. */
async function locate(deps: RoutingDeps, directory: Directory, place: Place): Promise<Point> {
  if (!("address" in place)) return toWgs84(place);
  const found = await deps.geocoder.geocode(place.address, middleOfStores(directory));
  if (!found || found.relevance < RELEVANT) throw new DomainError("ADDRESS_NOT_FOUND");
  return toWgs84(found.point);
}

/** The same street name is in a hundred cities: the chain's own is meant. */
function middleOfStores({ stores }: Directory): Point | undefined {
  if (stores.length === 0) return undefined;
  const mean = (of: "lat" | "lng") => stores.reduce((sum, { wgs84 }) => sum + wgs84[of], 0) / stores.length;
  return { lat: mean("lat"), lng: mean("lng"), datum: "wgs84" };
}

/**
 * Takes stores nearest first, and asks for the stock of those that are able otherwise, until enough have it; a picked store is
 * always asked about. What is beyond the reach of every store is not looked at, but for the nearest one.
 */
async function judgeStock(
  deps: RoutingDeps,
  directory: Directory,
  { from, window }: { from: Point; window: PickupWindow },
  { articleId, units, allotmentLeft }: RouteRequest,
  pickedStoreId: string | undefined,
): Promise<Judged[]> {
  const leftAt: NonNullable<RouteRequest["allotmentLeft"]> =
    allotmentLeft ??
    (async (ids) => {
      const rows = await deps.table.loadMany(
        stocks,
        ids.map((storeId) => ({ storeId, articleId })),
      );
      return new Map(rows.map((row) => [row.storeId, row.online]));
    });
  const judged: Judged[] = [];
  const nearest = judgeNearest(directory.index, from, window);
  /** The next stores that are able but for their stock, at most `most`; all that come before the last of them are judged too. */
  function nextOpen(most: number): string[] {
    const open: string[] = [];
    while (open.length < most) {
      const next = nearest.next().value;
      if (!next || (judged.length > 0 && next.straightM > directory.reachM)) break;
      judged.push(next);
      if (next.why === undefined) open.push(next.store.storeId);
    }
    return open;
  }

  const picked = pickedStoreId === undefined ? undefined : directory.byId.get(pickedStoreId);
  const pickedServes = picked !== undefined && whyNot(picked, from, window) === undefined;
  const short = new Map<string, Lacking>();
  const asked = new Set<string>();
  for (let able = 0; able < MAX_COMPARED; ) {
    const batch = nextOpen(MAX_COMPARED);
    if (batch.length === 0) break;
    const ids = [...new Set([...batch, ...(pickedServes && asked.size === 0 ? [picked.storeId] : [])])];
    const left = await leftAt(ids);
    for (const id of ids) {
      asked.add(id);
      const has = left.get(id) ?? 0;
      if (has === "no_slot") short.set(id, "no_slot");
      else if (has < units) short.set(id, "no_stock");
      else able += 1;
    }
  }
  while (pickedServes && !judged.some(({ store }) => store === picked) && nextOpen(1).length > 0);
  nearest.return();
  return judged
    .filter(({ store, why }) => why !== undefined || asked.has(store.storeId))
    .map((j) => ({ ...j, why: short.get(j.store.storeId) ?? j.why }));
}

/**
 * Ranks able stores by road from the middle of the cell, so that neighbours get one answer whoever asks first, and no exact
 * position leaves the house. The decision is kept a day. Where the planner does not answer, or no road could make another store
 * the nearest, straight lines are used and nothing is kept, nor where it knows no way to a store that it was asked about.
 */
async function rank(
  deps: RoutingDeps,
  cell: string,
  able: readonly Judged[],
  { pickedStoreId, onlyNearest = false }: Wanted,
): Promise<Candidate[]> {
  const asked = askedAbout(able.map(({ store }) => store));
  const now = deps.env.clock.now();
  const kept = await deps.table.load(routeCells, { cell, asked }, { eventually: true });
  const holds = kept && stillHolds(kept, now);
  const middle = middleOf(cell);
  const sure =
    onlyNearest &&
    pickedStoreId === undefined &&
    nearestForSure(able.map(({ store }) => greatCircle(middle, store.wgs84)));
  const found = holds || sure ? undefined : await travelsFrom(deps, middle, able, pickedStoreId);
  const known = new Map(holds ? kept.ranked.map((way) => [way.storeId, way]) : found?.travels);
  const method = holds ? "cache" : "matrix";
  const ranked = able
    .map(({ store: { storeId }, straightM }): Candidate => {
      const way = known.get(storeId);
      return way ? { ...way, storeId, method } : straightLine(storeId, straightM);
    })
    .sort(byTravel);

  if (found?.complete) {
    const ways = [...found.travels].map(([storeId, way]) => ({ ...way, storeId })).sort(byTravel);
    const decided = { cell, asked, decidedAt: now, ranked: ways };
    try {
      await deps.table.write(
        kept ? routeCells.replace({ ...decided, version: kept.version }) : routeCells.create(decided),
      );
    } catch (error) {
      // Somebody else kept theirs, or nobody can say: the answer does not depend on it.
      if (!(error instanceof Stale) && !(error instanceof DomainError && error.code === "TRY_AGAIN")) throw error;
    }
  }
  return ranked;
}

/**
 * The ways by road that decide which store is nearest. A road is no shorter than the straight line, and the provider bills each:
 * so only those are asked about whose straight line is below the shortest road that is known, first those that the usual detour
 * lets come in question. A picked store is asked about anyway. `complete`: the planner knew every way.
 */
async function travelsFrom(
  { planner }: Pick<RoutingDeps, "planner">,
  middle: Point,
  able: readonly Judged[],
  pickedStoreId: string | undefined,
): Promise<{ travels: Map<string, Travel>; complete: boolean }> {
  const travels = new Map<string, Travel>();
  let complete = true;
  let left = able.map(({ store }) => ({ store, straightM: greatCircle(middle, store.wgs84) }));
  let within = Math.min(...left.map(({ straightM }) => straightM)) * DETOUR;
  for (;;) {
    const wanted = left.filter(({ store, straightM }) => straightM <= within || store.storeId === pickedStoreId);
    if (wanted.length === 0) return { travels, complete };
    left = left.filter((one) => !wanted.includes(one));
    const answer = await planner.matrix(
      middle,
      wanted.map(({ store }) => store.wgs84),
    );
    if (!answer) return { travels, complete: false };
    for (const [i, { store }] of wanted.entries()) {
      const travel = answer[i];
      if (travel) travels.set(store.storeId, travel);
      else complete = false;
    }
    within = Math.min(...[...travels.values()].map(({ distanceM }) => distanceM));
  }
}

function choose(
  { ranked, judged, from, window }: Survey,
  directory: Directory,
  pickedStoreId: string | undefined,
): Candidate {
  if (pickedStoreId !== undefined) {
    const picked = directory.byId.get(pickedStoreId);
    if (!picked) throw new DomainError("STORE_NOT_FOUND");
    const found = ranked.find(({ storeId }) => storeId === pickedStoreId);
    if (found) return found;
    const why =
      whyNot(picked, from, window) ?? judged.find(({ store }) => store.storeId === pickedStoreId)?.why ?? "no_stock";
    throw new DomainError("STORE_NOT_ABLE", `store ${pickedStoreId}: ${why}`, {
      facts: { storeId: pickedStoreId, why, reason: reasonText(why) },
    });
  }
  const best = ranked[0];
  if (best) return best;
  const nearest = judged[0];
  if (!nearest) throw new DomainError("NO_STORE_IN_RANGE", "there is no store yet");
  const why = nearest.why ?? "no_stock";
  throw new DomainError("NO_STORE_IN_RANGE", `the nearest store, ${nearest.store.storeId}, can't serve: ${why}`, {
    facts: {
      storeId: nearest.store.storeId,
      name: nearest.store.name,
      distanceM: Math.round(nearest.straightM),
      why,
      reason: reasonText(why),
    },
  });
}

/** The stores nearer than the chosen one, by straight line, that could not serve. */
function passedOver(judged: readonly Judged[], storeId: string): Routed["passed"] {
  const end = judged.findIndex(({ store }) => store.storeId === storeId);
  return judged
    .slice(0, end < 0 ? judged.length : end)
    .flatMap(({ store, why }) => (why ? [{ storeId: store.storeId, why }] : []))
    .slice(0, 8);
}
