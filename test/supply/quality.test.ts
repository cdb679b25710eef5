import fc from "fast-check";
import { expect, test } from "vitest";
import { day } from "../../shared/kernel/time.ts";
import { qualityPolicy, qualityScore } from "../../shared/supply/index.ts";

const now = Date.UTC(2026, 10, 23, 2);
const arrived = (units: number, rejected?: number, ageDays = 1) => ({
  lotId: "LT01KASWB3Q8W5CJ7T2N9RXEH4",
  at: now - ageDays * day,
  units,
  ...(rejected !== undefined && { rejected }),
  certified: false,
});
const score = (...lots: ReturnType<typeof arrived>[]) => qualityScore({ lots }, now).score;

test("the score is 100 less the rejected share of the units that came, rounded half up", () => {
  expect(score(arrived(100, 0))).toBe(100);
  expect(score(arrived(100, 0), arrived(100, 50))).toBe(75);
  expect(score(arrived(200, 1))).toBe(99); // 0.5 % is a point
  expect(score(arrived(201, 1))).toBe(100);
  expect(score(arrived(7, 7))).toBe(0);
});

test("lots that are expected, or older than half a year, say nothing; with none there is no score", () => {
  expect(score()).toBeUndefined();
  expect(qualityScore(undefined, now)).toEqual({ lines: [] });
  expect(score(arrived(10))).toBeUndefined();
  expect(score(arrived(10, 10, 181), arrived(10, 1))).toBe(90);
});

test("the lines explain the score to the point, and more rejects never raise it", () => {
  const lots = fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 5000 }), fc.nat(5000))
      .map(([units, bad]) => arrived(units, Math.min(units, bad))),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(lots, fc.nat(19), (all, at) => {
      const judged = qualityScore({ lots: all }, now);
      expect(judged.score).toBe(qualityPolicy.full - judged.lines.reduce((sum, { points }) => sum + points, 0));
      const worse = all.map((lot, i) => (i === at % all.length ? { ...lot, rejected: lot.units } : lot));
      expect(score(...worse)!).toBeLessThanOrEqual(judged.score!);
    }),
  );
});
