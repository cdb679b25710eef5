import { describe } from "vitest";
import { aHundredTimes, TIMES } from "../races/a-hundred-times.ts";
import {
  deadlineRingsManyTimes,
  leavingAgainstCompletion,
  notificationComesManyTimes,
  paymentsAtTheSameInstant,
  releaseAgainstPayment,
} from "../races/payments.ts";
import { twoTillsAndOneCode } from "../races/tills.ts";

describe("races of payments and tills, a hundred times each", () =>
  aHundredTimes({
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
  }));
