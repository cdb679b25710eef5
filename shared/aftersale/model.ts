import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { claimLifecycle } from "./lifecycle.ts";

/** Units of an order's article that were not right, and why, in the member's words. */
export const claimLine = z.object({
  articleId: idOf("AR"),
  units: z.int().min(1).max(9_999),
  reason: text(4, 200),
});

/** What a member claims of an order; one an order, naming all its lines that were not right. */
export const claim = z.object({
  orderId: idOf("OR"),
  memberId: idOf("MB"),
  storeId: idOf("ST"),
  state: z.enum(claimLifecycle.states),
  lines: z.array(claimLine).min(1).max(20),
  /** Names of the pictures in the evidence store. */
  photos: z.array(text(1, 200)).min(1).max(6),
  wantedFen: fen.min(1),
  openedAt: epochMs,
  /** By when it is to be answered. */
  answerBy: epochMs,
  /** In which state staff were told that it has waited too long. */
  told: z.enum(["OPEN", "PAID_FIRST"]).optional(),
  /** What was paid first: by which member or staff, out of whose float. */
  paid: z
    .object({ by: z.string(), float: z.string(), refundId: idOf("RF"), amountFen: fen.min(1), at: epochMs })
    .optional(),
  /** Why nothing was paid, as the member reads it. */
  rejected: z.object({ by: z.string(), reason: text(4, 200), at: epochMs }).optional(),
  /** The account that bears it in the end. */
  recovery: z.object({ by: z.string(), account: z.string(), reason: text(4, 200), at: epochMs }).optional(),
});
export type Claim = z.infer<typeof claim>;

/** What each buyer of recalled goods gets: part of what was paid for them in percent, or fen an order. */
export const recallRule = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("percent"), percent: z.int().min(1).max(100) }),
  z.strictObject({ by: z.literal("amount"), fen: fen.min(1).max(10_000_000) }),
]);

/** The compensation of everybody who has recalled goods (问题批次赔付), once a recall, and how far it is. */
export const recallCompensation = z.object({
  recallId: idOf("RC"),
  rule: recallRule,
  /** platform, store (the one that served each order), or a supplier's id. */
  bearer: z.string(),
  reason: text(4, 200),
  by: z.string(),
  at: epochMs,
  /** Orders that were given something, and how much in all; orders that were given nothing. */
  given: z.int().min(0),
  givenFen: fen,
  passed: z.int().min(0),
  /** The order to go on with. */
  next: idOf("OR").optional(),
  /** When every buyer had been looked at. */
  doneAt: epochMs.optional(),
});
export type RecallCompensation = z.infer<typeof recallCompensation>;

/** What a leader (`member:<id>`) or store (`store:<id>`) has paid first of the chain's advance on a day in Asia/Shanghai. */
export const floatDay = z.object({ payer: z.string(), day: z.string(), spentFen: fen, until: epochMs });
