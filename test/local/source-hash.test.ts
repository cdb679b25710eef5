import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ensureAssembly, sourceHash } from "../../local/assembly.ts";
import { tempFolder } from "./fakes.ts";

test("an assembly of the present sources is taken as it is", async () => {
  const outDir = join(tempFolder(), "cdk.out");
  mkdirSync(outDir);
  writeFileSync(join(outDir, "sources.sha256"), sourceHash());
  const steps: string[] = [];
  expect(await ensureAssembly({ outDir, progress: (line) => steps.push(line) })).toBe(outDir);
  expect(steps).toEqual([]);
});
