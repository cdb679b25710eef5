import { EventSourceMapping } from "aws-cdk-lib/aws-lambda";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { allow } from "./allow.ts";
import type { Handler } from "./handler.ts";

/** Hands what the stream's readers gave up to the function that reads the outbox again. */
export class Redrive extends Construct {
  constructor(scope: Construct, id: string, { run, queues }: { run: Handler; queues: readonly Queue[] }) {
    super(scope, id);
    run.function.addToRolePolicy(
      allow(
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        queues.map((queue) => queue.queueArn),
      ),
    );
    for (const queue of queues) {
      new EventSourceMapping(this, queue.node.id, {
        target: run.live,
        eventSourceArn: queue.queueArn,
        batchSize: 10,
        reportBatchItemFailures: true,
        // Two at a time, so that a wave of dead letters leaves the table to the members.
        maxConcurrency: 2,
      });
    }
  }
}
