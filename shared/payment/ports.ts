/**
 * What the payment module needs of the outside: a channel that takes money and gives it back. Amounts are integer fen,
 * times epoch ms. An expected outcome is a value; nothing here throws but `readNotification` and broken set-up.
 */

/** Where the channel sends its notifications, below our public URL. Payments and refunds come to the same place. */
export const notificationPath = "/hooks/wechat/pay";

/** The outcome is not known: query under the same number, never try again under another one. `reason` holds no secret. */
export interface Unknown {
  kind: "unknown";
  reason: string;
}

/** The channel's rate limit: nothing was done, try again later under the same number. */
export interface Busy {
  kind: "busy";
}

/** The channel understood and said no; the same request will be refused again until its cause is gone. */
export interface Refused {
  kind: "refused";
  code: string;
  message: string;
}

interface TransactionBase {
  paymentNo: string;
  mchid: string;
  appid: string;
}

/** Money was taken. REFUND: and some of it was given back, or is on its way back. */
export interface PaidTransaction extends TransactionBase {
  state: "SUCCESS" | "REFUND";
  /** The channel's own number. */
  transactionId: string;
  /** Whole seconds. */
  successTime: number;
  totalFen: number;
  /** "CNY"; anything else is not our order. */
  currency: string;
  openid: string;
}

export interface UnpaidTransaction extends TransactionBase {
  state: "NOTPAY" | "CLOSED" | "PAYERROR" | "REVOKED" | "USERPAYING" | "ACCEPT";
  transactionId?: undefined;
  successTime?: undefined;
  totalFen?: undefined;
  currency?: undefined;
  openid?: undefined;
}

export type Transaction = PaidTransaction | UnpaidTransaction;

export interface ChannelRefund {
  refundNo: string;
  paymentNo: string;
  /** The channel's own number. */
  channelRefundId: string;
  /** PROCESSING is "accepted", not "refunded". ABNORMAL: the payer's account can't take it, staff must act. */
  status: "PROCESSING" | "SUCCESS" | "ABNORMAL" | "CLOSED";
  /** Present once SUCCESS. */
  successTime?: number;
  refundFen: number;
  /** What the payment was, in whole. */
  totalFen: number;
}

/**
 * A merchant transfer as the channel tells it (商家转账, confirmed by the user). WAIT_USER_CONFIRM: the member has 24 hours to take it.
 * SUCCESS, FAIL and CANCELLED are final; after the latter two the money is back with the merchant.
 */
export const transferStates = [
  "ACCEPTED",
  "PROCESSING",
  "WAIT_USER_CONFIRM",
  "TRANSFERING",
  "SUCCESS",
  "FAIL",
  "CANCELING",
  "CANCELLED",
] as const;

export interface ChannelTransfer {
  payoutNo: string;
  /** The channel's own number. */
  channelTransferId: string;
  state: (typeof transferStates)[number];
  amountFen: number;
  /** What the mini-program hands to wx.requestMerchantTransfer; in the answer to the request alone. */
  packageInfo?: string;
  /** Why it FAILed, the channel's code. */
  failReason?: string;
  updatedAt: number;
}

/** A share of a payment as the channel tells it (分账). FINISHED says nothing of a single receiver: his own result does. */
export interface ChannelShare {
  shareNo: string;
  transactionId: string;
  state: "PROCESSING" | "FINISHED";
  /** The people among them; what is let go to the merchant himself is left out. */
  receivers: {
    openid: string;
    amountFen: number;
    result: "PENDING" | "SUCCESS" | "CLOSED";
    failReason?: string;
    finishedAt?: number;
  }[];
}

/** `id` is the channel's: the same for each repeat of one notification. */
export type Notification =
  | { id: string; kind: "payment"; transaction: PaidTransaction }
  | { id: string; kind: "refund"; refund: ChannelRefund }
  | { id: string; kind: "payout"; transfer: ChannelTransfer };

export interface PaymentParameters {
  timeStamp: string;
  nonceStr: string;
  package: string;
  signType: "RSA";
  paySign: string;
}

export interface PaymentChannel {
  /**
   * Asks for a prepay id (valid 2 h). Called again under the same number it must carry identical parameters and answers
   * a fresh id. `expiresAt` is the last moment the member can pay; the channel sees whole seconds.
   */
  prepay(payment: {
    /** 6 to 32 of 0-9 A-Z a-z _ - * */
    paymentNo: string;
    /** Cut to 127 bytes. */
    description: string;
    amountFen: number;
    openid: string;
    expiresAt: number;
    /** The money stays frozen until a part of it is shared, or the rest let go; 30 days at most. */
    profitSharing?: true;
  }): Promise<{ kind: "ok"; prepayId: string } | { kind: "paid" } | { kind: "closed" } | Refused | Busy | Unknown>;

  /** What the mini-program hands to wx.requestPayment, signed. Asks nobody. */
  payParameters(prepayId: string): PaymentParameters;

  query(
    paymentNo: string,
  ): Promise<{ kind: "transaction"; transaction: Transaction } | { kind: "absent" } | Refused | Busy | Unknown>;

  /** Closing twice is `closed`. A payment may still win against a close that answered: query decides. */
  close(
    paymentNo: string,
  ): Promise<{ kind: "closed" } | { kind: "paid" } | { kind: "absent" } | Refused | Busy | Unknown>;

  /** Called again under the same `refundNo` (at most 64 characters) with identical parameters it answers the refund as it stands. */
  refund(refund: {
    refundNo: string;
    paymentNo: string;
    refundFen: number;
    totalFen: number;
    /** Shown to the member; cut to 80 bytes. */
    reason: string;
  }): Promise<{ kind: "refund"; refund: ChannelRefund } | { kind: "notEnough" } | Refused | Busy | Unknown>;

  queryRefund(
    refundNo: string,
  ): Promise<{ kind: "refund"; refund: ChannelRefund } | { kind: "absent" } | Refused | Busy | Unknown>;

  /**
   * Verifies, decrypts and reads one notification; `rawBody` is the body as it came, before any parsing.
   * Throws DomainError NOTIFICATION_UNSIGNED (signature, probe, unknown key), NOTIFICATION_STALE (300 s),
   * NOTIFICATION_MALFORMED, NOTIFICATION_FOREIGN (another merchant or app). Whether amount, currency and payer are those
   * of our own order is the caller's to check.
   */
  readNotification(headers: Record<string, string | undefined>, rawBody: string): Promise<Notification>;
}
