import { describe } from "vitest";
import { aHundredTimes, TIMES } from "../races/a-hundred-times.ts";
import { givingBack, unitsGivenBack } from "../races/units.ts";

describe("races to give units back, a hundred times each", () =>
  aHundredTimes(
    Object.fromEntries(
      Object.entries(givingBack).map(([name, rivals]) => [name, (world) => unitsGivenBack(world, rivals, TIMES, 10)]),
    ),
  ));
