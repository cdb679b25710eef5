import { join } from "node:path";
import { Aws, CfnOutput, type Environment, RemovalPolicy, Stack, Token } from "aws-cdk-lib";
import { HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import type { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Code } from "aws-cdk-lib/aws-lambda";
import { CfnPlaceIndex, CfnRouteCalculator } from "aws-cdk-lib/aws-location";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { CfnScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { allow } from "../constructs/allow.ts";
import { CarefulDeploys } from "../constructs/careful-deploys.ts";
import { DataTable } from "../constructs/data-table.ts";
import { deadLetters } from "../constructs/dead-letters.ts";
import { Entrance } from "../constructs/entrance.ts";
import { Evidence } from "../constructs/evidence.ts";
import { Handler } from "../constructs/handler.ts";
import { Job } from "../constructs/job.ts";
import { Machine } from "../constructs/machine.ts";
import { OutboxReader } from "../constructs/outbox-reader.ts";
import { Redrive } from "../constructs/redrive.ts";
import { StaffPool } from "../constructs/staff-pool.ts";
import { Watch } from "../constructs/watch.ts";
import { type FunctionName, functionNames, functions } from "../functions.ts";
import { grants, type MachineName } from "../grants.ts";
import type { Stage } from "../stages.ts";

const machineVariables: Record<MachineName, string> = {
  GroupDeadlineMachine: "DEADLINE_MACHINE_ARN",
  RefundMachine: "REFUND_MACHINE_ARN",
  FulfilmentMachine: "FULFILMENT_MACHINE_ARN",
  CompensationMachine: "COMPENSATION_MACHINE_ARN",
};

/** One retailer's platform, whole. `bundles` is the folder `bundle()` filled. */
export class Core extends Stack {
  /** Name of the secret by which the edge proves itself; absent where the stage has no edge. */
  readonly originSecret: string | undefined;

  constructor(
    scope: Construct,
    id: string,
    { stage, bundles, env }: { stage: Stage; bundles: string; env?: Environment },
  ) {
    super(scope, id, {
      ...(env && { env }),
      description: `Commensal, stage ${stage.name}`,
      terminationProtection: stage.keepsData,
    });

    const removalPolicy = stage.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    const logRetention: RetentionDays = stage.logRetentionDays;
    const keeping = { removalPolicy, keepsData: stage.keepsData };
    const logging = { removalPolicy, logRetention };

    const data = new DataTable(this, "Table", keeping);
    const dataKey = new Key(this, "DataKey", {
      description: `Wraps the data keys of members' personal fields, stage ${stage.name}`,
      alias: `commensal-${stage.name}-data`,
      enableKeyRotation: true,
      removalPolicy,
    });
    const evidence = new Evidence(this, "Evidence", keeping);
    const places = new CfnPlaceIndex(this, "Places", {
      indexName: `commensal-${stage.name}-places`,
      dataSource: "Esri",
      // Coordinates of stores are kept, which the provider wants to be told.
      dataSourceConfiguration: { intendedUse: "Storage" },
    });
    const routes = new CfnRouteCalculator(this, "Routes", {
      calculatorName: `commensal-${stage.name}-routes`,
      dataSource: "Esri",
    });
    const entrance = new Entrance(this, "Http", {
      name: id,
      description: `Commensal, stage ${stage.name}`,
      throttle: stage.throttle,
      ...logging,
    });
    const publicUrl = stage.publicUrl ?? entrance.api.apiEndpoint;
    const staff = new StaffPool(this, "Staff", {
      domainPrefix: `commensal-${stage.name}`,
      // Cognito takes plain http for the name localhost alone.
      callbackUrls: stage.publicUrl?.startsWith("http:")
        ? ["http://localhost:8787/console/"]
        : [`${publicUrl}/console/`],
      ...keeping,
    });

    const originSecret = stage.edge && this.makeOriginSecret(stage.name, removalPolicy);
    this.originSecret = originSecret?.name;

    const configPrefix = `/commensal/${stage.name}`;
    const parameterArn = (name: string) =>
      `arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${Aws.ACCOUNT_ID}:parameter${configPrefix}/${name}`;
    const machines = new Map<MachineName, Machine>();

    /** Turns a row of the grants into rights and the environment that goes with them. */
    const reach = (name: FunctionName) => {
      const grant = grants[name];
      const statements: PolicyStatement[] = [];
      const environment: Record<string, string> = { STAGE: stage.name };
      if (grant.rows) {
        environment.TABLE_NAME = data.table.tableName;
        statements.push(...data.rights(grant.rows, grant.indexes ?? []));
      }
      if (grant.secrets) {
        environment.CONFIG_PREFIX = configPrefix;
        // SecureStrings are under AWS's own key for SSM, which decrypts for whoever may read the parameter.
        statements.push(allow(["ssm:GetParameters"], grant.secrets.map(parameterArn)));
        if (grant.secrets.includes("wechat")) {
          environment.WECHAT_API_URL = stage.wechat.apiUrl;
          environment.WECHAT_PAY_URL = stage.wechat.payUrl;
          environment.PUBLIC_URL = publicUrl;
        }
      }
      if (grant.dataKey) {
        environment.DATA_KEY_ID = dataKey.keyArn;
        const make = grant.dataKey === "make" ? ["kms:GenerateDataKey"] : [];
        statements.push(allow([...make, "kms:Decrypt"], [dataKey.keyArn]));
      }
      if (grant.location?.includes("routes")) {
        environment.ROUTE_CALCULATOR = routes.calculatorName;
        statements.push(allow(["geo:CalculateRouteMatrix"], [routes.attrArn]));
      }
      if (grant.location?.includes("places")) {
        environment.PLACE_INDEX = places.indexName;
        statements.push(allow(["geo:SearchPlaceIndexForText"], [places.attrArn]));
      }
      if (grant.evidence) {
        environment.EVIDENCE_BUCKET = evidence.bucket.bucketName;
        statements.push(...evidence.rights(grant.evidence));
      }
      for (const machineName of grant.starts ?? []) {
        const machine = machines.get(machineName);
        if (!machine) throw new Error(`${name} starts ${machineName}, which is declared after it; declare it before`);
        environment[machineVariables[machineName]] = machine.machine.stateMachineArn;
        statements.push(allow(["states:StartExecution"], [machine.machine.stateMachineArn]));
      }
      if (grant.origin && originSecret) {
        environment.ORIGIN_SECRET_ID = originSecret.secret.secretArn;
        statements.push(allow(["secretsmanager:GetSecretValue"], [originSecret.secret.secretArn]));
      }
      if (grant.staff) {
        environment.STAFF_ISSUER = staff.issuer;
        environment.STAFF_CLIENT_ID = staff.client.userPoolClientId;
        environment.STAFF_JWKS_URL = `${staff.issuer}/.well-known/jwks.json`;
        environment.FIRST_ADMIN_SUB = stage.firstAdminSub ?? ""; // nobody; the embedded default names its own admin
      }
      return { statements, environment };
    };
    const handlers = new Map<FunctionName, Handler>();
    const handler = (name: FunctionName) => {
      const made = new Handler(this, name, {
        ...functions[name],
        code: Code.fromAsset(join(bundles, name)),
        ...reach(name),
        ...logging,
      });
      handlers.set(name, made);
      return made;
    };

    const workflow = (machineName: MachineName, folder: string, tasks: FunctionName) =>
      machines.set(
        machineName,
        new Machine(this, machineName, {
          workflow: folder,
          tasks: handler(tasks),
          logName: `commensal-${stage.name}-${folder}`,
          ...logging,
        }),
      );
    workflow("GroupDeadlineMachine", "group-deadline", "GroupDeadline");
    workflow("RefundMachine", "refund", "Refund");
    workflow("FulfilmentMachine", "fulfilment", "Fulfilment");
    workflow("CompensationMachine", "compensation", "Compensation");

    // What the gateway lets through is checked again in the function: the embedded default has no gateway to trust.
    const staffOnly = {
      authorizer: new HttpJwtAuthorizer("StaffAuthorizer", staff.issuer, {
        jwtAudience: [staff.client.userPoolClientId],
      }),
      scopes: [StaffPool.scope],
    };
    entrance.route("/v1/{proxy+}", handler("Shop"));
    entrance.route("/ops/v1/{proxy+}", handler("Ops"), staffOnly);
    entrance.route("/hooks/{proxy+}", handler("Hooks"));
    entrance.route("$default", handler("Site"));

    const givenUp = (["Effects", "Projections"] as const).map((name) => {
      const queue = deadLetters(this, `${name}DeadLetters`, removalPolicy);
      new OutboxReader(this, `${name}Reader`, { streamArn: data.streamArn, to: handler(name), deadLetters: queue });
      return queue;
    });
    new Redrive(this, "RedriveSource", { run: handler("Redrive"), queues: givenUp });

    const group = new CfnScheduleGroup(this, "Jobs", { name: `commensal-${stage.name}` });
    const missedStarts = deadLetters(this, "JobDeadLetters", removalPolicy);
    const schedules = {
      CampaignWindow: "rate(1 minute)",
      HoldSweep: "rate(1 minute)",
      DeadlineSweep: "rate(1 minute)",
      Deliveries: "rate(1 minute)",
      Backlog: "rate(1 minute)",
      Invoices: "rate(1 minute)",
      Reconcile: "rate(10 minutes)",
      // the channel makes a day's bills until ten the next morning
      Bills: "cron(15 10-22 * * ? *)",
      // after the two hours that a day is left to itself
      Books: "cron(30 2 * * ? *)",
    } as const satisfies Partial<Record<FunctionName, string>>;
    for (const [name, schedule] of Object.entries(schedules)) {
      const run = handler(name as keyof typeof schedules);
      new Job(this, `${name}Job`, { schedule, run, group, deadLetters: missedStarts });
    }

    const answering = functionNames.filter((name) => grants[name].origin).map((name) => handlers.get(name)!);
    // The embedded default has one version of everything, and nothing to move between.
    if (stage.name !== "local") new CarefulDeploys(this, "Deploys", answering);
    const watch = new Watch(this, "Watch", {
      stage: stage.name,
      api: entrance.api,
      handlers,
      machines: [...machines.values()],
      deadLetters: [...givenUp, missedStarts],
      removalPolicy,
    });

    new CfnOutput(this, "AlarmTopic", { value: watch.topic.topicArn });
    new CfnOutput(this, "ApiDomain", { value: `${entrance.api.apiId}.execute-api.${Aws.REGION}.${Aws.URL_SUFFIX}` });
    new CfnOutput(this, "ApiUrl", { value: entrance.api.apiEndpoint });
    new CfnOutput(this, "UserPoolId", { value: staff.pool.userPoolId });
    new CfnOutput(this, "ClientId", { value: staff.client.userPoolClientId });
    new CfnOutput(this, "SignInUrl", { value: staff.signInUrl });
    new CfnOutput(this, "TableName", { value: data.table.tableName });
  }
  /** Made of random letters by Secrets Manager, and copied to where the edge reads it. */
  private makeOriginSecret(stage: string, removalPolicy: RemovalPolicy): { name: string; secret: Secret } {
    const name = `commensal-${stage}-origin`;
    const here = !Token.isUnresolved(this.region) && this.region === "us-east-1";
    const secret = new Secret(this, "OriginSecret", {
      secretName: name,
      description: `What the edge of stage ${stage} sends and every HTTP function asks for`,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      replicaRegions: here ? [] : [{ region: "us-east-1" }],
      removalPolicy,
    });
    return { name, secret };
  }
}
