import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/** A queue for what was given up, kept for 14 days (the longest SQS can); encrypted, reachable by TLS alone. */
export function deadLetters(scope: Construct, id: string, removalPolicy: RemovalPolicy): Queue {
  return new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    // What could not be redriven comes again after this; longer than the redrive may take.
    visibilityTimeout: Duration.hours(1),
    removalPolicy,
  });
}
