import { DomainError } from "../kernel/problem.ts";

/** A row of a CSV; `row` counts the file's lines, and is that of its first one. */
export interface CsvRecord {
  row: number;
  cells: string[];
}

/** Longer than any row of a till: what comes to this is a quote that nobody closed, or no text. */
const LONGEST = 16_384;

export const refused = (row: number, column: string, message: string): DomainError =>
  new DomainError("CSV_INVALID", undefined, { errors: [{ path: `row ${row}, ${column}`, message, row, column }] });
const nth = (column: number) => `第${column}列`;

/**
 * Reads bytes as CSV (RFC 4180; CRLF or LF; with or without BOM; strictly UTF-8), some records at a time, and keeps no more than
 * a record of them. Throws CSV_INVALID with row and column: empty, not UTF-8, a quote in the wrong place, cut off within a row.
 */
export async function* readRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord[]> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let row = 1;
  let began = false;
  const take = (text: string): CsvRecord[] => {
    const bad = /[\uFFFD\0]/.exec(text);
    rest += text;
    if (bad) {
      const before = rest.slice(0, rest.length - text.length + bad.index).split("\n");
      throw refused(
        row + before.length - 1,
        columnAtEnd(before.at(-1)!),
        "文件不是 UTF-8 编码的 CSV(可能是 GBK、UTF-16 或压缩文件):请另存为“CSV UTF-8(逗号分隔)”",
      );
    }
    const records: CsvRecord[] = [];
    let from = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", end + 1)) {
      let record = rest.slice(from, end);
      const quoted = record.includes('"');
      // an odd number of quotes: the line ends within a cell
      if (quoted && record.split('"').length % 2 === 0) {
        if (record.length > LONGEST) throw tooLong(row, record);
        continue;
      }
      if (record.endsWith("\r")) record = record.slice(0, -1);
      if (record !== "") records.push({ row, cells: quoted ? unquoted(record, row) : record.split(",") });
      row += quoted ? record.split("\n").length : 1;
      from = end + 1;
    }
    rest = rest.slice(from);
    if (rest.length > LONGEST) throw tooLong(row, rest);
    return records;
  };
  for await (const chunk of chunks) {
    began ||= chunk.length > 0;
    const records = take(decoder.decode(chunk, { stream: true }));
    if (records.length > 0) yield records;
  }
  if (!began) throw refused(1, nth(1), "文件是空的:第一行应为列名");
  take(decoder.decode());
  if (rest.trim() !== "")
    throw refused(
      row,
      columnAtEnd(rest),
      rest.split('"').length % 2 === 0
        ? "文件不完整:这一格以引号开头,直到文件末尾都没有结束的引号"
        : "文件不完整:最后一行没有换行,可能被截断了,请重新导出",
    );
}

/** The column that a text ends in; of a quote that nobody closed, the one that it opened. */
const columnAtEnd = (text: string) =>
  nth(
    text
      .split('"')
      .filter((_, i) => i % 2 === 0)
      .join("")
      .split(",").length,
  );

const tooLong = (row: number, text: string) =>
  refused(row, columnAtEnd(text.slice(0, LONGEST)), "这一行太长:可能有没有结束的引号,或者文件不是 CSV");

/** The cells of a record with quotes in it. */
function unquoted(record: string, row: number): string[] {
  const cells: string[] = [];
  for (let at = 0; ; ) {
    const column = nth(cells.length + 1);
    if (record[at] !== '"') {
      const comma = record.indexOf(",", at);
      const cell = record.slice(at, comma < 0 ? undefined : comma);
      if (cell.includes('"')) throw refused(row, column, "引号出现在单元格中间:请用引号括住整格,格内的引号写成两个");
      cells.push(cell);
      if (comma < 0) return cells;
      at = comma + 1;
      continue;
    }
    let end = record.indexOf('"', at + 1);
    while (end >= 0 && record[end + 1] === '"') end = record.indexOf('"', end + 2);
    cells.push(record.slice(at + 1, end).replaceAll('""', '"'));
    if (end + 1 === record.length) return cells;
    if (record[end + 1] !== ",")
      throw refused(row, column, "结束的引号之后还有文字:请用引号括住整格,格内的引号写成两个");
    at = end + 2;
  }
}
