import { expect, test } from "vitest";
import { deadlineAgainstLastPayment } from "../races/the-deadline-and-the-last-payment.ts";
import { openWorld } from "./world.ts";

const world = await openWorld();

test("a deadline's task and the last payment, their commits under way at once, leave one outcome", async () => {
  expect(await deadlineAgainstLastPayment(world, 4, 4)).toMatchObject({ rounds: 4, overlapped: 4 });
});
