import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Use } from "./iam.ts";

/** Environment variable that names a folder, where platforms of this process and its children write what rights were used. */
export const USE_FOLDER = "COMMENSAL_USE_FOLDER";

/** Notes each right once, as it is first used: what a killed process used counts too. Does nothing without a folder. */
export function useRecorder(assembly: string): ((use: Use) => void) | undefined {
  const folder = process.env[USE_FOLDER];
  if (!folder) return undefined;
  const file = join(folder, `${process.pid}.jsonl`);
  return (use) => appendFileSync(file, `${JSON.stringify({ assembly: resolve(assembly), ...use })}\n`);
}

/** Every right used by platforms that ran the assembly: the tests run others too, made for one test. */
export function readUses(folder: string, assembly: string): Use[] {
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"));
  return lines
    .map((line) => JSON.parse(line) as Use & { assembly: string })
    .filter((each) => each.assembly === resolve(assembly))
    .map(({ assembly: _, ...use }) => use);
}
