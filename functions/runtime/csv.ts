import { DomainError } from "../../shared/kernel/problem.ts";

/** A CSV file as text: `row` counts as a spreadsheet shows it, the header is row 1. Rows without any text are left out. */
export interface CsvText {
  header: string[];
  rows: { row: number; cells: string[] }[];
}

/** Spreadsheets run a cell that begins so as a formula; the quote before it keeps it text, and may itself stand in the data. */
const formula = /^'*[=+\-@\t\r＝＋－＠]/;
const guarded = /^'+[=+\-@\t\r＝＋－＠]/;

const broken = (row: number, column: string | undefined, message: string): DomainError => {
  const path = column === undefined ? `row ${row}` : `row ${row}, ${column}`;
  const error = { path, message, row, ...(column !== undefined && { column }) };
  return new DomainError("CSV_INVALID", undefined, { errors: [error] });
};

const said: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: "这一格以引号开头,直到文件末尾都没有结束的引号:请补上引号,单元格内的引号写成两个",
  INVALID_OPENING_QUOTE: "引号出现在单元格中间:请用引号括住整格,格内的引号写成两个",
  CSV_INVALID_CLOSING_QUOTE: "结束的引号之后还有文字:请用引号括住整格,格内的引号写成两个",
};

type RawBody = { headers: Record<string, string | undefined>; bytes: Uint8Array };

/** A request's body, where it is said to be CSV. Throws CSV_INVALID. */
export function csvBytes(raw: RawBody): Uint8Array {
  if (!/^text\/csv\b/i.test(raw.headers["content-type"] ?? ""))
    throw new DomainError("CSV_INVALID", "send the file as the body, Content-Type: text/csv; charset=utf-8");
  return raw.bytes;
}

/** Reads a request's body as CSV, where it is said to be one. Throws CSV_INVALID. */
export const csvOf = async (raw: RawBody): Promise<CsvText> => readCsv(csvBytes(raw));

/**
 * Reads a CSV (RFC 4180; CRLF, LF or CR; with or without BOM) in UTF-8, its formula guard undone. Throws CSV_INVALID with row
 * and column: empty, not UTF-8, unbalanced quotes. The parser is loaded when it is first needed.
 */
export async function readCsv(bytes: Uint8Array): Promise<CsvText> {
  if (bytes.length === 0) throw broken(1, undefined, "文件是空的:第一行应为列名");
  const text = new TextDecoder("utf-8").decode(bytes); // drops a BOM
  const wrong = /[\uFFFD\0]/.exec(text);
  if (wrong) {
    const before = text.slice(0, wrong.index).split(/\r\n|\n|\r/);
    const column = before.at(-1)!.split(",").length;
    throw broken(
      before.length,
      `第${column}列`,
      "文件不是 UTF-8 编码(可能是 GBK 或 UTF-16):请在 Excel 中另存为“CSV UTF-8(逗号分隔)”",
    );
  }
  const { parse, CsvError } = await import("csv-parse/sync");
  let records: string[][];
  try {
    records = parse(text, { relax_column_count: true, record_delimiter: ["\r\n", "\n", "\r"] });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const column = typeof error.index === "number" ? `第${error.index + 1}列` : undefined;
    throw broken(Number(error.records) + 1, column, said[error.code] ?? "这一行不是合法的 CSV");
  }
  const rows = records
    .map((cells, i) => ({ row: i + 1, cells: cells.map((cell) => unguard(cell.trim())) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const [header, ...rest] = rows;
  if (!header) throw broken(1, undefined, "文件是空的:第一行应为列名");
  return { header: header.cells, rows: rest };
}

const unguard = (cell: string): string => (guarded.test(cell) ? cell.slice(1) : cell);

/**
 * Writes RFC 4180 (CRLF); texts that a spreadsheet would run as a formula begin with a quote, numbers stay numbers. `bom` is for
 * Excel.
 */
export async function writeCsv(
  records: readonly (readonly (string | number)[])[],
  how: { bom: boolean },
): Promise<string> {
  const { stringify } = await import("csv-stringify/sync");
  const guard = (cell: string | number) => (typeof cell === "string" && formula.test(cell) ? `'${cell}` : cell);
  return stringify(
    records.map((cells) => cells.map(guard)),
    // a lone CR or LF ends a record for some readers: both are quoted, not the delimiter alone
    { bom: how.bom, record_delimiter: "windows", quoted_match: /[\r\n]/ },
  );
}
