import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
/** Everything that ends up in the assembly; `docs` only for the API document that a function may carry. */
const sources = ["shared", "functions", "infra", "docs/openapi.json", "package-lock.json"];
const hashFile = "sources.sha256";

/** The name of the stack in the local assembly. */
export const stackName = "commensal-local";

/**
 * Makes sure that the cloud assembly in `outDir` is that of the present sources, stage `local`, and builds it where it is
 * not (some seconds; `progress` gets a line for each step). The CDK is loaded only then.
 */
export async function ensureAssembly({
  outDir = join(root, "cdk.out"),
  progress,
}: {
  outDir?: string;
  progress: (line: string) => void;
}): Promise<string> {
  const hash = sourceHash();
  const stamp = join(outDir, hashFile);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return outDir;
  progress(
    existsSync(outDir) ? "sources have changed; building the stack again" : "building the stack for the first time",
  );
  const { synthesize } = await import("../infra/synth.ts");
  // Built aside and moved into place: a build that fails or is killed leaves no half assembly behind.
  const aside = `${outDir}.${process.pid}`;
  rmSync(aside, { recursive: true, force: true });
  try {
    await synthesize({ stage: "local", outDir: aside, progress });
    writeFileSync(join(aside, hashFile), hash);
    rmSync(outDir, { recursive: true, force: true });
    renameSync(aside, outDir);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return outDir;
}

/** SHA-256 over the paths and contents of all sources. */
export function sourceHash(): string {
  const hash = createHash("sha256");
  for (const source of sources) {
    for (const file of filesBelow(join(root, source))) {
      hash
        .update(`${file.slice(root.length)}\0`)
        .update(readFileSync(file))
        .update("\0");
    }
  }
  return hash.digest("hex");
}

function filesBelow(path: string): string[] {
  if (!existsSync(path)) return [];
  try {
    return readdirSync(path, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return [path];
    throw error;
  }
}
