import middy from "@middy/core";
import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from "aws-lambda";
import type * as z from "zod";
import { type DomainEvent, event as eventSchema } from "../../shared/kernel/event.ts";
import { fromItem, type Item } from "../adapters/dynamo/attribute-values.ts";
import type { Deps } from "./deps.ts";
import { logger } from "./logger.ts";

/** Logs what an invocation did not survive, and lets the service that called see the failure, so that it calls again. */
const reported = (code: string): middy.MiddlewareObj => ({
  onError: ({ error, context }) => {
    logger.unexpected(code, error, { requestId: context.awsRequestId });
  },
});

/** A task of a state machine: its input parsed, its output the machine's next input. */
export function taskHandler<S extends z.ZodType, O>(
  input: S,
  ready: () => Promise<Deps>,
  run: (deps: Deps, input: z.output<S>) => Promise<O>,
) {
  return middy<unknown, O>()
    .use(reported("TASK_FAILED"))
    .handler(async (given) => run(await ready(), input.parse(given)));
}

/** A scheduled job; `until` (epoch ms) is when it should stop and leave the rest to the next run. */
export function jobHandler(
  name: string,
  ready: () => Promise<Deps>,
  run: (deps: Deps, untilMs: number) => Promise<Record<string, number>>,
) {
  return middy<unknown, Record<string, number>>()
    .use(reported("JOB_FAILED"))
    .handler(async (_event, context: Context) => {
      const deps = await ready();
      const tally = await run(deps, deps.env.clock.now() + Math.max(1_000, context.getRemainingTimeInMillis() - 5_000));
      for (const [outcome, count] of Object.entries(tally))
        if (count > 0) logger.info("JOB", { outcome: `${name}.${outcome}`, count });
      return tally;
    });
}

/** Tells of work that is overdue; the alarms on lateness count these lines (infra/alarms.ts). */
export const lateWork = (kind: string, ms: number): void => logger.info("SWEEP", { outcome: kind, ms });

/**
 * A reader of the outbox: each event of the batch in order. The first that fails ends the batch there, and the stream brings
 * it and what follows again (ReportBatchItemFailures); a row that is no event is skipped with an error in the log.
 */
export function eventHandler(ready: () => Promise<Deps>, run: (deps: Deps, event: DomainEvent) => Promise<void>) {
  return middy<DynamoDBStreamEvent, DynamoDBBatchResponse>()
    .use(reported("BATCH_FAILED"))
    .handler(async (batch) => {
      const deps = await ready();
      for (const record of batch.Records) {
        const image = record.dynamodb?.NewImage;
        if (record.eventName !== "INSERT" || !image) continue;
        const parsed = eventSchema.safeParse(fromItem(image as Item));
        if (!parsed.success) {
          logger.error("EVENT_UNREADABLE", { place: parsed.error.issues.map((i) => i.path.join(".")).join(", ") });
          continue;
        }
        try {
          await run(deps, parsed.data);
        } catch (error) {
          logger.unexpected("EVENT_FAILED", error, { eventId: parsed.data.eventId, eventType: parsed.data.type });
          return { batchItemFailures: [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? "" }] };
        }
      }
      return { batchItemFailures: [] };
    });
}
