import { createHash } from "node:crypto";
import { findArticles, stockLimit } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { randomText } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { loadStore } from "../store/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { outbox, posFiles, posReceipts, posSkips, stockMovements, stockOfStore, stocks } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { posMappings } from "./columns.ts";
import { posFileLifecycle } from "./lifecycle.ts";
import {
  LINES_A_PART,
  type PosFile,
  type PosLayout,
  type PosReceipt,
  type SkippedLine,
  type SkipReason,
} from "./model.ts";
import { type FileFacts, readLines } from "./read-lines.ts";
import { businessDay, type FileLine, judgeLine, type KnownArticle, mergeLine, unitsMoved } from "./receipt-rules.ts";

type Deps = { env: Env; table: Table; blindIndex(text: string): string };

/** Rows of one commit, its file's row and that of its skipped lines among them; a commit holds 100. */
const MOST_ROWS = 96;
/** Lines of one commit: as many skipped ones stay below the 400 KB of a row. */
const MOST_LINES = 2_000;
/** Articles that are remembered by what files call them. */
const MOST_KNOWN = 20_000;
const FIRST_SKIPPED = 50;

/**
 * Imports a file of a store's till: reads it whole first, and only then writes it, in commits that each move the file's row on. So
 * nothing stays of a file that is refused, and one that was interrupted goes on when it is sent again. A line is known by store,
 * terminal, receipt and line: what is there already is only counted, from whatever file it came. Units move with it at the
 * store's online stock, where the article had a stock when the import began, and never below zero.
 * `open` gives the file's bytes from their beginning, each time it is called; `progress` is told how many of its lines are done.
 * Throws STORE_NOT_FOUND, and CSV_INVALID with rows and columns.
 */
export async function importPosFile(
  deps: Deps,
  input: {
    by: string;
    storeId: string;
    layout: PosLayout;
    /** Until which hour of the day receipts belong to the day before, 0 to 12. */
    cutHour: number;
    open: () => AsyncIterable<Uint8Array>;
    progress?: (lines: number, of: number) => void;
    once?: Once<PosFile>;
  },
): Promise<PosFile> {
  const { table } = deps;
  const { storeId, layout } = input;
  const store = await loadStore(deps, storeId);
  const facts: FileFacts = { terminal: "", lines: 0 };
  const how = { layout, stores: [storeId, ...(store.code ? [store.code] : [])], facts };
  const hash = createHash("sha256").update(`${storeId}\n${layout}\n${input.cutHour}\n`);
  for await (const _ of readLines(hashed(input.open(), hash), how));
  const fileId = `PF${randomText(hash.digest().subarray(0, 24))}`;
  let file = await decide(() => begin(deps, { ...input, fileId, facts }));

  const stocked = await stockedAt(table, storeId);
  const known = new Map<string, KnownArticle | undefined>();
  const run: Run = { number: file.run, fees: posMappings[layout].fees, stocked, known };
  let waiting: FileLine[] = [];
  const write = async (lines: FileLine[]) => {
    await learn(table, known, lines);
    for (let rest = lines; rest.length > 0; ) {
      const part = fitting(rest, run);
      file = await decide(() => step(deps, file.fileId, part, run));
      rest = rest.slice(part.length);
    }
    const { doneRow } = file;
    input.progress?.(Math.min(doneRow - 1, facts.lines), facts.lines);
  };
  for await (const lines of readLines(input.open(), { ...how, facts: { terminal: "", lines: 0 } })) {
    for (const line of lines) if (line.row > file.doneRow) waiting.push(line);
    for (; waiting.length >= MOST_LINES; waiting = waiting.slice(MOST_LINES)) await write(waiting.slice(0, MOST_LINES));
  }
  if (waiting.length > 0) await write(waiting);
  return decide(() => finish(deps, { fileId, run: run.number, by: input.by, once: input.once }));
}

