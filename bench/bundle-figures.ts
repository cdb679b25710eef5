import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundle } from "../infra/bundle.ts";
import { functionNames } from "../infra/functions.ts";
import type { Bench } from "./bench.ts";

const run = promisify(execFile);
const processes = 9;

/** `bundle.<name>.kb` and `.import_cpu_ms` of every function: what a cold start has to read, and to carry out before the first event. */
export async function bundleFigures(bench: Bench): Promise<void> {
  const outDir = bench.folder("bundles");
  await bundle({ outDir });
  const files = new Map(functionNames.map((name) => [name, join(outDir, name, "index.mjs")]));
  for (const [name, file] of files) {
    const atOnce = imported(file);
    const all = readdirSync(join(outDir, name)).filter((each) => each.endsWith(".mjs"));
    const later = all.map((each) => join(outDir, name, each)).filter((each) => !atOnce.has(each));
    const kb = (paths: Iterable<string>) => [...paths].reduce((sum, path) => sum + statSync(path).size, 0) / 1000;
    bench.tell({ figure: `bundle.${name}.kb`, value: kb(atOnce), unit: "kB", on_demand: bench.rounded(kb(later)) });
  }

  // In turns, so that a moment in which the machine is busy strikes all alike.
  const cpu = new Map<string, number[]>();
  const bare: number[] = [];
  for (let i = 0; i < bench.few(processes); i++) {
    bare.push(await cpuOf(""));
    for (const [name, file] of files)
      cpu.set(name, [
        ...(cpu.get(name) ?? []),
        await cpuOf(`await import(${JSON.stringify(pathToFileURL(file).href)});`),
      ]);
  }
  const start = median(bare);
  for (const name of functionNames) {
    const value = median(cpu.get(name)!) - start;
    bench.tell({
      figure: `bundle.${name}.import_cpu_ms`,
      value,
      unit: "ms",
      bare: bench.rounded(start),
      n: bare.length,
    });
  }
}

/** The bundle and the files it imports before its first event; what it loads on demand is not among them. */
function imported(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, , path] of readFileSync(file, "utf8").matchAll(/\b(from|import)"(\.\/[^"]+)"/g))
    imported(join(dirname(file), path!), found);
  return found;
}

/** CPU of a fresh process that runs this code, all threads, ms. */
async function cpuOf(code: string): Promise<number> {
  const tell = "const { user, system } = process.cpuUsage(); console.log((user + system) / 1000); process.exit();";
  const env = { PATH: process.env.PATH ?? "", NODE_ENV: "production", AWS_REGION: "ap-northeast-1" };
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code + tell], { env });
  return Number(stdout);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
