import { App } from "aws-cdk-lib";
import { assemble } from "./synth.ts";

// Run by the CDK command through cdk.json: `npx cdk deploy --all -c stage=prod -c publicUrl=… -c certificateArn=…`.
const app = new App({ analyticsReporting: false });
const own = (key: string): string | undefined => app.node.tryGetContext(key);
try {
  await assemble(app, own("stage") ?? "dev", {
    region: process.env.CDK_DEFAULT_REGION,
    publicUrl: own("publicUrl"),
    firstAdminSub: own("firstAdminSub"),
    certificateArn: own("certificateArn"),
    originSecretVersion: own("originSecretVersion"),
  });
} catch (error) {
  // what is told to the operator is one line; anything unexpected keeps its stack
  console.error(error instanceof Error && error.constructor === Error ? error.message : error);
  process.exitCode = 1;
}
