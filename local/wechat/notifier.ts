import { randomUUID } from "node:crypto";
import * as z from "zod";
import { toIso, wholeSecond } from "../../shared/kernel/time.ts";
import type { PlatformClock } from "../parts.ts";
import type { Book, NotificationRow, PaymentRow, RefundRow, TransferRow } from "./book.ts";
import type { Keys } from "./keys.ts";

/** Seconds between the first delivery and each of the 15 repeats, as WeChat Pay waits for an answer of 200 or 204. */
const cadence = [15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600];

const originalTypes = { payment: "transaction", refund: "refund", payout: "mch_payment" } as const;
const summaries = { payment: "支付成功", refund: "退款结果", payout: "商家转账单据终态通知" } as const;

/** Deliveries that our side must refuse; the true one follows at once. */
const forgeries = ["bad-signature", "signtest", "stale", "tampered", "unknown-serial", "foreign-merchant"] as const;
/** Authentic and ours, yet not what was ordered. */
const untruths = ["wrong-amount", "wrong-currency", "wrong-payer"] as const;
const words = z.enum(["deliver", "drop", "duplicate", ...forgeries, ...untruths]);

/**
 * What to do with one notification, worked off from left to right; what is left over when the list ends is delivered
 * as it should be. `{drop: n}` loses n attempts (the cadence goes on), `{duplicate: n}` sends n more at the same time,
 * `{delay: ms}` waits in platform time.
 */
export const notifyPlan = z.array(
  z.union([
    words,
    z.strictObject({ drop: z.int().min(1) }),
    z.strictObject({ duplicate: z.int().min(1).max(50) }),
    z.strictObject({ delay: z.int().min(0) }),
  ]),
);
export type NotifyAction = z.infer<typeof notifyPlan>[number];
type Action = NotifyAction;
type Word = z.infer<typeof words>;

/**
 * Sends what is due by platform time: notifications with their repeats, refunds that end, armed close races. Its state
 * is the book alone, so a restart goes on where the last process ended.
 */
