import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { FileFaults } from "../kernel/file-faults.ts";
import { audited } from "../table/audit.ts";
import type { Table } from "../table/entity.ts";
import { dues, importChunks, importLocks, importRuns, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Column } from "./cells.ts";
import type { FileType, Verdict } from "./file.ts";
import { fileColumns } from "./file-columns.ts";
import { fileTypes } from "./file-types.ts";
import { type Cells, type FileKind, type FileRow, type ImportRun, mostRows } from "./model.ts";

/** The most rows that one commit applies: four writes a row are 96 of a commit's 100. */
const CHUNK = 24;

/** The text of a file: its header, and its rows as a spreadsheet counts them. */
export interface FileText {
  header: string[];
  rows: { row: number; cells: string[] }[];
}

/** What a file means: as it was planned, or (dryRun) as it would be; `importId` and `state` only where it is applied. */
export type ImportPlan = Pick<ImportRun, "kind" | "rows" | "created" | "changed" | "unchanged"> &
  Partial<Pick<ImportRun, "importId" | "state">> & { dryRun: boolean };

/**
 * Checks a file whole and, unless it is a dry run, decides it: one commit keeps every row that changes something, in chunks, and
 * `applyImport` carries them out. Before that commit nothing of the file is there; after it all of it will be. Rows that change
 * nothing are counted and dropped. Throws CSV_INVALID (each cell with row and column), IMPORT_UNDER_WAY.
 */
export async function planImport(
  deps: { env: Env; table: Table },
  input: { kind: FileKind; by: string; file: FileText; dryRun: boolean; once: Once<ImportPlan> },
): Promise<ImportPlan> {
  const { env, table } = deps;
  const { kind, by } = input;
  const type = fileTypes[kind];
  const { rows, headings } = readRows(fileColumns[kind].columns, input.file);
  const verdicts = await type.judge(deps, rows, { by, phase: "plan", cause: "" });
  const faults = new FileFaults();
  const seen = new Map<string, number>();
  for (const [i, verdict] of verdicts.entries()) {
    const { row } = rows[i]!;
    if ("wrong" in verdict) {
      for (const { column, message } of verdict.wrong) faults.add(row, headings.get(column) ?? column, message);
      continue;
    }
    const before = seen.get(verdict.target);
    if (before !== undefined) faults.add(row, undefined, `与第${before}行是同一条:每条只能出现一次`);
    else seen.set(verdict.target, row);
  }
  faults.check();

  const chunks = chunked(type, rows, verdicts);
  const count = (action: string) => verdicts.filter((v) => "action" in v && v.action === action).length;
  const counts = { rows: rows.length, created: count("create"), changed: count("change"), unchanged: count("same") };
  if (input.dryRun) {
    const plan: ImportPlan = { kind, dryRun: true, ...counts };
    await table.commit(input.once(plan));
    return plan;
  }
  const importId = env.ids.next("IM");
  const now = env.clock.now();
  const state = chunks.length > 0 ? "PLANNED" : "APPLIED";
  const run: ImportRun = { importId, kind, state, by, at: now, ...counts, applied: 0, notes: [] };
  if (state === "APPLIED") run.appliedAt = now;
  const plan: ImportPlan = { importId, kind, state, dryRun: false, ...counts };
  await table.commit([
    importRuns.create(run),
    ...chunks.map((part, chunk) => importChunks.create({ importId, chunk, rows: part })),
    ...(chunks.length > 0
      ? [
          importLocks.create({ register: type.register, importId }).or("IMPORT_UNDER_WAY"),
          dues.create({ kind: "import", id: importId, at: now, since: now }),
        ]
      : []),
    outbox.create(
      makeEvent(env, { type: "import.planned", actor: { kind: "staff", id: by }, data: { importId, kind } }),
    ),
    audited(env, { staffId: by, action: "import.plan", target: importId, change: { kind, ...counts } }),
    ...input.once(plan),
  ]);
  return plan;
}

/** The rows that change something, those that may name others last, as many together as one commit applies. */
function chunked(type: FileType, rows: readonly FileRow[], verdicts: readonly Verdict[]): FileRow[][] {
  const kept = rows.flatMap(({ row, cells }, i) => {
    const verdict = verdicts[i]!;
    if (!("action" in verdict) || verdict.action === "same") return [];
    return [{ row, cells: verdict.cells ?? cells }];
  });
  const isLast = ({ cells }: FileRow) => type.last !== undefined && Boolean(cells[type.last]);
  return [kept.filter((row) => !isLast(row)), kept.filter(isLast)].flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / CHUNK) }, (_, i) => part.slice(i * CHUNK, (i + 1) * CHUNK)),
  );
}

/** The cells by their columns' names, each in its one form, and what the header calls each column. Throws CSV_INVALID. */
function readRows(known: readonly Column[], file: FileText): { rows: FileRow[]; headings: Map<string, string> } {
  const faults = new FileFaults();
  const columns = file.header.map((heading) => columnOf(known, heading));
  const named = known.map(({ zh }) => zh).join("、");
  const headings = new Map<string, string>();
  for (const [i, column] of columns.entries()) {
    const heading = file.header[i]!;
    if (!column) faults.add(1, heading || `第${i + 1}列`, `没有这一列;可用的列:${named}`);
    else if (headings.has(column.name)) faults.add(1, heading, "这一列出现了两次");
    else headings.set(column.name, heading);
  }
  for (const { name, zh, required } of known)
    if (required && !headings.has(name)) faults.add(1, zh, `缺少这一列:请加上“${zh}”或“${name}”`);
  if (file.rows.length === 0) faults.add(2, undefined, "只有列名,没有数据");
  if (file.rows.length > mostRows)
    faults.add(file.rows[mostRows]!.row, undefined, `共${file.rows.length}行,一个文件最多${mostRows}行:请分成几个文件`);
  faults.check();

  const rows = file.rows.map(({ row, cells }): FileRow => {
    if (cells.length !== columns.length) {
      faults.add(row, undefined, `有${cells.length}格,列名有${columns.length}列:检查是否多了或少了逗号、引号`);
      return { row, cells: {} };
    }
    const read: Cells = {};
    for (const [i, column] of columns.entries()) {
      if (!column || column.note) continue;
      const cell = cells[i]!;
      const value = cell === "" ? (column.optional ? "" : undefined) : column.read(cell);
      if (value !== undefined) read[column.name] = value;
      else
        faults.add(
          row,
          file.header[i],
          cell === "" ? `不能为空:应为${column.passes}` : `“${cell.slice(0, 40)}”不符合:应为${column.passes}`,
        );
    }
    return { row, cells: read };
  });
  faults.check();
  return { rows, headings };
}

const columnOf = (known: readonly Column[], heading: string): Column | undefined =>
  known.find(({ name, zh }) => name === heading.toLowerCase() || zh === heading);
