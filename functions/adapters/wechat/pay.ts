import * as z from "zod";
import { DomainError } from "../../../shared/kernel/problem.ts";
import { toIso } from "../../../shared/kernel/time.ts";
import {
  type ChannelRefund,
  notificationPath,
  type PaidTransaction,
  type PaymentChannel,
  type Transaction,
  type Unknown,
} from "../../../shared/payment/ports.ts";
import type { WeChatConfig, WeChatEndpoints, WeChatEnv } from "./config.ts";
import { createPayCalls, isAbsent, misfit, type PayProblem, refused, signedWithinS, time } from "./pay-call.ts";
import { cutToBytes, readJson } from "./send.ts";
import { readTransfer } from "./transfers.ts";

const fen = z.int().min(0);
const name = z.string().min(1);

const paid = z.object({
  appid: name,
  mchid: name,
  out_trade_no: name,
  transaction_id: name,
  trade_state: z.enum(["SUCCESS", "REFUND"]),
  success_time: time,
  payer: z.object({ openid: name }),
  amount: z.object({ total: fen, currency: name }),
});
const unpaid = z.object({
  appid: name,
  mchid: name,
  out_trade_no: name,
  trade_state: z.enum(["NOTPAY", "CLOSED", "PAYERROR", "REVOKED", "USERPAYING", "ACCEPT"]),
});
const transactionAnswer = z.union([paid, unpaid]);
const refundStatus = z.enum(["PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED"]);
const refundAmount = z.object({ refund: fen, total: fen });
const refundAnswer = z
  .object({
    refund_id: name,
    out_refund_no: name,
    out_trade_no: name,
    status: refundStatus,
    success_time: time.optional(),
    amount: refundAmount,
  })
  .refine((refund) => refund.status !== "SUCCESS" || refund.success_time !== undefined, "SUCCESS without success_time");
const refundNotice = z
  .object({
    mchid: name,
    refund_id: name,
    out_refund_no: name,
    out_trade_no: name,
    refund_status: refundStatus,
    success_time: time.optional(),
    amount: refundAmount,
  })
  .refine((refund) => refund.refund_status !== "SUCCESS" || refund.success_time !== undefined);
const notificationBody = z.object({
  id: name,
  event_type: name,
  resource_type: z.literal("encrypt-resource"),
  resource: z.object({
    algorithm: name,
    ciphertext: name,
    nonce: name,
    associated_data: z.string().optional(),
  }),
});
const prepayAnswer = z.object({ prepay_id: name });

