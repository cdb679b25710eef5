import { minute, second } from "../kernel/time.ts";
import type { dispatchLifecycle } from "./lifecycle.ts";
import type { Dispatch } from "./model.ts";
import type { CarrierNews, CarrierState } from "./ports.ts";

type DispatchEvent = (typeof dispatchLifecycle.events)[number];

/** How often an order is asked of somebody in a round before a person must see to it. */
export const ATTEMPTS_AT_MOST = 5;

/** The clocks of bringing an order, ms. */
export const dispatchClocks = {
  /** Somebody is sought so long before the slot begins: he is at the door when it does. */
  ahead: 15 * minute,
  /** So long a packed order is left to our own people before carriers are asked. */
  ownFirst: 3 * minute,
  /** When a carrier that does not say is taken to be at the door. */
  usual: 35 * minute,
  /** A carrier that has found no rider by then loses the job to another one. */
  noRider: 5 * minute,
  /** An answer of a carrier that is lost is asked for after this. */
  unknown: 15 * second,
  /** A carrier that does not know a job is believed after this: the request for it may still have been on its way. */
  absent: minute,
  /** So long a job that its carrier did not know is looked for all the same. */
  unsure: 30 * minute,
  /** Nobody took it, or nobody could be asked: once more after this. */
  again: 2 * minute,
  /** How often a job under way is asked about: callbacks may be lost. */
  look: 5 * minute,
  /** Staff are told when nobody has it for so long. */
  attention: 15 * minute,
  /** A rider waits so long for a member whom he can't reach before he may bring the goods back. */
  unreachable: 10 * minute,
} as const;

/** What a minute after the promise costs beside a quote, fen: a carrier that is late by it must be cheaper by so much. */
export const LATE_MINUTE_FEN = 20;
/** What a rider gets on top from the third attempt on, fen. */
export const TIP_FEN = 200;
/** What a rider of ours is paid a drop, fen, and for each begun kilometre beyond the first two. */
export const riderPay = { dropFen: 500, freeM: 2_000, perKmFen: 100 } as const;

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

/** Whether somebody has the goods, or had them when it ended. */
export const hasGoods = (state: Dispatch["state"]): boolean => ranks[state] >= 4 && ranks[state] < 7;

/** Whether another attempt may follow this one. */
export const mayTryAgain = ({ attempt, firstAttempt = 1 }: Dispatch): boolean =>
  attempt - firstAttempt + 1 < ATTEMPTS_AT_MOST && attempt < 99;

/**
 * What a carrier's news of the live job does; undefined: nothing. Progress counts if it is more than is known, and happened after the
 * last rider gave up; giving up counts if nothing later is known. A job that ends before its rider has the goods is lost, whoever ended it,
 * unless the order is not brought any more; after that it failed.
 */
export function eventOf(row: Dispatch, news: Pick<CarrierNews, "state" | "at">): DispatchEvent | undefined {
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
      if (row.callOff === "order") return "cancelled";
      return mayTryAgain(row) ? "lost" : "failed";
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
