import { FileFaults } from "../kernel/file-faults.ts";
import { type PosColumn, type PosField, type PosMapping, posMappings } from "./columns.ts";
import { MOST_FEN, MOST_LINES_A_RECEIPT, type PosLayout, type PosLine } from "./model.ts";
import { type CsvRecord, readRecords, refused } from "./read-records.ts";
import type { FileLine } from "./receipt-rules.ts";

/** What a file turned out to be; complete when its lines have been read to the end. */
export interface FileFacts {
  terminal: string;
  /** Lines, without header and footer. */
  lines: number;
}
type Values = Partial<Record<PosField, string | number>>;

/**
 * Reads a file of one store and terminal line by line, some at a time, in bounded memory: beside a record it keeps the receipts'
 * numbers where the layout counts lines by their place. `stores`: what the store may be called in it. `facts` is filled on the way.
 * Throws CSV_INVALID with row and column of what is wrong, of cells up to a hundred together, once the file was read.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  how: { layout: PosLayout; stores: readonly string[]; facts: FileFacts },
): AsyncGenerator<FileLine[]> {
  const { facts, stores } = how;
  const mapping: PosMapping = posMappings[how.layout];
  const faults = new FileFaults();
  const places = new Map<string, number>();
  let header = false;
  let counted: number | undefined;
  let lastRow = 1;
  let receipt = "";
  let began = 0;
  let card = "";
  facts.terminal = mapping.terminal ?? "";
  facts.lines = 0;

  const lineOf = ({ row, cells }: CsvRecord): FileLine | undefined => {
    const read = valuesOf(mapping.columns, { row, cells }, faults);
    if (!read) return undefined;
    if (read.store !== undefined && !stores.includes(String(read.store)))
      faults.add(row, "门店", `“${read.store}”不是所选的门店:一个文件只含一个门店`);
    const terminal = String(read.terminal ?? facts.terminal);
    facts.terminal ||= terminal;
    if (terminal !== facts.terminal)
      faults.add(row, "终端", `与第一行的终端“${facts.terminal}”不同:一个文件只含一个终端`);
    const number = String(read.receipt);
    if (number !== receipt) [receipt, began, card] = [number, Number(read.at), String(read.card ?? "")];
    const quantity = Number(read.quantity);
    const amountFen =
      read.priceMilli === undefined ? Number(read.amountFen) : fenOf(quantity * Number(read.priceMilli));
    const line = Number(read.line ?? placeOf(places, number));
    if (Math.abs(amountFen) > MOST_FEN || line > MOST_LINES_A_RECEIPT) {
      faults.add(row, undefined, `金额超过一亿元,或一张小票超过${MOST_LINES_A_RECEIPT}行`);
      return undefined;
    }
    return {
      row,
      receipt: number,
      line,
      at: began,
      article: String(read.article),
      quantity,
      amountFen,
      card,
      kind: (read.kind ?? mapping.kindOf?.(number) ?? "sale") as PosLine["kind"],
    };
  };

  for await (const records of readRecords(chunks)) {
    const lines: FileLine[] = [];
    for (const record of records) {
      lastRow = record.row;
      if (!header) {
        checkHeader(mapping.columns, record);
        header = true;
      } else if (counted !== undefined)
        throw refused(record.row, "第1列", `“${mapping.footer}”之后还有内容:合计行应是最后一行`);
      else if (mapping.footer !== undefined && record.cells[0] === mapping.footer)
        counted = countOf(record, facts.lines);
      else {
        facts.lines += 1;
        const line = lineOf(record);
        if (line) lines.push(line);
      }
    }
    if (lines.length > 0) yield lines;
  }
  if (mapping.footer !== undefined && counted === undefined)
    throw refused(lastRow + 1, "第1列", `文件不完整:最后一行应为“${mapping.footer},<行数>”,可能被截断了,请重新导出`);
  if (facts.lines === 0) throw refused(2, "第1列", "只有列名,没有数据");
  faults.check();
}

/** Thousandths × units as fen, half up away from zero. */
const fenOf = (thousandths: number): number => Math.sign(thousandths) * Math.round(Math.abs(thousandths) / 10);

function placeOf(places: Map<string, number>, receipt: string): number {
  const place = (places.get(receipt) ?? 0) + 1;
  places.set(receipt, place);
  return place;
}

function checkHeader(columns: readonly PosColumn[], { row, cells }: CsvRecord): void {
  const named = columns.map(({ heading }) => heading).join(",");
  const wrong = columns.findIndex(({ heading }, i) => cells[i]?.trim() !== heading);
  if (wrong >= 0) throw refused(row, `第${wrong + 1}列`, `这一列应为“${columns[wrong]!.heading}”;列名依次为:${named}`);
  if (cells.length > columns.length) throw refused(row, `第${columns.length + 1}列`, `没有这一列;列名依次为:${named}`);
}

function countOf({ row, cells }: CsvRecord, lines: number): number {
  if (cells[1] !== String(lines))
    throw refused(row, "第2列", `文件不完整:合计${cells[1] ?? ""}行,实际${lines}行,请重新导出`);
  return lines;
}

function valuesOf(columns: readonly PosColumn[], { row, cells }: CsvRecord, faults: FileFaults): Values | undefined {
  if (cells.length !== columns.length) {
    const column = `第${Math.min(cells.length, columns.length) + 1}列`;
    faults.add(row, column, `有${cells.length}格,列名有${columns.length}列:检查是否多了或少了逗号、引号`);
    return undefined;
  }
  const values: Values = {};
  let good = true;
  for (const [i, column] of columns.entries()) {
    const cell = cells[i]!.trim();
    const value = cell === "" && column.optional ? "" : column.read(cell);
    if (value === undefined) {
      good = false;
      faults.add(row, column.heading, `“${cell.slice(0, 40)}”不符合:应为${column.passes}`);
    } else if (column.field) values[column.field] = value;
  }
  return good ? values : undefined;
}
