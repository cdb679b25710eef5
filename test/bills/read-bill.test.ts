import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { matchBills } from "../../shared/bills/match-bill.ts";
import { BillFlaw, fenOf, readFlowBill, readTradeBill } from "../../shared/bills/read-bill.ts";

const DAY = "2026-11-23";
const MCHID = "1900000001";
const trade = (rows: string[][], totals?: Partial<Record<number, string>>) => {
  const taken = rows.filter((row) => row[9] === "SUCCESS").reduce((sum, row) => sum + Number(row[24]), 0);
  const given = rows.filter((row) => row[9] === "REFUND").reduce((sum, row) => sum + Number(row[25]), 0);
  const sums = [String(rows.length), taken.toFixed(2), given.toFixed(2), "0", "0", taken.toFixed(2), given.toFixed(2)];
  for (const [i, value] of Object.entries(totals ?? {})) sums[Number(i)] = value!;
  return `\uFEFF${[
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注",
    ...rows.map((row) => `\`${row.join(",`")}`),
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
    `\`${sums.join(",`")}`,
  ].join("\r\n")}\r\n`;
};
const paid = (no: string, yuan: string, more: Partial<Record<number, string>> = {}) => {
  const row =
    `${DAY} 10:00:00,wx1,${MCHID},0,,4200,${no},oOpen,JSAPI,SUCCESS,OTHERS,CNY,${yuan},0.00,0,0,0.00,0.00,,,青菜,,0.05000,0.60%,${yuan},0.00,`.split(
      ",",
    );
  for (const [i, value] of Object.entries(more)) row[Number(i)] = value!;
  return row;
};
const flow = (rows: string[][], totals?: string[]) => {
  const of = (side: string) => rows.filter((row) => row[5] === side);
  const sum = (list: string[][]) => list.reduce((all, row) => all + Number(row[6]), 0).toFixed(2);
  const [ins, outs] = [of("收入"), of("支出")];
  return `${[
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号",
    ...rows.map((row) => `\`${row.join(",`")}`),
    "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
    `\`${(totals ?? [String(rows.length), String(ins.length), sum(ins), String(outs.length), sum(outs)]).join(",`")}`,
  ].join("\r\n")}\r\n`;
};
const moved = (id: string, name: string, side: string, yuan: string, after: string, no: string) => [
  ...[`${DAY} 10:00:00`, "4200", id, name, name, side, yuan, after, "API", "", no],
];
const flaw = (read: () => unknown): { line: number; message: string } => {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(BillFlaw);
    return error as BillFlaw;
  }
  throw new Error("it was taken");
};
const of = { day: DAY, mchid: MCHID };

test("yuan become fen exactly, and what is no whole fen is none", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), fc.nat(3), (fen, zeros) => {
      const text = `${fen < 0 ? "-" : ""}${Math.trunc(Math.abs(fen) / 100)}.${String(Math.abs(fen) % 100).padStart(2, "0")}${"0".repeat(zeros)}`;
      expect(fenOf(text)).toBe(fen);
    }),
  );
  expect([fenOf("8"), fenOf("8.5"), fenOf("0.00"), fenOf("-0.00")]).toEqual([800, 850, 0, 0]);
  for (const text of ["", "1.005", "1e3", "八", "0x10", " 8", "8.", "1,000.00", "--1", "NaN"])
    expect(fenOf(text)).toBeUndefined();
});

describe("a trade bill", () => {
  const rows = [paid("ORA01", "8.00"), paid("ORB01", "12.34")];
  it("is read whole", () => {
    expect(readTradeBill(trade(rows), of)).toEqual([
      { line: 2, paymentNo: "ORA01", amountFen: 800 },
      { line: 3, paymentNo: "ORB01", amountFen: 1234 },
    ]);
    expect(readTradeBill(trade([]), of)).toEqual([]);
  });
  it.each<[string, string, number, RegExp]>([
    ["cut off within a row", trade(rows).slice(0, 420), 3, /cut off/],
    ["cut off after a row", trade(rows).split("\r\n").slice(0, 3).join("\r\n"), 3, /cut off/],
    ["without its totals' figures", trade(rows).split("\r\n").slice(0, 4).join("\r\n"), 4, /cut off/],
    ["followed by more", `${trade(rows)}\`more\r\n`, 6, /follows/],
    ["doubled in a line", trade([rows[0]!, rows[1]!, rows[0]!]), 4, /line 2 already/],
    ["with a row less than it counts", trade(rows, { 0: "3" }), 5, /总交易单数/],
    ["with another sum", trade(rows, { 5: "20.35" }), 5, /订单总金额/],
    ["of another day", trade([paid("ORA01", "8.00", { 0: "2026-11-24 00:00:00" })]), 2, /2026-11-23/],
    ["of another merchant", trade([paid("ORA01", "8.00", { 2: "1900000002" })]), 2, /merchant/],
    ["in dollars", trade([paid("ORA01", "8.00", { 11: "USD" })]), 2, /USD/],
    ["with a state nobody knows", trade([paid("ORA01", "8.00", { 9: "MAYBE" })]), 2, /MAYBE/],
    ["with a word for an amount", trade([paid("ORA01", "8.00", { 24: "八元" })], { 5: "0.00" }), 2, /订单金额/],
    ["with a cell too few", trade([rows[0]!.slice(1)]), 2, /26 cells/],
    ["with other columns", trade(rows).replace("费率备注", "备注"), 1, /columns/],
    ["that is a page of HTML", "<html></html>", 1, /columns/],
    ["that is empty", "", 1, /columns/],
  ])("%s is refused whole, with its line", (_what, text, line, why) => {
    const found = flaw(() => readTradeBill(text, of));
    expect(found.message).toMatch(why);
    expect(found.line).toBe(line);
  });
  it("is refused or read whole wherever it is cut", () => {
    const whole = trade(rows);
    const taken = readTradeBill(whole, of);
    for (let at = 0; at < whole.length; at++)
      try {
        expect(readTradeBill(whole.slice(0, at), of)).toEqual(taken); // only line ends are missing
      } catch (error) {
        expect(error).toBeInstanceOf(BillFlaw);
      }
  });
});

