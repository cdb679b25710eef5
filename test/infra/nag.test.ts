import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { AwsSolutionsChecks } from "cdk-nag";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../../infra/bundle.ts";
import { acknowledgements } from "../../infra/nag-acknowledgements.ts";
import { stageOf } from "../../infra/stages.ts";
import { declare } from "../../infra/synth.ts";
import { stubFunctions } from "./stub-functions.ts";

interface Finding {
  rule: string;
  stack: string;
  at: string;
}

const made: string[] = [];
let bundles: string;
let findings: Finding[];
const stages = ["local", "dev", "prod"] as const;

function appOf(stage: (typeof stages)[number]): App {
  const outdir = mkdtempSync(join(tmpdir(), "commensal-nag-"));
  made.push(outdir);
  const app = new App({ outdir, analyticsReporting: false });
  const certificateArn = "arn:aws:acm:us-east-1:000000000000:certificate/a";
  declare(app, stageOf(stage, stage === "local" ? {} : { publicUrl: "https://shop.example", certificateArn }), bundles);
  return app;
}

const check = (app: App): Finding[] =>
  new AwsSolutionsChecks().validateScope(app).violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath = "" }) => {
      const [stack = "", ...rest] = constructPath.split("/");
      return { rule: ruleName, stack, at: rest.join("/") };
    }),
  );
const meets = (finding: Finding) =>
  acknowledgements.filter(({ rule, at }) => rule === finding.rule && at.test(finding.at));

beforeAll(async () => {
  const functionsRoot = stubFunctions();
  bundles = mkdtempSync(join(tmpdir(), "commensal-nag-bundles-"));
  made.push(functionsRoot, bundles);
  await bundle({ outDir: bundles, functionsRoot });
  findings = stages.flatMap((stage) => check(appOf(stage)));
});

afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

test("every finding in every stack of every stage is acknowledged with its reason", () => {
  const stacks = new Set(findings.map(({ stack }) => stack));
  expect([...stacks].sort()).toEqual([
    "commensal-dev",
    "commensal-dev-edge",
    "commensal-local",
    "commensal-prod",
    "commensal-prod-edge",
  ]);
  expect(findings.filter((finding) => meets(finding).length === 0)).toEqual([]);
  for (const { reason } of acknowledgements) expect(reason.split(" ").length).toBeGreaterThanOrEqual(8);
});

test("every acknowledgement meets a finding still", () => {
  const used = new Set(findings.flatMap(meets));
  expect(acknowledgements.filter((each) => !used.has(each))).toEqual([]);
});

test("a bucket open to the world would be found", () => {
  const app = appOf("dev");
  new Bucket(app.node.findChild("commensal-dev") as never, "Open");
  expect(check(app).filter((finding) => meets(finding).length === 0)).not.toEqual([]);
});
