import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { wholeSecond } from "../../shared/kernel/time.ts";

/** One order at the channel. Times are epoch ms, amounts fen. */
export interface PaymentRow {
  out_trade_no: string;
  /** The request as first made, keys in order: the measure of re-entry. */
  params: string;
  total: number;
  openid: string;
  description: string;
  attach: string;
  notify_url: string;
  time_expire: number | null;
  created_at: number;
  state: "NOTPAY" | "SUCCESS" | "CLOSED";
  transaction_id: string | null;
  success_time: number | null;
  /** Armed close race: ms between the close's answer and the payment; then the moment it is due. */
  race_after: number | null;
  race_due: number | null;
}

export interface RefundRow {
  out_refund_no: string;
  refund_id: string;
  out_trade_no: string;
  params: string;
  refund: number;
  total: number;
  reason: string;
  notify_url: string | null;
  status: "PROCESSING" | "SUCCESS" | "ABNORMAL" | "CLOSED";
  created_at: number;
  success_time: number | null;
  /** When PROCESSING ends, and how. */
  due_at: number | null;
  outcome: "SUCCESS" | "ABNORMAL" | "CLOSED";
}

export interface TransferRow {
  out_bill_no: string;
  transfer_bill_no: string;
  /** The request as first made, keys in order, its name opened. */
  params: string;
  amount: number;
  openid: string;
  notify_url: string | null;
  state: "WAIT_USER_CONFIRM" | "SUCCESS" | "FAIL" | "CANCELLED";
  created_at: number;
  updated_at: number;
  /** When it is closed unless its user confirms it. */
  due_at: number | null;
  fail_reason: string | null;
  package_info: string;
}

export interface ShareRow {
  out_order_no: string;
  order_id: string;
  transaction_id: string;
  /** The request as first made, keys in order. */
  params: string;
  /** JSON: what each receiver gets, and how it ends; shown once it is over. */
  receivers: string;
  /** Whether the rest of the payment is let go with it. */
  unfreezes: 0 | 1;
  created_at: number;
  /** From then on it is FINISHED. */
  finished_at: number;
}

export interface ShareReceiver {
  type: "PERSONAL_OPENID" | "MERCHANT_ID";
  account: string;
  amount: number;
  description: string;
  result: "SUCCESS" | "CLOSED";
  fail_reason?: string;
  detail_id: string;
}

export interface NotificationRow {
  id: string;
  kind: "payment" | "refund" | "payout";
  /** out_trade_no, out_refund_no or out_bill_no. */
  number: string;
  url: string;
  event_type: string;
  plaintext: string;
  created_at: number;
  /** JSON array of what is still to be done with it: see notifier.ts. */
  actions: string;
  /** Retries used of the 15. */
  attempt: number;
  next_at: number;
  state: "open" | "accepted" | "given-up";
}

