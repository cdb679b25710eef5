import { Aws } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnSchedule, type CfnScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { allow } from "./allow.ts";
import type { Handler } from "./handler.ts";

export interface JobProps {
  /** `rate(…)` or `cron(…)`; a cron is read in Asia/Shanghai. */
  readonly schedule: string;
  readonly run: Handler;
  readonly group: CfnScheduleGroup;
  readonly deadLetters: Queue;
}

/** A function started by the clock. */
export class Job extends Construct {
  constructor(scope: Construct, id: string, { schedule, run, group, deadLetters }: JobProps) {
    super(scope, id);
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Aws.ACCOUNT_ID } },
      }),
    });
    role.addToPolicy(allow(["lambda:InvokeFunction"], [run.live.functionArn]));
    role.addToPolicy(allow(["sqs:SendMessage"], [deadLetters.queueArn]));
    const resource = new CfnSchedule(this, "Schedule", {
      groupName: group.ref,
      scheduleExpression: schedule,
      scheduleExpressionTimezone: "Asia/Shanghai",
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: run.live.functionArn,
        roleArn: role.roleArn,
        input: "{}",
        // Every job finds what the last one missed, so a late start is worth little. The service's default is a day of retries.
        retryPolicy: { maximumEventAgeInSeconds: 300, maximumRetryAttempts: 2 },
        deadLetterConfig: { arn: deadLetters.queueArn },
      },
    });
    // Scheduler refuses a target whose role does not hold the right yet.
    resource.node.addDependency(role);
  }
}
