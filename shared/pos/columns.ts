import { dayOf, parseIso } from "../kernel/time.ts";
import { MOST_LINES_A_RECEIPT, type PosLayout, type PosLine } from "./model.ts";

/** What a column of a file says of a line. `quantity` and `amount` as the file has them; a price is of one unit, in 1/1000. */
export type PosField =
  | "store"
  | "terminal"
  | "receipt"
  | "line"
  | "at"
  | "article"
  | "quantity"
  | "amountFen"
  | "priceMilli"
  | "card"
  | "kind";

export interface PosColumn {
  heading: string;
  /** Left out where nothing is taken from the column. */
  field?: PosField;
  /** May be empty. */
  optional?: true;
  /** The cell's value; undefined where it does not pass. */
  read(cell: string): string | number | undefined;
  /** What would pass, for people. */
  passes: string;
}

/** A layout of files as data: its columns in their order, and how a line of it is understood. */
export interface PosMapping {
  columns: readonly PosColumn[];
  /** First cell of the last line, which counts the lines in its second: a file without it was cut off. */
  footer?: string;
  /** The terminal of files that name none. */
  terminal?: string;
  /** Kind of a line whose file does not say it. */
  kindOf?(receipt: string): PosLine["kind"];
  /** Articles that are no goods: postage, fees, corrections by hand. */
  fees: ReadonlySet<string>;
}

type Reader = Pick<PosColumn, "read" | "passes">;
const matching = (pattern: RegExp, passes: string): Reader => ({
  read: (cell) => (pattern.test(cell) ? cell : undefined),
  passes,
});
const name = matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, "1到32位字母、数字或 . _ -,以字母或数字开头");
const whole = (least: number, most: number): Reader => ({
  read: (cell) => {
    const value = /^-?\d{1,7}$/.test(cell) ? Number(cell) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  },
  passes: `${least}到${most}的整数`,
});
/** A decimal with at most so many places, as an integer of its last place. */
const decimal = (places: number, passes: string): Reader => {
  const pattern = new RegExp(`^(-?)(\\d{1,8})(?:\\.(\\d{1,${places}}))?$`);
  return {
    read: (cell) => {
      const match = pattern.exec(cell);
      if (!match) return undefined;
      const value = Number(match[2]) * 10 ** places + Number((match[3] ?? "").padEnd(places, "0"));
      return match[1] && value > 0 ? -value : value;
    },
    passes,
  };
};
/** Local time of the shop: 2026-11-23 20:05:09, seconds may be left out, T may stand for the space. */
const time: Reader = {
  read: (cell) => {
    const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?$/.exec(cell);
    if (!match) return undefined;
    try {
      const at = parseIso(`${match[1]}T${match[2]}${match[3] ?? ":00"}+08:00`);
      return at >= 0 && dayOf(at) === match[1] ? at : undefined;
    } catch {
      return undefined;
    }
  },
  passes: "门店当地时间,例如 2026-11-23 20:05:09",
};
const kinds: Record<string, PosLine["kind"]> = { 销售: "sale", 退货: "return", 作废: "void" };
const kind: Reader = {
  read: (cell) => (Object.hasOwn(kinds, cell) ? kinds[cell] : Object.values(kinds).find((known) => known === cell)),
  passes: "销售(sale)、退货(return)、作废(void)",
};
const words: Reader = {
  read: (cell) => (cell.length <= 64 ? cell : undefined),
  passes: "最多64个字",
};

export const posMappings: Record<PosLayout, PosMapping> = {
  till: {
    columns: [
      { heading: "门店", field: "store", ...name },
      { heading: "终端", field: "terminal", ...name },
      { heading: "小票号", field: "receipt", ...name },
      { heading: "行号", field: "line", ...whole(1, MOST_LINES_A_RECEIPT) },
      { heading: "时间", field: "at", ...time },
      { heading: "货号", field: "article", ...name },
      { heading: "数量", field: "quantity", ...whole(-1_000_000, 1_000_000) },
      { heading: "金额", field: "amountFen", ...decimal(2, "金额(元),最多两位小数,例如 12.80") },
      { heading: "会员卡号", field: "card", optional: true, ...words },
      { heading: "类型", field: "kind", ...kind },
    ],
    footer: "合计",
    fees: new Set(),
  },
  "online-retail": {
    columns: [
      { heading: "InvoiceNo", field: "receipt", ...name },
      { heading: "StockCode", field: "article", ...matching(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,31}$/, "1到32位编码") },
      { heading: "Quantity", field: "quantity", ...whole(-1_000_000, 1_000_000) },
      { heading: "InvoiceDate", field: "at", ...time },
      { heading: "UnitPrice", field: "priceMilli", ...decimal(3, "单价,最多三位小数,例如 4.25") },
      { heading: "CustomerID", field: "card", optional: true, ...words },
      { heading: "Country", ...words },
    ],
    terminal: "online",
    kindOf: (receipt) => (receipt.startsWith("C") ? "return" : "sale"),
    fees: new Set("POST,DOT,C2,M,m,D,S,B,PADS,CRUK,AMAZONFEE,BANK CHARGES".split(",")),
  },
};
