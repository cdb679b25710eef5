import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createClock } from "../../local/clock.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "commensal-clock-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dataDir, { recursive: true });
});

const DAY = 86_400_000;

test("moving the clock starts what has become due, in order of time, and nothing else", async () => {
  const clock = createClock({ dataDir });
  const started: string[] = [];
  const begin = clock.now();
  clock.at(begin + 2 * DAY, () => started.push("second"));
  clock.at(begin + DAY, () => started.push("first"));
  clock.at(begin + 3 * DAY, () => started.push("later"));
  clock.at(begin + DAY, () => started.push("cancelled")).cancel();
  clock.advance(2 * DAY);
  await Promise.resolve();
  expect(started).toEqual(["first", "second"]);
  expect(clock.now() - begin).toBeGreaterThanOrEqual(2 * DAY);
  clock.stop();
});

test("an appointment beyond 24.8 days neither overflows nor is lost", async () => {
  vi.useFakeTimers();
  const clock = createClock({ dataDir });
  let runs = 0;
  clock.at(clock.now() + 40 * DAY, () => runs++);
  await vi.advanceTimersByTimeAsync(40 * DAY - 1000);
  expect(runs).toBe(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(1);
  clock.stop();
});

test("an appointment that throws does not keep the others from starting", async () => {
  const clock = createClock({ dataDir });
  const started: number[] = [];
  const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
  const listeners = process.listeners("uncaughtException").slice(0, -1);
  for (const each of listeners) process.off("uncaughtException", each);
  clock.at(clock.now() + DAY, () => {
    throw new Error("first");
  });
  clock.at(clock.now() + DAY, () => started.push(2));
  clock.advance(2 * DAY);
  await expect(thrown).resolves.toMatchObject({ message: "first" });
  for (const each of listeners) process.on("uncaughtException", each);
  expect(started).toEqual([2]);
  clock.stop();
});

test("the offset outlives the process that made it", () => {
  const startAt = Date.UTC(2026, 0, 1);
  const first = createClock({ dataDir, startAt });
  expect(Math.abs(first.now() - startAt)).toBeLessThan(1000);
  first.advance(5 * DAY);
  const again = createClock({ dataDir, startAt });
  expect(again.offset).toBe(first.offset);
  expect(Number(new BigInt64Array(again.sharedBuffer)[0])).toBe(first.offset);
});

test("the clock refuses to go back", () => {
  expect(() => createClock({ dataDir }).advance(-1)).toThrow("forward only");
});
