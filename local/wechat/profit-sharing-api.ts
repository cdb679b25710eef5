import { randomBytes } from "node:crypto";
import * as z from "zod";
import { day, minute, second, toIso } from "../../shared/kernel/time.ts";
import { type Book, canonical, type PaymentRow, type ShareReceiver, type ShareRow } from "./book.ts";
import type { Keys } from "./keys.ts";
import { invalid, noOrder, type PayAnswer, PayProblem, parse, reentry } from "./pay-api.ts";

/** How a receiver's part ends: he gets it (the rule), or the channel's reason why not. */
export const shareOutcome = z.union([
  z.literal("success"),
  z.strictObject({
    closed: z.enum([
      "ACCOUNT_ABNORMAL",
      "RECEIVER_HIGH_RISK",
      "RECEIVER_REAL_NAME_NOT_VERIFIED",
      "RECEIVER_RECEIPT_LIMIT",
    ]),
  }),
]);

const openid = z.string().min(1).max(64);
const receiverBody = z.object({
  appid: z.string(),
  type: z.literal("PERSONAL_OPENID"),
  account: openid,
  relation_type: z.enum(["STORE", "STAFF", "STORE_OWNER", "PARTNER", "DISTRIBUTOR", "USER", "CUSTOM"]),
});
const number = z.string().regex(/^[0-9A-Za-z_\-|*@]{1,64}$/);
const description = z.string().min(1).max(80);
const shareBody = z.object({
  appid: z.string(),
  transaction_id: z.string(),
  out_order_no: number,
  receivers: z
    .array(z.object({ type: z.literal("PERSONAL_OPENID"), account: openid, amount: z.int().min(1), description }))
    .min(1)
    .max(50),
  unfreeze_unsplit: z.boolean(),
});
const unfreezeBody = z.object({ transaction_id: z.string(), out_order_no: number, description });

/** Others than the merchant get no more than this of a payment, in hundredths; what is kept is let go after so long, ms. */
const MOST = 30;
const KEPT_MS = 30 * day;
/** How long the channel works on a share, ms. */
const WORKS_MS = 10 * second;

