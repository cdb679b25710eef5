import { day, dayOf, minute, parseIso, startOfDay, weekMinute } from "../kernel/time.ts";
import type { SpecialDay, Store } from "./model.ts";

/** When a store is open: its weekly hours, and the days that are otherwise. */
type Opening = Pick<Store, "hours" | "specialDays">;

const midnightOf = ({ date }: SpecialDay): number => parseIso(`${date}T00:00:00+08:00`);

/** The opening times of the day that begins at `midnight` (epoch ms), as [opens, closes) in epoch ms, in order of time. */
function openingsOf({ hours, specialDays = [] }: Opening, midnight: number): [number, number][] {
  const date = dayOf(midnight);
  const { weekday } = weekMinute(midnight);
  const special = specialDays.find((one) => one.date === date);
  return (special?.hours ?? hours.filter((h) => h.weekday === weekday))
    .map((h): [number, number] => [midnight + h.opens * minute, midnight + h.closes * minute])
    .sort(([a], [b]) => a - b);
}

/**
 * Whether a store is open without a break from `from` until `until` (epoch ms, `until` excluded; an empty span asks about
 * the instant `from`). Hours that touch count as one: 20:00–24:00 and 00:00–02:00 of the next day are one opening.
 */
export function isOpenDuring(store: Opening, from: number, until: number): boolean {
  const end = Math.max(until, from + 1);
  // Open for a week after the last special day: no span is too long to be walked.
  const usual = (store.specialDays ?? []).reduce((latest, one) => Math.max(latest, midnightOf(one) + day), from);
  let covered = from;
  for (let midnight = startOfDay(from); midnight < end && midnight < usual + 8 * day; midnight += day) {
    for (const [opens, closes] of openingsOf(store, midnight)) {
      if (opens > covered) return false;
      covered = Math.max(covered, closes);
      if (covered >= end) return true;
    }
    if (covered < midnight + day) return covered >= end;
  }
  return true;
}

/** Whether a store is open at some time from `from` until `until` (epoch ms, `until` excluded): enough to pick goods up. */
export function hasOpening(store: Opening, from: number, until: number): boolean {
  const special = specialDaysIn(store, from, until);
  // Weeks repeat, and each special day takes one weekday out of one of them.
  const end = Math.min(until, from + (8 + 7 * special.length) * day);
  const opens = (midnight: number) =>
    openingsOf(store, midnight).some(([opens, closes]) => Math.max(opens, from) < Math.min(closes, until));
  for (let midnight = startOfDay(from); midnight < end; midnight += day) if (opens(midnight)) return true;
  return special.some((one) => opens(midnightOf(one)));
}

/** The special days of which a part lies from `from` until `until` (epoch ms, `until` excluded), the earliest first. */
export function specialDaysIn({ specialDays = [] }: Opening, from: number, until: number): SpecialDay[] {
  return specialDays
    .filter((one) => midnightOf(one) < until && midnightOf(one) + day > from)
    .sort((a, b) => (a.date < b.date ? -1 : 1));
}
