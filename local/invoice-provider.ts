import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod";
import { toIso } from "../shared/kernel/time.ts";
import type { PlatformClock } from "./parts.ts";

export interface InvoiceProvider {
  readonly url: string;
  /** The SSM value `invoice` for our side. */
  readonly config: { url: string; appKey: string; appSecret: string; sellerTaxId: string };
  /** Turns a knob; `path` is what follows `/_local/invoices/`. */
  control(request: { method: string; path: string; body?: unknown }): { status: number; body: unknown };
  stop(): Promise<void>;
}

const line = z.strictObject({
  kind: z.enum(["goods", "delivery"]),
  name: z.string().min(1),
  units: z.int().min(1),
  amountFen: z.int().min(1),
  taxBps: z.int().min(0),
  taxFen: z.int().min(0),
});
const said = { number: z.string().min(1).max(40), amountFen: z.int().min(1), lines: z.array(line).min(1) };
const sums = ({ amountFen, lines }: { amountFen: number; lines: { amountFen: number }[] }) =>
  lines.reduce((sum, one) => sum + one.amountFen, 0) === amountFen;
const blue = z
  .strictObject({
    ...said,
    sellerTaxId: z.string(),
    buyer: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("person"), title: z.string().min(1) }),
      z.strictObject({ kind: z.literal("company"), title: z.string().min(1), taxId: z.string().min(15) }),
    ]),
  })
  .refine(sums);
const red = z
  .strictObject({ ...said, original: z.strictObject({ number: z.string(), officialNo: z.string() }) })
  .refine(sums);

const operation = z.enum(["issue", "redLetter", "query"]);
/** timeout: nothing is done and nothing answered. drop-answer, 500-after: done, but nobody is told. */
const fault = z.strictObject({
  op: operation,
  kind: z.enum(["timeout", "429", "500-before", "500-after", "drop-answer"]),
  times: z.int().min(1).default(1),
});
/** How the next documents are made: after so long (platform time), or not. It holds until it is set anew. */
const plan = z.strictObject({
  delayMs: z.int().min(0).default(0),
  /** At once with a 422; `later`: accepted, and refused after the delay. */
  refuse: z
    .strictObject({ op: z.enum(["issue", "redLetter"]), code: z.string(), later: z.boolean().default(false) })
    .optional(),
});

interface Row {
  number: string;
  kind: "blue" | "red";
  original: string | null;
  body: string;
  amount: number;
  official: string;
  ready_at: number;
  refusal: string | null;
  asked: number;
}

const operationOf = (method: string, path: string): z.infer<typeof operation> | undefined =>
  method === "POST" && path === "/v1/invoices"
    ? "issue"
    : method === "POST" && path === "/v1/red-letters"
      ? "redLetter"
      : method === "GET" && path.startsWith("/v1/documents/")
        ? "query"
        : undefined;

/**
 * Stands in for a provider of electronic invoices on 127.0.0.1, and speaks the protocol of docs/adr/0030. What it made lies in
 * `<dataDir>/invoices.db` and survives kill -9; a number is made once, and red letters never take more than their invoice says.
 */
