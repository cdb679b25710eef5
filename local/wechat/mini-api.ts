import { randomBytes } from "node:crypto";
import * as z from "zod";
import { CarrierProblem } from "../carriers.ts";
import { type Book, canonical, type PaymentRow } from "./book.ts";
import type { Keys } from "./keys.ts";

/** api.weixin.qq.com answers 200 with an errcode, whatever happened. */
export class MiniProblem extends Error {
  readonly errcode: number;
  constructor(errcode: number, errmsg: string) {
    super(errmsg);
    this.errcode = errcode;
  }
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const tokenBody = z.object({
  grant_type: z.literal("client_credential"),
  appid: z.string(),
  secret: z.string(),
  force_refresh: z.boolean().default(false),
});
const shippingBody = z.object({
  order_key: z.discriminatedUnion("order_number_type", [
    z.object({ order_number_type: z.literal(1), mchid: z.string(), out_trade_no: z.string() }),
    z.object({ order_number_type: z.literal(2), transaction_id: z.string() }),
  ]),
  logistics_type: z.int().min(1).max(4),
  delivery_mode: z.int().min(1).max(2),
  is_all_delivered: z.boolean().optional(),
  shipping_list: z
    .array(
      z.object({
        item_desc: z.string().min(1).max(120),
        tracking_no: z.string().optional(),
        express_company: z.string().optional(),
      }),
    )
    .min(1)
    .max(10),
  upload_time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00$/),
  payer: z.object({ openid: z.string() }),
});

const textBody = z.object({
  version: z.literal(2),
  openid: z.string().min(1),
  /** 1 profile, 2 comment, 3 forum, 4 journal. */
  scene: z.int().min(1).max(4),
  content: z.string().min(1).max(2_500),
  title: z.string().default(""),
  nickname: z.string().default(""),
});

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown, errcode = 47001): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new MiniProblem(errcode, `data format error: ${parsed.error.issues[0]?.path.join(".")}`);
}

