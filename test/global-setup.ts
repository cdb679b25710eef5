import { ensureAssembly } from "../local/assembly.ts";

/** Builds what the embedded default runs once, before the first test file asks for it. */
export default async function setup(): Promise<void> {
  await ensureAssembly({ outDir: "cdk.out", progress: (line) => process.stdout.write(`${line}\n`) });
}
