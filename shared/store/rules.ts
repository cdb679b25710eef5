import { day, minute, startOfDay, weekMinute } from "../kernel/time.ts";
import type { Store } from "./model.ts";

type Hours = Store["hours"];

/** The opening times of the day that begins at `midnight` (epoch ms), as [opens, closes) in epoch ms, in order of time. */
function openingsOf(hours: Hours, midnight: number): [number, number][] {
  const { weekday } = weekMinute(midnight);
  return hours
    .filter((h) => h.weekday === weekday)
    .map((h): [number, number] => [midnight + h.opens * minute, midnight + h.closes * minute])
    .sort(([a], [b]) => a - b);
}

/**
 * Whether a store is open without a break from `from` until `until` (epoch ms, `until` excluded; an empty span asks about
 * the instant `from`). Hours that touch count as one: 20:00–24:00 and 00:00–02:00 of the next day are one opening.
 */
export function isOpenDuring(hours: Hours, from: number, until: number): boolean {
  const end = Math.max(until, from + 1);
  // Open all week: no span is too long to be walked.
  let covered = from;
  for (let midnight = startOfDay(from); midnight < end && midnight < from + 8 * day; midnight += day) {
    for (const [opens, closes] of openingsOf(hours, midnight)) {
      if (opens > covered) return false;
      covered = Math.max(covered, closes);
      if (covered >= end) return true;
    }
    if (covered < midnight + day) return covered >= end;
  }
  return covered >= from + 7 * day;
}

/** Whether a store is open at some time from `from` until `until` (epoch ms, `until` excluded): enough to pick goods up. */
export function hasOpening(hours: Hours, from: number, until: number): boolean {
  const end = Math.min(until, from + 8 * day); // weeks repeat
  for (let midnight = startOfDay(from); midnight < end; midnight += day)
    if (openingsOf(hours, midnight).some(([opens, closes]) => Math.max(opens, from) < Math.min(closes, end)))
      return true;
  return false;
}
