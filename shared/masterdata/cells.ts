import type { Article } from "../catalog/index.ts";
import { yuan } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import type { Store } from "../store/index.ts";

/** A column of a file. A cell has one form, so that two files are the same where their cells are. */
export interface Column {
  name: string;
  zh: string;
  /** Must stand in the header. */
  required?: true;
  /** May be empty. */
  optional?: true;
  /** Written for the reader, and not looked at when it comes back. */
  note?: true;
  /** The cell in its one form; undefined where it does not pass. */
  read(text: string): string | undefined;
  /** What would pass, for people. */
  passes: string;
}

type Reader = Pick<Column, "read" | "passes">;
const matching = (pattern: RegExp, passes: string): Reader => ({
  read: (cell) => (pattern.test(cell) ? cell : undefined),
  passes,
});

export const words = (most: number): Reader => ({
  read: (cell) => (text(1, most).safeParse(cell).success ? cell : undefined),
  passes: `1到${most}个字`,
});
const crockford = "[0-9A-HJKMNP-TV-Z]{24}";
export const id = (prefix: string): Reader =>
  matching(new RegExp(`^${prefix}${crockford}$`), `${prefix}开头的26位系统ID`);
const codePattern = "[A-Za-z0-9][A-Za-z0-9._-]{0,31}";
export const code: Reader = matching(
  new RegExp(`^(?![A-Z]{2}${crockford}$)${codePattern}$`),
  "1到32位字母、数字或 . _ -,以字母或数字开头",
);
/** An article or a store by its own code or by its id. */
export const called: Reader = matching(new RegExp(`^${codePattern}$`), "编码或系统ID");
export const staffId: Reader = matching(/^[A-Za-z0-9-]{1,64}$/, "登录账号的 sub:1到64位字母、数字或 -");

/** Yuan with at most two decimals, from `least` fen on: "12.80". */
export const money = (least: number): Reader => ({
  read: (text) => {
    const match = /^(\d{1,8})(?:\.(\d{1,2}))?$/.exec(text);
    const amount = match ? Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0")) : -1;
    return amount >= least ? yuan(amount) : undefined;
  },
  passes: `金额(元),最多两位小数,不低于${yuan(least)},例如 12.80`,
});
export const toFen = (amount: string): number => Number(amount.replace(".", ""));

export const whole = (least: number, most: number): Reader => ({
  read: (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    return value >= least && value <= most ? String(value) : undefined;
  },
  passes: `${least}到${most}的整数`,
});

/** One of some words; each may also be said as its other words. */
export const oneOf = (options: Record<string, readonly string[]>): Reader => ({
  read: (text) => Object.keys(options).find((name) => [name, ...options[name]!].includes(text.toLowerCase())),
  passes: Object.entries(options)
    .map(([name, [zh]]) => `${zh}(${name})`)
    .join("、"),
});
export const yesNo = oneOf({ yes: ["是", "true", "1", "y"], no: ["否", "false", "0", "n"] });
export const yes = (cell: string): boolean => cell === "yes";
export const yesOrNo = (value: boolean): string => (value ? "yes" : "no");

/** Several, with | between them; sorted, so that their order says nothing. */
export const several = (one: Reader, most: number): Reader => ({
  read: (text) => {
    const given = text.split(/[|;、]/);
    const read = given.flatMap((part) => one.read(part.trim()) ?? []);
    if (given.length > most || new Set(read).size < given.length) return undefined;
    return read.sort().join("|");
  },
  passes: `${one.passes};多个用 | 分隔,不重复`,
});
export const parts = (cell: string): string[] => (cell === "" ? [] : cell.split("|"));

/** Components of a kit: "SC-1:2|SC-7:1". */
export const components: Reader = {
  read: (text) => {
    const list = text.split("|").map((part) => /^\s*([^:\s]+)\s*[::]\s*(\d{1,2})\s*$/.exec(part));
    if (list.length > 20 || list.some((match) => !match || !called.read(match[1]!) || Number(match[2]) < 1))
      return undefined;
    return list.map((match) => `${match![1]}:${Number(match![2])}`).join("|");
  },
  passes: "单品编码:件数,多个用 | 分隔,例如 SC-0012:2|SC-0040:1",
};
export const toComponents = (cell: string): { called: string; units: number }[] =>
  parts(cell).map((part) => {
    const [name = "", units] = part.split(":");
    return { called: name, units: Number(units) };
  });

export const degrees = (most: number): Reader => ({
  read: (text) => {
    const value = /^-?\d{1,3}(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
    return Math.abs(value) <= most ? String(value) : undefined;
  },
  passes: `-${most}到${most}的度数`,
});

const clock = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
type Hours = Store["hours"];

/** Weekly hours as text: "1-5 08:00-12:00,14:00-22:00;6-7 09:00-20:00"; 1 is Monday. Days that are alike stand together. */
export function hoursText(hours: Hours): string {
  const days = [0, 1, 2, 3, 4, 5, 6].map((weekday) =>
    hours
      .filter((h) => h.weekday === weekday)
      .sort((a, b) => a.opens - b.opens)
      .map((h) => `${clock(h.opens)}-${clock(h.closes)}`)
      .join(","),
  );
  const spans: string[] = [];
  for (let from = 0; from < 7; ) {
    let until = from;
    while (until < 6 && days[until + 1] === days[from]) until++;
    if (days[from]) spans.push(`${from === until ? from + 1 : `${from + 1}-${until + 1}`} ${days[from]}`);
    from = until + 1;
  }
  return spans.join(";");
}

/** Reads what `hoursText` writes; undefined where it is none. */
export function hoursOf(text: string): Hours | undefined {
  const hours: Hours = [];
  for (const span of text === "" ? [] : text.split(";")) {
    const match = /^\s*([1-7])(?:-([1-7]))?\s+([\d:,\s-]+)$/.exec(span);
    if (!match) return undefined;
    for (const range of match[3]!.split(",")) {
      const at = /^\s*(\d\d):([0-5]\d)\s*-\s*(\d\d):([0-5]\d)\s*$/.exec(range);
      if (!at) return undefined;
      const opens = Number(at[1]) * 60 + Number(at[2]);
      const closes = Number(at[3]) * 60 + Number(at[4]);
      if (opens >= closes || closes > 1440) return undefined;
      for (let weekday = Number(match[1]) - 1; weekday < Number(match[2] ?? match[1]); weekday++)
        hours.push({ weekday, opens, closes });
    }
  }
  return hours.length <= 21 ? hours : undefined;
}
export const hours: Reader = {
  read: (text) => {
    const read = hoursOf(text);
    return read && hoursText(read);
  },
  passes: "星期 时段,1为周一,例如 1-5 08:00-22:00;6-7 09:00-20:00",
};

/** What an article or a store is called in a file. */
export const nameOfArticle = (article: Article): string => article.code ?? article.articleId;
export const nameOfStore = (store: Store): string => store.code ?? store.storeId;
