import { parseArgs } from "node:util";
import { type Bench, openBench } from "./bench.ts";
import { bundleFigures } from "./bundle-figures.ts";
import { calibrate } from "./calibration.ts";
import { costFigures } from "./cost-figures.ts";
import { embeddedJoinFigures, joinFigures, listFigures, paidOrderFigures, viewFigures } from "./http-figures.ts";
import { posFigures } from "./pos-figures.ts";
import { reconcileFigures } from "./reconcile-figures.ts";
import { routeFigures } from "./route-figures.ts";
import { rushFigures } from "./rush-figures.ts";
import { searchFigures } from "./search-figures.ts";
import { slotFigures } from "./slot-figures.ts";
import { startFigures } from "./start-figures.ts";
import { unitFigures } from "./unit-figures.ts";

/** Every group: the first word of its figures, what they tell, and how they are measured. */
const groups: Record<string, { tells: string; run: (bench: Bench) => Promise<void> }> = {
  join: { tells: "a seat: seats a second, CPU of each, 99th percentile", run: joinFigures },
  paid_order: { tells: "the same of a seat with its prepay and notification", run: paidOrderFigures },
  view: { tells: "the same of a campaign's page", run: viewFigures },
  list: { tells: "the same of a list of twenty campaigns", run: listFigures },
  embedded_join: { tells: "the same of a seat through the embedded default as a whole", run: embeddedJoinFigures },
  units: { tells: "DynamoDB units of each operation, and of what reads the stream after it", run: unitFigures },
  bundle: { tells: "size of each function's bundle, and CPU of importing it", run: bundleFigures },
  start: { tells: "a later npm start, to the first answer with data", run: startFigures },
  cost: { tells: "what a thousand orders cost on AWS, and what a month costs without one", run: costFigures },
  reconcile: { tells: "a day of ten thousand payments, its bills held against the ledger", run: reconcileFigures },
  route: {
    tells: "the nearest stores of a chain of 30, 3,000 and 300,000, held against brute force",
    run: routeFigures,
  },
  pos_import: { tells: "541,909 lines of a real shop's tills, imported whole and once more", run: posFigures },
  search: { tells: "how fast ten thousand articles are indexed and searched", run: searchFigures },
  slot_rush: { tells: "how many of thirty get one of ten places of a slot, thirty times", run: slotFigures },
  rush: { tells: "what is sold when 200 people want 50 units at once, a hundred times", run: rushFigures },
};

const help = `npm run bench -- [--quick] [group …]

Prints one JSON line for each figure, {"figure","value","unit", …}; progress goes to stderr. With
--quick a tenth of each is done: enough to see that it works, too little to quote. Without a group, all of them:
${Object.entries(groups)
  .map(([name, { tells }]) => `  ${name.padEnd(14)}${tells}`)
  .join("\n")}`;

function wanted(): { names: string[]; quick: boolean } | undefined {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean", default: false }, quick: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const unknown = positionals.filter((name) => !Object.hasOwn(groups, name));
  if (unknown.length > 0)
    throw new Error(`There is no group ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}.`);
  return { names: positionals.length > 0 ? positionals : Object.keys(groups), quick: values.quick };
}

try {
  const asked = wanted();
  if (!asked) console.log(help);
  else {
    const bench = openBench({
      quick: asked.quick,
      tell: (figure) => console.log(JSON.stringify(figure)),
      progress: (line) => console.error(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${line}`),
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => void bench.close().finally(() => process.exit(130)));
    try {
      await calibrate(bench);
      for (const name of asked.names) {
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
