import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from "aws-cdk-lib/aws-codedeploy";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { allow } from "./allow.ts";
import type { Handler } from "./handler.ts";

/** A new version gets a tenth of the calls for five minutes, and none any more as soon as it fails. */
export class CarefulDeploys extends Construct {
  constructor(scope: Construct, id: string, handlers: readonly Handler[]) {
    super(scope, id);
    const application = new LambdaApplication(this, "Application");
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("codedeploy.amazonaws.com") });
    role.addToPolicy(
      allow(
        ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"],
        handlers.map(({ live }) => live.functionArn),
      ),
    );
    // CloudWatch binds this to no resource.
    role.addToPolicy(new PolicyStatement({ actions: ["cloudwatch:DescribeAlarms"], resources: ["*"] }));
    for (const { node, live } of handlers) {
      const failing = new Alarm(this, `${node.id}Failing`, {
        alarmDescription: `${node.id} fails while a new version takes over; the deployment goes back by itself`,
        metric: live.metricErrors({ period: Duration.minutes(1) }),
        threshold: 2,
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
      new LambdaDeploymentGroup(this, node.id, {
        application,
        alias: live,
        // its rights are those above, not the managed policy's
        role: role.withoutPolicyUpdates(),
        deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
        alarms: [failing],
      });
    }
  }
}
