import * as z from "zod";
import { idOf } from "../../shared/kernel/ids.ts";
import { yuan } from "../../shared/kernel/money.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import {
  type Bookings,
  type LedgerPeriod,
  type Transfer,
  type TransferKind,
  transferKind,
} from "../../shared/ledger/index.ts";
import type { AccountStatement } from "../../shared/ledger/work.ts";
import {
  accountDaysOf,
  allAccounts,
  allPeriods,
  dayBooks,
  dayBooksOf,
  LEDGER_BUCKETS,
  stores,
  suppliers,
  transfersBookedOn,
} from "../../shared/table/keys.ts";
import { writeCsv } from "../runtime/csv.ts";
import type { Deps } from "../runtime/deps.ts";
import { formatQuery, listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/ledger/work.ts");
const books = { actor: "staff", owns: "none", roles: ["finance", "admin", "executive"], scope: "chain" } as const;

export const month = z
  .string()
  .regex(/^20\d\d-(0[1-9]|1[0-2])$/, "a month as YYYY-MM")
  .meta({ description: "A month in Asia/Shanghai", example: "2026-11" });
const monthQuery = formatQuery.extend({ month });

/** What a kind of transfer is called in a file. */
export const called: Record<TransferKind, string> = {
  payment: "收款",
  refund: "退款",
  subsidy: "平台补贴",
  coupon: "优惠券",
  coupon_return: "优惠券退回",
  compensation: "售后赔付",
  recovery: "先行赔付追偿",
  goods: "到货",
  commission: "佣金",
  commission_return: "佣金扣回",
  payout: "佣金提现",
  delivery: "配送费用",
  delivery_called_off: "配送取消费",
  fee: "渠道手续费",
  fee_return: "渠道手续费退回",
};

const bookingsView = z
  .partialRecord(transferKind, z.object({ lines: z.int(), amountFen: z.int() }))
  .meta({ description: "By kind of transfer: how many lines, and how much in fen" });
const totals = { bookings: bookingsView, lines: z.int(), amountFen: z.int() };
const dayView = z
  .object({ day: z.string(), ...totals, closedAt: isoOutput })
  .meta({ id: "DayBook", description: "The books of a day that is over; they do not change any more" });
const periodView = z
  .object({
    month: z.string(),
    ...totals,
    balances: z.record(z.string(), z.int()).meta({
      description: "What each class of accounts held at its end, fen; above zero assets and expenses. They sum to 0.",
    }),
    closedAt: isoOutput,
    closedBy: z.string(),
  })
  .meta({ id: "LedgerPeriod" });
const toPeriod = (period: LedgerPeriod) => ({ ...period, closedAt: toIso(period.closedAt) });

const lineView = z
  .object({
    subject: z.string().meta({ description: "The order or purchase line it is booked for" }),
    kind: transferKind,
    reference: z.string(),
    debit: z.string(),
    credit: z.string(),
    amountFen: z.int(),
    goods: z.object({ units: z.int(), rejected: z.int(), unitFen: z.int() }).optional(),
    at: isoOutput.meta({ description: "When it happened" }),
    bookedOn: z.string().meta({ description: "The day whose books it is in" }),
    storeId: z.string().optional(),
  })
  .meta({ id: "LedgerLine", description: "Moves fen from the credited account to the debited one" });
const toLine = (line: Transfer) => ({ ...line, at: toIso(line.at) });

/** A line of an account's statement. */
export const statementLine = z.object({
  ...lineView.pick({ subject: true, kind: true, reference: true, goods: true, bookedOn: true }).shape,
  dueFen: z.int().meta({ description: "What it adds to what is owed" }),
  balanceFen: z.int().meta({ description: "What is owed after it" }),
});
export const toStatementLine = ({ line, ...entry }: AccountStatement["lines"][number]) => ({ ...line, ...entry });

const lineHeader = ["记账日", "类型", "单据", "编号", "借方", "贷方", "金额(元)", "门店", "发生时间"];
const lineCells = (line: Transfer) => [
  line.bookedOn,
  called[line.kind],
  line.subject,
  line.reference,
  line.debit,
  line.credit,
  yuan(line.amountFen),
  line.storeId ?? "",
  toIso(line.at),
];

/** A page of a day's lines, bucket after bucket. */
async function linesOfDay(deps: Deps, on: string, { limit, cursor }: { limit: number; cursor?: string | undefined }) {
  const scope = `lines of ${on}`;
  const { bucket: at = "0", ...after } = deps.cursors.open(cursor, scope) ?? {};
  const items: Transfer[] = [];
  let bucket = Number(at);
  let next: Record<string, string> | undefined = Object.keys(after).length > 0 ? after : undefined;
  while (bucket < LEDGER_BUCKETS && items.length < limit) {
    const page = await deps.table.page(transfersBookedOn(on, bucket), { limit: limit - items.length, after: next });
    items.push(...page.items);
    next = page.next;
    if (!next) bucket += 1;
  }
  const more = next || bucket < LEDGER_BUCKETS;
  return { items, nextCursor: deps.cursors.seal(more ? { ...next, bucket: String(bucket) } : undefined, scope) };
}

const statementKinds = (bookings: Bookings) =>
  transferKind.options.flatMap((kind) => (bookings[kind] ? [{ kind, ...bookings[kind] }] : []));

export const ledgerOps: Route[] = [
  route({
    ...books,
    method: "get",
    path: "/ops/v1/ledger/days",
    summary: "每日账簿",
    description: "Days that are closed, the newest first. A day is closed at half past two of the next one.",
    query: listQuery,
    ok: listOf(dayView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, dayBooksOf(), "days", query),
    view: ({ items, nextCursor }) => ({
      items: items.map((book) => ({ ...book, closedAt: toIso(book.closedAt) })),
      nextCursor,
    }),
  }),
  route({
    ...books,
    method: "get",
    path: "/ops/v1/ledger/lines",
    summary: "某日分录",
    description:
      "The ledger lines booked on a day, a page at a time, and the day's books where it is closed. A line is in the books of the day it was written on; `at` is when it happened.",
    query: listQuery.extend({ day: z.iso.date(), ...formatQuery.shape }),
    ok: z.object({ book: dayView.optional(), ...listOf(lineView).shape }),
    problems: ["CURSOR_INVALID"],
    run: async (deps, { query }) => {
      const { day } = query;
      const [book, lines] = await Promise.all([deps.table.load(dayBooks, { day }), linesOfDay(deps, day, query)]);
      return { ...lines, day, book };
    },
    view: ({ book, items, nextCursor }) => ({
      ...(book && { book: { ...book, closedAt: toIso(book.closedAt) } }),
      items: items.map(toLine),
      nextCursor,
    }),
    csv: async ({ day, items, nextCursor }) => ({
      fileName: `ledger-${day}.csv`,
      text: await writeCsv([lineHeader, ...items.map(lineCells)], { bom: true }),
      next: nextCursor,
    }),
  }),
  route({
    ...books,
    method: "get",
    path: "/ops/v1/ledger/accounts",
    summary: "科目余额",
    description:
      "What each account held after the last closed day that moved it: above zero an asset or expense, below zero what is owed. All orders are one account, `orders`.",
    query: listQuery,
    ok: listOf(z.object({ account: z.string(), day: z.string(), balanceFen: z.int() }).meta({ id: "LedgerAccount" })),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allAccounts(), "accounts", query),
  }),
  route({
    ...books,
    method: "get",
    path: "/ops/v1/ledger/account-days",
    summary: "科目明细",
    description: "The closed days that moved an account, the newest first.",
    query: listQuery.extend({
      account: text(1, 60).meta({ description: "As in the list of accounts", example: "channel:wechat" }),
    }),
    ok: listOf(
      z
        .object({
          account: z.string(),
          day: z.string(),
          debitFen: z.int(),
          creditFen: z.int(),
          balanceFen: z.int(),
        })
        .meta({ id: "AccountDay" }),
    ),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, accountDaysOf(query.account), `days of ${query.account}`, query),
  }),
  route({
    ...books,
    method: "get",
    path: "/ops/v1/ledger/periods",
    summary: "已关账月份",
    query: listQuery,
    ok: listOf(periodView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allPeriods(), "periods", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toPeriod), nextCursor }),
  }),
  route({
    ...books,
    roles: ["finance", "admin"],
    method: "post",
    path: "/ops/v1/ledger/periods",
    summary: "月度关账",
    description:
      "Closes a month whose days are all closed, after the months before it. Its figures stand from then on: what belongs to it and comes later is in the books of a later month.",
    idempotent: true,
    body: z.strictObject({ month }),
    ok: periodView,
    problems: ["PERIOD_STATE"],
    run: async (deps, { body, actor, once }) =>
      (await work()).closePeriod(deps, { ...body, staffId: actor.staffId, once }),
    view: (period) => toPeriod(period),
  }),
  route({
    actor: "staff",
    owns: "none",
    roles: ["finance", "admin", "executive", "store_manager"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    method: "get",
    path: "/ops/v1/stores/{storeId}/statement",
    summary: "门店对账单",
    description: "What counted in a store's figures on each closed day of a month. `final` once the month is closed.",
    params: z.strictObject({ storeId: idOf("ST") }),
    query: monthQuery,
    ok: z
      .object({
        storeId: z.string(),
        month: z.string(),
        final: z.boolean(),
        days: z.array(z.object({ day: z.string(), bookings: bookingsView })),
        bookings: bookingsView,
      })
      .meta({ id: "StoreStatement" }),
    problems: ["STORE_NOT_FOUND"],
    run: async (deps, { params, query }) => {
      if (!(await deps.table.load(stores, params))) throw new DomainError("STORE_NOT_FOUND");
      return (await work()).storeStatement(deps, { ...params, month: query.month });
    },
    csv: async ({ storeId, month: of, days, bookings }) => {
      const kinds = statementKinds(bookings).map(({ kind }) => kind);
      const cells = (one: Bookings) => kinds.map((kind) => yuan(one[kind]?.amountFen ?? 0));
      return {
        fileName: `store-${storeId}-${of}.csv`,
        text: await writeCsv(
          [
            ["日期", ...kinds.map((kind) => `${called[kind]}(元)`)],
            ...days.map((one) => [one.day, ...cells(one.bookings)]),
            ["合计", ...cells(bookings)],
          ],
          { bom: true },
        ),
      };
    },
  }),
  route({
    ...books,
    method: "get",
    path: "/ops/v1/suppliers/{supplierId}/statement",
    summary: "供应商对账单",
    description:
      "What a supplier is owed for a month: good units that came for purchase orders (received less rejected, at the order's price), less what it bears of coupons and compensations. `closingFen` is what it is owed at the end; below zero it owes us.",
    params: z.strictObject({ supplierId: idOf("SP") }),
    query: monthQuery,
    ok: z
      .object({
        supplierId: z.string(),
        month: z.string(),
        final: z.boolean(),
        openingFen: z.int(),
        receivedFen: z.int().meta({ description: "All units that came, at their price" }),
        rejectedFen: z.int().meta({ description: "Of them those that were turned away" }),
        recoveredFen: z
          .int()
          .meta({ description: "What it bears of coupons and compensations, less what was given back" }),
        closingFen: z.int(),
        lines: z.array(statementLine),
      })
      .meta({ id: "SupplierStatement" }),
    problems: ["SUPPLIER_NOT_FOUND"],
    run: async (deps, { params, query }) => {
      if (!(await deps.table.load(suppliers, params))) throw new DomainError("SUPPLIER_NOT_FOUND");
      const account = `supplier:${params.supplierId}`;
      const statement = await (await work()).accountStatement(deps, { account, month: query.month });
      const sum = (of: (entry: (typeof statement.lines)[number]) => number) =>
        statement.lines.reduce((all, entry) => all + of(entry), 0);
      return {
        ...statement,
        ...params,
        receivedFen: sum(({ line: { goods } }) => (goods ? goods.units * goods.unitFen : 0)),
        rejectedFen: sum(({ line: { goods } }) => (goods ? goods.rejected * goods.unitFen : 0)),
        recoveredFen: sum(({ line, dueFen }) => (line.goods ? 0 : -dueFen)),
      };
    },
    view: ({ lines, ...statement }) => ({
      ...statement,
      lines: lines.map(toStatementLine),
    }),
    csv: async ({ supplierId, month: of, openingFen, lines, closingFen }) => ({
      fileName: `supplier-${supplierId}-${of}.csv`,
      text: await writeCsv(
        [
          ["记账日", "类型", "单据", "到货份数", "拒收份数", "单价(元)", "应付增减(元)", "应付余额(元)"],
          [of, "期初", "", "", "", "", "", yuan(openingFen)],
          ...lines.map(({ line, dueFen, balanceFen }) => [
            line.bookedOn,
            called[line.kind],
            line.subject,
            line.goods?.units ?? "",
            line.goods?.rejected ?? "",
            line.goods ? yuan(line.goods.unitFen) : "",
            yuan(dueFen),
            yuan(balanceFen),
          ]),
          [of, "期末", "", "", "", "", "", yuan(closingFen)],
        ],
        { bom: true },
      ),
    }),
  }),
];
