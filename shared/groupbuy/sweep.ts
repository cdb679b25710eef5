import type { Env } from "../kernel/env.ts";
import { openCase, type PaymentChannel } from "../payment/index.ts";
import { Stale, type Table } from "../table/entity.ts";
import { dueBuckets, dues, dueUntil } from "../table/keys.ts";
import type { Due, DueKind } from "../table/rows.ts";
import { clocks } from "./clocks.ts";

type Deps = { table: Table; env: Env };

/** Rows of a kind that are looked at together. */
const AT_ONCE = 5;

/**
 * Looks at everything of a kind that is due. `look` answers true when it is decided: then its due row goes; false brings it
 * again in a minute, a number at that time (epoch ms). One that fails does not stop the others. Bounded by `untilMs` (epoch
 * ms) and begun at a random bucket, so that whatever a slow run leaves is reached by the next ones. Answers how many were
 * decided, put off and failed; `late` is told for how long (ms) the oldest of those that stay has been due.
 */
export async function sweep(
  deps: Deps,
  kind: DueKind,
  look: (due: Due) => Promise<boolean | number>,
  bounds: { untilMs: number; failed: (due: Due, error: unknown) => void; late: (kind: DueKind, ms: number) => void },
): Promise<{ decided: number; again: number; failed: number }> {
  const tally = { decided: 0, again: 0, failed: 0 };
  const now = deps.env.clock.now();
  let oldest = now;
  const lookAt = async (due: Due) => {
    try {
      const found = await look(due);
      tally[found === true ? "decided" : "again"] += 1;
      if (found !== true) oldest = Math.min(oldest, due.since);
      await moveOn(deps, due, found);
    } catch (error) {
      tally.failed += 1;
      oldest = Math.min(oldest, due.since);
      bounds.failed(due, error);
      await moveOn(deps, due, false);
    }
  };
  const buckets = dueBuckets[kind];
  const first = deps.env.rng.bytes(1)[0]! % buckets;
  const told = () => {
    if (oldest < now) bounds.late(kind, now - oldest);
    return tally;
  };
  for (let turn = 0; turn < buckets; turn++) {
    let after: Record<string, string> | undefined;
    do {
      const page = await deps.table.page(dueUntil(kind, (first + turn) % buckets, now), { limit: 50, after });
      for (let start = 0; start < page.items.length; start += AT_ONCE) {
        if (deps.env.clock.now() >= bounds.untilMs) return told();
        await Promise.all(page.items.slice(start, start + AT_ONCE).map(lookAt));
      }
      after = page.next;
    } while (after);
  }
  return told();
}

async function moveOn(deps: Deps, due: Due, found: boolean | number): Promise<void> {
  const at = typeof found === "number" ? found : deps.env.clock.now() + clocks.again;
  try {
    if (found === true) await deps.table.write(dues.remove(due));
    else await deps.table.commit([dues.remove(due), dues.create({ kind: due.kind, id: due.id, at, since: due.since })]);
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
