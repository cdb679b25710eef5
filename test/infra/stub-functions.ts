import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { functions } from "../../infra/functions.ts";

/** A functions folder in which every entry answers its own path, for tests of what is around the functions. */
export function stubFunctions(): string {
  const root = mkdtempSync(join(tmpdir(), "commensal-stub-functions-"));
  for (const { entry } of Object.values(functions)) {
    mkdirSync(dirname(join(root, entry)), { recursive: true });
    writeFileSync(join(root, entry), `export const handler = async () => ${JSON.stringify(entry)};\n`);
  }
  return root;
}
