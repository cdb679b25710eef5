import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { requireAssertions: true },
    globalSetup: ["test/global-setup.ts"],
    reporters: ["default", "./test/closing-line-reporter.ts"],
  },
});
