import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** A group of neighbours around a store; what it does comes with the community capability. */
export const community = z.object({
  communityId: idOf("CM"),
  storeId: idOf("ST"),
  name: text(1, 40),
  kind: z.enum(["neighbourhood", "interest"]),
  createdAt: epochMs,
  /** Its leaders, in the order in which they were made so. */
  leaders: z.array(idOf("MB")).optional(),
});
export type Community = z.infer<typeof community>;

export const membership = z.object({
  communityId: idOf("CM"),
  memberId: idOf("MB"),
  role: z.enum(["member", "koc", "leader", "manager"]),
  joinedAt: epochMs,
});
export type Membership = z.infer<typeof membership>;
