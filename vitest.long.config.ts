import { defineConfig } from "vitest/config";
import short from "./vitest.config.ts";

/** What takes its time: races by the hundred, a kill at every outside call, power cuts under load. */
export default defineConfig({
  test: {
    ...short.test,
    include: ["test/long/**/*.test.ts"],
    exclude: [],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
