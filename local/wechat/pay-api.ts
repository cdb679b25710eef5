import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import * as z from "zod";
import { day, hour, parseIso, startOfDay, toIso } from "../../shared/kernel/time.ts";
import { type BillPlan, fundFlowBill, isAltered, spoiled, tradeBill } from "./bills.ts";
import { type Book, canonical, type PaymentRow, type RefundRow } from "./book.ts";
import type { Keys } from "./keys.ts";
import { type Notifier, transactionJson } from "./notifier.ts";

/** What an operation answers; `raw` is a file, sent unsigned. */
export interface PayAnswer {
  status: number;
  body?: unknown;
  raw?: Buffer;
}

/** A v3 problem. `number` is the finer code at the end of Request-Id. */
export class PayProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly number: string;
  constructor(status: number, code: string, message: string, number: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.number = number;
  }
}
export const paramError = (message: string) => new PayProblem(400, "PARAM_ERROR", message, "268435461");
export const invalid = (message: string, number = "268435461") =>
  new PayProblem(400, "INVALID_REQUEST", message, number);
export const noOrder = () => new PayProblem(404, "ORDER_NOT_EXIST", "订单不存在", "268512771");
const noRefund = () => new PayProblem(404, "RESOURCE_NOT_EXISTS", "退款单不存在", "268512771");
export const noTransfer = () => new PayProblem(404, "NOT_FOUND", "转账单不存在", "268512771");
export const reentry = () => invalid("请求重入时，参数与首次请求时不一致", "268498688");

/** How a refund goes: over at once, after `processing` ms, not at all, or not before the balance is topped up. */
export const refundOutcome = z.union([
  z.enum(["success", "abnormal", "closed", "not-enough"]),
  z.strictObject({ processing: z.int().min(0), end: z.enum(["success", "abnormal", "closed"]).default("success") }),
]);

