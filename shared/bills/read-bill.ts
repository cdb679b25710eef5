/** A bill that can't be believed: nothing of it is used. `line` counts from 1, as an editor shows it. */
export class BillFlaw extends Error {
  override readonly name = "BillFlaw";
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** A payment of a day, as the trade bill has it. Amounts in fen. */
export interface BilledPayment {
  line: number;
  paymentNo: string;
  amountFen: number;
}
/** What a movement of the merchant's balance was for; own: topped up or withdrawn by the merchant, other: nothing we know. */
export type FlowKind = "payment" | "fee" | "refund" | "payout" | "own" | "other";
/** `number`: our payment, refund or payout number. `amountFen`: above zero what came in. */
export interface BilledFlow {
  line: number;
  kind: FlowKind;
  number: string;
  amountFen: number;
}

const tradeColumns =
  "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注".split(
    ",",
  );
const flowColumns =
  "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号".split(
    ",",
  );

/** Names of movements that the flow bill tells apart. */
const flowKinds: Record<string, FlowKind> = {
  交易: "payment",
  扣除交易手续费: "fee",
  退款: "refund",
  商家转账: "payout",
  分账: "payout",
  充值: "own",
  提现: "own",
};

/** "12.8", "-0.05000" or "0" yuan as fen, exactly; undefined of anything else, a part of a fen too. */
export function fenOf(yuan: string): number | undefined {
  const match = /^(-?)(\d{1,10})(?:\.(\d{1,2})0*)?$/.exec(yuan);
  if (!match) return undefined;
  const fen = Number(match[2]) * 100 + Number((match[3] ?? "").padEnd(2, "0"));
  return match[1] && fen > 0 ? -fen : fen;
}

interface Row {
  line: number;
  cells: Record<string, string>;
}

/** Rows and totals of a bill: a line of column names, rows, a line of names of totals, one row of them. */
function readRows(
  text: string,
  columns: readonly string[],
): { rows: Row[]; totals: Record<string, string>; last: number } {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.at(-1) === "") lines.pop();
  if (lines[0] !== columns.join(","))
    throw new BillFlaw(
      1,
      "the columns are not those of this bill: the channel changed its format, or it is another file",
    );
  const end = lines.findIndex((line, i) => i > 0 && !line.startsWith("`"));
  const totalNames = lines[end];
  if (end < 0 || totalNames === undefined || end !== lines.length - 2)
    throw new BillFlaw(
      end < 0 || end >= lines.length - 1 ? lines.length : end + 3,
      end < 0 || end >= lines.length - 1
        ? "the file ends before its totals: it was cut off"
        : "something follows the totals: two files were put together",
    );
  const cellsOf = (line: number, names: readonly string[]): Record<string, string> => {
    const content = lines[line - 1] ?? "";
    const cells = content.slice(1).split(",`");
    if (!content.startsWith("`") || cells.length !== names.length)
      throw new BillFlaw(line, `${cells.length} cells where there should be ${names.length}`);
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""]));
  };
  return {
    rows: lines.slice(1, end).map((_, i) => ({ line: i + 2, cells: cellsOf(i + 2, columns) })),
    totals: cellsOf(lines.length, totalNames.split(",")),
    last: lines.length,
  };
}

function moneyOf({ line, cells }: Row, column: string): number {
  const fen = fenOf(cells[column] ?? "");
  if (fen === undefined) throw new BillFlaw(line, `${column} is no amount in yuan`);
  return fen;
}

function agree(last: number, totals: Record<string, string>, name: string, found: number, as: "count" | "money"): void {
  const said = as === "money" ? fenOf(totals[name] ?? "") : Number(totals[name] || Number.NaN);
  if (said !== found)
    throw new BillFlaw(
      last,
      `${name} is ${totals[name] ?? "missing"}, and the rows come to ${as === "money" ? found / 100 : found}`,
    );
}

function once(seen: Map<string, number>, key: string, line: number): void {
  const before = seen.get(key);
  if (before !== undefined) throw new BillFlaw(line, `stands in line ${before} already: the file is doubled`);
  seen.set(key, line);
}

