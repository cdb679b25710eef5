import type { Reporter, TestModule } from "vitest/node";

/** The last line of a run, for people and scripts alike: `tests: 123 passed, 0 failed, 2 skipped`. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state]++;
      // A file that does not load has no tests to fail.
      if (module.state() === "failed" && module.errors().length > 0) counts.failed++;
    }
    const failed = counts.failed + counts.pending + errors.length;
    process.stdout.write(`tests: ${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`);
  }
}
