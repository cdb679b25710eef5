import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { type Bench, openBench } from "./bench.ts";
import { unitFigures } from "./unit-figures.ts";

/** Every group: the first word of its figures, what they tell, and how they are measured. */
const groups: Record<string, { tells: string; run: (bench: Bench) => Promise<void> }> = {
  units: { tells: "DynamoDB units of each operation, and of what reads the stream after it", run: unitFigures },
};

const help = `npm run bench -- [group …]

Prints one JSON line for each figure, {"figure","value","unit", …}; progress goes to stderr. Without a group, all of them:
${Object.entries(groups)
  .map(([name, { tells }]) => `  ${name.padEnd(14)}${tells}`)
  .join("\n")}`;

function wanted(): string[] | undefined {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const unknown = positionals.filter((name) => !Object.hasOwn(groups, name));
  if (unknown.length > 0)
    throw new Error(`There is no group ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}.`);
  return positionals.length > 0 ? positionals : Object.keys(groups);
}

try {
  const names = wanted();
  if (!names) console.log(help);
  else {
    const bench = openBench({
      tell: (figure) => console.log(JSON.stringify(figure)),
      progress: (line) => console.error(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${line}`),
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => void bench.close().finally(() => process.exit(130)));
    try {
      bench.progress(
        `${cpus().length} cores, load ${loadavg()
          .map((load) => load.toFixed(1))
          .join(" ")}`,
      );
      for (const name of names) {
        bench.progress(name);
        await groups[name]!.run(bench);
      }
    } finally {
      await bench.close();
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
