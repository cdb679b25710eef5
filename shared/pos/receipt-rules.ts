import { dayOf, hour } from "../kernel/time.ts";
import type { PosLine, SkipReason } from "./model.ts";

/** A line as its file has it: quantity and amount not yet signed by its kind. */
export interface FileLine {
  /** The row of the file, as an editor counts it. */
  row: number;
  receipt: string;
  line: number;
  /** When the receipt began, epoch ms. */
  at: number;
  article: string;
  quantity: number;
  amountFen: number;
  /** Of an anonymous buyer "". */
  card: string;
  kind: PosLine["kind"];
}
/** What is known of the article of a line. */
export interface KnownArticle {
  articleId: string;
  perishable: boolean;
}

/** What staff read about a line that was left out. */
export const skipTexts: Record<SkipReason, string> = {
  unknown_article: "没有这个货号的商品:建好商品后重新导入本文件",
  fee: "运费、手续费或手工调整,不是商品",
  void: "本行已作废",
  voided_before: "之前导入的文件已作废本行",
  differs: "与之前导入的同一行内容不同,保留之前的",
  no_quantity: "数量为零",
  no_price: "金额为零",
  negative_price: "金额为负",
  negative_sale: "销售行的数量为负,又不是退货",
  future: "时间在将来:请检查收银机的时钟",
};

/** The business day (YYYY-MM-DD) of a receipt: until `cutHour` it belongs to the shift that opened the day before. */
export const businessDay = (at: number, cutHour: number): string => dayOf(at - cutHour * hour);

/** A line as it is kept, or why it is left out. A void line is both: it is kept so that nothing revives it. */
export function judgeLine(
  given: FileLine,
  how: { article: KnownArticle | undefined; fees: ReadonlySet<string>; now: number },
): { line?: PosLine; skip?: SkipReason } {
  const { article } = how;
  const { line, kind, quantity, amountFen } = given;
  if (kind === "void") {
    const kept: PosLine = { line, kind, quantity, amountFen };
    return { line: article ? { ...kept, articleId: article.articleId } : kept, skip: "void" };
  }
  if (how.fees.has(given.article)) return { skip: "fee" };
  // a till's clock may be a little ahead
  if (given.at > how.now + hour) return { skip: "future" };
  if (quantity === 0) return { skip: "no_quantity" };
  if (kind === "sale" && quantity < 0) return { skip: "negative_sale" };
  if (amountFen === 0) return { skip: "no_price" };
  if (kind === "sale" && amountFen < 0) return { skip: "negative_price" };
  if (!article) return { skip: "unknown_article" };
  const sign = kind === "return" ? -1 : 1;
  return {
    line: {
      line,
      kind,
      articleId: article.articleId,
      quantity: sign * Math.abs(quantity),
      amountFen: sign * Math.abs(amountFen),
    },
  };
}

/** What a line changes about what is kept under its number. */
export type Merged =
  | { is: "new" | "taken back"; line: PosLine }
  | { is: "already" }
  | { is: "left out"; reason: SkipReason };

/** A line met by the one that was kept under its number before. The first one stays, but a void line takes it back. */
export function mergeLine(before: PosLine | undefined, given: PosLine): Merged {
  if (!before) return { is: "new", line: given };
  if (given.kind === "void")
    return before.kind === "void" ? { is: "already" } : { is: "taken back", line: { ...before, kind: "void" } };
  if (before.kind === "void") return { is: "left out", reason: "voided_before" };
  const same = (["kind", "articleId", "quantity", "amountFen"] as const).every((fact) => before[fact] === given[fact]);
  return same ? { is: "already" } : { is: "left out", reason: "differs" };
}

/** Units by which a line moves the stock of its article. Returned perishables are thrown away and come back to no shelf. */
export const unitsMoved = (line: PosLine, perishable: boolean): number =>
  line.kind === "void" || (line.kind === "return" && perishable) ? 0 : -line.quantity;