describe("a flow bill", () => {
  const rows = [
    moved("F1", "交易", "收入", "8.00", "108.00", "ORA01"),
    moved("F2", "扣除交易手续费", "支出", "0.05", "107.95", "ORA01"),
    moved("F3", "退款", "支出", "7.95", "100.00", "RFA01"),
    moved("F4", "商家转账", "支出", "30.00", "70.00", "PTA01"),
  ];
  it("is read whole", () => {
    const own = [moved("F5", "充值", "收入", "1.00", "71.00", ""), moved("F6", "赠送", "收入", "2.00", "73.00", "")];
    expect(readFlowBill(flow([...rows, ...own]), of).slice(4)).toMatchObject([
      { kind: "own", amountFen: 100 },
      { kind: "other", number: "F6", amountFen: 200 },
    ]);
    expect(readFlowBill(flow(rows), of).map(({ kind, number, amountFen }) => [kind, number, amountFen])).toEqual([
      ["payment", "ORA01", 800],
      ["fee", "ORA01", -5],
      ["refund", "RFA01", -795],
      ["payout", "PTA01", -3000],
    ]);
  });
  it.each<[string, string, number, RegExp]>([
    ["with a line missing in between", flow([rows[0]!, rows[2]!, rows[3]!]), 3, /line is missing/],
    ["doubled in a line", flow([rows[0]!, rows[0]!]), 3, /line 2 already/],
    ["with another sum", flow(rows, ["4", "1", "8.00", "3", "38.01"]), 7, /支出金额/],
  ])("%s is refused whole, with its line", (_what, text, line, why) => {
    const found = flaw(() => readFlowBill(text, of));
    expect(found.message).toMatch(why);
    expect(found.line).toBe(line);
  });
});

test("bills are held against the books in both directions, and what the channel kept is added up", () => {
  const payments = [
    { line: 2, paymentNo: "A", amountFen: 800 },
    { line: 3, paymentNo: "B", amountFen: 900 },
    { line: 4, paymentNo: "C", amountFen: 700 },
  ];
  const flows = readFlowBill(
    flow([
      moved("F1", "扣除交易手续费", "支出", "0.05", "99.95", "A"),
      moved("F2", "扣除交易手续费", "支出", "0.05", "99.90", "B"),
      moved("F3", "退款", "支出", "7.95", "91.95", "R"),
      moved("F4", "退款", "支出", "5.00", "86.95", "S"),
      moved("F5", "商家转账", "支出", "3.00", "83.95", "P"),
      moved("F6", "充值", "收入", "9.00", "92.95", ""),
      moved("F7", "赠送", "收入", "1.00", "93.95", ""),
      moved("F8", "交易", "收入", "7.00", "100.95", "A"),
    ]),
    of,
  );
  const line = (kind: "payment" | "refund" | "payout", reference: string, amountFen: number) => ({
    kind,
    reference,
    amountFen,
  });
  const lines = [
    line("payment", "A", 800),
    line("payment", "B", 901),
    line("payment", "D", 600),
    line("refund", "R", 800),
    line("refund", "S", 800),
    line("payout", "P", 300),
  ];
  const { differences, feeFen } = matchBills({ payments, flows }, lines);
  expect(differences).toEqual([
    { kind: "payment", number: "B", billedFen: 900, bookedFen: 901 },
    { kind: "payment", number: "C", billedFen: 700 },
    { kind: "payment", number: "D", bookedFen: 600 },
    { kind: "payment", number: "A", billedFen: 700, bookedFen: 800 },
    { kind: "refund", number: "S", billedFen: 500, bookedFen: 800 },
    { kind: "other", number: "F7", billedFen: 100 },
  ]);
  expect(feeFen).toBe(5 + 5 - 5);
});
