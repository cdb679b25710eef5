import { describe } from "vitest";
import { aHundredTimes, RIVALS, TIMES } from "../races/a-hundred-times.ts";
import {
  forASecondSeat,
  forTheLastSeat,
  forTheLastUnitOfACampaign,
  forTheLastUnitOfAStore,
  twinsOfOneRequest,
} from "../races/seats.ts";

describe("races for seats, a hundred times each", () =>
  aHundredTimes({
    "the last seat": (world) => forTheLastSeat(world, TIMES, RIVALS),
    "the last unit of a campaign": (world) => forTheLastUnitOfACampaign(world, TIMES, RIVALS),
    "the last unit of a store": (world) => forTheLastUnitOfAStore(world, TIMES, RIVALS),
    "a second seat": (world) => forASecondSeat(world, TIMES, RIVALS),
    "one request, one seat": (world) => twinsOfOneRequest(world, TIMES, RIVALS),
  }));
