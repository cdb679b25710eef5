import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, Stale, type Stored, type Table, type Write } from "../table/entity.ts";
import { chunksOf, importChunks, importLocks, importRuns, outbox } from "../table/keys.ts";
import { fileTypes } from "./file-types.ts";
import { importLifecycle } from "./lifecycle.ts";
import type { ImportRun } from "./model.ts";

type Deps = { env: Env; table: Table };

/**
 * Carries out a planned import, chunk by chunk, until `untilMs` (epoch ms): each chunk goes in the commit that applies its rows, so
 * that whoever comes again, or comes at the same time, goes on with what is left and no row is applied twice. A row is applied
 * to the row as it is by then: it comes after whatever others wrote meanwhile. Answers whether nothing is left.
 */
export async function applyImport(deps: Deps, importId: string, untilMs: number): Promise<boolean> {
  for (;;) {
    if (deps.env.clock.now() >= untilMs) return false;
    if (await decide(() => step(deps, importId))) return true;
  }
}

/** Throws IMPORT_NOT_FOUND. */
export async function importRun(deps: Pick<Deps, "table">, importId: string): Promise<Stored<ImportRun>> {
  const run = await deps.table.load(importRuns, { importId });
  if (!run) throw new DomainError("IMPORT_NOT_FOUND");
  return run;
}

async function step({ env, table }: Deps, importId: string): Promise<boolean> {
  const run = await table.load(importRuns, { importId });
  if (!run || run.state === "APPLIED") return true;
  const type = fileTypes[run.kind];
  const [chunk] = (await table.page(chunksOf(importId), { limit: 1 })).items;
  const moved = importRuns.patch({ importId }).asRead(run);
  if (!chunk) {
    await table.commit([
      moved.move("state", importLifecycle, "finished").set({ appliedAt: env.clock.now() }),
      importLocks.remove({ register: type.register }).when("importId", "=", importId),
      audited(env, { staffId: run.by, action: "import.apply", target: importId, change: { rows: run.applied } }),
      outbox.create(
        makeEvent(env, {
          type: "import.applied",
          actor: { kind: "staff", id: run.by },
          data: { importId, kind: run.kind, rows: run.applied },
        }),
      ),
    ]);
    return true;
  }
  const verdicts = await type.judge({ env, table }, chunk.rows, {
    by: run.by,
    phase: "apply",
    cause: `import#${importId}`,
  });
  const targets = new Set<string>();
  const notes: ImportRun["notes"] = [];
  const writes: Write[] = [];
  for (const [i, verdict] of verdicts.entries()) {
    const note = (message: string) => notes.push({ row: chunk.rows[i]!.row, message: message.slice(0, 100) });
    if ("wrong" in verdict) note(`未写入:${verdict.wrong.map(({ message }) => message).join(";")}`);
    else if (targets.has(verdict.target)) note("未写入:导入期间它与前面的一行成了同一条");
    else {
      targets.add(verdict.target);
      if (verdict.note) note(verdict.note);
      if ("writes" in verdict) writes.push(...verdict.writes());
    }
  }
  try {
    await table.commit([
      moved
        .move("state", importLifecycle, "began")
        .add({ applied: chunk.rows.length })
        .set(notes.length > 0 ? { notes: [...run.notes, ...notes].slice(0, 50) } : {}),
      importChunks.remove(chunk),
      ...writes,
    ]);
  } catch (error) {
    // somebody took a code, or added the person, between the look and the commit: the next look sees it
    if (error instanceof DomainError && ["CODE_TAKEN", "STAFF_EXISTS"].includes(error.code))
      throw new Stale(error.message);
    throw error;
  }
  return false;
}
