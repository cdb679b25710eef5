import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import short from "./vitest.config.ts";

/** The longest first, so that the two workers end together. */
const order = [
  "virtual-days",
  "power-cuts",
  "give-units-back",
  "killed",
  "ten-thousand",
  "midnight",
  "deadline",
  "for-seats",
  "payments-and-tills",
  "fuzz",
];
const place = ({ moduleId }: TestSpecification) => order.findIndex((part) => moduleId.includes(part));
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => place(a) - place(b));
  }
}

/** What takes its time: races by the hundred, a kill at every outside call, power cuts under load. */
export default defineConfig({
  test: {
    ...short.test,
    include: ["test/long/**/*.test.ts"],
    exclude: [],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    sequence: { sequencer: LongestFirst },
  },
});