export function createNotifier(
  book: Book,
  keys: Keys,
  clock: PlatformClock,
  options: {
    outage(): boolean;
    /** What becomes of a notification that nobody has a plan for. */
    unplanned?: (() => NotifyAction[]) | undefined;
    log(line: string): void;
  },
) {
  const inFlight = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let timer: { cancel(): void } | undefined;

  /** Starts whatever is due and sets the alarm for what comes next. */
  function wake(): void {
    if (stopping.signal.aborted) return;
    timer?.cancel();
    timer = undefined;
    const now = clock.now();
    book.write(() => {
      const raced = book.all<PaymentRow>("SELECT * FROM payments WHERE race_due <= ?", now);
      for (const payment of raced) paid(payment.out_trade_no, payment.race_due ?? now);
      for (const refund of book.all<RefundRow>("SELECT * FROM refunds WHERE due_at <= ?", now))
        refundEnds(refund.out_refund_no, refund.outcome, refund.due_at ?? now);
      for (const row of book.all<TransferRow>("SELECT * FROM transfers WHERE due_at <= ?", now))
        transferEnds(row.out_bill_no, "FAIL", row.due_at ?? now, "OVERDUE_CLOSE");
    });
    if (!options.outage())
      for (const { id } of due(now)) {
        if (inFlight.has(id)) continue;
        const sending = deliver(id)
          .catch((error: unknown) => options.log(`wechat: notification ${id}: ${String(error)}`))
          .finally(() => {
            inFlight.delete(id);
            wake();
          });
        inFlight.set(id, sending);
      }
    const next = book.one<{ at: number | null }>(
      `SELECT min(at) AS at FROM (SELECT min(race_due) AS at FROM payments UNION ALL SELECT min(due_at) FROM refunds
       UNION ALL SELECT min(due_at) FROM transfers
       UNION ALL SELECT min(next_at) FROM notifications WHERE state = 'open' AND next_at > ?)`,
      now,
    )?.at;
    if (typeof next === "number") timer = clock.at(next, wake);
  }

  const due = (now: number) =>
    book.all<{ id: string }>(
      "SELECT id FROM notifications WHERE state = 'open' AND next_at <= ? ORDER BY next_at, created_at",
      now,
    );

  function enqueue(
    kind: NotificationRow["kind"],
    number: string,
    url: string,
    eventType: string,
    plaintext: unknown,
  ): void {
    const plan =
      (book.plan(`notify:${kind}:${number}`, "notify:default") as Action[] | undefined) ?? options.unplanned?.() ?? [];
    const now = clock.now();
    book.run(
      "INSERT INTO notifications VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 'open')",
      randomUUID(),
      kind,
      number,
      url,
      eventType,
      JSON.stringify(plaintext),
      now,
      JSON.stringify(plan),
      now,
    );
  }

  /** Inside a write: the member's money is taken and the merchant will be told. */
  function paid(outTradeNo: string, at: number): PaymentRow {
    const payment = book.settlePayment(outTradeNo, at);
    enqueue(
      "payment",
      outTradeNo,
      payment.notify_url,
      "TRANSACTION.SUCCESS",
      transactionJson(book, keys, payment, true),
    );
    return payment;
  }

  /** Inside a write: a refund is over, one way or another. */
  function refundEnds(outRefundNo: string, status: RefundRow["outcome"], at: number): RefundRow {
    const refund = book.settleRefund(outRefundNo, status, at);
    const payment = book.payment(refund.out_trade_no) as PaymentRow;
    if (refund.notify_url)
      enqueue("refund", outRefundNo, refund.notify_url, `REFUND.${status}`, {
        mchid: keys.config.mchid,
        transaction_id: payment.transaction_id,
        out_trade_no: refund.out_trade_no,
        refund_id: refund.refund_id,
        out_refund_no: outRefundNo,
        refund_status: status,
        ...(refund.success_time !== null && { success_time: toIso(refund.success_time) }),
        user_received_account: "支付用户零钱",
        amount: { total: refund.total, refund: refund.refund, payer_total: refund.total, payer_refund: refund.refund },
      });
    return refund;
  }

  /** Inside a write: a transfer is taken by its user, or its money is back. */
  function transferEnds(no: string, state: TransferRow["state"], at: number, failReason?: string): TransferRow {
    book.run(
      "UPDATE transfers SET state = ?, updated_at = ?, due_at = NULL, fail_reason = ? WHERE out_bill_no = ?",
      state,
      wholeSecond(at),
      failReason ?? null,
      no,
    );
    const row = book.transfer(no) as TransferRow;
    if (row.notify_url)
      enqueue("payout", no, row.notify_url, "MCHTRANSFER.BILL.FINISHED", transferJson(row, keys.config));
    return row;
  }

  async function deliver(id: string): Promise<void> {
    while (!stopping.signal.aborted) {
      const row = book.one<NotificationRow>("SELECT * FROM notifications WHERE id = ? AND state = 'open'", id);
      if (!row || row.next_at > clock.now() || options.outage()) return;
      const [first, ...rest] = JSON.parse(row.actions) as Action[];
      const action: Action = first ?? "deliver";

      if (typeof action === "object" && "delay" in action) {
        keep(row, { actions: rest, next_at: clock.now() + action.delay });
        return;
      }
      if (action === "drop" || (typeof action === "object" && "drop" in action)) {
        note(row, "drop", null);
        const left = typeof action === "object" ? action.drop - 1 : 0;
        repeatLater(row, left > 0 ? [{ drop: left }, ...rest] : rest);
        return;
      }
      const copies = typeof action === "object" ? action.duplicate + 1 : action === "duplicate" ? 2 : 1;
      const word: Word = typeof action === "object" ? "duplicate" : action;
      const statuses = await Promise.all(Array.from({ length: copies }, () => post(row, word)));
      if (stopping.signal.aborted) return;
      for (const status of statuses) note(row, word, status);

      const accepted = statuses.some((status) => status === 200 || status === 204);
      if ((forgeries as readonly string[]).includes(word) || (accepted && rest.length > 0))
        keep(row, { actions: rest });
      else if (accepted) {
        keep(row, { actions: [], state: "accepted" });
        return;
      } else {
        repeatLater(row, rest);
        return;
      }
    }
  }

  function repeatLater(row: NotificationRow, actions: Action[]): void {
    const wait = cadence[row.attempt];
    if (wait === undefined) keep(row, { actions, state: "given-up" });
    else keep(row, { actions, attempt: row.attempt + 1, next_at: clock.now() + wait * 1_000 });
  }

  /** Leaves alone what a knob changed while the notification was under way. */
  function keep(
    row: NotificationRow,
    change: { actions: Action[]; attempt?: number; next_at?: number; state?: NotificationRow["state"] },
  ): void {
    const next = { attempt: row.attempt, next_at: row.next_at, state: row.state, ...change };
    book.run(
      "UPDATE notifications SET actions = ?, attempt = ?, next_at = ?, state = ? WHERE id = ?",
      JSON.stringify(next.actions),
      next.attempt,
      next.next_at,
      next.state,
      row.id,
    );
  }

  const note = (row: NotificationRow, action: string, status: number | null) =>
    book.run("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?)", row.id, row.number, clock.now(), action, status);

  /** One POST as WeChat Pay makes it, 5 s at most; the HTTP status, or null when there was none. */
  async function post(row: NotificationRow, action: Word): Promise<number | null> {
    const kind = originalTypes[row.kind];
    const body = JSON.stringify({
      id: row.id,
      create_time: toIso(row.created_at),
      resource_type: "encrypt-resource",
      event_type: row.event_type,
      summary: summaries[row.kind],
      resource: { original_type: kind, ...keys.encrypt(falsify(row.plaintext, action), kind) },
    });
    const forge =
      action === "bad-signature" || action === "unknown-serial" || action === "signtest" || action === "stale"
        ? action
        : undefined;
    const headers = keys.sealHeaders(body, forge);
    try {
      const response = await fetch(row.url, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json", "User-Agent": "Mozilla/4.0", Accept: "*/*" },
        // A tampered body differs in one character that JSON does not care about.
        body: action === "tampered" ? body.replace('"summary":"', '"summary":"!') : body,
        redirect: "manual",
        signal: AbortSignal.any([AbortSignal.timeout(5_000), stopping.signal]),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return null;
    }
  }

  return {
    wake,
    paid,
    refundEnds,
    transferEnds,
    enqueue,

    /** Notifications that are due or under way, and endings that are due; 0 while the sandbox plays dead. */
    busy(): number {
      const now = clock.now();
      if (options.outage()) return inFlight.size;
      const endings = book.one<{ n: number }>(
        `SELECT (SELECT count(*) FROM refunds WHERE due_at <= ?) + (SELECT count(*) FROM payments WHERE race_due <= ?)
         + (SELECT count(*) FROM transfers WHERE due_at <= ?) AS n`,
        now,
        now,
        now,
      );
      return new Set([...inFlight.keys(), ...due(now).map(({ id }) => id)]).size + (endings?.n ?? 0);
    },

    /** Makes every open notification due and waits until each had its turn. */
    async notifyNow(): Promise<number> {
      const count = book.run("UPDATE notifications SET next_at = ? WHERE state = 'open'", clock.now());
      wake();
      await Promise.all(inFlight.values());
      return count;
    },

    async stop(): Promise<void> {
      stopping.abort();
      timer?.cancel();
      await Promise.all(inFlight.values());
    },
  };
}

export type Notifier = ReturnType<typeof createNotifier>;

/** A transaction as query and notification show it; `asPaid`: at the moment of payment, whatever was refunded since. */
export function transactionJson(book: Book, keys: Keys, payment: PaymentRow, asPaid = false) {
  const { appid, mchid } = keys.config;
  const state = asPaid ? "SUCCESS" : book.tradeState(payment);
  const descriptions: Record<string, string> = {
    NOTPAY: "订单未支付",
    SUCCESS: "支付成功",
    CLOSED: "订单已关闭",
    REFUND: "订单发生过退款",
  };
  const head = {
    appid,
    mchid,
    out_trade_no: payment.out_trade_no,
    trade_state: state,
    trade_state_desc: descriptions[state],
    attach: payment.attach,
  };
  if (payment.transaction_id === null || payment.success_time === null) return { ...head, payer: {} };
  return {
    ...head,
    transaction_id: payment.transaction_id,
    trade_type: "JSAPI",
    bank_type: "OTHERS",
    success_time: toIso(payment.success_time),
    payer: { openid: payment.openid },
    amount: { total: payment.total, payer_total: payment.total, currency: "CNY", payer_currency: "CNY" },
  };
}

/** A transfer as query and notification show it. */
export function transferJson(row: TransferRow, { mchid, appid }: { mchid: string; appid: string }) {
  return {
    mch_id: mchid,
    appid,
    out_bill_no: row.out_bill_no,
    transfer_bill_no: row.transfer_bill_no,
    openid: row.openid,
    transfer_amount: row.amount,
    state: row.state,
    ...(row.fail_reason && { fail_reason: row.fail_reason }),
    create_time: toIso(row.created_at),
    update_time: toIso(row.updated_at),
  };
}

/** The plain text with one untruth in it, or as it is. */
function falsify(plaintext: string, action: Word): string {
  const content = JSON.parse(plaintext) as {
    mchid?: string;
    mch_id?: string;
    transfer_amount?: number;
    payer?: { openid: string };
    amount?: { total: number; refund?: number; payer_total: number; currency?: string };
  };
  const other = (mchid: string) => `${mchid.startsWith("1") ? "2" : "1"}${mchid.slice(1)}`;
  if (action === "foreign-merchant") {
    if (content.mchid !== undefined) content.mchid = other(content.mchid);
    if (content.mch_id !== undefined) content.mch_id = other(content.mch_id);
  }
  if (content.transfer_amount !== undefined) {
    if (action === "wrong-amount") content.transfer_amount += 1;
    return JSON.stringify(content);
  }
  if (!content.amount) return JSON.stringify(content);
  if (action === "wrong-amount") {
    if (content.amount.refund !== undefined) content.amount.refund += 1;
    else content.amount.total += 1;
  }
  if (action === "wrong-currency") content.amount.currency = "USD";
  if (action === "wrong-payer") content.payer = { openid: "oSomebodyElse00000000000000A" };
  return JSON.stringify(content);
}
