import type { Table } from "../table/entity.ts";
import { posSkipsOf } from "../table/keys.ts";
import type { PosFile } from "./model.ts";
import { skipTexts } from "./receipt-rules.ts";

/** Rows of the table that one page of a report is made of; each holds at most 2,000 lines. */
const ROWS_A_PAGE = 10;

/**
 * The lines that the last import of a file left out, in the file's order, as records of a CSV whose first is the header: row of the
 * file, receipt, line, article, reason. `next` is where to go on.
 */
export async function skippedRecords(
  table: Pick<Table, "page">,
  file: Pick<PosFile, "fileId" | "run">,
  after?: Record<string, string>,
): Promise<{ records: (string | number)[][]; next?: Record<string, string> | undefined }> {
  const { items, next } = await table.page(posSkipsOf(file.fileId, file.run), { limit: ROWS_A_PAGE, after });
  const lines = items.flatMap((row) => row.lines);
  return {
    records: [
      ["文件行", "小票号", "行号", "货号", "原因"],
      ...lines.map(({ row, receipt, line, article, reason }) => [row, receipt, line, article, skipTexts[reason]]),
    ],
    next,
  };
}
