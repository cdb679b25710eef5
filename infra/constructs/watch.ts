import { Duration, type RemovalPolicy, Stack } from "aws-cdk-lib";
import type { HttpApi } from "aws-cdk-lib/aws-apigatewayv2";
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  MathExpression,
  Metric,
  SingleValueWidget,
  Stats,
  TextWidget,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { FilterPattern, MetricFilter } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { type AlarmSpec, codes, lateWork, type Owner, watched } from "../alarms.ts";
import { type FunctionName, functions } from "../functions.ts";
import type { Handler } from "./handler.ts";
import type { Machine } from "./machine.ts";

export interface WatchProps {
  readonly stage: string;
  readonly api: HttpApi;
  readonly handlers: ReadonlyMap<FunctionName, Handler>;
  readonly machines: readonly Machine[];
  readonly deadLetters: readonly Queue[];
  readonly removalPolicy: RemovalPolicy;
}

/** Functions whose failure is not the platform's people's first. */
const ownerOf: Partial<Record<FunctionName, Owner>> = {
  Hooks: "money",
  Refund: "money",
  Reconcile: "money",
  Bills: "money",
  Invoices: "money",
  Books: "money",
  GroupDeadline: "orders",
  CampaignWindow: "orders",
  HoldSweep: "orders",
  DeadlineSweep: "orders",
  Fulfilment: "orders",
  Compensation: "orders",
  Deliveries: "orders",
};

const five = Duration.minutes(5);

/** Alarms with owner and impact, the topic they go to, and a dashboard of what they watch. */
export class Watch extends Construct {
  readonly topic: Topic;
  private readonly watched: { title: string; metrics: IMetric[] }[] = [];

  constructor(scope: Construct, id: string, props: WatchProps) {
    super(scope, id);
    this.topic = this.makeTopic(props);
    const namespace = `Commensal/${props.stage}`;
    const own = (metricName: string, statistic: string) =>
      new Metric({ namespace, metricName, statistic, period: five });

    const logs = [...props.handlers].map(([name, { log }]) => ({ name, log }));
    for (const [kind, spec] of Object.entries(lateWork)) {
      const metricName = `late-${kind}`;
      for (const { name, log } of logs.filter(({ name }) => name === spec.by))
        new MetricFilter(this, `${name}-${metricName}`, {
          logGroup: log,
          filterPattern: FilterPattern.all(
            FilterPattern.stringValue("$.code", "=", "SWEEP"),
            FilterPattern.stringValue("$.outcome", "=", kind),
          ),
          metricNamespace: namespace,
          metricName,
          metricValue: "$.ms",
        });
      this.alarm(`Late-${kind}`, spec, own(metricName, Stats.MAXIMUM), spec.minutes * 60_000);
    }
    for (const [code, spec] of Object.entries(codes)) {
      for (const { name, log } of logs.filter(({ name }) => spec.by?.includes(name) ?? true))
        new MetricFilter(this, `${name}-${code}`, {
          logGroup: log,
          filterPattern: FilterPattern.stringValue("$.code", "=", code),
          metricNamespace: namespace,
          metricName: code,
          metricValue: "1",
        });
      this.alarm(`Code-${code}`, spec, own(code, Stats.SUM), 0);
    }

    for (const [name, handler] of props.handlers) {
      const spec: AlarmSpec = { owner: ownerOf[name] ?? "platform", impact: functions[name].impact };
      this.alarm(`Errors-${name}`, spec, handler.function.metricErrors({ period: five }), 0);
    }
    for (const name of ["Effects", "Projections"] as const) {
      const age = new Metric({
        namespace: "AWS/Lambda",
        metricName: "IteratorAge",
        dimensionsMap: { FunctionName: handlerOf(props.handlers, name).function.functionName },
        statistic: Stats.MAXIMUM,
        period: five,
      });
      this.alarm(`IteratorAge-${name}`, watched.iteratorAge, age, watched.iteratorAge.minutes * 60_000);
    }
    for (const [index, queue] of props.deadLetters.entries()) {
      // ids are the dashboard's as well, which shows all queues in one place
      const all = new MathExpression({
        expression: `waiting${index} + underway${index}`,
        usingMetrics: {
          [`waiting${index}`]: queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
          [`underway${index}`]: queue.metricApproximateNumberOfMessagesNotVisible({ statistic: Stats.MAXIMUM }),
        },
        label: queue.node.id,
        period: five,
      });
      this.alarm(`DeadLetters-${queue.node.id}`, watched.deadLetters, all, 0);
    }
    const failed = new Metric({
      namespace: "AWS/ApiGateway",
      metricName: "5xx",
      dimensionsMap: { ApiId: props.api.apiId },
      statistic: Stats.SUM,
      period: five,
    });
    this.alarm("Api5xx", watched.api5xx, failed, 5);
    for (const { node, machine } of props.machines)
      this.alarm(`Failed-${node.id}`, watched.machineFailed, machine.metricFailed({ period: five }), 0);

    this.dashboard(props);
  }

