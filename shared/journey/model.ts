import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** A line in a member's inbox: what happened to the team, the order or the money. No personal data in it. */
export const inboxMessage = z.object({
  memberId: idOf("MB"),
  /** The event it tells of: one message an event and member. */
  eventId: idOf("EV"),
  at: epochMs,
  kind: text(0, 40),
  title: text(0, 40),
  body: text(0, 200),
  teamId: idOf("TM").optional(),
  orderId: idOf("OR").optional(),
});
export type InboxMessage = z.infer<typeof inboxMessage>;