/** Throws POS_FILE_NOT_FOUND where the store has none of that id. */
export async function loadPosFile(
  { table }: Pick<Deps, "table">,
  { storeId, fileId }: { storeId: string; fileId: string },
): Promise<Stored<PosFile>> {
  const file = await table.load(posFiles, { fileId });
  if (file?.storeId !== storeId) throw new DomainError("POS_FILE_NOT_FOUND");
  return file;
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: { update(chunk: Uint8Array): unknown }) {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** The file's row, as it is to go on from: where it was interrupted, or from the beginning. */
async function begin(
  { env, table }: Deps,
  given: { fileId: string; by: string; storeId: string; layout: PosLayout; cutHour: number; facts: FileFacts },
): Promise<Stored<PosFile>> {
  const { fileId, by, storeId, layout, cutHour, facts } = given;
  const before = await table.load(posFiles, { fileId });
  if (before?.state === "APPLYING") return before;
  const fresh: PosFile = {
    ...{ fileId, storeId, layout, cutHour, by, ...facts },
    state: "APPLYING",
    run: (before?.run ?? 0) + 1,
    at: env.clock.now(),
    doneRow: 1,
    ...{ added: 0, already: 0, takenBack: 0, skipped: {}, firstSkipped: [], unitsShort: 0 },
  };
  await table.write(before ? posFiles.replace({ ...fresh, version: before.version }) : posFiles.create(fresh));
  return { ...fresh, version: (before?.version ?? 0) + 1 };
}

/** The articles that the store keeps a stock of. */
async function stockedAt(table: Table, storeId: string): Promise<Set<string>> {
  const found = new Set<string>();
  let after: Record<string, string> | undefined;
  do {
    const page = await table.page(stockOfStore(storeId), { limit: 500, after });
    for (const { articleId } of page.items) found.add(articleId);
    after = page.next;
  } while (after);
  return found;
}

async function learn(table: Table, known: Map<string, KnownArticle | undefined>, lines: readonly FileLine[]) {
  const called = [...new Set(lines.map(({ article }) => article))].filter((name) => !known.has(name));
  if (called.length === 0) return;
  if (known.size + called.length > MOST_KNOWN) known.clear();
  const names = [...new Set([...called, ...(known.size === 0 ? lines.map(({ article }) => article) : [])])];
  const find = await findArticles(table, names);
  for (const name of names) {
    const article = find(name);
    known.set(name, article && { articleId: article.articleId, perishable: article.perishable });
  }
}

interface Run {
  /** How often the file was sent: whoever is still at an earlier sending leaves the later one alone. */
  number: number;
  fees: ReadonlySet<string>;
  stocked: ReadonlySet<string>;
  known: ReadonlyMap<string, KnownArticle | undefined>;
}

const partOf = (line: number) => Math.floor((line - 1) / LINES_A_PART);
const keyOf = (receipt: string, part: number) => `${receipt}#${part}`;

/** As many of the lines, from the first, as one commit holds. */
function fitting(lines: readonly FileLine[], { stocked, known }: Run): FileLine[] {
  const rows = new Set<string>();
  const units = new Set<string>();
  for (const [i, line] of lines.entries()) {
    rows.add(keyOf(line.receipt, partOf(line.line)));
    const articleId = known.get(line.article)?.articleId;
    if (articleId && stocked.has(articleId)) units.add(articleId);
    if (rows.size + 2 * units.size + 2 > MOST_ROWS) return lines.slice(0, i);
  }
  return [...lines];
}

/** Writes some lines of a file, unless somebody who imports the same file was there first. */
async function step(
  { env, table, blindIndex }: Deps,
  fileId: string,
  given: FileLine[],
  run: Run,
): Promise<Stored<PosFile>> {
  const file = (await table.load(posFiles, { fileId }))!;
  if (file.state === "APPLIED" || file.run !== run.number) return file;
  const lines = given.filter(({ row }) => row > file.doneRow);
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) return file;
  const { storeId, terminal } = file;
  const keys = lines.map(({ receipt, line }) => ({ storeId, terminal, receipt, part: partOf(line) }));
  const stored = await table.loadMany(posReceipts, keys);
  const parts = new Map<string, PosReceipt & { version?: number }>(
    stored.map((row) => [keyOf(row.receipt, row.part), row]),
  );
  const touched = new Set<string>();
  const skipped: SkippedLine[] = [];
  const moves = new Map<string, number>();
  const tally = { added: 0, already: 0, takenBack: 0 };
  const perishable = new Map([...run.known.values()].flatMap((a) => (a ? [[a.articleId, a.perishable] as const] : [])));
  const move = (line: PosReceipt["lines"][number], sign: 1 | -1) => {
    const { articleId } = line;
    if (!articleId || !run.stocked.has(articleId)) return;
    const units = sign * unitsMoved(line, perishable.get(articleId) ?? true);
    moves.set(articleId, (moves.get(articleId) ?? 0) + units);
  };
  for (const fileLine of lines) {
    const { row, receipt, line: number, article: name } = fileLine;
    const leaveOut = (reason: SkipReason) => skipped.push({ row, receipt, line: number, article: name, reason });
    const judged = judgeLine(fileLine, { article: run.known.get(name), fees: run.fees, now: env.clock.now() });
    if (judged.skip) leaveOut(judged.skip);
    if (!judged.line) continue;
    const part = partOf(number);
    const key = keyOf(receipt, part);
    const before = parts.get(key);
    const old = before?.lines.find(({ line }) => line === number);
    const merged = mergeLine(old, judged.line);
    if (merged.is === "already") {
      if (!judged.skip) tally.already += 1;
      continue;
    }
    if (merged.is === "left out") {
      leaveOut(merged.reason);
      continue;
    }
    if (old) {
      tally.takenBack += 1;
      move(old, -1);
    } else if (!judged.skip) {
      tally.added += 1;
      move(merged.line, 1);
    }
    touched.add(key);
    const rest = before?.lines.filter(({ line }) => line !== number) ?? [];
    const head = before ?? {
      ...{ storeId, terminal, receipt, part },
      at: fileLine.at,
      day: businessDay(fileLine.at, file.cutHour),
      ...(fileLine.card !== "" && { buyer: blindIndex(`pos-card:${fileLine.card}`) }),
    };
    parts.set(key, { ...head, lines: [...rest, merged.line].sort((a, b) => a.line - b.line) });
  }
  const stock = await stockMoves({ env, table }, { storeId, moves, cause: `pos#${fileId}#${file.run}#${first.row}` });
  const counts = { ...file.skipped };
  for (const { reason } of skipped) counts[reason] = (counts[reason] ?? 0) + 1;
  const next: PosFile = {
    ...file,
    ...{ added: file.added + tally.added, already: file.already + tally.already },
    takenBack: file.takenBack + tally.takenBack,
    unitsShort: file.unitsShort + stock.short,
    skipped: counts,
    firstSkipped: [...file.firstSkipped, ...skipped].slice(0, FIRST_SKIPPED),
    doneRow: last.row,
  };
  const receipts = [...touched].map((key): Write => {
    const { version, ...row } = parts.get(key)!;
    return version === undefined ? posReceipts.create(row) : posReceipts.replace({ ...row, version });
  });
  await table.commit([
    posFiles.replace({ ...next, version: file.version }),
    ...receipts,
    ...stock.writes,
    ...(skipped.length > 0 ? [posSkips.create({ fileId, run: file.run, row: first.row, lines: skipped })] : []),
  ]);
  return { ...next, version: file.version + 1 };
}