/** 分账: people are paid out of a payment that is kept for it. `settled`: whether the shipping of a payment was confirmed. */
export function createProfitSharingApi(
  book: Book,
  keys: Keys,
  now: () => number,
  settled: (payment: PaymentRow) => boolean,
) {
  const receiversOf = (row: ShareRow) => JSON.parse(row.receivers) as ShareReceiver[];
  const ours = (appid: string) => {
    if (appid !== keys.config.appid)
      throw new PayProblem(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", "268445527");
  };

  function answer(row: ShareRow): PayAnswer {
    const over = row.finished_at <= now();
    return {
      status: 200,
      body: {
        transaction_id: row.transaction_id,
        out_order_no: row.out_order_no,
        order_id: row.order_id,
        state: over ? "FINISHED" : "PROCESSING",
        receivers: receiversOf(row).map(({ result, fail_reason: reason, ...receiver }) => ({
          ...receiver,
          result: over ? result : "PENDING",
          create_time: toIso(row.created_at),
          ...(over && { finish_time: toIso(row.finished_at), ...(reason && { fail_reason: reason }) }),
        })),
      },
    };
  }

  /** The payment and what of it is still kept, fen; refused where nothing may be shared of it. */
  function kept(transactionId: string): { payment: PaymentRow; keptFen: number; sharedFen: number } {
    const payment = book.paymentByTransaction(transactionId);
    if (!payment || payment.success_time === null) throw noOrder();
    const { settle_info: settle } = JSON.parse(payment.params) as { settle_info?: { profit_sharing?: boolean } };
    if (settle?.profit_sharing !== true) throw invalid("非分账订单不支持分账");
    if (now() < payment.success_time + minute || !settled(payment)) throw invalid("订单未结算,暂不支持分账");
    const shares = book.sharesOf(transactionId);
    if (shares.some(({ unfreezes }) => unfreezes) || now() >= payment.success_time + KEPT_MS)
      throw invalid("订单剩余资金已解冻,不支持分账");
    const sharedFen = shares
      .flatMap(receiversOf)
      .reduce((sum, { result, amount }) => sum + (result === "SUCCESS" ? amount : 0), 0);
    const backFen = book
      .refundsOf(payment.out_trade_no)
      .reduce((sum, { status, refund }) => sum + (status === "CLOSED" ? 0 : refund), 0);
    return { payment, sharedFen, keptFen: payment.total - backFen - sharedFen };
  }

  /** The share of this number, where it was asked for before: the same again, or another one under its number. */
  function before(no: string, params: string): PayAnswer | undefined {
    const row = book.one<ShareRow>("SELECT * FROM shares WHERE out_order_no = ?", no);
    if (row && row.params !== params) throw reentry();
    return row && answer(row);
  }

  function keep(
    asked: { out_order_no: string; transaction_id: string },
    params: string,
    receivers: Omit<ShareReceiver, "detail_id">[],
    unfreezes: boolean,
  ): PayAnswer {
    book.run(
      "INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      asked.out_order_no,
      `3008${randomBytes(12).toString("hex")}`,
      asked.transaction_id,
      params,
      JSON.stringify(receivers.map((one) => ({ ...one, detail_id: `3600${randomBytes(12).toString("hex")}` }))),
      unfreezes ? 1 : 0,
      now(),
      now() + WORKS_MS,
    );
    return answer(book.one<ShareRow>("SELECT * FROM shares WHERE out_order_no = ?", asked.out_order_no)!);
  }

  return {
    addReceiver(content: unknown): PayAnswer {
      const asked = parse(receiverBody, content);
      ours(asked.appid);
      if (!book.one("SELECT 1 FROM users WHERE openid = ?", asked.account))
        throw new PayProblem(400, "PARAM_ERROR", "无效的openid", "268501013");
      book.run("INSERT OR REPLACE INTO receivers VALUES (?, ?)", asked.account, asked.relation_type);
      const { type, account, relation_type } = asked;
      return { status: 200, body: { type, account, relation_type } };
    },

    share(content: unknown): PayAnswer {
      const asked = parse(shareBody, content);
      ours(asked.appid);
      const params = canonical(content);
      const known = before(asked.out_order_no, params);
      if (known) return known;
      const { payment, keptFen, sharedFen } = kept(asked.transaction_id);
      const wantedFen = asked.receivers.reduce((sum, { amount }) => sum + amount, 0);
      if (new Set(asked.receivers.map(({ account }) => account)).size < asked.receivers.length)
        throw invalid("分账接收方重复");
      if ((sharedFen + wantedFen) * 100 > payment.total * MOST)
        throw new PayProblem(403, "RULE_LIMIT", "分账金额超过最大分账比例", "268500000");
      if (wantedFen > keptFen) throw new PayProblem(403, "NOT_ENOUGH", "分账金额不足", "268500000");
      const receivers = asked.receivers.map((one) => {
        const outcome = shareOutcome.parse(book.plan(`share:${one.account}`, "share:default") ?? "success");
        const stranger = !book.one("SELECT 1 FROM receivers WHERE account = ?", one.account);
        const reason = stranger ? "NO_RELATION" : outcome === "success" ? undefined : outcome.closed;
        return {
          ...one,
          result: reason === undefined ? ("SUCCESS" as const) : ("CLOSED" as const),
          ...(reason && { fail_reason: reason }),
        };
      });
      const given = receivers.reduce((sum, { result, amount }) => sum + (result === "SUCCESS" ? amount : 0), 0);
      const rest = { type: "MERCHANT_ID", account: keys.config.mchid, amount: keptFen - given } as const;
      return keep(
        asked,
        params,
        asked.unfreeze_unsplit
          ? [...receivers, { ...rest, description: "解冻给分账方", result: "SUCCESS" }]
          : receivers,
        asked.unfreeze_unsplit,
      );
    },

    unfreeze(content: unknown): PayAnswer {
      const asked = parse(unfreezeBody, content);
      const params = canonical(content);
      const known = before(asked.out_order_no, params);
      if (known) return known;
      const { keptFen } = kept(asked.transaction_id);
      const rest = { type: "MERCHANT_ID", account: keys.config.mchid, amount: keptFen } as const;
      return keep(asked, params, [{ ...rest, description: asked.description, result: "SUCCESS" }], true);
    },

    query(no: string, query: URLSearchParams): PayAnswer {
      const row = book.one<ShareRow>(
        "SELECT * FROM shares WHERE out_order_no = ? AND transaction_id = ?",
        no,
        query.get("transaction_id") ?? "",
      );
      if (!row) throw new PayProblem(404, "RESOURCE_NOT_EXISTS", "记录不存在", "268500000");
      return answer(row);
    },
  };
}
