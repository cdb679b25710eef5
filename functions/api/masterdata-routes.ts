import * as z from "zod";
import type { Role } from "../../shared/identity/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { text } from "../../shared/kernel/text.ts";
import { dayOf, isoOutput, toIso } from "../../shared/kernel/time.ts";
import {
  type FileKind,
  fileColumns,
  fileKinds,
  type ImportRun,
  importLifecycle,
  mostRows,
} from "../../shared/masterdata/index.ts";
import { loadStore } from "../../shared/store/index.ts";
import { csvOf, writeCsv } from "../runtime/csv.ts";
import { type Route, route } from "../runtime/route.ts";

const work = () => import("../../shared/masterdata/work.ts");

/** Who may import and export what. */
const keepers: Record<FileKind, readonly Role[]> = {
  articles: ["admin", "ops"],
  prices: ["admin", "ops"],
  stock: ["admin", "ops"],
  stores: ["admin", "ops"],
  staff: ["admin"],
};

const counts = {
  kind: z.enum(fileKinds),
  rows: z.int().meta({ description: "Rows of the file" }),
  created: z.int().meta({ description: "Rows that make something new" }),
  changed: z.int().meta({ description: "Rows that change something" }),
  unchanged: z.int().meta({ description: "Rows that say what is so already" }),
};
const planView = z
  .object({
    dryRun: z.boolean(),
    importId: idOf("IM").optional().meta({ description: "Absent of a dry run" }),
    state: z.enum(importLifecycle.states).optional(),
    ...counts,
  })
  .meta({ id: "ImportPlan" });
const runView = z
  .object({
    importId: idOf("IM"),
    state: z.enum(importLifecycle.states),
    ...counts,
    applied: z.int().meta({ description: "Rows applied so far; created + changed in the end" }),
    notes: z.array(z.object({ row: z.int(), message: z.string() })).meta({
      description: "Rows that met a change made by somebody else since they were checked, and what became of them",
    }),
    by: z.string(),
    at: isoOutput,
    appliedAt: isoOutput.optional(),
  })
  .meta({ id: "Import" });
const toRun = (run: ImportRun) => ({
  ...run,
  at: toIso(run.at),
  appliedAt: run.appliedAt === undefined ? undefined : toIso(run.appliedAt),
});

/** The columns as a table of the documentation. */
const columnsOf = (kind: FileKind): string =>
  [
    "| column | 列名 | must stand | may be empty | what passes |",
    "| --- | --- | --- | --- | --- |",
    ...fileColumns[kind].columns.map(
      ({ name, zh, required, optional, note, passes }) =>
        `| ${name} | ${zh} | ${required ? "yes" : ""} | ${optional ? "yes" : ""} | ${note ? "只供阅读" : passes.replaceAll("|", "\\|")} |`,
    ),
  ].join("\n");

const importOf = (kind: FileKind): Route =>
  route({
    method: "post",
    path: `/ops/v1/imports/${kind}`,
    summary: `导入${fileColumns[kind].zh}`,
    description: `CSV (RFC 4180) in UTF-8, at most ${mostRows} rows and 1 MB. All rows are checked first: with an error in one, nothing is written, and CSV_INVALID tells row and column of each (the first 100; all are counted). What passed is applied by itself, in the background: ask GET /ops/v1/imports/{importId}. Sending what an export gave changes nothing.\n\n${columnsOf(kind)}`,
    actor: "staff",
    owns: "none",
    roles: keepers[kind],
    scope: "chain",
    idempotent: true,
    takesCsv: true,
    query: z.strictObject({
      dryRun: z
        .enum(["true", "false"])
        .default("true")
        .meta({ description: "false writes; otherwise the file is only checked" }),
    }),
    ok: planView,
    problems: ["IMPORT_UNDER_WAY"],
    run: async (deps, { actor, query, raw, once }) => {
      const { planImport } = await work();
      const file = await csvOf(raw);
      return planImport(deps, { kind, by: actor.staffId, file, dryRun: query.dryRun === "true", once });
    },
  });

const plainQuery = z.strictObject({
  heading: z.enum(["zh", "en"]).default("zh").meta({ description: "Column names in Chinese or English" }),
  bom: z.enum(["true", "false"]).default("false").meta({ description: "true: with a byte order mark, for Excel" }),
  cursor: text(0, 2000).optional().meta({ description: "Of the Link header of the file before" }),
});

const exportOf = (kind: FileKind): Route =>
  route({
    method: "get",
    path: `/ops/v1/exports/${kind}`,
    summary: `导出${fileColumns[kind].zh}`,
    description: `As POST /ops/v1/imports/${kind} takes it, at most ${mostRows} rows; the Link header (rel="next") leads to the rest. A cell that a spreadsheet would run as a formula begins with a quote, which the import takes off again.`,
    actor: "staff",
    owns: "none",
    roles: keepers[kind],
    scope: "chain",
    givesCsv: true,
    query: kind === "stock" ? plainQuery.extend({ storeId: idOf("ST") }) : plainQuery,
    ok: z.string(),
    problems: kind === "stock" ? ["CURSOR_INVALID", "STORE_NOT_FOUND"] : ["CURSOR_INVALID"],
    run: async (deps, { actor, query: asked }) => {
      const query: z.output<typeof plainQuery> & { storeId?: string } = asked;
      const { storeId } = query;
      const { exportFile } = await work();
      if (storeId) await loadStore(deps, storeId);
      const scope = `export ${kind} ${storeId ?? ""}`;
      const { records, next } = await exportFile(deps, {
        kind,
        by: actor.staffId,
        storeId,
        heading: query.heading === "zh" ? "zh" : "name",
        after: deps.cursors.open(query.cursor, scope),
      });
      const cursor = deps.cursors.seal(next, scope);
      return {
        fileName: `${kind}-${dayOf(deps.env.clock.now())}.csv`,
        text: await writeCsv(records, { bom: query.bom === "true" }),
        ...(cursor !== undefined && { next: new URLSearchParams({ ...query, cursor }).toString() }),
      };
    },
  });

export const masterdataOps: Route[] = [
  ...fileKinds.map(importOf),
  route({
    method: "get",
    path: "/ops/v1/imports/{importId}",
    summary: "导入进度",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops"],
    scope: "chain",
    params: z.strictObject({ importId: idOf("IM") }),
    ok: runView,
    problems: ["IMPORT_NOT_FOUND"],
    run: async (deps, { params }) => (await work()).importRun(deps, params.importId),
    view: (run) => toRun(run),
  }),
  ...fileKinds.map(exportOf),
];
