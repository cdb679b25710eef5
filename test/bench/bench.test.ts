import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { functionNames } from "../../infra/functions.ts";

const run = promisify(execFile);
const bench = (...words: string[]) =>
  run(process.execPath, [join(import.meta.dirname, "../../bench/main.ts"), ...words]);

test("one group prints the calibration and its own figures, a JSON line each", async () => {
  const { stdout } = await bench("--quick", "bundle");
  const figures = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const figure of figures)
    expect(figure).toEqual(
      expect.objectContaining({ figure: expect.any(String), value: expect.any(Number), unit: expect.any(String) }),
    );
  expect(figures.map(({ figure }) => figure)).toEqual([
    "calibration.noop_cpu_ms",
    "calibration.transaction_cpu_ms",
    ...functionNames.map((name) => `bundle.${name}.kb`),
    ...functionNames.map((name) => `bundle.${name}.import_cpu_ms`),
  ]);
  expect(figures.filter(({ value }) => !((value as number) > 0))).toEqual([]);
});

test("an unknown group is refused with the list of those there are, before anything is started", async () => {
  const failure = await bench("bundle", "speed").catch(
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  expect(failure).toMatchObject({ code: 1, stdout: "" });
  expect(failure.stderr).toMatch(/^There is no group speed; there are join, paid_order, view, list, .*rush\.\n$/);
});
