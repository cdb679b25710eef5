import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Alias,
  Architecture,
  type CfnFunction,
  type Code,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { FunctionSpec } from "../functions.ts";
import { allow } from "./allow.ts";

export interface HandlerProps extends FunctionSpec {
  /** The function's bundle: a folder with `index.mjs`. */
  readonly code: Code;
  readonly environment: Record<string, string>;
  /** Everything it may do, besides writing its own log and traces. */
  readonly statements: readonly PolicyStatement[];
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/**
 * A Lambda function with a role and a log group of its own. The function's logical id is the construct's id. Whoever calls it
 * calls `live`, the version in force.
 */
export class Handler extends Construct {
  readonly function: LambdaFunction;
  readonly live: Alias;
  readonly log: LogGroup;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, "Log", { retention: props.logRetention, removalPolicy: props.removalPolicy });
    this.log = logGroup;
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    role.addToPolicy(allow(["logs:CreateLogStream", "logs:PutLogEvents"], [logGroup.logGroupArn]));
    for (const statement of props.statements) role.addToPolicy(statement);
    this.function = new LambdaFunction(this, "Function", {
      description: `When it fails: ${props.impact}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: "index.handler",
      code: props.code,
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSeconds),
      environment: props.environment,
      tracing: Tracing.ACTIVE,
      logGroup,
      role,
      // the version before stays as long as the data does: an alias can be put back to it by hand
      currentVersionOptions: { removalPolicy: props.removalPolicy },
    });
    const resource = this.function.node.defaultChild as CfnFunction;
    resource.overrideLogicalId(id);
    resource.addMetadata("impact", props.impact);
    resource.addMetadata("entry", `functions/${props.entry}`);
    this.live = new Alias(this, "Live", { aliasName: "live", version: this.function.currentVersion });
  }
}
