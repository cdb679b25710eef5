import type { Env } from "../kernel/env.ts";
import { audited } from "../table/audit.ts";
import type { Table } from "../table/entity.ts";
import { fileColumns } from "./file-columns.ts";
import { fileTypes } from "./file-types.ts";
import { type FileKind, mostRows } from "./model.ts";

/**
 * What there is of a kind, as a file that can be imported again and then changes nothing: header and rows, at most 2,000, and
 * where the next file goes on. Audited.
 */
export async function exportFile(
  deps: { env: Env; table: Table },
  input: {
    kind: FileKind;
    by: string;
    storeId?: string | undefined;
    heading: "zh" | "name";
    after?: Record<string, string> | undefined;
  },
): Promise<{ records: string[][]; next: Record<string, string> | undefined }> {
  const { kind, by, storeId, heading, after } = input;
  const { columns } = fileColumns[kind];
  const { rows, next } = await fileTypes[kind].page(deps.table, { storeId, limit: mostRows, after });
  await deps.table.commit([
    audited(deps.env, { staffId: by, action: "export", target: storeId ?? kind, change: { kind, rows: rows.length } }),
  ]);
  return {
    records: [
      columns.map((column) => column[heading]),
      ...rows.map((cells) => columns.map(({ name }) => cells[name] ?? "")),
    ],
    next,
  };
}
