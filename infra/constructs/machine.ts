import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RemovalPolicy } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import {
  type CfnStateMachine,
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { allow } from "./allow.ts";
import type { Handler } from "./handler.ts";

export interface MachineProps {
  /** Folder below `functions/workflows/` with `definition.asl.json`; `${Id}` in it stands for the ARN of that handler. */
  readonly workflow: string;
  readonly tasks: Handler;
  /** Log groups of workflows share one resource policy of limited size unless their names start as this one does. */
  readonly logName: string;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** A Standard state machine whose tasks are one function. The machine's logical id is the construct's id. */
export class Machine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: MachineProps) {
    super(scope, id);
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("states.amazonaws.com") });
    role.addToPolicy(allow(["lambda:InvokeFunction"], [props.tasks.live.functionArn]));
    this.machine = new StateMachine(this, "Machine", {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(definition(props.workflow, props.tasks)),
      role,
      tracingEnabled: true,
      logs: {
        level: LogLevel.ALL,
        includeExecutionData: false,
        destination: new LogGroup(this, "Log", {
          logGroupName: `/aws/vendedlogs/states/${props.logName}`,
          retention: props.logRetention,
          removalPolicy: props.removalPolicy,
        }),
      },
      removalPolicy: props.removalPolicy,
    });
    (this.machine.node.defaultChild as CfnStateMachine).overrideLogicalId(id);
  }
}

function definition(workflow: string, tasks: Handler): string {
  const path = join(import.meta.dirname, "../../functions/workflows", workflow, "definition.asl.json");
  const text = JSON.stringify(JSON.parse(readFileSync(path, "utf8")));
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name) => {
    if (name !== tasks.node.id)
      throw new Error(`${path} names \${${name}}; its tasks are those of \${${tasks.node.id}}`);
    return tasks.live.functionArn;
  });
}
