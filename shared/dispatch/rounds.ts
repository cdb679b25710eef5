import { greatCircle } from "../kernel/geo.ts";
import { minute, second } from "../kernel/time.ts";
import type { Table } from "../table/entity.ts";
import { dispatches, ridersOfStore, stores } from "../table/keys.ts";
import type { Dispatch, RiderShift } from "./model.ts";

type Place = { lat: number; lng: number };
export interface Stop {
  orderId: string;
  promisedUntil: number;
  toward?: Place | undefined;
}
/** A rider with the stops he has already; `start`: his store. */
export interface Round {
  shift: RiderShift;
  start: Place;
  stops: Stop[];
}

/** An electric bike in town, metres a second along a way that is so much longer than the straight line; and what a door takes. */
const SPEED = 4.2;
const DETOUR = 1.35;
const AT_THE_DOOR = 3 * minute;
/** A further order may make those that a rider has this much later, no more. */
const LATER_AT_MOST = 5 * minute;

const way = (from: Place, to: Place | undefined): number =>
  to === undefined ? 0 : greatCircle({ ...from, datum: "wgs84" }, { ...to, datum: "wgs84" }) * DETOUR;

/**
 * The order of at most five stops that leaves least lateness, then the shortest way: each of the at most 120 orders is looked at. Answers the
 * stops with when each is reached (epoch ms) and the metres to it from the stop before.
 */
export function bestSequence(start: Place, stops: readonly Stop[], leavesAt: number) {
  let best: { stops: (Stop & { arrivesAt: number; legM: number })[]; late: number; metres: number } | undefined;
  for (const order of permutations(stops)) {
    let at = leavesAt;
    let place = start;
    let late = 0;
    let metres = 0;
    const planned = order.map((stop) => {
      const legM = way(place, stop.toward);
      metres += legM;
      at += (legM / SPEED) * second;
      const arrivesAt = Math.round(at);
      late += Math.max(0, arrivesAt - stop.promisedUntil);
      at += AT_THE_DOOR;
      place = stop.toward ?? place;
      return { ...stop, arrivesAt, legM: Math.round(legM) };
    });
    if (!best || late < best.late || (late === best.late && metres < best.metres))
      best = { stops: planned, late, metres };
  }
  return best ?? { stops: [], late: 0, metres: 0 };
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

/** Whether a rider has room for one more order, which then comes in time or makes the others at most five minutes later. */
export function fitsOnRound({ shift, start, stops }: Round, stop: Stop, now: number): boolean {
  if (stops.length >= shift.room) return false;
  const alone = bestSequence(start, stops, now);
  const along = bestSequence(start, [...stops, stop], now);
  const own = along.stops.find(({ orderId }) => orderId === stop.orderId)!;
  return own.arrivesAt <= stop.promisedUntil + LATER_AT_MOST && along.late - alone.late <= LATER_AT_MOST;
}

/** The rounds of a store's riders who are at work. */
export async function roundsOf({ table }: { table: Table }, storeId: string): Promise<Round[]> {
  const { items } = await table.page(ridersOfStore(storeId), { limit: 50 });
  const shifts = items.filter(({ on }) => on);
  if (shifts.length === 0) return [];
  const store = await table.load(stores, { storeId });
  if (!store) return [];
  return Promise.all(
    shifts.map(async (shift) => ({ shift, start: store.wgs84, stops: await stopsOf({ table }, shift) })),
  );
}

/** What a rider has with him. */
export async function stopsOf({ table }: { table: Table }, { orderIds }: RiderShift): Promise<Dispatch[]> {
  return orderIds.length === 0
    ? []
    : table.loadMany(
        dispatches,
        orderIds.map((orderId) => ({ orderId })),
      );
}
