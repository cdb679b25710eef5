import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { faultLevels } from "../faults.ts";
import { readParameters } from "./parameters.ts";
import { simulate } from "./simulate.ts";

const help = `npm run simulate -- [--days 1] [--stores 3] [--members 50] [--seed 42] [--faults off|swarm|storm]
                    [--parameters <file>] [--answers] [--keep]

Virtual days of a chain on the embedded default, then a day of rest, and everything recounted. Progress goes to stderr, violations to
stdout, a JSON line each; the last line is one JSON object. Exit status 1 on any violation, with the command that replays it.
--answers tells how often each route gave each answer; --keep leaves the data folder, for npm run recount and npm start.`;

const whole = (name: string, text: string, most: number): number => {
  if (!/^\d{1,9}$/.test(text) || Number(text) > most || (Number(text) < 1 && name !== "seed"))
    throw new Error(`--${name} takes a whole number up to ${most}, not "${text}".`);
  return Number(text);
};

try {
  const { values } = parseArgs({
    options: {
      days: { type: "string", default: "1" },
      stores: { type: "string", default: "3" },
      members: { type: "string", default: "50" },
      seed: { type: "string", default: "42" },
      faults: { type: "string", default: "off" },
      parameters: { type: "string" },
      answers: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(help);
  else {
    const faults = faultLevels.find((one) => one === values.faults);
    if (!faults) throw new Error(`--faults takes ${faultLevels.join(", ")}, not "${values.faults}".`);
    const size = {
      days: whole("days", values.days, 1000),
      stores: whole("stores", values.stores, 100),
      members: whole("members", values.members, 100_000),
      seed: whole("seed", values.seed, 999_999_999),
      faults,
    };
    const dataDir = mkdtempSync(join(tmpdir(), "commensal-simulation-"));
    try {
      const outcome = await simulate({
        ...size,
        dataDir,
        parameters: readParameters(values.parameters),
        progress: (line) => console.error(line),
      });
      if (values.answers) console.error(JSON.stringify(outcome.answers, undefined, 1));
      for (const violation of outcome.violations) console.log(JSON.stringify(violation));
      if (outcome.violations.length > 0) {
        process.exitCode = 1;
        const given = Object.entries(size).map(([name, value]) => `--${name} ${value}`);
        if (values.parameters !== undefined) given.push(`--parameters ${values.parameters}`);
        console.log(`again: npm run simulate -- ${given.join(" ")}`);
      }
      console.log(
        JSON.stringify({
          days: size.days,
          operations: outcome.operations,
          faults: outcome.faults,
          invariants: outcome.invariants,
          checks: outcome.checks,
          violations: outcome.violations.length,
          facts: outcome.facts,
          wall_s: Math.round(outcome.wallMs / 100) / 10,
          cpu_s: Math.round(outcome.cpuMs / 100) / 10,
        }),
      );
    } finally {
      if (values.keep) console.error(`its data: ${dataDir}`);
      else rmSync(dataDir, { recursive: true, force: true });
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
