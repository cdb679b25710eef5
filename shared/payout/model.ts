import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { pii } from "../kernel/vault.ts";
import { payoutLifecycle } from "./lifecycle.ts";

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
