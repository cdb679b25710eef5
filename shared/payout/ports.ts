/**
 * What payouts need of the outside: a channel that transfers money to a member's own account there. Amounts are integer fen, times
 * epoch ms. An expected outcome is a value; nothing here throws but broken set-up.
 */
import type { Busy, ChannelShare, ChannelTransfer, Refused, Unknown } from "../payment/index.ts";

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

type Shared = { kind: "share"; share: ChannelShare } | Refused | Busy | Unknown;

/**
 * A channel that pays people out of a payment it still keeps (分账). The payment was marked for it, is a minute old at least and settled, and
 * no more than its share (30 % unless agreed otherwise) of it goes to others.
 */
export interface ProfitSharing {
  /** Makes somebody known to the channel who may be paid; told again it is no other answer. */
  addReceiver(openid: string): Promise<{ kind: "ok" } | Refused | Busy | Unknown>;

  /**
   * Asks for the parts of a payment, and lets the rest of it go. Called again under the same `shareNo` (at most 64 letters and digits) with
   * identical parameters it answers the share as it stands.
   */
  share(share: {
    shareNo: string;
    transactionId: string;
    receivers: readonly { openid: string; amountFen: number }[];
    /** Shown to the receivers; cut to 80 characters. */
    description: string;
  }): Promise<Shared>;

  /** Lets all of a payment go that the channel still keeps, under a number of its own. */
  unfreeze(rest: { shareNo: string; transactionId: string; description: string }): Promise<Shared>;

  queryShare(share: { shareNo: string; transactionId: string }): Promise<Shared | { kind: "absent" }>;
}
