import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { pii } from "../kernel/vault.ts";
import { payoutLifecycle, shareLifecycle } from "./lifecycle.ts";

/** Commission on its way to a member's account at the channel. Its number is fixed before the channel is asked. */
export const payout = z.object({
  payoutId: idOf("PT"),
  memberId: idOf("MB"),
  amountFen: fen.min(1),
  /** Payout id + two-digit attempt, of which there is one: the channel's out_bill_no. */
  payoutNo: z.string(),
  state: z.enum(payoutLifecycle.states),
  /** As the channel wants it from 2,000 yuan on. */
  realName: pii().optional(),
  requestedAt: epochMs,
  settledAt: epochMs.optional(),
  channelTransferId: z.string().optional(),
  /** What the member confirms it with; gone once it is decided. */
  packageInfo: z.string().optional(),
  /** The channel's last word that was not progress: NOT_ENOUGH, the code of a refusal or failure. */
  trouble: text(0, 100).optional(),
});
export type Payout = z.infer<typeof payout>;

/** Commissions of one order that are shared out of its payment (分账), in one request; without receivers the payment is only let go. */
export const profitShare = z.object({
  orderId: idOf("OR"),
  /** The channel's number of the payment. */
  transactionId: z.string(),
  receivers: z
    .array(
      z.object({
        memberId: idOf("MB"),
        amountFen: fen.min(1),
        state: z.enum(["PENDING", "PAID", "CLOSED"]),
        /** Why he did not get it, the channel's code. */
        trouble: text(0, 100).optional(),
      }),
    )
    .max(10),
  state: z.enum(shareLifecycle.states),
  requestedAt: epochMs,
  /** When the channel lets the payment go by itself. */
  lapsesAt: epochMs,
  settledAt: epochMs.optional(),
  trouble: text(0, 100).optional(),
});
export type ProfitShare = z.infer<typeof profitShare>;
