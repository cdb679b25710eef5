import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { ensureAssembly, sourceHash } from "../local/assembly.ts";
import { USE_FOLDER } from "../local/use-record.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of the cloud assembly of the present sources. */
    assembly: string;
  }
}

const KEPT_MS = 3_600_000;

/** Builds what the embedded default runs once, before the first test file: a folder a source state, so that runs side by side keep theirs. */
export default async function setup(project: TestProject): Promise<() => void> {
  const cache = join(import.meta.dirname, "../node_modules/.cache/commensal-assemblies");
  mkdirSync(cache, { recursive: true });
  for (const old of readdirSync(cache)) {
    const path = join(cache, old);
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
  const outDir = join(cache, sourceHash().slice(0, 16));
  await ensureAssembly({ outDir, progress: (line) => process.stdout.write(`${line}\n`) });
  project.provide("assembly", outDir);

  // every process of the run inherits it; read at the end by the closing line's reporter
  const uses = mkdtempSync(join(tmpdir(), "commensal-uses-"));
  process.env[USE_FOLDER] = uses;
  return () => rmSync(uses, { recursive: true, force: true });
}
