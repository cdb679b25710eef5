import fc from "fast-check";
import { expect, test } from "vitest";
import { allocate, basisPoints, fen, shareOf, yuan } from "../../shared/kernel/money.ts";

const amount = fc.integer({ min: 0, max: 10_000_000_000 });

test("80 % of 9.99 yuan is 7.99: a share rounds half up, to whole fen", () => {
  expect(shareOf(999, 8000)).toBe(799);
  expect(shareOf(1, 5000)).toBe(1);
  expect(shareOf(1, 4999)).toBe(0);
  expect(shareOf(3, 5000)).toBe(2);
  expect(shareOf(10_000_000_000, 9999)).toBe(9_999_000_000);
});

test("a share is the nearest whole fen, the upper one at exactly half", () => {
  fc.assert(
    fc.property(amount, fc.integer({ min: 0, max: 10_000 }), (whole, bps) => {
      const twice = 2n * (BigInt(shareOf(whole, bps)) * 10_000n - BigInt(whole) * BigInt(bps));
      expect(twice > -10_000n && twice <= 10_000n).toBe(true);
    }),
  );
});

test("what is divided over lines sums to the whole, each part within a fen of its exact share", () => {
  const weights = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(amount, weights, (total, by) => {
      const parts = allocate(total, by);
      const sum = by.reduce((a, b) => a + b, 0);
      expect(parts).toHaveLength(by.length);
      expect(parts.reduce((a, b) => a + b, 0)).toBe(total);
      if (sum === 0) return;
      for (const [i, part] of parts.entries()) {
        const off = BigInt(part) * BigInt(sum) - BigInt(total) * BigInt(by[i]!);
        expect(off > -BigInt(sum) && off < BigInt(sum)).toBe(true);
        if (by[i] === 0) expect(part).toBe(0);
      }
    }),
  );
});

test("a tie goes to the earlier line; no line gets nothing of nothing", () => {
  expect(allocate(100, [1, 1, 1])).toEqual([34, 33, 33]);
  expect(allocate(7, [0, 0])).toEqual([7, 0]);
  expect(allocate(5, [])).toEqual([]);
});

test.each([[-1], [0.5], [Number.NaN], [10_000_000_001], ["100"], [Number.POSITIVE_INFINITY]])(
  "%s is no amount",
  (value) => {
    expect(fen.safeParse(value).success).toBe(false);
  },
);

test("a share is between nothing and all", () => {
  expect([-1, 0, 10_000, 10_001].map((bps) => basisPoints.safeParse(bps).success)).toEqual([false, true, true, false]);
});

test("people read yuan with two decimals", () => {
  expect([0, 5, 1280, -799].map(yuan)).toEqual(["0.00", "0.05", "12.80", "-7.99"]);
});
