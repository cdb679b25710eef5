import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { basisPoints, fen } from "../kernel/money.ts";
import { epochMs } from "../kernel/time.ts";
import { commissionLifecycle } from "./lifecycle.ts";

/**
 * What an order pays to whom: `leader` for serving the community it was ordered in, `koc` for having invited the buyer. One level:
 * nothing is paid on what those who were invited bring, on heads or on an entry fee (禁止传销条例 7).
 */
export const commissionRule = z.enum(["leader", "koc"]);
export type CommissionRule = z.infer<typeof commissionRule>;

/** Rates of a rule, of what a member paid and kept; together at most 30 %. One row. */
export const commissionProgramme = z.object({
  name: z.literal("commission"),
  active: z.boolean(),
  bps: z.object({ leader: basisPoints.max(1_500), koc: basisPoints.max(1_500) }),
});
export type CommissionProgramme = z.infer<typeof commissionProgramme>;

/** One an order and beneficiary. */
export const commission = z.object({
  orderId: idOf("OR"),
  memberId: idOf("MB"),
  rule: commissionRule,
  bps: basisPoints,
  /** What was earned when the team succeeded, and how much of it was taken back since, fen. */
  amountFen: fen.min(1),
  returnedFen: fen,
  state: z.enum(commissionLifecycle.states),
  accruedAt: epochMs,
  releasedAt: epochMs.optional(),
});
export type Commission = z.infer<typeof commission>;

/**
 * What a beneficiary has, fen: frozen until the after-sale time is over, available to be paid out, and on its way. Available falls below
 * zero where more was taken back than is left; later commissions make up for it. The three sum to what the ledger owes him.
 */
export const commissionAccount = z.object({
  memberId: idOf("MB"),
  frozenFen: fen,
  availableFen: z.int(),
  pendingFen: fen,
  /** How it is paid out: asked for and transferred, unless shared out of the orders that allow it (分账). */
  way: z.literal("sharing").optional(),
  /** Paid out over all time. */
  paidFen: fen,
});
export type CommissionAccount = z.infer<typeof commissionAccount>;