/** The mini-program server API: login, access token, phone number, shipping, checks of texts. */
export function createMiniApi(
  book: Book,
  keys: Keys,
  now: () => number,
  carriers?: { intracity(operation: string, body: unknown): object },
) {
  interface Token {
    token: string;
    issued_at: number;
    expires_at: number;
  }
  const goodToken = (token: string | null) => {
    if (!token) throw new MiniProblem(41001, "access_token missing");
    const found = book.one<Token>("SELECT * FROM tokens WHERE token = ?", token);
    if (!found) throw new MiniProblem(40001, "invalid credential, access_token is invalid or not latest");
    if (found.expires_at <= now()) throw new MiniProblem(42001, "access_token expired");
  };

  /** Uses up a one-time code; its user. */
  function spend(kind: "login" | "phone", code: string) {
    const row = book.one<{ user: string; phone: string | null; expires_at: number; used: number }>(
      "SELECT * FROM codes WHERE code = ? AND kind = ?",
      code,
      kind,
    );
    if (!row || row.expires_at <= now()) throw new MiniProblem(40029, "invalid code");
    if (row.used) throw new MiniProblem(kind === "login" ? 40163 : 40029, "code been used");
    book.run("UPDATE codes SET used = 1 WHERE code = ?", code);
    return row;
  }

  /** 1 to be shipped, 2 shipped, 4 done, 5 refunded, 6 waits for settlement: a pickup is done by itself after two days. */
  function orderState(payment: PaymentRow, uploadedAt: number | undefined): number {
    const back = book.refundsOf(payment.out_trade_no).filter(({ status }) => status === "SUCCESS");
    if (back.reduce((sum, { refund }) => sum + refund, 0) >= payment.total) return 5;
    if (uploadedAt === undefined) return 1;
    if (now() < uploadedAt + 2 * day) return 2;
    return book.plan(`settlement:${payment.out_trade_no}`, "settlement:default") === "held" ? 6 : 4;
  }

  return {
    /** Whether the money of a payment was let go, as its shipping was confirmed. */
    settled(payment: PaymentRow): boolean {
      const shipped = book.one<{ uploaded_at: number }>(
        "SELECT uploaded_at FROM shipping WHERE out_trade_no = ?",
        payment.out_trade_no,
      );
      return orderState(payment, shipped?.uploaded_at) === 4;
    },

    login(query: URLSearchParams): unknown {
      if (query.get("appid") !== keys.config.appid) throw new MiniProblem(40013, "invalid appid");
      if (query.get("secret") !== keys.config.appSecret) throw new MiniProblem(40125, "invalid appsecret");
      if (query.get("grant_type") !== "authorization_code") throw new MiniProblem(40002, "invalid grant_type");
      const user = book.user(spend("login", query.get("js_code") ?? "").user);
      if (user.blocked) throw new MiniProblem(40226, "code blocked");
      return { openid: user.openid, unionid: user.unionid, session_key: randomBytes(16).toString("base64") };
    },

    token(content: unknown): unknown {
      const body = parse(tokenBody, content);
      if (body.appid !== keys.config.appid) throw new MiniProblem(40013, "invalid appid");
      if (body.secret !== keys.config.appSecret) throw new MiniProblem(40125, "invalid appsecret");
      const answer = ({ token, expires_at }: Token) => ({
        access_token: token,
        expires_in: Math.floor((expires_at - now()) / 1_000),
      });
      if (body.force_refresh) {
        const [last] = book.all<Token>("SELECT * FROM tokens WHERE forced = 1 ORDER BY issued_at DESC LIMIT 20");
        const today = book.one<{ n: number }>(
          "SELECT count(*) AS n FROM tokens WHERE forced = 1 AND issued_at > ?",
          now() - 24 * hour,
        );
        if ((last && last.issued_at > now() - 30_000) || (today?.n ?? 0) >= 20)
          throw new MiniProblem(45009, "reach max api daily quota limit");
        book.run("UPDATE tokens SET expires_at = ? WHERE expires_at > ?", now(), now());
      } else {
        const current = book.one<Token>("SELECT * FROM tokens ORDER BY expires_at DESC LIMIT 1");
        if (current && current.expires_at - now() > 5 * minute) return answer(current);
      }
      const fresh = { token: randomBytes(96).toString("base64url"), issued_at: now(), expires_at: now() + 2 * hour };
      book.run(
        "INSERT INTO tokens VALUES (?, ?, ?, ?)",
        fresh.token,
        fresh.issued_at,
        fresh.expires_at,
        body.force_refresh ? 1 : 0,
      );
      return answer(fresh);
    },

    phone(query: URLSearchParams, content: unknown): unknown {
      goodToken(query.get("access_token"));
      const { code } = parse(z.object({ code: z.string() }), content, 40029);
      const phone = spend("phone", code).phone ?? "";
      return {
        phone_info: {
          phoneNumber: phone,
          purePhoneNumber: phone,
          countryCode: "86",
          watermark: { timestamp: Math.floor(now() / 1_000), appid: keys.config.appid },
        },
      };
    },

    shipping(query: URLSearchParams, content: unknown): unknown {
      goodToken(query.get("access_token"));
      const body = parse(shippingBody, content, 10060014);
      const key = body.order_key;
      if (key.order_number_type === 1 && key.mchid !== keys.config.mchid)
        throw new MiniProblem(10060001, "支付单不存在");
      const payment =
        key.order_number_type === 1 ? book.payment(key.out_trade_no) : book.paymentByTransaction(key.transaction_id);
      if (!payment || payment.success_time === null) throw new MiniProblem(10060001, "支付单不存在");
      if (payment.openid !== body.payer.openid) throw new MiniProblem(10060031, "该笔支付单不属于 openid 所指定的用户");
      const refunded = book.refundsOf(payment.out_trade_no).filter(({ status }) => status === "SUCCESS");
      if (refunded.reduce((sum, { refund }) => sum + refund, 0) >= payment.total)
        throw new MiniProblem(10060004, "支付单处于不可发货的状态");
      const { upload_time: _, ...rest } = body;
      const contentKept = canonical(rest);
      const known = book.one<{ content: string; uploads: number }>(
        "SELECT * FROM shipping WHERE out_trade_no = ?",
        payment.out_trade_no,
      );
      if (known?.content === contentKept) throw new MiniProblem(10060023, "发货信息未更新");
      if (known && known.uploads >= 2) throw new MiniProblem(10060003, "支付单已使用重新发货机会");
      book.run(
        "INSERT OR REPLACE INTO shipping VALUES (?, ?, ?, ?)",
        payment.out_trade_no,
        contentKept,
        (known?.uploads ?? 0) + 1,
        now(),
      );
      return {};
    },

    /** 文本内容安全识别, version 2: what is wrong with a text is what the knobs say of its words. */
    checkText(query: URLSearchParams, content: unknown): unknown {
      goodToken(query.get("access_token"));
      const body = parse(textBody, content);
      const known = book.one<{ name: string }>("SELECT name FROM users WHERE openid = ?", body.openid);
      if (!known) throw new MiniProblem(40003, "invalid openid");
      const text = [body.title, body.nickname, body.content].join("\n");
      const found = book
        .all<{ word: string; suggest: "risky" | "review" | "pass" }>("SELECT * FROM words ORDER BY suggest DESC, word")
        .filter(({ word, suggest }) => suggest !== "pass" && text.includes(word));
      const worst = found.find(({ suggest }) => suggest === "risky") ?? found[0];
      const label = worst ? 20006 : 100;
      const suggest = worst?.suggest ?? "pass";
      return {
        trace_id: randomBytes(16).toString("hex"),
        result: { suggest, label },
        detail: [{ strategy: "content_model", errcode: 0, suggest, label, prob: 90 }],
      };
    },

    intracity(query: URLSearchParams, operation: string, content: unknown): unknown {
      goodToken(query.get("access_token"));
      if (!carriers) throw new MiniProblem(-80002, "no such api here");
      try {
        return carriers.intracity(operation, content);
      } catch (error) {
        if (error instanceof CarrierProblem) throw new MiniProblem(error.code, error.message);
        throw error;
      }
    },

    shippingOrder(query: URLSearchParams, content: unknown): unknown {
      goodToken(query.get("access_token"));
      const body = parse(
        z.object({ transaction_id: z.string().optional(), merchant_trade_no: z.string().optional() }),
        content,
      );
      const payment = body.transaction_id
        ? book.paymentByTransaction(body.transaction_id)
        : book.payment(body.merchant_trade_no ?? "");
      if (!payment || payment.success_time === null) throw new MiniProblem(10060001, "支付单不存在");
      const shipped = book.one<{ content: string; uploaded_at: number }>(
        "SELECT * FROM shipping WHERE out_trade_no = ?",
        payment.out_trade_no,
      );
      const kept = shipped && (JSON.parse(shipped.content) as z.infer<typeof shippingBody>);
      return {
        order: {
          transaction_id: payment.transaction_id,
          merchant_id: keys.config.mchid,
          merchant_trade_no: payment.out_trade_no,
          description: payment.description,
          paid_amount: payment.total,
          openid: payment.openid,
          trade_create_time: Math.floor(payment.created_at / 1_000),
          pay_time: Math.floor(payment.success_time / 1_000),
          order_state: orderState(payment, shipped?.uploaded_at),
          in_complaint: false,
          ...(kept && {
            shipping: {
              delivery_mode: kept.delivery_mode,
              logistics_type: kept.logistics_type,
              finish_shipping: true,
              finish_shipping_count: 1,
              shipping_list: kept.shipping_list.map((item) => ({
                ...item,
                upload_time: Math.floor(shipped.uploaded_at / 1_000),
              })),
            },
          }),
        },
      };
    },
  };
}
