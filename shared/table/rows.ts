import * as z from "zod";
import { event } from "../kernel/event.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** An event in the outbox, in the hour and bucket it is kept under. */
export const outboxRow = event;

/** The stored answer to an idempotent request, kept 48 h; `body` is the answer to the byte, deflated (RFC 1951). */
export const idempotencyRow = z.object({
  actorId: z.string(),
  key: z.string(),
  /** SHA-256 of method, path and body. */
  request: z.string(),
  status: z.int(),
  body: z.instanceof(Uint8Array),
  at: epochMs,
});

export const dueKinds = [
  "hold",
  "deadline",
  "campaign",
  "refund",
  "payment",
  "shipping",
  "import",
  "recall",
  "promise",
  "subsidy",
  "referral",
  "invoice",
  "commission",
  "payout",
  "share",
  "bill",
  "settlement",
  "dispatch",
  "claim",
  "compensation",
  "uncollected",
  "tasting",
  "moderation",
] as const;
export type DueKind = (typeof dueKinds)[number];

/** Something a sweep must look at once `at` has passed; it goes when what it names is decided. */
export const due = z.object({ kind: z.enum(dueKinds), id: z.string(), at: epochMs, since: epochMs });
export type Due = z.infer<typeof due>;

/** Who did what: one row per privileged mutation. */
export const auditRow = z.object({
  auditId: z.string(),
  at: epochMs,
  day: z.string(),
  staffId: z.string(),
  action: z.string(),
  target: z.string(),
  reason: z.string().optional(),
  /** The fields given, without personal data. */
  change: text(0, 2000).optional(),
});

/** One subject's bucket of tokens for one kind of request; `fullAt` is when all of them are back. */
export const limitRow = z.object({ limit: z.string(), subject: z.string(), fullAt: epochMs });

/** One request that a provider's rate allows an account: one of that second's (epoch s), taken by making it. */
export const rateToken = z.object({ api: z.string(), account: z.string(), second: z.int(), slot: z.int() });
/** Until when a provider's API is asked more slowly. */
export const rateBrake = z.object({ api: z.string(), account: z.string(), until: epochMs });

/** WeChat's access token, shared by the functions. */
export const wechatToken = z.object({ appid: z.string(), token: z.string(), expiresAt: epochMs });
