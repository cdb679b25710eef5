import { globSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestModule, Vitest } from "vitest/node";
import { readUses, USE_FOLDER } from "../local/use-record.ts";
import { reportRights } from "./used-rights.ts";

/**
 * The last line of a run, for people and scripts alike: `tests: 123 passed, 0 failed, 2 skipped`. The line before it says what
 * the synthesized policies' rights were needed for; one that the whole suite never needed counts as failed.
 */
export default class ClosingLineReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    let faults = 0;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        counts[test.result().state]++;
        faults += test.meta().faults ?? 0;
      }
      // A file that does not load has no tests to fail.
      if (module.state() === "failed" && module.errors().length > 0) counts.failed++;
    }
    let failed = counts.failed + counts.pending + errors.length;
    if (this.#vitest && !rightsHold(this.#vitest, modules, failed === 0)) failed++;
    if (faults > 0) process.stdout.write(`faults injected: ${faults}\n`);
    process.stdout.write(`tests: ${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`);
  }
}

/** Prints what the rights were needed for; false, and a failing exit, where the whole suite passed and does not need them all. */
function rightsHold(vitest: Vitest, modules: readonly TestModule[], passed: boolean): boolean {
  const { assembly } = vitest.getProvidedContext();
  const folder = process.env[USE_FOLDER];
  if (!assembly || !folder) return true; // the setup failed, and said why
  const ran = new Set(modules.map(({ moduleId }) => moduleId));
  const { root, testNamePattern } = vitest.config;
  const suite = globSync("test/**/*.test.ts", { cwd: root, exclude: ["test/long/**"] });
  const whole = passed && !testNamePattern && suite.every((file) => ran.has(join(root, file)));
  const { lines, failed } = reportRights(assembly, readUses(folder, assembly), whole);
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (failed) process.exitCode = 1;
  return !failed;
}
