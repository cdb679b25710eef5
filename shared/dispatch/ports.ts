/**
 * What dispatch needs of the outside: carriers who bring an order from its store to its member. Amounts are integer fen, times epoch ms,
 * points in either datum. An expected outcome is a value; nothing here throws but broken set-up.
 */
import type * as z from "zod";
import type { Point } from "../kernel/geo.ts";
import type { Busy, Refused, Unknown } from "../payment/index.ts";
import type { carrierName } from "./model.ts";

/** Where a carrier sends its callbacks, below our public URL. */
export const callbackPath = (name: CarrierName): `/${string}` => `/hooks/carriers/${name}`;

export type CarrierName = z.infer<typeof carrierName>;

/**
 * How far a job is, whoever carries it: CREATED → ACCEPTED → ARRIVED_STORE → PICKED_UP → DELIVERED. RIDER_DROPPED: its rider gave it up, and
 * the carrier looks for another one. RETURNING → RETURNED: the goods come back to the store. UNKNOWN: a code that we do not know; it is kept
 * and moves nothing.
 */
export const carrierStates = [
  "CREATED",
  "ACCEPTED",
  "ARRIVED_STORE",
  "PICKED_UP",
  "DELIVERED",
  "RIDER_DROPPED",
  "CANCELLED",
  "RETURNING",
  "RETURNED",
  "FAILED",
  "UNKNOWN",
] as const;
export type CarrierState = (typeof carrierStates)[number];

export interface CarrierJob {
  /** Id + two-digit attempt, at most 29 letters and digits: the number that the carrier knows the job by. */
  jobNo: string;
  orderId: string;
  /** Ours; the carriers know the store by it. */
  storeId: string;
  /** `openid`: the member at WeChat. */
  recipient: { openid: string; name: string; phone: string; address: string; point: Point };
  goods: { name: string; grams: number; valueFen: number };
  /** What the rider gets on top; a carrier that knows no tips leaves it out. */
  tipFen?: number | undefined;
  promisedUntil: number;
}

export interface CarrierQuote {
  feeFen: number;
  distanceM: number;
  /** The carrier's own number of the quote, where it has one: `create` goes by it while it holds. */
  quoteNo?: string;
  /** When the goods would be there, where the carrier says so. */
  arrivesAt?: number;
  expiresAt?: number;
}

/** What a carrier tells of a job, by its callback or asked. The same news may come again, late, or in any order. */
export interface CarrierNews {
  jobNo: string;
  carrier: CarrierName;
  state: CarrierState;
  /** When it happened by the carrier's clock. */
  at: number;
  /** The carrier's own code of the state: with `at` it tells one news from another. */
  raw: string;
  rider?: { name: string; phone?: string };
  /** Where the rider is, gcj02. */
  position?: Point;
  feeFen?: number;
  /** Of a cancelled job. A rider who gives it up is the carrier's. */
  cancelledBy?: "merchant" | "carrier" | "system";
  /** The carrier's words, cut to 200 characters. */
  reason?: string;
}

/** Why we call a job off; each carrier has its own list of reasons. */
export type CancelReason = "notAccepted" | "tooLate" | "customer" | "wrongDetails" | "other";

export type Quoted = { kind: "quote"; quote: CarrierQuote } | Refused | Busy | Unknown;
export type Created = { kind: "created"; feeFen: number } | Refused | Busy | Unknown;
export type Asked = { kind: "job"; news: CarrierNews } | { kind: "absent" } | Refused | Busy | Unknown;
/** `deductFen`: what the carrier keeps all the same. It is ours to bear, never the member's. */
export type Cancelled = { kind: "cancelled"; deductFen: number } | { kind: "absent" } | Refused | Busy | Unknown;

/** Every call is sent once, 5 s at most; a quote that does not come within 1.5 s is taken not to. */
export interface Carrier {
  name: CarrierName;

  quote(job: CarrierJob): Promise<Quoted>;

  /**
   * Asks for a rider. After `unknown` the job is queried under the same `jobNo` and never asked for again while its outcome is unknown:
   * `absent` then says that it was never made.
   */
  create(job: CarrierJob, quote: CarrierQuote): Promise<Created>;

  /** `storeId` is ours: WeChat finds a job by both. */
  query(jobNo: string, storeId: string): Promise<Asked>;

  /** After `unknown` as well the job is queried. Cancelled before it is `cancelled` again where the carrier tells, else `refused`. */
  cancel(jobNo: string, reason: CancelReason, storeId: string): Promise<Cancelled>;
}

/** Reads what carriers send us. Each throws NOTIFICATION_MALFORMED, NOTIFICATION_UNSIGNED, or NOTIFICATION_FOREIGN (we are not its customer). */
export interface CarrierCallbacks {
  /** Signed with a secret: it may be believed. */
  wechat(rawBody: string): CarrierNews;
  /** Signed by anybody: a hint. */
  dada(rawBody: string): CarrierNews;
}
