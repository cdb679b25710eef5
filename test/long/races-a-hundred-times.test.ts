import { describe, expect, test } from "vitest";
import {
  deadlineRingsManyTimes,
  leavingAgainstCompletion,
  notificationComesManyTimes,
  paymentsAtTheSameInstant,
  releaseAgainstPayment,
} from "../races/payments.ts";
import { type Tally, told } from "../races/race.ts";
import {
  forASecondSeat,
  forTheLastSeat,
  forTheLastUnitOfACampaign,
  forTheLastUnitOfAStore,
  twinsOfOneRequest,
} from "../races/seats.ts";
import { twoTillsAndOneCode } from "../races/tills.ts";
import { givingBack, unitsGivenBack } from "../races/units.ts";
import { openWorld, type World } from "../stories/world.ts";

const TIMES = Number(process.env.RACES ?? 100);
/** Of a seat or a unit. What many more do at once is a story of its own (fifty-neighbours-want-the-last-seat). */
const RIVALS = 3;

const races: Record<string, (world: World) => Promise<Tally>> = {
  "the last seat": (world) => forTheLastSeat(world, TIMES, RIVALS),
  "the last unit of a campaign": (world) => forTheLastUnitOfACampaign(world, TIMES, RIVALS),
  "the last unit of a store": (world) => forTheLastUnitOfAStore(world, TIMES, RIVALS),
  "a second seat": (world) => forASecondSeat(world, TIMES, RIVALS),
  "one request, one seat": (world) => twinsOfOneRequest(world, TIMES, RIVALS),
  "two payments at the same instant": (world) => paymentsAtTheSameInstant(world, TIMES, 3, 10),
  "one notification many times": (world) => notificationComesManyTimes(world, TIMES, 3, 10),
  "one deadline many times": (world) => deadlineRingsManyTimes(world, TIMES, 3, 8),
  "the release of a hold and its payment": (world) => releaseAgainstPayment(world, TIMES, 10),
  "leaving and completion": (world) => leavingAgainstCompletion(world, TIMES, 10),
  "two tills and one code": async (world) => {
    const store = [world.stores[0]!];
    const tills = [
      await world.staff("till-1", ["store_staff"], store),
      await world.staff("till-2", ["store_staff"], store),
    ] as const;
    return twoTillsAndOneCode(world, [...tills], TIMES);
  },
  ...Object.fromEntries(
    Object.entries(givingBack).map(([name, rivals]) => [
      name,
      (world: World) => unitsGivenBack(world, rivals, TIMES, 10),
    ]),
  ),
};

describe("races, a hundred times each", async () => {
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
});
