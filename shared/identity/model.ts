import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { pii } from "../kernel/vault.ts";

/** A person who buys. Personal data is sealed under the member's own data key; destroying `dataKey` erases it. */
export const member = z.object({
  memberId: idOf("MB"),
  openid: text(0, 64),
  unionid: text(0, 64).optional(),
  /** The member's data key, encrypted by the KMS key; base64. */
  dataKey: z.string(),
  nickname: pii().optional(),
  phone: pii().optional(),
  phoneIndex: z.string().optional(),
  joinedAt: epochMs,
  /** Keyed hashes of the devices that signed in, the newest last. */
  devices: z.array(z.string()).max(5).optional(),
  /** First paid seat or order: until then the member is a new customer. */
  firstPaidAt: epochMs.optional(),
});
export type Member = z.infer<typeof member>;

/** Finds the member of an openid; an openid is per app. */
export const openidLink = z.object({ appid: z.string(), openid: z.string(), memberId: idOf("MB") });
/** Finds the member of a phone by its blind index. */
export const phoneLink = z.object({ phoneIndex: z.string(), memberId: idOf("MB") });

/**
 * A signed-in device. Its refresh token rotates: the one before is known to notice its reuse, and for a minute to answer it
 * again with the same successor, which `salt` and the token before make (see refresh-token.ts).
 */
export const session = z.object({
  sessionId: idOf("SE"),
  memberId: idOf("MB"),
  /** SHA-256 of the token in force, base64url. */
  refreshHash: z.string(),
  previousHash: z.string().optional(),
  salt: z.string().optional(),
  rotatedAt: epochMs.optional(),
  createdAt: epochMs,
  expiresAt: epochMs,
  endedAt: epochMs.optional(),
});
export type Session = z.infer<typeof session>;

export const roles = [
  "store_staff",
  "store_manager",
  "rider",
  "community_operator",
  "live_host",
  "customer_service",
  "ops",
  "finance",
  "analyst",
  "executive",
  "admin",
] as const;
export type Role = (typeof roles)[number];

/** Somebody who works here; `staffId` is the Cognito subject. `storeIds` limits store roles; chain roles have none. */
export const staff = z.object({
  staffId: text(1, 64),
  name: text(0, 40),
  roles: z.array(z.enum(roles)).min(1),
  storeIds: z.array(idOf("ST")).max(100),
  active: z.boolean(),
});
export type Staff = z.infer<typeof staff>;
