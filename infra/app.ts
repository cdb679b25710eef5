import { App } from "aws-cdk-lib";
import { assemble } from "./synth.ts";

// Run by the CDK command through cdk.json: `npx cdk deploy -c stage=prod`.
const region = process.env.CDK_DEFAULT_REGION;
if (region?.startsWith("cn-")) {
  throw new Error(`${region} has neither Amazon Location nor Cognito user pools; choose a region outside AWS China`);
}
const app = new App({ analyticsReporting: false });
const own = (key: string): string | undefined => app.node.tryGetContext(key);
await assemble(app, own("stage") ?? "dev", { publicUrl: own("publicUrl"), firstAdminSub: own("firstAdminSub") });
