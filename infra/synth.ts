import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { App } from "aws-cdk-lib";
import { bundle } from "./bundle.ts";
import { functionNames } from "./functions.ts";
import { requireServices } from "./region-gaps.ts";
import { Core } from "./stacks/core.ts";
import { Edge } from "./stacks/edge.ts";
import { type Own, type Stage, stageOf } from "./stages.ts";

export interface AssembleOptions extends Own {
  /** Where the functions' sources are, if not in the project's `functions/`. */
  functionsRoot?: string;
  /** Where the core stack goes; unknown until it is deployed where absent. */
  region?: string | undefined;
  /** Gets one line for each step. */
  progress?: (line: string) => void;
}

/** Declares the stage's stacks in `app`. `bundles` is the folder `bundle()` filled. */
export function declare(app: App, stage: Stage, bundles: string, region?: string): void {
  if (region !== undefined) requireServices(region);
  const name = `commensal-${stage.name}`;
  const core = new Core(app, name, { stage, bundles, ...(region !== undefined && { env: { region } }) });
  if (!stage.edge || !core.originSecret) return;
  const edge = new Edge(app, `${name}-edge`, {
    ...stage.edge,
    stage: stage.name,
    logRetention: stage.logRetentionDays,
    originSecret: core.originSecret,
  });
  edge.addStackDependency(core);
}

/** Bundles the functions, declares the stage's stacks in `app` and writes the assembly. Needs neither network nor account. */
export async function assemble(app: App, stageName: string, options: AssembleOptions = {}): Promise<void> {
  const { functionsRoot, region, progress = () => {}, ...own } = options;
  const stage = stageOf(stageName, own);
  if (region !== undefined) requireServices(region);
  const bundles = mkdtempSync(join(tmpdir(), "commensal-bundles-"));
  try {
    progress(`bundling ${functionNames.length} functions`);
    await bundle({ outDir: bundles, ...(functionsRoot && { functionsRoot }) });
    progress(`declaring stage ${stage.name}`);
    declare(app, stage, bundles, region);
    progress("writing the assembly");
    app.synth();
  } finally {
    // The assembly holds its own copy of each bundle.
    rmSync(bundles, { recursive: true, force: true });
  }
}

/** Writes the cloud assembly of a stage (`local`, `dev`, `prod`) to the folder `outDir`, in place of an older one. */
export async function synthesize({
  stage,
  outDir,
  ...options
}: { stage: string; outDir: string } & AssembleOptions): Promise<void> {
  // Only an assembly is removed: a mistyped folder must not be.
  if (existsSync(join(outDir, "manifest.json"))) rmSync(outDir, { recursive: true });
  await assemble(new App({ outdir: outDir, analyticsReporting: false }), stage, options);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { stage: { type: "string", default: "dev" }, out: { type: "string", default: "cdk.out.aws" } },
  });
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  try {
    await synthesize({
      stage: values.stage,
      outDir: values.out,
      progress: (line) => console.log(`${seconds()}  ${line}`),
    });
    console.log(`${seconds()}  done: ${resolve(values.out)}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