/** The real channel wants https; this one delivers to this machine and nowhere else. */
export const notifyUrl = z
  .string()
  .max(256)
  .regex(/^http:\/\/(127\.0\.0\.1|localhost)(:\d+)?\/[^?#]*$/, "must be http://127.0.0.1…, without a query");
const time = z.string().transform((text, context) => {
  try {
    return parseIso(text);
  } catch {
    context.addIssue({ code: "custom", message: "time" });
    return z.NEVER;
  }
});
const prepayBody = z.object({
  appid: z.string(),
  mchid: z.string(),
  description: z.string().min(1).max(127),
  out_trade_no: z.string().regex(/^[0-9A-Za-z_\-*]{6,32}$/),
  notify_url: notifyUrl,
  amount: z.object({ total: z.int().min(1), currency: z.literal("CNY").default("CNY") }),
  payer: z.object({ openid: z.string().min(1).max(128) }),
  time_expire: time.optional(),
  attach: z.string().max(128).optional(),
});
const refundBody = z
  .object({
    out_trade_no: z.string().optional(),
    transaction_id: z.string().optional(),
    out_refund_no: z.string().regex(/^[0-9A-Za-z_\-|*@]{1,64}$/),
    reason: z.string().max(80).optional(),
    notify_url: notifyUrl.optional(),
    amount: z.object({ refund: z.int().min(1), total: z.int().min(1), currency: z.literal("CNY") }),
  })
  .refine(
    (body) => (body.out_trade_no === undefined) !== (body.transaction_id === undefined),
    "one of the two numbers",
  );
const abnormalBody = z.discriminatedUnion("type", [
  z.object({ out_refund_no: z.string(), type: z.literal("MERCHANT_BANK_CARD") }),
  z.object({
    out_refund_no: z.string(),
    type: z.literal("USER_BANK_CARD"),
    bank_type: z.string().min(1),
    bank_account: z.string().min(1),
    real_name: z.string().min(1),
  }),
]);

export function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw paramError(`参数错误: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`);
}

/** The operations of WeChat Pay v3 by name: signature and faults are the server's, what follows from them is here. */
export function createPayApi(book: Book, keys: Keys, notifier: Notifier, now: () => number, url: () => string) {
  const ourMerchant = (mchid: string | null | undefined) => {
    if (mchid !== keys.config.mchid) throw paramError("mchid 与签名的商户号不一致");
  };

  function refundJson(refund: RefundRow, payment: PaymentRow) {
    return {
      refund_id: refund.refund_id,
      out_refund_no: refund.out_refund_no,
      transaction_id: payment.transaction_id,
      out_trade_no: refund.out_trade_no,
      channel: "ORIGINAL",
      user_received_account: "支付用户零钱",
      ...(refund.success_time !== null && { success_time: toIso(refund.success_time) }),
      create_time: toIso(refund.created_at),
      status: refund.status,
      funds_account: "AVAILABLE",
      amount: {
        total: refund.total,
        refund: refund.refund,
        payer_total: refund.total,
        payer_refund: refund.refund,
        settlement_total: refund.total,
        settlement_refund: refund.refund,
        discount_refund: 0,
        currency: "CNY",
      },
    };
  }

  function billAnswer(
    type: "trade" | "flow",
    date: string | null,
    gzip: string | null,
    make: (date: string) => string,
  ): PayAnswer {
    if (!date || !/^\d{4}-\d\d-\d\d$/.test(date)) throw paramError("bill_date");
    const start = startOfDay(parseIso(`${date}T00:00:00+08:00`));
    // Bills are made the next morning and kept for three months.
    if (now() < start + day + 10 * hour) throw new PayProblem(400, "NO_STATEMENT_EXIST", "账单文件不存在", "268435461");
    if (gzip !== null && gzip !== "GZIP") throw paramError("tar_type");
    const whole = make(date);
    const content = spoiled(whole, book.plan(`bill:${type}:${date}`) as BillPlan | undefined);
    const token = randomBytes(24).toString("base64url");
    book.run("INSERT INTO bills VALUES (?, ?)", token, content);
    return {
      status: 200,
      body: {
        hash_type: "SHA1",
        // an altered file is found by what the channel said of it before
        hash_value: createHash("sha1")
          .update(isAltered(book.plan(`bill:${type}:${date}`)) ? whole : content)
          .digest("hex"),
        download_url: `${url()}/v3/billdownload/file?token=${token}${gzip ? "&tartype=gzip" : ""}`,
      },
    };
  }

  return {
    prepay(content: unknown): PayAnswer {
      const body = parse(prepayBody, content);
      ourMerchant(body.mchid);
      if (body.appid !== keys.config.appid)
        throw new PayProblem(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", "268445527");
      const params = canonical(content);
      const known = book.payment(body.out_trade_no);
      if (known) {
        if (known.state === "SUCCESS") throw new PayProblem(400, "ORDERPAID", "该订单已支付", "268498689");
        if (known.state === "CLOSED") throw new PayProblem(400, "ORDER_CLOSED", "订单已关闭", "268447914");
        if (known.params !== params) throw reentry();
        if (known.time_expire !== null && known.time_expire <= now())
          throw invalid("订单已过期，请更换商户订单号重新下单", "268447914");
      } else {
        if (body.time_expire !== undefined && body.time_expire <= now()) throw paramError("time_expire 早于当前时间");
        if (!book.one("SELECT 1 FROM users WHERE openid = ?", body.payer.openid))
          throw new PayProblem(400, "PARAM_ERROR", "无效的openid", "268501013");
        book.run(
          "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'NOTPAY', NULL, NULL, NULL, NULL)",
          body.out_trade_no,
          params,
          body.amount.total,
          body.payer.openid,
          body.description,
          body.attach ?? "",
          body.notify_url,
          body.time_expire ?? null,
          now(),
        );
      }
      const prepayId = `wx${toIso(now()).replaceAll(/\D/g, "").slice(0, 14)}${randomBytes(10).toString("hex")}`;
      book.run("INSERT INTO prepays VALUES (?, ?, ?)", prepayId, body.out_trade_no, now());
      return { status: 200, body: { prepay_id: prepayId } };
    },

    query(number: string, by: "out-trade-no" | "id", mchid: string | null): PayAnswer {
      ourMerchant(mchid);
      const payment = by === "id" ? book.paymentByTransaction(number) : book.payment(number);
      if (!payment) throw noOrder();
      return { status: 200, body: transactionJson(book, keys, payment) };
    },

    close(number: string, content: unknown): PayAnswer {
      ourMerchant(parse(z.object({ mchid: z.string() }), content).mchid);
      const payment = book.payment(number);
      if (!payment) throw noOrder();
      if (payment.state === "SUCCESS") throw new PayProblem(400, "ORDER_PAID", "订单已支付", "268449538");
      book.run(
        "UPDATE payments SET state = 'CLOSED', race_due = coalesce(race_due, ? + race_after), race_after = NULL WHERE out_trade_no = ?",
        now(),
        number,
      );
      return { status: 204 };
    },

    refund(content: unknown): PayAnswer {
      const body = parse(refundBody, content);
      const payment = body.out_trade_no
        ? book.payment(body.out_trade_no)
        : book.paymentByTransaction(body.transaction_id as string);
      const params = canonical(content);
      const known = book.refund(body.out_refund_no);
      if (known) {
        if (known.params !== params || !payment) throw reentry();
        return { status: 200, body: refundJson(known, payment) };
      }
      if (!payment) throw new PayProblem(404, "RESOURCE_NOT_EXISTS", "订单号不存在", "268512771");
      if (payment.success_time === null) throw invalid("订单未支付，不能退款");
      if (body.amount.total !== payment.total) throw invalid("订单金额或退款金额与之前请求不一致，请核实后再试");
      if (now() > payment.success_time + 365 * day) throw invalid("订单已超过可退款的最大期限(支付完成后一年内可退)");
      const counted = book.refundsOf(payment.out_trade_no).filter((refund) => refund.status !== "CLOSED");
      if (counted.length >= 50) throw invalid("部分退款次数超过50次");
      if (counted.reduce((sum, { refund }) => sum + refund, 0) + body.amount.refund > payment.total)
        throw invalid("申请退款金额大于订单可退金额");

      const planned = book.plan(
        `refund:refund:${body.out_refund_no}`,
        `refund:payment:${payment.out_trade_no}`,
        "refund:default",
      );
      const outcome = refundOutcome.parse(planned ?? { processing: 0 });
      if (outcome === "not-enough")
        throw new PayProblem(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起", "268500000");
      const ending = (typeof outcome === "string" ? outcome : outcome.end).toUpperCase() as RefundRow["outcome"];
      book.run(
        "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'PROCESSING', ?, NULL, ?, ?)",
        body.out_refund_no,
        book.newRefundId(),
        payment.out_trade_no,
        params,
        body.amount.refund,
        body.amount.total,
        body.reason ?? "",
        body.notify_url ?? null,
        now(),
        typeof outcome === "string" ? null : now() + outcome.processing,
        ending,
      );
      if (typeof outcome === "string") notifier.refundEnds(body.out_refund_no, ending, now());
      return { status: 200, body: refundJson(book.refund(body.out_refund_no) as RefundRow, payment) };
    },

    queryRefund(number: string): PayAnswer {
      const refund = book.refund(number);
      const payment = refund && book.payment(refund.out_trade_no);
      if (!payment) throw noRefund();
      return { status: 200, body: refundJson(refund, payment) };
    },

    abnormalRefund(refundId: string, content: unknown, serial: string | undefined): PayAnswer {
      const body = parse(abnormalBody, content);
      const refund = book.one<RefundRow>("SELECT * FROM refunds WHERE refund_id = ?", refundId);
      const payment = refund && book.payment(refund.out_trade_no);
      if (!payment || refund.out_refund_no !== body.out_refund_no) throw noRefund();
      if (refund.status !== "ABNORMAL") throw invalid("退款单状态不是退款异常");
      if (body.type === "USER_BANK_CARD")
        for (const field of [body.bank_account, body.real_name])
          if (keys.openField(serial, field) === undefined) throw paramError("敏感字段解密失败");
      book.run(
        "UPDATE refunds SET status = 'PROCESSING', outcome = 'SUCCESS', due_at = ? WHERE refund_id = ?",
        now(),
        refundId,
      );
      return { status: 200, body: refundJson(book.refund(refund.out_refund_no) as RefundRow, payment) };
    },

    certificates(): PayAnswer {
      if (keys.mode === "public-key")
        throw new PayProblem(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥", "268512771");
      return {
        status: 200,
        body: {
          data: keys.certificates().map((key) => ({
            serial_no: key.serial,
            effective_time: toIso(key.from),
            expire_time: toIso(key.until),
            encrypt_certificate: keys.encrypt(key.certificate ?? "", "certificate"),
          })),
        },
      };
    },

    tradeBill(query: URLSearchParams): PayAnswer {
      const type = z.enum(["ALL", "SUCCESS", "REFUND"]).safeParse(query.get("bill_type") ?? "ALL");
      if (!type.success) throw paramError("bill_type");
      return billAnswer("trade", query.get("bill_date"), query.get("tar_type"), (date) =>
        tradeBill(book, keys, date, type.data),
      );
    },

    fundFlowBill(query: URLSearchParams): PayAnswer {
      if ((query.get("account_type") ?? "BASIC") !== "BASIC") throw paramError("account_type");
      return billAnswer("flow", query.get("bill_date"), query.get("tar_type"), (date) =>
        fundFlowBill(book, keys, date),
      );
    },

    downloadBill(query: URLSearchParams): PayAnswer {
      const bill = book.one<{ content: string }>("SELECT content FROM bills WHERE token = ?", query.get("token") ?? "");
      if (!bill) throw new PayProblem(404, "RESOURCE_NOT_EXISTS", "账单文件不存在", "268512771");
      const content = Buffer.from(bill.content);
      return { status: 200, raw: query.get("tartype") === "gzip" ? gzipSync(content) : content };
    },
  };
}
