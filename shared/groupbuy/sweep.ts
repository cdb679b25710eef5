import type { Env } from "../kernel/env.ts";
import { openCase, type PaymentChannel } from "../payment/index.ts";
import { Stale, type Table } from "../table/entity.ts";
import { DUE_BUCKETS, dues, dueUntil } from "../table/keys.ts";
import type { Due, DueKind } from "../table/rows.ts";
import { clocks } from "./clocks.ts";

type Deps = { table: Table; env: Env };

/**
 * Looks at everything of a kind that is due. `look` answers whether it is decided: then its due row goes, else it comes
 * again in a minute. One that fails does not stop the others. Bounded by `untilMs` (epoch ms): the rest waits for the next
 * run. Answers how many were decided, put off and failed.
 */
export async function sweep(
  deps: Deps,
  kind: DueKind,
  look: (due: Due) => Promise<boolean>,
  bounds: { untilMs: number; failed: (due: Due, error: unknown) => void },
): Promise<{ decided: number; again: number; failed: number }> {
  const tally = { decided: 0, again: 0, failed: 0 };
  const now = deps.env.clock.now();
  for (let bucket = 0; bucket < DUE_BUCKETS; bucket++) {
    let after: Record<string, string> | undefined;
    do {
      const page = await deps.table.page(dueUntil(kind, bucket, now), { limit: 50, after });
      for (const due of page.items) {
        if (deps.env.clock.now() >= bounds.untilMs) return tally;
        try {
          const decided = await look(due);
          tally[decided ? "decided" : "again"] += 1;
          await moveOn(deps, due, decided);
        } catch (error) {
          tally.failed += 1;
          bounds.failed(due, error);
          await moveOn(deps, due, false);
        }
      }
      after = page.next;
    } while (after);
  }
  return tally;
}

async function moveOn(deps: Deps, due: Due, decided: boolean): Promise<void> {
  const at = deps.env.clock.now() + clocks.again;
  try {
    await deps.table.commit([
      dues.remove(due),
      ...(decided ? [] : [dues.create({ kind: due.kind, id: due.id, at, since: due.since })]),
    ]);
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // another sweep was here
  }
}

/** Tells staff of a seat that the channel has not decided for half an hour. */
export async function alarmUndecided(deps: Deps & { channel: PaymentChannel }, due: Due): Promise<void> {
  if (deps.env.clock.now() - due.since < clocks.alarm) return;
  await openCase(deps, {
    reason: "undecided",
    number: due.id,
    orderId: due.id,
    detail: "a held seat past its time: the channel gives no answer",
  });
}
