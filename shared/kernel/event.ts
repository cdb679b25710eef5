import * as z from "zod";
import type { Env } from "./env.ts";
import { text } from "./text.ts";
import { epochMs } from "./time.ts";

/** Where a thing came from; set when it is made, never changed after payment. */
export const origin = z.strictObject({
  /** What began the hop: vote → demand item → campaign → live shelf → team → order → 晒单. The id of the one before. */
  originId: text(0, 64).optional(),
  channel: z.enum(["mini", "live", "batch", "pos"]),
  communityId: z.string().optional(),
  sessionId: z.string().optional(),
  inviterId: z.string().optional(),
});
export type Origin = z.infer<typeof origin>;

/**
 * What happened, as the outbox holds it: ids, states and amounts only, no personal data. `v` is the version of `data` for this type; readers keep
 * reading older ones.
 */
export const event = z.object({
  eventId: z.string(),
  type: z.string(),
  v: z.int().min(1),
  at: epochMs,
  /** Who did it: a member, a staff member, the payment channel, or the system itself. */
  actor: z.strictObject({ kind: z.enum(["member", "staff", "channel", "system"]), id: z.string().optional() }),
  origin: origin.optional(),
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
});
export type DomainEvent = z.infer<typeof event>;
export type Actor = DomainEvent["actor"];

/** An event of now, with a fresh id. */
export const makeEvent = (
  env: Pick<Env, "clock" | "ids">,
  what: { type: string; actor: Actor; origin?: Origin | undefined; data: DomainEvent["data"]; v?: number },
): DomainEvent => ({
  eventId: env.ids.next("EV"),
  type: what.type,
  v: what.v ?? 1,
  at: env.clock.now(),
  actor: what.actor,
  ...(what.origin && { origin: what.origin }),
  data: what.data,
});
