import fc from "fast-check";
import { expect, test } from "vitest";
import { parseIso } from "../../shared/kernel/time.ts";
import { hasOpening, isOpenDuring, type Store } from "../../shared/store/index.ts";

// 2026-11-23 is a Monday.
const at = (day: number, time: string) => parseIso(`2026-11-${day}T${time}:00+08:00`);
const weekdays: Store["hours"] = [0, 1, 2, 3, 4].map((weekday) => ({ weekday, opens: 480, closes: 1320 }));
const overnight: Store["hours"] = [
  { weekday: 0, opens: 1200, closes: 1440 },
  { weekday: 1, opens: 0, closes: 120 },
];
const lunchBreak: Store["hours"] = [
  { weekday: 0, opens: 480, closes: 720 },
  { weekday: 0, opens: 840, closes: 1200 },
];
const always: Store["hours"] = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, opens: 0, closes: 1440 }));

test.each<[string, boolean, Store["hours"], number, number]>([
  ["within the hours", true, weekdays, at(23, "09:00"), at(23, "12:00")],
  ["from opening to closing", true, weekdays, at(23, "08:00"), at(23, "22:00")],
  ["a minute too early", false, weekdays, at(23, "07:59"), at(23, "12:00")],
  ["a minute too late", false, weekdays, at(23, "12:00"), at(23, "22:01")],
  ["over the night between", false, weekdays, at(23, "21:00"), at(24, "09:00")],
  ["a Saturday", false, weekdays, at(28, "09:00"), at(28, "10:00")],
  ["past midnight in two rows", true, overnight, at(23, "23:00"), at(24, "01:59")],
  ["past midnight, too long", false, overnight, at(23, "23:00"), at(24, "02:01")],
  ["over a break", false, lunchBreak, at(23, "11:00"), at(23, "15:00")],
  ["the instant of opening", true, weekdays, at(23, "08:00"), at(23, "08:00")],
  ["the instant of closing", false, weekdays, at(23, "22:00"), at(23, "22:00")],
  ["no hours at all", false, [], at(23, "09:00"), at(23, "10:00")],
  ["a year, never closed", true, always, at(23, "09:00"), at(23, "09:00") + 365 * 86_400_000],
])("open during %s: %s", (_, open, hours, from, until) => {
  expect(isOpenDuring({ hours }, from, until)).toBe(open);
});

test.each<[string, boolean, Store["hours"], number, number]>([
  ["the hours within the window", true, weekdays, at(23, "00:00"), at(24, "00:00")],
  ["a window that ends as the store opens", false, weekdays, at(23, "02:00"), at(23, "08:00")],
  ["a window that ends a minute later", true, weekdays, at(23, "02:00"), at(23, "08:01")],
  ["a window that begins as it closes", false, weekdays, at(23, "22:00"), at(24, "08:00")],
  ["a weekend", false, weekdays, at(28, "00:00"), at(30, "00:00")],
  ["a weekend and Monday's first minutes", true, weekdays, at(28, "00:00"), at(30, "08:05")],
  ["an empty window", false, always, at(23, "09:00"), at(23, "09:00")],
  ["no hours", false, [], at(23, "00:00"), at(23, "00:00") + 30 * 86_400_000],
])("an opening in %s: %s", (_, opening, hours, from, until) => {
  expect(hasOpening({ hours }, from, until)).toBe(opening);
});

test("both agree with walking every minute", () => {
  const anyHours = fc.array(
    fc
      .record({ weekday: fc.nat(6), opens: fc.nat(1439), length: fc.integer({ min: 1, max: 1440 }) })
      .map(({ weekday, opens, length }) => ({ weekday, opens, closes: Math.min(1440, opens + length) })),
    { maxLength: 8 },
  );
  const monday = at(23, "00:00");
  fc.assert(
    fc.property(anyHours, fc.nat(7 * 1440), fc.integer({ min: 1, max: 2 * 1440 }), (hours, start, length) => {
      const openAt = (minute: number) =>
        hours.some(
          (h) => h.weekday === Math.floor(minute / 1440) % 7 && minute % 1440 >= h.opens && minute % 1440 < h.closes,
        );
      const minutes = Array.from({ length }, (_, i) => openAt(start + i));
      const [from, until] = [monday + start * 60_000, monday + (start + length) * 60_000];
      expect(isOpenDuring({ hours }, from, until)).toBe(minutes.every(Boolean));
      expect(hasOpening({ hours }, from, until)).toBe(minutes.some(Boolean));
    }),
    { numRuns: 300 },
  );
});
