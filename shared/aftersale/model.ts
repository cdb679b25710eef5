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

/** What a leader (`member:<id>`) or store (`store:<id>`) has paid first of the chain's advance on a day in Asia/Shanghai. */
export const floatDay = z.object({ payer: z.string(), day: z.string(), spentFen: fen, until: epochMs });
