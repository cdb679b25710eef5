import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**", "node_modules/**"],
    maxWorkers: 2,
    // a busy machine is slow, not wrong: a limit is for what hangs
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { requireAssertions: true },
    globalSetup: ["test/global-setup.ts"],
    reporters: ["default", "./test/closing-line-reporter.ts"],
  },
});
