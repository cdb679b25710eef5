import fc from "fast-check";
import { expect, test } from "vitest";
import { dayOf, parseIso } from "../../shared/kernel/time.ts";
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

const holiday: Store["specialDays"] = [
  { date: "2026-11-23", hours: [], name: "盘点" },
  { date: "2026-11-28", hours: [{ opens: 600, closes: 840 }] },
];

test.each<[string, boolean, number, number]>([
  ["a Monday that is a holiday", false, at(23, "00:00"), at(24, "00:00")],
  ["the holiday and the morning after", true, at(23, "00:00"), at(24, "08:01")],
  ["a Saturday that is worked", true, at(28, "09:00"), at(28, "10:01")],
  ["that Saturday's evening", false, at(28, "14:00"), at(28, "22:00")],
  ["the Sunday after", false, at(29, "00:00"), at(30, "00:00")],
])("with special days, an opening in %s: %s", (_, opening, from, until) => {
  expect(hasOpening({ hours: weekdays, specialDays: holiday }, from, until)).toBe(opening);
});

test("a special day takes the place of its weekday from midnight to midnight, also of what runs over it", () => {
  const store = { hours: always, specialDays: [{ date: "2026-11-24", hours: [{ opens: 120, closes: 1440 }] }] };
  expect(isOpenDuring(store, at(23, "23:00"), at(24, "00:00"))).toBe(true);
  expect(isOpenDuring(store, at(23, "23:00"), at(24, "00:01"))).toBe(false);
  expect(isOpenDuring(store, at(24, "02:00"), at(25, "09:00"))).toBe(true);
  expect(isOpenDuring(store, at(25, "09:00"), at(25, "09:00") + 365 * 86_400_000)).toBe(true);
  expect(isOpenDuring(store, at(23, "09:00"), at(25, "09:00") + 365 * 86_400_000)).toBe(false);
});

test("special days and weekly hours agree with walking every quarter of an hour, over weeks of holidays too", () => {
  const quarters = fc
    .record({ opens: fc.nat(95), length: fc.integer({ min: 1, max: 96 }) })
    .map(({ opens, length }) => ({ opens: opens * 15, closes: Math.min(1440, (opens + length) * 15) }));
  const anyDays = fc.uniqueArray(fc.record({ day: fc.nat(27), hours: fc.array(quarters, { maxLength: 2 }) }), {
    selector: ({ day }) => day,
    maxLength: 28,
  });
  const anyHours = fc.array(
    fc.record({ weekday: fc.nat(6), when: quarters }).map(({ weekday, when }) => ({ weekday, ...when })),
    { maxLength: 3 },
  );
  const monday = at(23, "00:00");
  fc.assert(
    fc.property(
      anyHours,
      anyDays,
      fc.nat(7 * 96),
      fc.integer({ min: 1, max: 21 * 96 }),
      (hours, days, start, length) => {
        const specialDays = days.map((d) => ({ date: dayOf(monday + d.day * 86_400_000), hours: d.hours }));
        const openAt = (quarter: number) => {
          const [day, minute] = [Math.floor(quarter / 96), (quarter % 96) * 15];
          const today = days.find((d) => d.day === day)?.hours ?? hours.filter((h) => h.weekday === day % 7);
          return today.some((h) => minute >= h.opens && minute < h.closes);
        };
        const walked = Array.from({ length }, (_, i) => openAt(start + i));
        const [from, until] = [monday + start * 900_000, monday + (start + length) * 900_000];
        expect(hasOpening({ hours, specialDays }, from, until)).toBe(walked.some(Boolean));
        expect(isOpenDuring({ hours, specialDays }, from, until)).toBe(walked.every(Boolean));
      },
    ),
    { numRuns: 500 },
  );
});
