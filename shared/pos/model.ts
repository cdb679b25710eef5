import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { posFileLifecycle } from "./lifecycle.ts";

/** How files of tills are laid out: our own columns, or those of the Online Retail data set. */
export const posLayouts = ["till", "online-retail"] as const;
export type PosLayout = (typeof posLayouts)[number];

export const posLineKinds = ["sale", "return", "void"] as const;

/** Lines of a receipt that are kept in one row: with two stock rows each, one row's lines fit into one commit. */
export const LINES_A_PART = 40;

/** The largest amount of a line, fen, and line number of a receipt. */
export const MOST_FEN = 10_000_000_000;
export const MOST_LINES_A_RECEIPT = 99_999;

/** A line of a receipt. Quantity and amount are below zero where goods came back; those of a void line count for nothing. */
export const posLine = z.object({
  line: z.int().min(1).max(MOST_LINES_A_RECEIPT),
  kind: z.enum(posLineKinds),
  /** Absent of a void line whose article nobody knows. */
  articleId: idOf("AR").optional(),
  /** In the article's unit. */
  quantity: z.int().min(-1_000_000).max(1_000_000),
  amountFen: z.int().min(-MOST_FEN).max(MOST_FEN),
});
export type PosLine = z.infer<typeof posLine>;

/** What a till sold on one receipt: lines (part × 40) + 1 to (part + 1) × 40 of it, as far as they were taken. */
export const posReceipt = z.object({
  storeId: idOf("ST"),
  terminal: z.string(),
  receipt: z.string(),
  part: z.int().min(0),
  at: epochMs,
  /** Business day, YYYY-MM-DD: that of the shift, which past midnight is the day before. */
  day: z.string(),
  /** Keyed hash of the member card, for a card's number may be a phone's; absent of an anonymous buyer. */
  buyer: z.string().optional(),
  lines: z.array(posLine).min(1).max(LINES_A_PART),
});
export type PosReceipt = z.infer<typeof posReceipt>;

export const skipReasons = [
  "unknown_article",
  "fee",
  "void",
  "voided_before",
  "differs",
  "no_quantity",
  "no_price",
  "negative_price",
  "negative_sale",
  "future",
] as const;
export type SkipReason = (typeof skipReasons)[number];

/** A line of a file that was left out; `row` as an editor counts the file's lines. */
export const skippedLine = z.object({
  row: z.int().min(2),
  receipt: z.string(),
  line: z.int().min(1),
  article: text(0, 32),
  reason: z.enum(skipReasons),
});
export type SkippedLine = z.infer<typeof skippedLine>;

/** Lines that one commit left out; `row` is that of the first. */
export const posSkipped = z.object({
  fileId: idOf("PF"),
  run: z.int().min(1),
  row: z.int().min(2),
  lines: z.array(skippedLine).min(1),
});

/** A file of a store's till, and what its last import came to. */
export const posFile = z.object({
  fileId: idOf("PF"),
  storeId: idOf("ST"),
  terminal: z.string(),
  layout: z.enum(posLayouts),
  /** Hour of the day until which receipts belong to the shift of the day before. */
  cutHour: z.int().min(0).max(12),
  state: z.enum(posFileLifecycle.states),
  /** Counts how often it was sent. */
  run: z.int().min(1),
  by: z.string(),
  at: epochMs,
  finishedAt: epochMs.optional(),
  /** Lines of the file, without its header. */
  lines: z.int().min(0),
  /** The row of the file up to which it is written. */
  doneRow: z.int().min(1),
  /** Lines that were new; lines that were there already; sales and returns that a void line took back. */
  added: z.int().min(0),
  already: z.int().min(0),
  takenBack: z.int().min(0),
  skipped: z.partialRecord(z.enum(skipReasons), z.int().min(0)),
  firstSkipped: z.array(skippedLine).max(50),
  /** Units that were sold beyond what the store's online stock had. */
  unitsShort: z.int().min(0),
});
export type PosFile = z.infer<typeof posFile>;