/** The writes that move stocks by so many units, as far as there are; `short` are the units that were not there. */
async function stockMoves(
  { env, table }: Pick<Deps, "env" | "table">,
  given: { storeId: string; moves: ReadonlyMap<string, number>; cause: string },
): Promise<{ writes: Write[]; short: number }> {
  const { storeId, cause } = given;
  const keys = [...given.moves].flatMap(([articleId, units]) => (units === 0 ? [] : [{ storeId, articleId }]));
  const writes: Write[] = [];
  let short = 0;
  for (const row of await table.loadMany(stocks, keys)) {
    const asked = row.online + given.moves.get(row.articleId)!;
    const online = Math.min(stockLimit, Math.max(0, asked));
    short += Math.max(0, -asked);
    const delta = online - row.online;
    if (delta === 0) continue;
    writes.push(
      stocks.replace({ ...row, online }),
      stockMovements.create({ storeId, articleId: row.articleId, cause, delta, at: env.clock.now() }),
    );
  }
  return { writes, short };
}

async function finish(
  { env, table }: Deps,
  { fileId, run, by, once }: { fileId: string; run: number; by: string; once: Once<PosFile> | undefined },
): Promise<PosFile> {
  const file = (await table.load(posFiles, { fileId }))!;
  const { storeId, terminal, lines, added, already, takenBack, skipped } = file;
  if (file.state === "APPLIED" || file.run !== run) {
    if (once) await table.commit(once(file));
    return file;
  }
  const done: PosFile = { ...file, state: "APPLIED", finishedAt: env.clock.now() };
  const counts = { lines, added, already, takenBack };
  await table.commit([
    posFiles
      .patch({ fileId })
      .asRead(file)
      .move("state", posFileLifecycle, "finished")
      .set({ finishedAt: env.clock.now() }),
    audited(env, {
      staffId: by,
      action: "pos.import",
      target: fileId,
      change: { storeId, terminal, ...counts, skipped },
    }),
    outbox.create(
      makeEvent(env, {
        type: "pos.imported",
        actor: { kind: "staff", id: by },
        data: { fileId, storeId, terminal, ...counts },
      }),
    ),
    ...(once?.(done) ?? []),
  ]);
  return done;
}
