import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { importLifecycle } from "./lifecycle.ts";

export const fileKinds = ["articles", "prices", "stock", "stores", "staff"] as const;
export type FileKind = (typeof fileKinds)[number];

/** The most rows of one file. */
export const mostRows = 2_000;

/** A row of a file: its cells by column name, each in its one form; `row` as a spreadsheet counts. */
export const fileRow = z.object({ row: z.int().min(2), cells: z.record(z.string(), z.string()) });
export type FileRow = z.infer<typeof fileRow>;
export type Cells = FileRow["cells"];

/** A file whose rows all passed; what it changes waits in chunks until it is applied. */
export const importRun = z.object({
  importId: idOf("IM"),
  kind: z.enum(fileKinds),
  state: z.enum(importLifecycle.states),
  by: z.string(),
  at: epochMs,
  appliedAt: epochMs.optional(),
  /** Rows of the file, and what they meant when it was planned; created + changed are the rows to apply. */
  rows: z.int().min(0),
  created: z.int().min(0),
  changed: z.int().min(0),
  unchanged: z.int().min(0),
  applied: z.int().min(0),
  /** Rows that found another world than the one they were planned in, and what became of them: the first 50. */
  notes: z.array(z.object({ row: z.int(), message: text(0, 200) })).max(50),
});
export type ImportRun = z.infer<typeof importRun>;

/** Some rows of an import that are still to be applied; it goes in the commit that applies them. */
export const importChunk = z.object({ importId: idOf("IM"), chunk: z.int().min(0), rows: z.array(fileRow).min(1) });

/** The import that is being applied to a kind of rows: there is one at a time. */
export const importLock = z.object({ register: z.string(), importId: idOf("IM") });