  /** One datum above `limit` within five minutes rings; no data is good news. */
  private alarm(id: string, { owner, impact }: AlarmSpec, metric: IMetric, limit: number): void {
    const alarm = new Alarm(this, id, {
      alarmDescription: `Owner: ${owner}. ${impact}. What to do: docs/runbook.md, "${id.replace(/-.*/, "")}"`,
      metric,
      threshold: limit,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    this.watched.push({ title: id, metrics: [metric] });
  }

  private makeTopic({ stage, removalPolicy }: WatchProps): Topic {
    const key = new Key(this, "Key", {
      description: `Encrypts the alarms of stage ${stage}`,
      enableKeyRotation: true,
      removalPolicy,
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal("cloudwatch.amazonaws.com")],
        actions: ["kms:Decrypt", "kms:GenerateDataKey"],
        resources: ["*"],
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
    );
    return new Topic(this, "Alarms", { masterKey: key, enforceSSL: true, displayName: `Commensal ${stage}` });
  }

  private dashboard({ stage, api, handlers, machines }: WatchProps): void {
    const dashboard = new Dashboard(this, "Dashboard", { dashboardName: `commensal-${stage}` });
    const http = (metricName: string, statistic: string) =>
      new Metric({
        namespace: "AWS/ApiGateway",
        metricName,
        dimensionsMap: { ApiId: api.apiId },
        statistic,
        period: five,
      });
    const each = [...handlers.values()].map((handler) => handler.function);
    const group = (start: string) =>
      this.watched.filter(({ title }) => title.startsWith(start)).flatMap((w) => w.metrics);
    dashboard.addWidgets(
      new TextWidget({
        markdown: `# Commensal, stage ${stage}\nWhat each alarm means: docs/runbook.md`,
        width: 24,
        height: 2,
      }),
    );
    dashboard.addWidgets(
      new GraphWidget({
        title: "Requests",
        left: [http("Count", Stats.SUM)],
        right: [http("4xx", Stats.SUM), http("5xx", Stats.SUM)],
      }),
      new GraphWidget({ title: "Latency, ms", left: [http("Latency", "p50"), http("Latency", "p99")] }),
      new GraphWidget({ title: "Errors by function", left: each.map((f) => f.metricErrors({ period: five })) }),
      new GraphWidget({ title: "Throttles by function", left: each.map((f) => f.metricThrottles({ period: five })) }),
    );
    dashboard.addWidgets(
      new GraphWidget({ title: "Oldest late work, ms", left: group("Late") }),
      new GraphWidget({ title: "Outbox readers behind, ms", left: group("IteratorAge") }),
      new GraphWidget({
        title: "Workflows",
        left: machines.flatMap(({ machine }) => [
          machine.metricStarted({ period: five }),
          machine.metricFailed({ period: five }),
        ]),
      }),
      new SingleValueWidget({
        title: "Dead letters, cases, invariants",
        metrics: [...group("DeadLetters"), ...group("Code")],
      }),
    );
  }
}

function handlerOf(handlers: ReadonlyMap<FunctionName, Handler>, name: FunctionName): Handler {
  const handler = handlers.get(name);
  if (!handler) throw new Error(`The stack has no ${name}; declare it before the watch`);
  return handler;
}
