import { expect, test } from "vitest";
import { told } from "../races/race.ts";
import { deadlineAgainstLastPayment } from "../races/the-deadline-and-the-last-payment.ts";
import { openWorld } from "../stories/world.ts";

const TIMES = Number(process.env.DEADLINE_RACES ?? 1_000);
const AT_ONCE = 8;

const world = await openWorld({
  unitsPerStore: 10_000,
  concurrency: { GroupDeadline: 2 * AT_ONCE, Hooks: 2 * AT_ONCE, default: 4 },
});

test("a deadline's task meets the last payment a thousand times, and each team has one outcome", async () => {
  const began = performance.now();
  const tally = await deadlineAgainstLastPayment(world, TIMES, AT_ONCE);
  console.log(
    `${told("the deadline and the last payment", tally)}; ${Math.round((performance.now() - began) / 1000)} s`,
  );
  expect(tally).toMatchObject({ rounds: TIMES, overlapped: TIMES });
});
