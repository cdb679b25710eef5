import * as z from "zod";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import { makeId } from "../../shared/kernel/ids.ts";
import { isoInput, minute, second, toIso } from "../../shared/kernel/time.ts";
import { OUTBOX_BUCKETS, outboxOf } from "../../shared/table/keys.ts";
import { composeDeps } from "../runtime/composition.ts";
import type { Deps } from "../runtime/deps.ts";
import { taskHandler } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";
import { effect } from "./effects.ts";
import { project } from "./projections.ts";

/** How long one invocation reads before it leaves the rest to the next one; the function's own end comes two minutes later. */
const AT_MOST_MS = 13 * minute;
/** Between the moment in an event and its arrival in the stream, and between it and the moment in its id. */
const SLACK_MS = 10 * second;
const BUCKETS_AT_ONCE = 8;

const range = z.strictObject({ from: isoInput, until: isoInput.optional() });
/** What the readers' event sources leave in a dead-letter queue: where in the stream the batch was, and when it came. */
const deadLetter = z.object({
  DDBStreamBatchInfo: z.object({ approximateArrivalOfFirstRecord: isoInput, approximateArrivalOfLastRecord: isoInput }),
});
const fromQueue = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })) });

export interface Redriven {
  read: number;
  /** Events whose work failed again; each is in the log as EVENT_FAILED. */
  failed: number;
  /** Where the next call goes on; absent when the range is done. */
  resumeFrom?: string;
}

/**
 * Hands every event of the time from `from` to `until` (epoch ms, both included, widened by ten seconds) to `act` again, minute
 * by minute. One that fails does not stop the others. Ends early once the clock has reached `stopAt`.
 */
export async function redrive(
  deps: Deps,
  { from, until, stopAt }: { from: number; until: number; stopAt: number },
  act: (deps: Deps, event: DomainEvent) => Promise<void>,
): Promise<Redriven> {
  const done: Redriven = { read: 0, failed: 0 };
  const last = Math.min(until, deps.env.clock.now()) + SLACK_MS;
  for (let at = Math.floor((from - SLACK_MS) / minute) * minute; at <= last; at += minute) {
    if (deps.env.clock.now() >= stopAt) return { ...done, resumeFrom: toIso(at) };
    for (let first = 0; first < OUTBOX_BUCKETS; first += BUCKETS_AT_ONCE)
      await Promise.all(Array.from({ length: BUCKETS_AT_ONCE }, (_, i) => ofMinute(deps, at, first + i, act, done)));
  }
  return done;
}

/** The events of one minute in one bucket, in their order. Ids may be born a little after the moment their event tells. */
async function ofMinute(
  deps: Deps,
  at: number,
  bucket: number,
  act: (deps: Deps, event: DomainEvent) => Promise<void>,
  done: Redriven,
): Promise<void> {
  const bornAt = (ms: number) => makeId("EV", ms, new Uint8Array(14));
  const query = { ...outboxOf(at, bucket), from: bornAt(at), until: bornAt(at + minute + SLACK_MS) };
  let after: Record<string, string> | undefined;
  do {
    const page = await deps.table.page(query, { limit: 100, after });
    for (const event of page.items) {
      if (event.at < at || event.at >= at + minute) continue; // another minute's
      done.read += 1;
      try {
        await act(deps, event);
      } catch (error) {
        done.failed += 1;
        logger.unexpected("EVENT_FAILED", error, { eventId: event.eventId, eventType: event.type });
      }
    }
    after = page.next;
  } while (after);
}

/** Both readers' work; each of them may do it again at any time. */
async function both(deps: Deps, event: DomainEvent): Promise<void> {
  const outcomes = await Promise.allSettled([effect(deps, event), project(deps, event)]);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/**
 * Reads the outbox again: on demand with `{ from, until? }` (ISO 8601; answers what was done), and for the messages of the
 * readers' dead-letter queues. A message whose time could not be done wholly stays in its queue and comes again in an hour.
 */
export const handler = taskHandler(z.union([range, fromQueue]), composeDeps(["wechat"]), async (deps, input) => {
  const stopAt = deps.env.clock.now() + AT_MOST_MS;
  if ("from" in input) {
    const done = await redrive(deps, { from: input.from, until: input.until ?? deps.env.clock.now(), stopAt }, both);
    logger.info("REDRIVE", { outcome: done.resumeFrom === undefined ? "done" : "resume", count: done.read });
    return done;
  }
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { messageId, body } of input.Records) {
    try {
      const { DDBStreamBatchInfo: batch } = deadLetter.parse(JSON.parse(body));
      const from = batch.approximateArrivalOfFirstRecord - minute;
      const done = await redrive(deps, { from, until: batch.approximateArrivalOfLastRecord, stopAt }, both);
      logger.info("REDRIVE", { outcome: "dead_letter", count: done.read });
      if (done.failed > 0 || done.resumeFrom !== undefined) batchItemFailures.push({ itemIdentifier: messageId });
    } catch (error) {
      logger.unexpected("REDRIVE_FAILED", error);
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
});
