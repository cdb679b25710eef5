import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { dispatchLifecycle } from "./lifecycle.ts";

/** How an order is brought to its member: one row an order, so that it has one live job at most. */
export const dispatch = z.object({
  orderId: idOf("OR"),
  storeId: idOf("ST"),
  state: z.enum(dispatchLifecycle.states),
  /** Which job is the live one: its number is order id + attempt. Whoever tells of another moves nothing. */
  attempt: z.int().min(1).max(99),
  /** Who carries it: a carrier, or a rider of ours by his staff id. */
  carrier: z.enum(["wechat", "dada"]).optional(),
  riderId: text(1, 64).optional(),
  /** The rider as a member may see him: 王师傅 138****1234. */
  rider: text(0, 40).optional(),
  readyAt: epochMs,
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
  attempt: z.int().min(1).max(99),
  actor: z.strictObject({ kind: z.enum(["staff", "carrier"]), id: z.string() }),
  /** The carrier's own code and words. */
  raw: text(0, 64).optional(),
  reason: text(0, 200).optional(),
  /** wgs84, rounded to some 100 m. */
  place: z.object({ lat: z.number(), lng: z.number() }).optional(),
});
