import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { parseArgs } from "node:util";
import { type PosLayout, posLayouts, posMappings } from "../shared/pos/index.ts";
import { readRecords } from "../shared/pos/work.ts";

/** A part of a till's file that the API takes at once: a file of its own, and which rows of the whole its lines are. */
interface Part {
  csv: string;
  rows: number[];
}

/** Below the megabyte that a body may have. */
const MOST_BYTES = 900_000;
const TRIES = 5;

/**
 * Cuts a file into parts of at most so many bytes, never within a receipt, each with the header and, where the layout has one, a
 * last row that counts its lines. Throws CSV_INVALID where it is no CSV, and an Error where its own last row does not count its
 * lines: then it was cut off, and no part of it should be sent.
 */
export async function* partsOf(
  bytes: AsyncIterable<Uint8Array>,
  { layout, most = MOST_BYTES }: { layout: PosLayout; most?: number },
): AsyncGenerator<Part> {
  const { columns, footer } = posMappings[layout];
  const receiptAt = columns.findIndex(({ field }) => field === "receipt");
  let header: string | undefined;
  let lines = 0;
  let counted: string | undefined;
  let part = some();
  let receipt = some();
  let number = "";
  const done = ({ text, rows }: Some): Part[] =>
    rows.length === 0
      ? []
      : [{ csv: `${header}\n${text}${footer === undefined ? "" : `${footer},${rows.length}\n`}`, rows }];
  /** Puts the receipt to the part, and gives the part that is full without it. */
  const add = (): Part[] => {
    const full = part.bytes + receipt.bytes > most ? done(part) : [];
    if (full.length > 0) part = some();
    part.text += receipt.text;
    part.bytes += receipt.bytes;
    for (const row of receipt.rows) part.rows.push(row);
    receipt = some();
    return full;
  };
  for await (const records of readRecords(bytes))
    for (const { row, cells } of records) {
      const text = cells.map(quoted).join(",");
      if (header === undefined) {
        header = text;
        continue;
      }
      if (footer !== undefined && cells[0] === footer) {
        counted = cells[1];
        continue;
      }
      if (cells[receiptAt] !== number) yield* add();
      number = cells[receiptAt] ?? "";
      receipt.text += `${text}\n`;
      receipt.bytes += Buffer.byteLength(text) + 1;
      receipt.rows.push(row);
      lines += 1;
    }
  if (footer !== undefined && counted !== String(lines))
    throw new Error(`最后一行应为 ${footer},${lines}:文件可能不完整,请重新导出`);
  yield* add();
  yield* done(part);
}

/** Lines as they are gathered. */
interface Some {
  text: string;
  bytes: number;
  rows: number[];
}
const some = (): Some => ({ text: "", bytes: 0, rows: [] });

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** What became of a file, over its parts; units are those of its articles, `skipped` goes by reason. */
interface Sent {
  parts: number;
  lines: number;
  added: number;
  already: number;
  takenBack: number;
  unitsShort: number;
  skipped: Record<string, number>;
}

/**
 * Sends a till's file of any size to the API (POST /ops/v1/stores/{storeId}/pos-files), part by part; `wait` is told ms. It is read
 * whole before its first part is sent. Where the API is busy or can't be reached, a part is sent again under its key. Throws an
 * Error that names the row of the whole file where a part is refused: what was sent before is in, and may be sent again.
 */
export async function sendTillFile(
  open: () => AsyncIterable<Uint8Array>,
  how: {
    url: string;
    token: string;
    storeId: string;
    layout: PosLayout;
    cutHour: number;
    most?: number;
    wait(ms: number): Promise<unknown>;
    progress?(part: Part): void;
  },
): Promise<Sent> {
  for await (const _ of partsOf(open(), how));
  const sum: Sent = { parts: 0, lines: 0, added: 0, already: 0, takenBack: 0, unitsShort: 0, skipped: {} };
  for await (const part of partsOf(open(), how)) {
    const answer = await sendPart(part, how);
    sum.parts += 1;
    for (const count of ["lines", "added", "already", "takenBack", "unitsShort"] as const) sum[count] += answer[count];
    for (const [reason, lines] of Object.entries(answer.skipped))
      sum.skipped[reason] = (sum.skipped[reason] ?? 0) + lines;
    how.progress?.(part);
  }
  return sum;
}

async function sendPart(part: Part, how: Parameters<typeof sendTillFile>[1]): Promise<Sent> {
  const { url, token, storeId, layout, cutHour } = how;
  const key = randomUUID();
  for (let tries = 1; ; tries++) {
    const response = await fetch(
      `${url}/ops/v1/stores/${encodeURIComponent(storeId)}/pos-files?layout=${layout}&cutHour=${cutHour}`,
      {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "text/csv", "idempotency-key": key },
        body: part.csv,
      },
    ).catch((error: Error) => error);
    if (!(response instanceof Error) && response.ok) return (await response.json()) as Sent;
    const again = response instanceof Error || response.status === 429 || response.status >= 500;
    if (again && tries < TRIES) {
      const after = response instanceof Error ? 0 : Number(response.headers.get("retry-after"));
      await how.wait(Math.max(1, after || 2 ** tries) * 1_000);
      continue;
    }
    throw new Error(response instanceof Error ? response.message : await refusalOf(response, part));
  }
}

/** Why a part was refused, by the rows of the whole file. */
async function refusalOf(response: Response, { rows }: Part): Promise<string> {
  const text = await response.text();
  try {
    const { code, title, errors = [] } = JSON.parse(text);
    const places = errors.map(
      ({ row, column, message }: { row?: number; column?: string; message: string }) =>
        `\n第${row === undefined || row < 2 ? 1 : (rows[row - 2] ?? (rows.at(-1) ?? 0) + 1)}行 ${column ?? ""}: ${message}`,
    );
    return `${response.status} ${code} ${title}${places.join("")}`;
  } catch {
    return `${response.status} ${text.slice(0, 200)}`;
  }
}

/** `npm run till-file -- --url https://shop.example --store ST… receipts.csv`, with the staff token in STAFF_TOKEN. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: "string", default: "http://127.0.0.1:8787" },
      store: { type: "string" },
      layout: { type: "string", default: "till" },
      "cut-hour": { type: "string", default: "4" },
    },
  });
  const [path] = positionals;
  const layout = posLayouts.find((one) => one === values.layout);
  const token = process.env.STAFF_TOKEN;
  if (!path || !values.store || !layout || !token)
    throw new Error(
      `用法: STAFF_TOKEN=… npm run till-file -- --url <地址> --store <门店> [--layout ${posLayouts.join("|")}] [--cut-hour 4] <文件>`,
    );
  const sent = await sendTillFile(() => createReadStream(path), {
    ...{ url: values.url, token, storeId: values.store, layout, cutHour: Number(values["cut-hour"]) },
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    progress: ({ rows }) => process.stderr.write(`第${rows[0]}至${rows.at(-1)}行已导入\n`),
  });
  process.stdout.write(`${JSON.stringify(sent, null, 1)}\n`);
}

if (import.meta.main)
  await main().catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
