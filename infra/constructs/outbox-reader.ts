import { Duration } from "aws-cdk-lib";
import { EventSourceMapping, FilterCriteria, FilterRule, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { allow } from "./allow.ts";
import type { Handler } from "./handler.ts";

export interface OutboxReaderProps {
  readonly streamArn: string;
  readonly to: Handler;
  readonly deadLetters: Queue;
}

/** Hands new outbox rows from the table's stream to a function. DynamoDB allows two readers a shard, and we have two. */
export class OutboxReader extends Construct {
  constructor(scope: Construct, id: string, { streamArn, to, deadLetters }: OutboxReaderProps) {
    super(scope, id);
    to.function.addToRolePolicy(
      allow(
        ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
        [streamArn],
      ),
    );
    new EventSourceMapping(this, "Source", {
      target: to.live,
      eventSourceArn: streamArn,
      // From the beginning: what was committed while the stack was being made counts too.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // A row is retried for a few minutes, then set aside: it must not hold up its shard for the stream's 24 hours.
      retryAttempts: 10,
      maxRecordAge: Duration.hours(6),
      onFailure: new SqsDlq(deadLetters),
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.isEqual("INSERT"),
          dynamodb: { Keys: { pk: { S: FilterRule.beginsWith("OUTBOX#") } } },
        }),
      ],
    });
  }
}
