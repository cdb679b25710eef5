import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import type { FaultLevel } from "../../local/faults.ts";
import { readParameters } from "../../local/simulate/parameters.ts";
import { type Outcome, simulate } from "../../local/simulate/simulate.ts";

/** A shorter day in longer steps than of `npm run simulate`: more of it happens at the same instant, and sooner. */
const parameters = { ...readParameters(), stepMinutes: 20, day: { from: 7, until: 16 } };

async function aDay(size: { stores: number; members: number; seed: number; faults: FaultLevel }): Promise<Outcome> {
  const dataDir = mkdtempSync(join(tmpdir(), "commensal-virtual-day-"));
  try {
    return await simulate({ days: 1, ...size, parameters, dataDir, assembly: inject("assembly") });
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
const struck = ({ faults }: Outcome) => Object.values(faults).reduce((a, b) => a + b, 0);

test.each<[FaultLevel, number, number]>([
  ["storm", 1, 24],
  ["swarm", 2, 16],
  ["swarm", 3, 16],
])("after a day of %s (seed %i) everything is where it belongs", async (faults, seed, members) => {
  const day = await aDay({ stores: 2, members, seed, faults });
  console.log(
    `${faults}, seed ${seed}: ${day.operations} operations, repeated ${day.repetitions} times; ${struck(day)} faults; ${day.checks} checks`,
  );
  expect(day.violations).toEqual([]);
  expect(struck(day)).toBeGreaterThan(500);
  // whatever the seed, people came as far as the counter and the door
  const answers = Object.keys(day.answers);
  for (const done of ["/pickups 200", "/ready 200", "/v1/orders 201", "/teams 201", "/seats 201"])
    expect(answers.some((answer) => answer.endsWith(done))).toBe(true);
});

test("without faults a seed gives the same facts again, and another one gives others", async () => {
  const size = { stores: 2, members: 8, faults: "off" as const };
  const first = await aDay({ ...size, seed: 42 });
  const second = await aDay({ ...size, seed: 42 });
  expect([first.violations, second.violations]).toEqual([[], []]);
  expect(second.answers).toEqual(first.answers);
  expect(second.facts).toBe(first.facts);
  expect((await aDay({ ...size, seed: 43 })).facts).not.toBe(first.facts);
});
