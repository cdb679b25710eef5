import * as z from "zod";
import { dayOf } from "../../shared/kernel/time.ts";
import type { Book, PaymentRow, RefundRow, ShareReceiver, ShareRow, TransferRow } from "./book.ts";
import type { Keys } from "./keys.ts";

const tradeColumns =
  "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const tradeTotals = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
const flowColumns =
  "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const flowTotals = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

/** Fen as yuan with `places` decimals: bills count in yuan. */
const yuan = (fen: number, places = 2) => `${fen < 0 ? "-" : ""}${(Math.abs(fen) / 100).toFixed(places)}`;
const local = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
/** Every cell stands behind a back-tick, so that spreadsheets leave long numbers alone. */
const row = (cells: (string | number)[]) =>
  cells.map((cell) => `\`${String(cell).replaceAll(/[,\r\n`]/g, " ")}`).join(",");
/** 0.60 %, half up. */
const fee = (fen: number) => Math.floor((fen * 6 + 500) / 1_000);
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const file = (lines: string[]) => `\uFEFF${lines.join("\r\n")}\r\n`;

/**
 * How a file differs from what it should be. altered: a figure was changed after the channel had told its hash. cut-off, doubled: as if a
 * download broke off, or a line came twice. missing, extra, amount: consistent in itself, but not with what happened.
 */
export const billPlan = z.enum(["altered", "cut-off", "doubled", "missing", "extra", "amount"]);
export type BillPlan = z.infer<typeof billPlan>;
export const isAltered = (plan: unknown): boolean => plan === "altered";

/** A file with the flaw of its plan, in its first row; without rows it is as it should be. */
export function spoiled(content: string, plan: BillPlan | undefined): string {
  const lines = content.split("\r\n");
  const rows = lines.findIndex((line, i) => i > 0 && !line.startsWith("`")) - 1;
  if (plan === undefined || rows < 1) return content;
  const [first = "", totals = ""] = [lines[1], lines[rows + 2]];
  switch (plan) {
    case "altered":
      return content.replace(first, () => first.replace(/\d(?=\.\d\d)/, (digit) => String((Number(digit) + 1) % 10)));
    case "cut-off":
      return content.slice(0, Math.floor(content.length * 0.6));
    case "doubled":
      return [...lines.slice(0, 2), first, ...lines.slice(2)].join("\r\n");
    default:
      return consistent(lines, rows, plan, first, totals);
  }
}

/** A trade bill whose totals follow the change. */
function consistent(lines: string[], rows: number, plan: BillPlan, first: string, totals: string): string {
  const cells = first.slice(1).split(",`");
  const sums = totals.slice(1).split(",`");
  const paid = fenOf(cells[24] ?? "0");
  const other = { missing: -paid, extra: paid, amount: 100 }[plan as "missing" | "extra" | "amount"];
  const count = { missing: -1, extra: 1, amount: 0 }[plan as "missing" | "extra" | "amount"];
  const changed = plan === "missing" ? [] : [[...cells]];
  if (plan === "amount") for (const at of [12, 24]) changed[0]![at] = yuan(paid + 100);
  if (plan === "extra") {
    const strange = [...cells];
    strange[5] = `42${"9".repeat(26)}`;
    strange[6] = `${cells[6]?.slice(0, 26)}99`;
    changed.push(strange);
  }
  sums[0] = String(rows + count);
  for (const at of [1, 5]) sums[at] = yuan(fenOf(sums[at] ?? "0") + other);
  return [lines[0], ...changed.map(row), ...lines.slice(2, rows + 2), row(sums), ...lines.slice(rows + 3)].join("\r\n");
}

const fenOf = (text: string) => Math.round(Number(text) * 100);

