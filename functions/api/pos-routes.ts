import * as z from "zod";
import { idOf } from "../../shared/kernel/ids.ts";
import { text } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { type PosFile, posFile, posLayouts, posMappings } from "../../shared/pos/index.ts";
import { posFilesOfStore } from "../../shared/table/keys.ts";
import { csvBytes, writeCsv } from "../runtime/csv.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/pos/work.ts");

const atStore = {
  actor: "staff",
  owns: "none",
  scope: "store",
  storeOf: (_deps: unknown, { params }: { params: { storeId: string } }) => params.storeId,
} as const;
const readers = ["admin", "ops", "finance", "analyst", "store_manager"] as const;
const filePath = z.strictObject({ storeId: idOf("ST"), fileId: idOf("PF") });

const fileView = posFile.omit({ doneRow: true }).extend({ at: isoOutput, finishedAt: isoOutput.optional() }).meta({
  id: "PosFile",
  description:
    "A file of a till and what its last import came to. added + already + what was skipped are its lines. firstSkipped holds the first 50 lines that were left out, row as an editor counts it.",
});
const fileLine = fileView
  .omit({ firstSkipped: true })
  .meta({ id: "PosFileLine", description: "A file of a till and what its last import came to" });
const toView = ({ doneRow: _, ...file }: PosFile) => ({
  ...file,
  at: toIso(file.at),
  finishedAt: file.finishedAt === undefined ? undefined : toIso(file.finishedAt),
});

const columns = posMappings.till.columns
  .map(({ heading, optional, passes }) => `| ${heading} | ${optional ? "yes" : ""} | ${passes} |`)
  .join("\n");

export const posOps: Route[] = [
  route({
    ...atStore,
    method: "post",
    path: "/ops/v1/stores/{storeId}/pos-files",
    summary: "导入收银文件",
    description: `CSV (RFC 4180) in UTF-8 of one store and one terminal, at most 1 MB, receipts one after the other. The file is read whole first: with a fault in it nothing is written, and CSV_INVALID tells row and column. A line is known by store, terminal, receipt and line: what is there already is only counted, whatever file it came in, so that a file may be sent again and ranges may overlap. 退货 takes units back to the online stock unless the article is perishable, 作废 takes back a line that was imported before. The last row is 合计 and the number of lines. Where a request is interrupted, send the file again: it goes on.\n\nLayout till, columns in this order (online-retail: see docs/adr/0033-receipts-of-the-tills.md):\n\n| column | may be empty | what passes |\n| --- | --- | --- |\n${columns}`,
    roles: ["admin", "ops", "store_manager"],
    idempotent: true,
    takesCsv: true,
    params: z.strictObject({ storeId: idOf("ST") }),
    query: z.strictObject({
      layout: z.enum(posLayouts).default("till"),
      cutHour: z.coerce.number().int().min(0).max(12).default(4).meta({
        description: "Until this hour receipts belong to the shift, and so to the business day, of the day before",
      }),
    }),
    ok: fileView,
    problems: ["STORE_NOT_FOUND"],
    run: async (deps, { actor, params, query, raw, once }) => {
      const { importPosFile } = await work();
      const bytes = csvBytes(raw);
      const open = async function* () {
        yield bytes;
      };
      return importPosFile(deps, { by: actor.staffId, ...params, ...query, open, once });
    },
    view: (file) => toView(file),
  }),
  route({
    ...atStore,
    method: "get",
    path: "/ops/v1/stores/{storeId}/pos-files",
    summary: "收银文件列表",
    description:
      "The file that was sent last first. One that is APPLYING was interrupted, or is being imported: send it again.",
    roles: readers,
    params: z.strictObject({ storeId: idOf("ST") }),
    query: listQuery,
    ok: listOf(fileLine),
    problems: ["CURSOR_INVALID"],
    run: (deps, { params: { storeId }, query }) =>
      listPage(deps, posFilesOfStore(storeId), `pos-files ${storeId}`, query),
    view: ({ items, nextCursor }) => ({
      items: items.map((file) => {
        const { firstSkipped: _, ...line } = toView(file);
        return line;
      }),
      nextCursor,
    }),
  }),
  route({
    ...atStore,
    method: "get",
    path: "/ops/v1/stores/{storeId}/pos-files/{fileId}",
    summary: "收银文件导入结果",
    roles: readers,
    params: filePath,
    ok: fileView,
    problems: ["POS_FILE_NOT_FOUND"],
    run: async (deps, { params }) => (await work()).loadPosFile(deps, params),
    view: (file) => toView(file),
  }),
  route({
    ...atStore,
    method: "get",
    path: "/ops/v1/stores/{storeId}/pos-files/{fileId}/skipped-lines",
    summary: "收银文件未导入的行",
    description:
      'Every line that the last import left out, and why; the Link header (rel="next") leads to the rest. A cell that a spreadsheet would run as a formula begins with a quote.',
    roles: readers,
    givesCsv: true,
    params: filePath,
    query: z.strictObject({
      bom: z.enum(["true", "false"]).default("false").meta({ description: "true: with a byte order mark, for Excel" }),
      cursor: text(0, 2000).optional().meta({ description: "Of the Link header of the file before" }),
    }),
    ok: z.string(),
    problems: ["POS_FILE_NOT_FOUND", "CURSOR_INVALID"],
    run: async (deps, { params, query }) => {
      const { loadPosFile, skippedRecords } = await work();
      const scope = `pos-skipped ${params.fileId}`;
      const after = deps.cursors.open(query.cursor, scope);
      const file = await loadPosFile(deps, params);
      const { records, next } = await skippedRecords(deps.table, file, after);
      const cursor = deps.cursors.seal(next, scope);
      return {
        fileName: `skipped-${file.terminal}-${params.fileId}.csv`,
        text: await writeCsv(records, { bom: query.bom === "true" }),
        ...(cursor !== undefined && { next: new URLSearchParams({ ...query, cursor }).toString() }),
      };
    },
  }),
];
