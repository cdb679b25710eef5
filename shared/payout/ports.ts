/**
 * What payouts need of the outside: a channel that transfers money to a member's own account there. Amounts are integer fen, times
 * epoch ms. An expected outcome is a value; nothing here throws but broken set-up.
 */
import type { Busy, ChannelTransfer, Refused, Unknown } from "../payment/index.ts";

type Outcome = { kind: "transfer"; transfer: ChannelTransfer } | Refused | Busy | Unknown;

export interface PayoutChannel {
  /**
   * Asks for a transfer. Called again under the same `payoutNo` (at most 32 letters and digits) with identical parameters it answers the
   * transfer as it stands. `realName` is required from 200,000 fen on, and compared with the account's.
   */
  transfer(payout: {
    payoutNo: string;
    /** At least 10. */
    amountFen: number;
    openid: string;
    /** Shown to the member; cut to 32 characters. */
    remark: string;
    realName?: string | undefined;
  }): Promise<Outcome | { kind: "notEnough" }>;

  queryTransfer(payoutNo: string): Promise<Outcome | { kind: "absent" }>;
}