/** 交易账单 of one day in Asia/Shanghai: payments by success time, refunds by the time they were asked for. */
export function tradeBill(book: Book, keys: Keys, date: string, type: "ALL" | "SUCCESS" | "REFUND"): string {
  const { appid, mchid } = keys.config;
  const payments =
    type === "REFUND"
      ? []
      : book
          .all<PaymentRow>("SELECT * FROM payments WHERE success_time IS NOT NULL ORDER BY success_time, out_trade_no")
          .filter((payment) => dayOf(payment.success_time as number) === date);
  const refunds =
    type === "SUCCESS"
      ? []
      : book
          .all<RefundRow>("SELECT * FROM refunds ORDER BY created_at, out_refund_no")
          .filter((refund) => dayOf(refund.created_at) === date);

  const head = (at: number, payment: PaymentRow, state: string) => [
    local(at),
    appid,
    mchid,
    0,
    "",
    payment.transaction_id ?? "",
    payment.out_trade_no,
    payment.openid,
    "JSAPI",
    state,
    "OTHERS",
    "CNY",
  ];
  const lines = [
    ...payments.map((payment) => [
      ...head(payment.success_time as number, payment, "SUCCESS"),
      ...[yuan(payment.total), yuan(0), 0, 0, yuan(0), yuan(0), "", "", payment.description, payment.attach],
      ...[yuan(fee(payment.total), 5), "0.60%", yuan(payment.total), yuan(0), ""],
    ]),
    ...refunds.map((refund) => {
      const payment = book.payment(refund.out_trade_no) as PaymentRow;
      return [
        ...head(refund.created_at, payment, "REFUND"),
        ...[yuan(0), yuan(0), refund.refund_id, refund.out_refund_no, yuan(refund.refund), yuan(0), "ORIGINAL"],
        ...[refund.status, payment.description, payment.attach],
        ...[yuan(-fee(refund.refund), 5), "0.60%", yuan(0), yuan(refund.refund), ""],
      ];
    }),
  ];
  const taken = sum(payments.map((payment) => payment.total));
  const given = sum(refunds.map((refund) => refund.refund));
  const fees = sum(payments.map(({ total }) => fee(total))) - sum(refunds.map(({ refund }) => fee(refund)));
  return file([
    tradeColumns,
    ...lines.map(row),
    tradeTotals,
    row([lines.length, yuan(taken), yuan(given), yuan(0), yuan(fees, 5), yuan(taken), yuan(given)]),
  ]);
}

/** 资金账单 of one day: what the merchant's balance took and gave, and what it came to. */
export function fundFlowBill(book: Book, keys: Keys, date: string): string {
  const payments = book.all<PaymentRow>("SELECT * FROM payments WHERE success_time IS NOT NULL");
  const refunds = book.all<RefundRow>("SELECT * FROM refunds WHERE status = 'SUCCESS'");
  const transfers = book.all<TransferRow>("SELECT * FROM transfers WHERE state = 'SUCCESS'");
  // no later than the day that is asked for, so over by then
  const shares = book.all<ShareRow>("SELECT * FROM shares");
  const flows = [
    ...payments.flatMap((payment) => [
      {
        at: payment.success_time as number,
        id: payment.transaction_id ?? "",
        no: payment.out_trade_no,
        name: "交易",
        fen: payment.total,
      },
      {
        at: payment.success_time as number,
        id: payment.transaction_id ?? "",
        no: payment.out_trade_no,
        name: "扣除交易手续费",
        fen: -fee(payment.total),
      },
    ]),
    ...refunds.map((refund) => ({
      at: refund.success_time as number,
      id: refund.refund_id,
      no: refund.out_refund_no,
      name: "退款",
      fen: fee(refund.refund) - refund.refund,
    })),
    ...transfers.map((transfer) => ({
      at: transfer.updated_at,
      id: transfer.transfer_bill_no,
      no: transfer.out_bill_no,
      name: "商家转账",
      fen: -transfer.amount,
    })),
    ...shares.flatMap((share) =>
      (JSON.parse(share.receivers) as ShareReceiver[])
        .filter(({ type, result }) => type === "PERSONAL_OPENID" && result === "SUCCESS")
        .map(({ amount }) => ({
          at: share.finished_at,
          id: share.order_id,
          no: share.out_order_no,
          name: "分账",
          fen: -amount,
        })),
    ),
  ]
    .filter(({ fen }) => fen !== 0)
    .sort((a, b) => a.at - b.at || (a.no < b.no ? -1 : 1));

  let balance = 0;
  const lines: (string | number)[][] = [];
  const ofDay: number[] = [];
  for (const [index, flow] of flows.entries()) {
    balance += flow.fen;
    if (dayOf(flow.at) !== date) continue;
    ofDay.push(flow.fen);
    lines.push([
      ...[local(flow.at), flow.id, `F${String(index + 1).padStart(20, "0")}`, flow.name, flow.name],
      ...[flow.fen > 0 ? "收入" : "支出", yuan(Math.abs(flow.fen)), yuan(balance), `${keys.config.mchid}API`],
      ...["", flow.no],
    ]);
  }
  const income = ofDay.filter((fen) => fen > 0);
  const outgo = ofDay.filter((fen) => fen < 0);
  return file([
    flowColumns,
    ...lines.map(row),
    flowTotals,
    row([ofDay.length, income.length, yuan(sum(income)), outgo.length, yuan(-sum(outgo))]),
  ]);
}
