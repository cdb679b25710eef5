import { expect, test } from "vitest";
import { paymentsAtTheSameInstant } from "../races/payments.ts";
import { openWorld } from "./world.ts";

const world = await openWorld({ concurrency: { Hooks: 10, default: 4 } });

test("two payments that fill a team of three at the same instant complete it once", async () => {
  expect(await paymentsAtTheSameInstant(world, 4, 3, 4)).toMatchObject({ rounds: 4, overlapped: 4 });
});

test("eight payments that fill a team of nine at the same instant all count, and the last completes it", async () => {
  expect(await paymentsAtTheSameInstant(world, 1, 9, 1)).toMatchObject({ rounds: 1, overlapped: 1 });
});
