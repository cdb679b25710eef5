import type { Env } from "../kernel/env.ts";
import type { Query, Stored, Table, Write } from "../table/entity.ts";
import type { Cells, FileRow } from "./model.ts";

/** Who imports, whether it is checked or applied, and under which natural key a stock movement is booked. */
export interface Judging {
  by: string;
  phase: "plan" | "apply";
  cause: string;
}

/** What a row means for the table as it is now. `target` names what it is about: two rows of a file have different ones. */
export type Verdict =
  | { wrong: { column: string; message: string }[] }
  | { target: string; action: "same"; note?: string }
  | {
      target: string;
      action: "create" | "change";
      /** What the row is kept as until it is applied, where that is not what was written. */
      cells?: Cells;
      note?: string;
      /** At most 4. */
      writes(): Write[];
    };

/** What the rows of a kind of file mean, and where an export finds them. */
export interface FileType {
  /** Of the files of one register one is applied at a time. */
  register: "articles" | "stock" | "stores" | "staff";
  /** Rows with this column filled are applied after all others: they may name rows of the same file. */
  last?: string;
  judge(deps: { env: Env; table: Table }, rows: readonly FileRow[], how: Judging): Promise<Verdict[]>;
  /** A part of what there is; `storeId` where the file is of one store. */
  page(
    table: Table,
    page: { storeId?: string | undefined; limit: number; after?: Record<string, string> | undefined },
  ): Promise<{ rows: Cells[]; next?: Record<string, string> | undefined }>;
}

export const wrong = (column: string, message: string): Verdict => ({ wrong: [{ column, message }] });

/** Whether a row says nothing that is not so. */
export const same = (cells: Cells, current: Cells): boolean =>
  Object.entries(cells).every(([name, cell]) => (current[name] ?? "") === cell);

/** A page of a query that may be larger than one request to the table. */
export async function upTo<T>(
  table: Table,
  query: Query<T>,
  { limit, after }: { limit: number; after?: Record<string, string> | undefined },
): Promise<{ items: Stored<T>[]; next?: Record<string, string> | undefined }> {
  const items: Stored<T>[] = [];
  let next = after;
  do {
    const page = await table.page(query, { limit: Math.min(500, limit - items.length), after: next });
    items.push(...page.items);
    next = page.next;
  } while (next && items.length < limit);
  return { items, next };
}
