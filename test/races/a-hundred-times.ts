import { expect, test } from "vitest";
import { openWorld, type World } from "../stories/world.ts";
import { type Tally, told } from "./race.ts";

/** How many rounds of each race the long run has. */
export const TIMES = Number(process.env.RACES ?? 100);
/** Of a seat or a unit. What many more do at once is a story of its own (fifty-neighbours-want-the-last-seat). */
export const RIVALS = 3;

/** A test of each race, over one world: every round overlaps, and what it left is as one of the rivals alone would leave it. */
export async function aHundredTimes(races: Record<string, (world: World) => Promise<Tally>>): Promise<void> {
  const world = await openWorld({
    unitsPerStore: 100_000,
    concurrency: { Shop: 10, Hooks: 30, GroupDeadline: 40, default: 4 },
  });
  test.each(Object.entries(races))("%s", async (name, race) => {
    const began = performance.now();
    const tally = await race(world);
    console.log(`${told(name, tally)}; ${Math.round((performance.now() - began) / 1000)} s`);
    expect(tally).toMatchObject({ rounds: TIMES, overlapped: TIMES });
    await world.pass(30 * world.times.minute);
  });
}
