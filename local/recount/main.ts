import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEngine } from "../engine.ts";
import { readFacts } from "./facts.ts";
import { recount } from "./recount.ts";

const help = `npm run recount -- [--data <folder>] [--rested]

Recomputes money, stock, seats, orders, events and audit of a data folder (.data where none is named) from its facts alone, while its
platform runs or not. Prints a JSON line for each violation, {"invariant","where","said","is"}, and one at the end; exit status 1 where there
is any. --rested: everything that was due has had its turn, so that nothing may be left undone either.`;

/** The address of the engine that runs on the folder; undefined where none does. */
async function running(dataDir: string): Promise<string | undefined> {
  const note = join(dataDir, "engine.json");
  if (!existsSync(note)) return undefined;
  const endpoint = `http://127.0.0.1:${(JSON.parse(readFileSync(note, "utf8")) as { port: number }).port}`;
  try {
    await fetch(endpoint, { signal: AbortSignal.timeout(2_000) });
    return endpoint;
  } catch {
    return undefined;
  }
}

try {
  const { values } = parseArgs({
    options: {
      data: { type: "string", default: join(import.meta.dirname, "../../.data") },
      rested: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  const dataDir = values.data;
  if (!existsSync(join(dataDir, "clock.json")))
    throw new Error(`${dataDir} holds no data of a platform: name it with --data.`);
  const there = process.env.DDB_ENDPOINT ?? (await running(dataDir));
  const engine = there === undefined ? await startEngine({ dataDir }) : undefined;
  try {
    const { violations, checks } = recount(await readFacts({ dataDir, endpoint: there ?? engine!.endpoint }), values);
    for (const violation of violations) console.log(JSON.stringify(violation));
    console.log(JSON.stringify({ invariants: Object.keys(checks).length, checks, violations: violations.length }));
    if (violations.length > 0) process.exitCode = 1;
  } finally {
    await engine?.stop();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
