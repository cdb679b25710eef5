import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { dispatchLifecycle } from "./lifecycle.ts";

export const carrierName = z.enum(["wechat", "dada"]);
const attempt = z.int().min(1).max(99);
/** wgs84, rounded to some 100 m. */
const roughly = z.object({ lat: z.number(), lng: z.number() });

/** How an order is brought to its member: one row an order, so that it has one live job at most. */
export const dispatch = z.object({
  orderId: idOf("OR"),
  storeId: idOf("ST"),
  state: z.enum(dispatchLifecycle.states),
  /** Which job is the live one: its number is order id + attempt. Whoever tells of another moves nothing. */
  attempt,
  /** The attempt at which it was sent once more, where it was: so many are made in a round. */
  firstAttempt: attempt.optional(),
  /** Who carries it: a carrier, or one of our people by his staff id. */
  carrier: carrierName.optional(),
  riderId: text(1, 64).optional(),
  /** The rider as a member may see him: 王师傅 138****1234. */
  rider: text(0, 40).optional(),
  readyAt: epochMs,
  promisedUntil: epochMs,
  /** Where it goes. */
  toward: roughly.optional(),
  /** From when somebody is sought, so that it is not there before its slot; and until when it is left to our own people. */
  offerFrom: epochMs,
  offerUntil: epochMs,
  /** When the carrier was asked, and what it wants for the job. */
  askedAt: epochMs.optional(),
  feeFen: fen.optional(),
  /** Carriers that turned it down or gave it up, who are asked after the others. */
  declined: z.array(carrierName).max(2).optional(),
  /** Jobs that were taken not to be, as their carrier did not know them; one whose request was only late may turn up all the same. */
  unsure: z
    .array(z.object({ attempt, carrier: carrierName, at: epochMs }))
    .max(99)
    .optional(),
  /** We want the live job ended: to give it to another one, or because the order is not brought any more. */
  callOff: z.enum(["switch", "order"]).optional(),
  /** When staff were told that it needs a person. */
  attentionAt: epochMs.optional(),
  /** When its rider could not reach the member. */
  unreachableAt: epochMs.optional(),
  /** When the last news that counted happened, by the clock of who told it; what happened before a rider's giving up tells nothing new. */
  heardAt: epochMs,
  droppedAt: epochMs.optional(),
});
export type Dispatch = z.infer<typeof dispatch>;

/** One entry of an order's trail. `id` tells one news from another, so that the same one is kept once. */
export const track = z.object({
  orderId: idOf("OR"),
  at: epochMs,
  id: text(1, 120),
  /** What happened, as a state; UNKNOWN: a code that we do not know, which moved nothing. */
  state: text(1, 20),
  attempt,
  actor: z.strictObject({ kind: z.enum(["staff", "carrier", "system"]), id: z.string() }),
  /** The carrier's own code and words. */
  raw: text(0, 64).optional(),
  reason: text(0, 200).optional(),
  /** Where the rider was. */
  place: roughly.optional(),
});
export type Track = z.infer<typeof track>;

/** A rider of ours and what he has with him: at most one store at a time, and the orders of his round. */
export const riderShift = z.object({
  staffId: text(1, 64),
  storeId: idOf("ST"),
  name: text(0, 40),
  on: z.boolean(),
  since: epochMs,
  /** So many orders he takes along at once. */
  room: z.int().min(1).max(5),
  orderIds: z.array(idOf("OR")).max(5),
});
export type RiderShift = z.infer<typeof riderShift>;