function ofDay({ line, cells }: Row, column: string, day: string): void {
  if (!cells[column]?.startsWith(`${day} `)) throw new BillFlaw(line, `${column} is not of ${day}`);
}

/**
 * The payments of a trade bill (交易账单, all types; amounts in yuan, each cell behind a back-tick). The whole file is refused, with its
 * line, where it is cut off, doubled, of another day or merchant, or does not add up. Throws BillFlaw.
 */
export function readTradeBill(text: string, { day, mchid }: { day: string; mchid: string }): BilledPayment[] {
  const { rows, totals, last } = readRows(text, tradeColumns);
  const seen = new Map<string, number>();
  const payments: BilledPayment[] = [];
  let [takenFen, givenFen] = [0, 0];
  for (const row of rows) {
    const { line, cells } = row;
    ofDay(row, "交易时间", day);
    if (cells.商户号 !== mchid) throw new BillFlaw(line, "is another merchant's");
    if (cells.货币种类 !== "CNY") throw new BillFlaw(line, `is in ${cells.货币种类}, not in CNY`);
    const state = cells.交易状态;
    if (state === "SUCCESS") {
      const paymentNo = cells.商户订单号 ?? "";
      once(seen, `SUCCESS ${paymentNo}`, line);
      payments.push({ line, paymentNo, amountFen: moneyOf(row, "订单金额") });
      takenFen += moneyOf(row, "订单金额");
    } else if (state === "REFUND" || state === "REVOKED") {
      once(seen, `REFUND ${cells.商户退款单号}`, line);
      givenFen += moneyOf(row, "申请退款金额");
    } else throw new BillFlaw(line, `has the state ${state}, which is none we know`);
  }
  agree(last, totals, "总交易单数", rows.length, "count");
  agree(last, totals, "订单总金额", takenFen, "money");
  agree(last, totals, "申请退款总金额", givenFen, "money");
  return payments;
}

/**
 * The movements of a flow bill (资金账单, basic account): payments, what the channel kept of each as its fee, refunds less the fee that
 * comes back with them, transfers, and what the merchant moves himself. Refused like a trade bill; each balance must follow from the one before. Throws BillFlaw.
 */
export function readFlowBill(text: string, { day }: { day: string }): BilledFlow[] {
  const { rows, totals, last } = readRows(text, flowColumns);
  const seen = new Map<string, number>();
  const flows: BilledFlow[] = [];
  let balanceFen: number | undefined;
  let [inFen, outFen, ins, outs] = [0, 0, 0, 0];
  for (const row of rows) {
    const { line, cells } = row;
    ofDay(row, "记账时间", day);
    const kind = flowKinds[cells.业务名称 ?? ""] ?? "other";
    once(seen, cells.资金流水单号 ?? "", line);
    const size = moneyOf(row, "收支金额(元)");
    const income = cells.收支类型 === "收入";
    if (!income && cells.收支类型 !== "支出") throw new BillFlaw(line, `is neither 收入 nor 支出`);
    const amountFen = income ? size : -size;
    const after = moneyOf(row, "账户结余(元)");
    if (balanceFen !== undefined && after !== balanceFen + amountFen)
      throw new BillFlaw(line, "its balance does not follow from the one before: a line is missing");
    balanceFen = after;
    if (income) [inFen, ins] = [inFen + size, ins + 1];
    else [outFen, outs] = [outFen + size, outs + 1];
    const number = (kind === "other" ? cells.资金流水单号 : cells.业务凭证号) ?? "";
    flows.push({ line, kind, number, amountFen });
  }
  agree(last, totals, "资金流水总笔数", rows.length, "count");
  agree(last, totals, "收入笔数", ins, "count");
  agree(last, totals, "收入金额", inFen, "money");
  agree(last, totals, "支出笔数", outs, "count");
  agree(last, totals, "支出金额", outFen, "money");
  return flows;
}
