import fc from "fast-check";
import { expect, test } from "vitest";
import {
  day,
  dayOf,
  isoInput,
  parseIso,
  second,
  startOfDay,
  toIso,
  toUtc,
  weekMinute,
  wholeSecond,
} from "../../shared/kernel/time.ts";

const moment = fc.integer({ min: 0, max: 4_102_444_800_000 });

test("the day turns at midnight in Shanghai, to the millisecond", () => {
  const midnight = Date.UTC(2026, 10, 22, 16);
  expect(dayOf(midnight - 1)).toBe("2026-11-22");
  expect(dayOf(midnight)).toBe("2026-11-23");
  expect(startOfDay(midnight - 1)).toBe(midnight - day);
  expect(startOfDay(midnight)).toBe(midnight);
  expect(weekMinute(midnight - 1)).toEqual({ weekday: 6, minute: 24 * 60 - 1 });
  expect(weekMinute(midnight)).toEqual({ weekday: 0, minute: 0 });
  expect(weekMinute(midnight + 1)).toEqual({ weekday: 0, minute: 0 });
});

test("the year turns eight hours before UTC's", () => {
  expect(dayOf(Date.UTC(2026, 11, 31, 15, 59, 59, 999))).toBe("2026-12-31");
  expect(dayOf(Date.UTC(2026, 11, 31, 16))).toBe("2027-01-01");
});

test("a moment written in +08:00 or UTC reads back as itself", () => {
  fc.assert(
    fc.property(moment, (ms) => {
      expect(toIso(ms)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/);
      expect(parseIso(toIso(ms))).toBe(wholeSecond(ms));
      expect(parseIso(toUtc(ms))).toBe(ms);
      expect(toIso(ms).slice(0, 10)).toBe(dayOf(ms));
    }),
  );
});

test("a moment lies in its day, and weekdays follow each other", () => {
  fc.assert(
    fc.property(moment, (ms) => {
      const start = startOfDay(ms);
      expect(ms - start).toBeGreaterThanOrEqual(0);
      expect(ms - start).toBeLessThan(day);
      expect(dayOf(start)).toBe(dayOf(ms));
      expect(weekMinute(ms).minute).toBe(Math.floor((ms - start) / (60 * second)));
      expect(weekMinute(ms + day).weekday).toBe((weekMinute(ms).weekday + 1) % 7);
    }),
  );
});

test.each([
  ["no offset", "2026-11-23T20:00:00"],
  ["a date alone", "2026-11-23"],
  ["a month too many", "2026-13-01T00:00:00Z"],
  ["an hour too many", "2026-11-23T25:00:00+08:00"],
  ["words", "tomorrow"],
  ["a space for the T", "2026-11-23 20:00:00+08:00"],
  ["nothing", ""],
])("a date-time with %s is refused", (_, text) => {
  expect(() => parseIso(text)).toThrow(RangeError);
  expect(isoInput.safeParse(text).success).toBe(false);
});