const schema = `
CREATE TABLE IF NOT EXISTS payments (
  out_trade_no TEXT PRIMARY KEY, params TEXT NOT NULL, total INTEGER NOT NULL, openid TEXT NOT NULL,
  description TEXT NOT NULL, attach TEXT NOT NULL, notify_url TEXT NOT NULL, time_expire INTEGER,
  created_at INTEGER NOT NULL, state TEXT NOT NULL, transaction_id TEXT UNIQUE, success_time INTEGER,
  race_after INTEGER, race_due INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS prepays (prepay_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS refunds (
  out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE, out_trade_no TEXT NOT NULL, params TEXT NOT NULL,
  refund INTEGER NOT NULL, total INTEGER NOT NULL, reason TEXT NOT NULL, notify_url TEXT, status TEXT NOT NULL,
  created_at INTEGER NOT NULL, success_time INTEGER, due_at INTEGER, outcome TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS refunds_of ON refunds (out_trade_no);
CREATE INDEX IF NOT EXISTS refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS races_due ON payments (race_due) WHERE race_due IS NOT NULL;
CREATE TABLE IF NOT EXISTS transfers (
  out_bill_no TEXT PRIMARY KEY, transfer_bill_no TEXT NOT NULL UNIQUE, params TEXT NOT NULL, amount INTEGER NOT NULL,
  openid TEXT NOT NULL, notify_url TEXT, state TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  due_at INTEGER, fail_reason TEXT, package_info TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS transfers_due ON transfers (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS shares (
  out_order_no TEXT PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL, params TEXT NOT NULL,
  receivers TEXT NOT NULL, unfreezes INTEGER NOT NULL, created_at INTEGER NOT NULL, finished_at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS shares_of ON shares (transaction_id);
CREATE TABLE IF NOT EXISTS receivers (account TEXT PRIMARY KEY, relation TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notifications (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, number TEXT NOT NULL, url TEXT NOT NULL, event_type TEXT NOT NULL,
  plaintext TEXT NOT NULL, created_at INTEGER NOT NULL, actions TEXT NOT NULL, attempt INTEGER NOT NULL,
  next_at INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (next_at) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS deliveries (
  notification TEXT NOT NULL, number TEXT NOT NULL, at INTEGER NOT NULL, action TEXT NOT NULL, status INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, openid TEXT NOT NULL UNIQUE, unionid TEXT NOT NULL, blocked INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS codes (
  code TEXT PRIMARY KEY, kind TEXT NOT NULL, user TEXT NOT NULL, phone TEXT, expires_at INTEGER NOT NULL, used INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, forced INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS plans (scope TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY, match TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS shipping (
  out_trade_no TEXT PRIMARY KEY, content TEXT NOT NULL, uploads INTEGER NOT NULL, uploaded_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS bills (token TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY, suggest TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

/** JSON with every object's keys in order, so that equal contents are equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

const digits = (count: number) => Array.from(randomBytes(count), (byte) => byte % 10).join("");
const day = 86_400_000;

/** The sandbox's own records, in `<dataDir>/wechat.db`; a write is on disk before anybody is answered. */
export function openBook(dataDir: string, now: () => number) {
  const db = new DatabaseSync(join(dataDir, "wechat.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;");
  db.exec(schema);
  const statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  const prepared = (sql: string) => {
    const statement = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const one = <Row>(sql: string, ...values: SQLInputValue[]) => prepared(sql).get(...values) as Row | undefined;
  const all = <Row>(sql: string, ...values: SQLInputValue[]) => prepared(sql).all(...values) as unknown as Row[];
  const run = (sql: string, ...values: SQLInputValue[]) => Number(prepared(sql).run(...values).changes);

  const book = {
    one,
    all,
    run,
    close: () => db.close(),

    /** All or nothing: a throw takes everything back. */
    write<Result>(change: () => Result): Result {
      db.exec("BEGIN IMMEDIATE");
      try {
        const result = change();
        db.exec("COMMIT");
        return result;
      } catch (error) {
        db.exec("ROLLBACK");
        throw error;
      }
    },

    setting: (name: string) => one<{ value: string }>("SELECT value FROM settings WHERE name = ?", name)?.value,
    setSetting: (name: string, value: string) => run("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value),

    /** The first plan found under these scopes, most particular first. */
    plan(...scopes: string[]): unknown {
      for (const scope of scopes) {
        const found = one<{ value: string }>("SELECT value FROM plans WHERE scope = ?", scope);
        if (found) return JSON.parse(found.value);
      }
      return undefined;
    },
    setPlan: (scope: string, value: unknown) =>
      run("INSERT OR REPLACE INTO plans VALUES (?, ?)", scope, JSON.stringify(value)),

    /** The test user of that name, made when new. */
    user(name: string) {
      run(
        "INSERT OR IGNORE INTO users VALUES (?, ?, ?, 0)",
        name,
        `o${randomBytes(20).toString("base64url").slice(0, 27)}`,
        `o${randomBytes(20).toString("base64url").slice(0, 27)}`,
      );
      return one("SELECT * FROM users WHERE name = ?", name) as {
        name: string;
        openid: string;
        unionid: string;
        blocked: number;
      };
    },

    /** By out_trade_no. Who neither paid nor closed within 7 days finds the order closed. */
    payment(outTradeNo: string): PaymentRow | undefined {
      run(
        "UPDATE payments SET state = 'CLOSED' WHERE out_trade_no = ? AND state = 'NOTPAY' AND created_at <= ?",
        outTradeNo,
        now() - 7 * day,
      );
      return one<PaymentRow>("SELECT * FROM payments WHERE out_trade_no = ?", outTradeNo);
    },
    paymentByTransaction: (id: string) => one<PaymentRow>("SELECT * FROM payments WHERE transaction_id = ?", id),
    refund: (no: string) => one<RefundRow>("SELECT * FROM refunds WHERE out_refund_no = ?", no),
    transfer: (no: string) => one<TransferRow>("SELECT * FROM transfers WHERE out_bill_no = ?", no),
    sharesOf: (transactionId: string) =>
      all<ShareRow>("SELECT * FROM shares WHERE transaction_id = ? ORDER BY created_at", transactionId),
    refundsOf: (outTradeNo: string) =>
      all<RefundRow>("SELECT * FROM refunds WHERE out_trade_no = ? ORDER BY created_at, out_refund_no", outTradeNo),

    /** SUCCESS turns into REFUND with the first refund that was not closed. */
    tradeState(payment: PaymentRow): string {
      if (payment.state !== "SUCCESS") return payment.state;
      return book.refundsOf(payment.out_trade_no).some((refund) => refund.status !== "CLOSED") ? "REFUND" : "SUCCESS";
    },

    /** Takes the money: the order is paid as of `at`, cut to the second. Whether it may be is the caller's question. */
    settlePayment(outTradeNo: string, at: number): PaymentRow {
      run(
        "UPDATE payments SET state = 'SUCCESS', transaction_id = ?, success_time = ?, race_after = NULL, race_due = NULL WHERE out_trade_no = ?",
        `42000${digits(23)}`,
        wholeSecond(at),
        outTradeNo,
      );
      return book.payment(outTradeNo) as PaymentRow;
    },

    newRefundId: () => `50${digits(27)}`,

    /** Ends a refund's PROCESSING (or, once the operator helped, its ABNORMAL). */
    settleRefund(outRefundNo: string, status: RefundRow["outcome"], at: number): RefundRow {
      run(
        "UPDATE refunds SET status = ?, success_time = ?, due_at = NULL WHERE out_refund_no = ?",
        status,
        status === "SUCCESS" ? wholeSecond(at) : null,
        outRefundNo,
      );
      return book.refund(outRefundNo) as RefundRow;
    },
  };
  return book;
}

export type Book = ReturnType<typeof openBook>;