export async function startInvoiceProvider(options: {
  dataDir: string;
  clock: Pick<PlatformClock, "now">;
  log?: (line: string) => void;
}): Promise<InvoiceProvider> {
  const { clock, dataDir } = options;
  const log = options.log ?? (() => {});
  mkdirSync(dataDir, { recursive: true });
  const db = new DatabaseSync(join(dataDir, "invoices.db"));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS documents (
      number TEXT PRIMARY KEY, kind TEXT NOT NULL, original TEXT, body TEXT NOT NULL, amount INTEGER NOT NULL,
      official TEXT NOT NULL, ready_at INTEGER NOT NULL, refusal TEXT, asked INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY, op TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER NOT NULL) STRICT`);
  const setting = (name: string): string | undefined =>
    (db.prepare("SELECT value FROM settings WHERE name = ?").get(name) as { value: string } | undefined)?.value;
  const set = (name: string, value: string) =>
    db
      .prepare("INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
      .run(name, value);
  if (setting("secret") === undefined) set("secret", randomBytes(24).toString("base64url"));
  const secret = setting("secret")!;
  const appKey = "commensal-local";
  const plans = (): z.infer<typeof plan> => plan.parse(JSON.parse(setting("plan") ?? "{}"));
  const rowOf = (number: string) =>
    db.prepare("SELECT * FROM documents WHERE number = ?").get(number) as unknown as Row | undefined;

  const statusOf = (row: Row): "processing" | "refused" | "issued" =>
    clock.now() < row.ready_at ? "processing" : row.refusal === null ? "issued" : "refused";
  const shown = (row: Row): object => {
    const status = statusOf(row);
    return {
      number: row.number,
      amountFen: row.amount,
      status,
      ...(status === "refused" && { code: row.refusal }),
      ...(status === "issued" && {
        officialNo: row.official,
        url: `${url}/files/${row.official}.pdf`,
        issuedAt: toIso(row.ready_at),
      }),
    };
  };
  const refused = (code: string) => ({ status: 422, body: { code } });

  /** What a POST makes; a number that is there answers as it stands, save that one which was refused is judged anew. */
  function make(op: "issue" | "redLetter", body: unknown): { status: number; body: object } {
    const read = (op === "issue" ? blue : red).safeParse(body);
    if (!read.success) return refused("PARAMETERS_INVALID");
    const { number, amountFen } = read.data;
    const content = JSON.stringify(read.data);
    const known = rowOf(number);
    if (known && known.body !== content) return refused("NUMBER_TAKEN");
    db.prepare("UPDATE documents SET asked = asked + 1 WHERE number = ?").run(number);
    if (known && statusOf(known) !== "refused") return { status: 200, body: shown(known) };
    const original = "original" in read.data ? read.data.original : undefined;
    if (original) {
      const whole = rowOf(original.number);
      if (!whole || statusOf(whole) !== "issued" || whole.official !== original.officialNo)
        return refused("ORIGINAL_NOT_IN_FORCE");
      const taken = db
        .prepare("SELECT coalesce(sum(amount), 0) AS fen FROM documents WHERE original = ? AND refusal IS NULL")
        .get(original.number) as { fen: number };
      if (taken.fen + amountFen > whole.amount) return refused("RED_LETTER_EXCEEDS");
    }
    const { delayMs, refuse } = plans();
    const refusal = refuse?.op === op ? refuse : undefined;
    if (refusal && !refusal.later) return refused(refusal.code);
    const day = toIso(clock.now()).slice(2, 4);
    db.prepare(
      `INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
       ON CONFLICT (number) DO UPDATE SET ready_at = excluded.ready_at, refusal = excluded.refusal`,
    ).run(
      number,
      op === "issue" ? "blue" : "red",
      original?.number ?? null,
      content,
      amountFen,
      `${day}312${Array.from(randomBytes(15), (byte) => byte % 10).join("")}`,
      clock.now() + delayMs,
      refusal?.code ?? null,
    );
    return { status: 200, body: shown(rowOf(number)!) };
  }

  function signed(request: IncomingMessage, raw: Buffer): boolean {
    const header = (name: string) => String(request.headers[name] ?? "");
    const timestamp = header("invoice-timestamp");
    if (header("invoice-key") !== appKey || Math.abs(clock.now() / 1000 - Number(timestamp)) > 300) return false;
    const wanted = createHmac("sha256", secret)
      .update(`${timestamp}\n${request.method}\n${request.url}\n`)
      .update(raw)
      .digest();
    const given = Buffer.from(header("invoice-signature"), "hex");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  function takeFault(op: string): string | undefined {
    const found = db.prepare("SELECT * FROM faults WHERE op = ? ORDER BY id LIMIT 1").get(op) as
      | { id: number; kind: string; times: number }
      | undefined;
    if (!found) return undefined;
    if (found.times > 1) db.prepare("UPDATE faults SET times = times - 1 WHERE id = ?").run(found.id);
    else db.prepare("DELETE FROM faults WHERE id = ?").run(found.id);
    return found.kind;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    if (setting("outage") === "on") {
      request.socket.destroy();
      return;
    }
    const path = request.url ?? "/";
    const op = operationOf(request.method ?? "GET", path);
    const struck = op && takeFault(op);
    log(`invoices: ${op ?? path}${struck ? ` (${struck})` : ""}`);
    const answer = (status: number, body: object) =>
      void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    if (struck === "timeout") return; // the client gives up, or stop() cuts the line
    if (struck === "429") return answer(429, { code: "TOO_MANY" });
    if (struck === "500-before") return answer(500, { code: "INTERNAL" });
    if (!signed(request, raw)) return answer(401, { code: "SIGNATURE_INVALID" });
    if (!op) return answer(404, { code: "NOT_FOUND" });
    let told: { status: number; body: object };
    if (op === "query") {
      const row = rowOf(decodeURIComponent(path.slice("/v1/documents/".length)));
      told = row ? { status: 200, body: shown(row) } : { status: 404, body: { code: "NOT_FOUND" } };
    } else told = make(op, readJson(raw));
    if (struck === "drop-answer") request.socket.destroy();
    else if (struck === "500-after") answer(500, { code: "INTERNAL" });
    else answer(told.status, told.body);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      log(`invoices: ${String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const knobs: Record<string, (body: unknown) => unknown> = {
    "POST plan": (body) => {
      const wanted = plan.parse(body);
      set("plan", JSON.stringify(wanted));
      return wanted;
    },
    "POST fault": (body) => {
      const { op, kind, times } = fault.parse(body);
      db.prepare("INSERT INTO faults (op, kind, times) VALUES (?, ?, ?)").run(op, kind, times);
      return { op, kind, times };
    },
    "POST clear-faults": () => ({ cleared: Number(db.prepare("DELETE FROM faults").run().changes) }),
    "POST outage": (body) => {
      const { on } = z.strictObject({ on: z.boolean() }).parse(body);
      set("outage", on ? "on" : "off");
      return { on };
    },
    "GET book": () =>
      (db.prepare("SELECT * FROM documents ORDER BY rowid").all() as unknown as Row[]).map((row) => ({
        ...(JSON.parse(row.body) as object),
        ...shown(row),
        kind: row.kind,
        asked: row.asked,
        ...(row.original !== null && { original: row.original }),
      })),
  };

  return {
    url,
    config: { url, appKey, appSecret: secret, sellerTaxId: "91310101MA1FPX1234" },
    control({ method, path, body }) {
      const turn = knobs[`${method} ${path.replace(/^\/+|\/+$/g, "")}`];
      if (!turn) return { status: 404, body: { title: `no such knob; there are: ${Object.keys(knobs).join(", ")}` } };
      try {
        return { status: 200, body: turn(body) };
      } catch (error) {
        if (error instanceof z.ZodError) return { status: 400, body: { title: z.prettifyError(error) } };
        throw error;
      }
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      db.close();
    },
  };
}

function readJson(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString());
  } catch {
    return undefined;
  }
}