/** WeChat Pay v3, JSAPI: payments, refunds and what the channel tells of them. See `createPayCalls` for how it is asked. */
export function createWeChatPay(
  config: WeChatConfig,
  endpoints: Pick<WeChatEndpoints, "payUrl" | "notifyBase" | "timeoutMs">,
  env: WeChatEnv,
): PaymentChannel {
  const { call, seal, seconds, nonce } = createPayCalls(config, endpoints, env);
  const notifyUrl = `${endpoints.notifyBase}${notificationPath}`;

  const isPaid = ({ code, number }: PayProblem) =>
    code === "ORDERPAID" || code === "ORDER_PAID" || number === "268449538" || number === "268498689";
  const isClosed = ({ code }: PayProblem) => code === "ORDER_CLOSED" || code === "ORDERCLOSED";

  function readRefund(
    body: unknown,
    asked: { refundNo: string; paymentNo?: string; refundFen?: number; totalFen?: number },
  ): { kind: "refund"; refund: ChannelRefund } | Unknown {
    const parsed = refundAnswer.safeParse(body);
    if (!parsed.success) return misfit("is no refund");
    const { data } = parsed;
    const refund: ChannelRefund = {
      refundNo: data.out_refund_no,
      paymentNo: data.out_trade_no,
      channelRefundId: data.refund_id,
      status: data.status,
      ...(data.success_time !== undefined && { successTime: data.success_time }),
      refundFen: data.amount.refund,
      totalFen: data.amount.total,
    };
    for (const [key, value] of Object.entries(asked))
      if (refund[key as keyof ChannelRefund] !== value) return misfit(`has another ${key}`);
    return { kind: "refund", refund };
  }

  return {
    async prepay(payment) {
      const reply = await call("POST", "/v3/pay/transactions/jsapi", {
        appid: config.appid,
        mchid: config.mchid,
        description: cutToBytes(payment.description, 127),
        out_trade_no: payment.paymentNo,
        time_expire: toIso(payment.expiresAt),
        notify_url: notifyUrl,
        amount: { total: payment.amountFen, currency: "CNY" },
        payer: { openid: payment.openid },
        ...(payment.profitSharing && { settle_info: { profit_sharing: true } }),
      });
      if (reply.kind === "ok") {
        const answer = prepayAnswer.safeParse(reply.body);
        return answer.success ? { kind: "ok", prepayId: answer.data.prepay_id } : misfit("holds no prepay id");
      }
      if (reply.kind !== "problem") return reply;
      if (isPaid(reply)) return { kind: "paid" };
      return isClosed(reply) ? { kind: "closed" } : refused(reply);
    },

    payParameters(prepayId) {
      const timeStamp = seconds();
      const nonceStr = nonce();
      const packed = `prepay_id=${prepayId}`;
      return {
        timeStamp,
        nonceStr,
        package: packed,
        signType: "RSA",
        paySign: seal.sign(config.appid, timeStamp, nonceStr, packed),
      };
    },

    async query(paymentNo) {
      const reply = await call(
        "GET",
        `/v3/pay/transactions/out-trade-no/${encodeURIComponent(paymentNo)}?mchid=${config.mchid}`,
      );
      if (reply.kind === "ok") {
        const answer = transactionAnswer.safeParse(reply.body);
        if (!answer.success) return misfit("is no transaction");
        if (answer.data.mchid !== config.mchid || answer.data.appid !== config.appid)
          return misfit("is of another merchant or app");
        if (answer.data.out_trade_no !== paymentNo) return misfit("has another number");
        return { kind: "transaction", transaction: transactionOf(answer.data) };
      }
      if (reply.kind !== "problem") return reply;
      return isAbsent(reply) ? { kind: "absent" } : refused(reply);
    },

    async close(paymentNo) {
      const reply = await call("POST", `/v3/pay/transactions/out-trade-no/${encodeURIComponent(paymentNo)}/close`, {
        mchid: config.mchid,
      });
      if (reply.kind === "ok") return { kind: "closed" };
      if (reply.kind !== "problem") return reply;
      if (isPaid(reply)) return { kind: "paid" };
      if (isClosed(reply)) return { kind: "closed" };
      return isAbsent(reply) ? { kind: "absent" } : refused(reply);
    },

    async refund({ refundNo, paymentNo, refundFen, totalFen, reason }) {
      const reply = await call("POST", "/v3/refund/domestic/refunds", {
        out_trade_no: paymentNo,
        out_refund_no: refundNo,
        reason: cutToBytes(reason, 80),
        notify_url: notifyUrl,
        amount: { refund: refundFen, total: totalFen, currency: "CNY" },
      });
      if (reply.kind === "ok") return readRefund(reply.body, { refundNo, paymentNo, refundFen, totalFen });
      if (reply.kind !== "problem") return reply;
      return reply.code === "NOT_ENOUGH" || reply.code === "NOTENOUGH" ? { kind: "notEnough" } : refused(reply);
    },

    async queryRefund(refundNo) {
      const reply = await call("GET", `/v3/refund/domestic/refunds/${encodeURIComponent(refundNo)}`);
      if (reply.kind === "ok") return readRefund(reply.body, { refundNo });
      if (reply.kind !== "problem") return reply;
      return isAbsent(reply) ? { kind: "absent" } : refused(reply);
    },

    async readNotification(headers, rawBody) {
      const lowered = new Map(Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]));
      const header = (wanted: string) => lowered.get(wanted);
      const flaw = seal.flaw(header, Buffer.from(rawBody));
      if (flaw) throw new DomainError("NOTIFICATION_UNSIGNED", flaw);
      if (!(seal.age(header("wechatpay-timestamp"), env.clock.now()) <= signedWithinS))
        throw new DomainError("NOTIFICATION_STALE", "signed more than 300 s away from our clock");

      const body = notificationBody.safeParse(readJson(rawBody));
      if (!body.success) throw new DomainError("NOTIFICATION_MALFORMED", "the body is no notification");
      const { id, event_type: type, resource } = body.data;
      const plain = seal.open(resource);
      if (plain === undefined) throw new DomainError("NOTIFICATION_MALFORMED", "the resource does not open");
      const content = readJson(plain);
      const ours = (mchid: string, appid = config.appid) => {
        if (mchid !== config.mchid || appid !== config.appid)
          throw new DomainError("NOTIFICATION_FOREIGN", "meant for another merchant or app");
      };

      if (type === "TRANSACTION.SUCCESS") {
        const transaction = paid.safeParse(content);
        if (!transaction.success)
          throw new DomainError("NOTIFICATION_MALFORMED", "the resource is no paid transaction");
        ours(transaction.data.mchid, transaction.data.appid);
        return { id, kind: "payment", transaction: paidTransactionOf(transaction.data) };
      }
      if (type.startsWith("REFUND.")) {
        const refund = refundNotice.safeParse(content);
        if (!refund.success) throw new DomainError("NOTIFICATION_MALFORMED", "the resource is no refund");
        ours(refund.data.mchid);
        const { data } = refund;
        return {
          id,
          kind: "refund",
          refund: {
            refundNo: data.out_refund_no,
            paymentNo: data.out_trade_no,
            channelRefundId: data.refund_id,
            status: data.refund_status,
            ...(data.success_time !== undefined && { successTime: data.success_time }),
            refundFen: data.amount.refund,
            totalFen: data.amount.total,
          },
        };
      }
      if (type === "MCHTRANSFER.BILL.FINISHED") {
        const mchid = z.object({ mch_id: name }).safeParse(content);
        if (!mchid.success) throw new DomainError("NOTIFICATION_MALFORMED", "the resource is no transfer");
        ours(mchid.data.mch_id);
        const transfer = readTransfer(content, config.mchid);
        if (!transfer) throw new DomainError("NOTIFICATION_MALFORMED", "the resource is no transfer");
        return { id, kind: "payout", transfer };
      }
      throw new DomainError("NOTIFICATION_MALFORMED", "an event type we don't know");
    },
  };
}

function paidTransactionOf(answer: z.infer<typeof paid>): PaidTransaction {
  return {
    paymentNo: answer.out_trade_no,
    mchid: answer.mchid,
    appid: answer.appid,
    state: answer.trade_state,
    transactionId: answer.transaction_id,
    successTime: answer.success_time,
    totalFen: answer.amount.total,
    currency: answer.amount.currency,
    openid: answer.payer.openid,
  };
}

function transactionOf(answer: z.infer<typeof transactionAnswer>): Transaction {
  if ("transaction_id" in answer) return paidTransactionOf(answer);
  return { paymentNo: answer.out_trade_no, mchid: answer.mchid, appid: answer.appid, state: answer.trade_state };
}
