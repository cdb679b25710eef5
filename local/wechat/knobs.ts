import { randomBytes } from "node:crypto";
import * as z from "zod";
import { hour, minute } from "../../shared/kernel/time.ts";
import { billPlan } from "./bills.ts";
import type { Book, NotificationRow, PaymentRow, RefundRow, ShareReceiver, ShareRow, TransferRow } from "./book.ts";
import type { Keys } from "./keys.ts";
import { type Notifier, notifyPlan, transferJson } from "./notifier.ts";
import { refundOutcome } from "./pay-api.ts";
import { shareOutcome } from "./profit-sharing-api.ts";
import { transferOutcome } from "./transfer-api.ts";

export interface KnobRequest {
  method: string;
  /** What follows `/_local/wechat/`. */
  path: string;
  body?: unknown;
}
export interface KnobAnswer {
  status: number;
  body: unknown;
}

const operations = [
  "prepay",
  "query",
  "close",
  "refund",
  "queryRefund",
  "abnormalRefund",
  "transfer",
  "queryTransfer",
  "cancelTransfer",
  "addReceiver",
  "share",
  "unfreeze",
  "queryShare",
  "certificates",
  "bill",
  "billDownload",
  "login",
  "token",
  "phone",
  "shipping",
  "shippingOrder",
  "intracity",
  "checkText",
] as const;
export type Operation = (typeof operations)[number];
type FaultKind = z.infer<typeof fault>["kind"];
export interface FaultRow {
  id: number;
  match: string;
  kind: FaultKind;
  times: number;
}

const user = z.string().min(1).max(100);
const number = z.string().min(1);
const fault = z.strictObject({
  /** `op`: one operation; `path`: every path that starts so. */
  match: z.union([z.strictObject({ op: z.enum(operations) }), z.strictObject({ path: z.string().startsWith("/") })]),
  /** timeout: nothing is done and nothing answered. 500-after-effect, drop-answer: done, but nobody is told. */
  kind: z.enum(["timeout", "429", "500-before", "500-after-effect", "drop-answer"]),
  times: z.int().min(1).default(1),
});
const scope = { paymentNo: number.optional(), refundNo: number.optional(), default: z.literal(true).optional() };
const oneScope = (body: { paymentNo?: unknown; refundNo?: unknown; default?: unknown }) =>
  [body.paymentNo, body.refundNo, body.default].filter((value) => value !== undefined).length === 1;

