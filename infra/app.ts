import { App } from "aws-cdk-lib";
import { assemble } from "./synth.ts";

// Run by the CDK command through cdk.json: `npx cdk deploy -c stage=prod`.
const app = new App({ analyticsReporting: false });
const own = (key: string): string | undefined => app.node.tryGetContext(key);
await assemble(app, own("stage") ?? "dev", { publicUrl: own("publicUrl"), firstAdminSub: own("firstAdminSub") });