class KnobProblem extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a tester may do to the outside world: act as the member and as the operator, and make things go wrong. */
export function createKnobs(book: Book, keys: Keys, notifier: Notifier, now: () => number) {
  const paymentOf = (outTradeNo: string): PaymentRow => {
    const payment = book.payment(outTradeNo);
    if (!payment) throw new KnobProblem(404, `no payment ${outTradeNo} here: prepay first`);
    return payment;
  };
  const newCode = (kind: "login" | "phone", name: string, phone: string | null) => {
    const { openid, unionid } = book.user(name);
    const code = randomBytes(16).toString("hex");
    book.run("INSERT INTO codes VALUES (?, ?, ?, ?, ?, 0)", code, kind, name, phone, now() + 5 * minute);
    return { code, openid, unionid };
  };
  const knob = <Schema extends z.ZodType>(schema: Schema, act: (body: z.output<Schema>) => unknown) => {
    return (body: unknown): unknown => {
      const parsed = schema.safeParse(body ?? {});
      if (!parsed.success) throw new KnobProblem(400, z.prettifyError(parsed.error));
      return act(parsed.data);
    };
  };
  const inWrite = <Schema extends z.ZodType>(schema: Schema, act: (body: z.output<Schema>) => unknown) =>
    knob(schema, (body) => book.write(() => act(body)));

  const knobs: Record<string, (body: unknown) => unknown> = {
    "POST login-code": inWrite(z.strictObject({ user }), (body) => newCode("login", body.user, null)),
    "POST phone-code": inWrite(z.strictObject({ user, phone: z.string().regex(/^1\d{10}$/) }), (body) =>
      newCode("phone", body.user, body.phone),
    ),
    "POST user": inWrite(z.strictObject({ user, blocked: z.boolean() }), (body) => {
      book.user(body.user);
      book.run("UPDATE users SET blocked = ? WHERE name = ?", body.blocked ? 1 : 0, body.user);
      return { user: body.user, blocked: body.blocked };
    }),
    /** The member pays now, or (`at`, epoch ms, not in the future) did so before. */
    "POST pay": inWrite(
      z
        .strictObject({
          prepayId: number.optional(),
          paymentNo: number.optional(),
          user: user.optional(),
          at: z.int().optional(),
        })
        .refine((body) => (body.prepayId === undefined) !== (body.paymentNo === undefined), "prepayId or paymentNo"),
      (body) => {
        const at = body.at ?? now();
        if (at > now()) throw new KnobProblem(409, "at lies in the future");
        const prepays = body.prepayId
          ? book.all<{ out_trade_no: string; created_at: number }>(
              "SELECT * FROM prepays WHERE prepay_id = ?",
              body.prepayId,
            )
          : book.all<{ out_trade_no: string; created_at: number }>(
              "SELECT * FROM prepays WHERE out_trade_no = ? ORDER BY created_at DESC LIMIT 1",
              body.paymentNo ?? "",
            );
        const prepay = prepays[0];
        if (!prepay) throw new KnobProblem(404, "no such prepay: ask for one first");
        const payment = paymentOf(prepay.out_trade_no);
        if (body.user !== undefined && book.user(body.user).openid !== payment.openid)
          throw new KnobProblem(409, `${body.user} is not the payer of this order`);
        if (payment.state !== "NOTPAY") throw new KnobProblem(409, `the order is ${payment.state}`);
        if (payment.time_expire !== null && at >= payment.time_expire)
          throw new KnobProblem(409, "the order has expired (time_expire)");
        if (at >= prepay.created_at + 2 * hour) throw new KnobProblem(409, "the prepay id is older than 2 h");
        const paid = notifier.paid(payment.out_trade_no, at);
        return {
          paymentNo: paid.out_trade_no,
          transactionId: paid.transaction_id,
          successTime: paid.success_time,
          totalFen: paid.total,
        };
      },
    ),
    /** The close race: a close is (or was) answered well, and the payment comes through `afterMs` later. */
    "POST pay-after-close": inWrite(
      z.strictObject({ paymentNo: number, afterMs: z.int().min(0).default(0) }),
      ({ paymentNo, afterMs }) => {
        const payment = paymentOf(paymentNo);
        if (payment.state === "SUCCESS") throw new KnobProblem(409, "the order is SUCCESS");
        if (payment.state === "CLOSED")
          book.run("UPDATE payments SET race_due = ? WHERE out_trade_no = ?", now() + afterMs, paymentNo);
        else book.run("UPDATE payments SET race_after = ? WHERE out_trade_no = ?", afterMs, paymentNo);
        return { paymentNo, armed: payment.state === "NOTPAY" };
      },
    ),
    "POST plan": inWrite(
      z.strictObject({ ...scope, notify: notifyPlan }).refine(oneScope, "paymentNo, refundNo or default: true"),
      (body) => {
        const kind = body.paymentNo ? "payment" : "refund";
        const about = body.paymentNo ?? body.refundNo;
        book.setPlan(about ? `notify:${kind}:${about}` : "notify:default", body.notify);
        const changed = about
          ? book.run(
              "UPDATE notifications SET actions = ? WHERE kind = ? AND number = ? AND state = 'open'",
              JSON.stringify(body.notify),
              kind,
              about,
            )
          : 0;
        return { notify: body.notify, changed };
      },
    ),
    "POST refund-plan": inWrite(
      z.strictObject({ ...scope, outcome: refundOutcome }).refine(oneScope, "paymentNo, refundNo or default: true"),
      (body) => {
        const about = body.paymentNo
          ? `payment:${body.paymentNo}`
          : body.refundNo
            ? `refund:${body.refundNo}`
            : "default";
        book.setPlan(`refund:${about}`, body.outcome);
        return { outcome: body.outcome };
      },
    ),
    /** The operator pays into the merchant's balance: what lacked money goes through when it is asked for again. */
    "POST top-up": inWrite(z.strictObject({}), () => ({
      lifted: book.run(
        `DELETE FROM plans WHERE (scope LIKE 'refund:%' OR scope LIKE 'transfer:%') AND value = '"not-enough"'`,
      ),
    })),
    /** A day's file differs from what it should be: trade (交易账单) or flow (资金账单); null sets it right. */
    "POST bill-plan": inWrite(
      z
        .strictObject({ bill: z.enum(["trade", "flow"]), day: z.iso.date(), flaw: billPlan.nullable() })
        .refine(
          ({ bill, flaw }) => bill === "trade" || !["missing", "extra", "amount"].includes(flaw ?? ""),
          "missing, extra and amount are of the trade bill",
        ),
      (body) => {
        const scope = `bill:${body.bill}:${body.day}`;
        if (body.flaw === null) book.run("DELETE FROM plans WHERE scope = ?", scope);
        else book.setPlan(scope, body.flaw);
        return body;
      },
    ),
    /** The channel keeps the money of shipped orders, of one payment or of all, or lets it go again. */
    "POST settlement-plan": inWrite(
      z.strictObject({ paymentNo: number.optional(), held: z.boolean() }),
      ({ paymentNo, held }) => {
        book.setPlan(`settlement:${paymentNo ?? "default"}`, held ? "held" : "free");
        return { held };
      },
    ),
    "POST transfer-plan": inWrite(
      z.strictObject({ user: user.optional(), outcome: transferOutcome }),
      ({ user: name, outcome }) => {
        book.setPlan(`transfer:${name === undefined ? "default" : book.user(name).openid}`, outcome);
        return { outcome };
      },
    ),
    "POST share-plan": inWrite(
      z.strictObject({ user: user.optional(), outcome: shareOutcome }),
      ({ user: name, outcome }) => {
        book.setPlan(`share:${name === undefined ? "default" : book.user(name).openid}`, outcome);
        return { user: name ?? "default", outcome };
      },
    ),
    /** The user takes the money (wx.requestMerchantTransfer). */
    "POST transfer-confirm": inWrite(z.strictObject({ package: z.string() }), ({ package: info }) => {
      const row = book.one<TransferRow>("SELECT * FROM transfers WHERE package_info = ?", info);
      if (!row) throw new KnobProblem(404, "no transfer has this package");
      if (row.state !== "WAIT_USER_CONFIRM") throw new KnobProblem(409, `the transfer is ${row.state}`);
      return transferJson(notifier.transferEnds(row.out_bill_no, "SUCCESS", now()), keys.config);
    }),
    /** What a user is really called: the channel compares it from 2,000 yuan on. */
    "POST real-name": inWrite(z.strictObject({ user, name: z.string().min(1) }), (body) => {
      book.setSetting(`real-name:${book.user(body.user).openid}`, body.name);
      return body;
    }),
    /** The operator resolved an abnormal refund in the merchant portal. */
    "POST resolve-refund": inWrite(z.strictObject({ refundNo: number }), ({ refundNo }) => {
      const refund = book.refund(refundNo);
      if (refund?.status !== "ABNORMAL") throw new KnobProblem(409, `${refundNo} is ${refund?.status ?? "absent"}`);
      return { refundNo, status: notifier.refundEnds(refundNo, "SUCCESS", now()).status };
    }),
    "POST fault": inWrite(fault, (body) => {
      const match = "op" in body.match ? body.match.op : body.match.path;
      book.run("INSERT INTO faults (match, kind, times) VALUES (?, ?, ?)", match, body.kind, body.times);
      return body;
    }),
    "POST clear-faults": inWrite(z.strictObject({}), () => ({ cleared: book.run("DELETE FROM faults") })),
    "POST outage": inWrite(z.strictObject({ on: z.boolean() }), ({ on }) => {
      book.setSetting("outage", on ? "on" : "off");
      return { on };
    }),
    /** Texts with this word in them are risky, or doubtful, from now on; `pass` takes it back. */
    "POST risky-word": inWrite(
      z.strictObject({ word: z.string().min(1), suggest: z.enum(["risky", "review", "pass"]).default("risky") }),
      ({ word, suggest }) => {
        book.run("INSERT OR REPLACE INTO words VALUES (?, ?)", word, suggest);
        return { word, suggest };
      },
    ),
    "POST rotate-key": knob(z.strictObject({ mode: z.enum(["public-key", "certificate"]) }), ({ mode }) =>
      keys.rotate(mode),
    ),
    /** WeChat takes back every access token. */
    "POST revoke-token": inWrite(z.strictObject({}), () => ({ revoked: book.run("DELETE FROM tokens") })),
    "POST notify-now": async () => ({ sent: await notifier.notifyNow() }),

    "GET book": () => ({
      payments: book.all<PaymentRow>("SELECT * FROM payments ORDER BY created_at, out_trade_no").map((payment) => ({
        paymentNo: payment.out_trade_no,
        transactionId: payment.transaction_id,
        state: book.tradeState(payment),
        totalFen: payment.total,
        currency: "CNY",
        openid: payment.openid,
        createdAt: payment.created_at,
        successTime: payment.success_time,
        refundedFen: book
          .refundsOf(payment.out_trade_no)
          .filter(({ status }) => status === "SUCCESS")
          .reduce((sum, { refund }) => sum + refund, 0),
      })),
      transfers: book.all<TransferRow>("SELECT * FROM transfers ORDER BY created_at, out_bill_no").map((row) => ({
        payoutNo: row.out_bill_no,
        openid: row.openid,
        state: row.state,
        amountFen: row.amount,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      })),
      shares: book.all<ShareRow>("SELECT * FROM shares ORDER BY created_at, out_order_no").map((row) => ({
        shareNo: row.out_order_no,
        transactionId: row.transaction_id,
        state: row.finished_at <= now() ? "FINISHED" : "PROCESSING",
        receivers: (JSON.parse(row.receivers) as ShareReceiver[]).map(({ type, account, amount, result }) => ({
          type,
          account,
          amountFen: amount,
          result,
        })),
      })),
      refunds: book.all<RefundRow>("SELECT * FROM refunds ORDER BY created_at, out_refund_no").map((refund) => ({
        refundNo: refund.out_refund_no,
        channelRefundId: refund.refund_id,
        paymentNo: refund.out_trade_no,
        status: refund.status,
        refundFen: refund.refund,
        totalFen: refund.total,
        createdAt: refund.created_at,
        successTime: refund.success_time,
      })),
    }),
    "GET notifications": () =>
      book.all<NotificationRow>("SELECT * FROM notifications ORDER BY created_at, id").map((row) => ({
        id: row.id,
        kind: row.kind,
        number: row.number,
        state: row.state,
        attempt: row.attempt,
        nextAt: row.state === "open" ? row.next_at : null,
        deliveries: book.all<{ at: number; action: string; status: number | null }>(
          "SELECT at, action, status FROM deliveries WHERE notification = ? ORDER BY rowid",
          row.id,
        ),
      })),
    "GET shipping": () =>
      book
        .all<{ out_trade_no: string; content: string; uploads: number; uploaded_at: number }>(
          "SELECT * FROM shipping ORDER BY uploaded_at, out_trade_no",
        )
        .map((row) => ({
          paymentNo: row.out_trade_no,
          uploads: row.uploads,
          uploadedAt: row.uploaded_at,
          ...(JSON.parse(row.content) as Record<string, unknown>),
        })),
  };

  return async ({ method, path, body }: KnobRequest): Promise<KnobAnswer> => {
    const act = knobs[`${method.toUpperCase()} ${path.replace(/^\/+|\/+$/g, "")}`];
    if (!act) return { status: 404, body: { message: `no such knob; there are: ${Object.keys(knobs).join(", ")}` } };
    try {
      const answer = await act(body);
      notifier.wake();
      return { status: 200, body: answer };
    } catch (error) {
      if (error instanceof KnobProblem) return { status: error.status, body: { message: error.message } };
      throw error;
    }
  };
}
