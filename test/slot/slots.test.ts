import fc from "fast-check";
import { expect, test } from "vitest";
import { DomainError } from "../../shared/kernel/problem.ts";
import { day, hour, minute, parseIso } from "../../shared/kernel/time.ts";
import {
  deliveryFee,
  deliveryFeeRules,
  slotBack,
  slotsOffered,
  slotWindows,
  takeSlot,
} from "../../shared/slot/index.ts";
import { Stale } from "../../shared/table/entity.ts";
import { slotCounts, slotPlans, stores } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

const { table, env, clock } = await openTestTable(parseIso("2026-11-23T08:00:00+08:00"));
const everyDay = (windows: [number, number][], capacity = 10) =>
  [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) =>
    windows.map(([from, until]) => ({ weekday, from, until, capacity, leadMinutes: 30 })),
  );

async function openStore(capacity: number, more: object = {}): Promise<string> {
  const storeId = env.ids.next("ST");
  const hours = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, opens: 480, closes: 1260 }));
  await table.commit([
    stores.create({
      storeId,
      name: "人民广场店",
      address: "人民大道1号",
      wgs84: { lat: 31.23, lng: 121.47, datum: "wgs84" },
      radiusM: 3000,
      hours,
      suspended: false,
      createdAt: 0,
      ...more,
    }),
    slotPlans.create({
      storeId,
      delivery: {
        daysAhead: 1,
        windows: everyDay(
          [
            [540, 660],
            [1200, 1320],
          ],
          capacity,
        ),
      },
    }),
  ]);
  return storeId;
}
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error) => (error instanceof DomainError ? error.code : String(error)),
  );

test("thirty want ten places at the same instant: ten commits go through, and each place that is given back is one more", async () => {
  const storeId = await openStore(10);
  const slot = (await slotsOffered({ table, env }, { storeId, kind: "delivery" }))?.[0];
  const key = { storeId, kind: "delivery" as const, slotId: slot!.slotId };
  const want = async (): Promise<string> => {
    for (;;)
      try {
        const { write } = await takeSlot({ table, env }, key);
        await table.commit([write]);
        return "taken";
      } catch (error) {
        if (error instanceof DomainError && error.code === "SLOT_FULL") return error.code;
        if (!(error instanceof Stale) && !(error instanceof DomainError && error.code === "TRY_AGAIN")) throw error;
      }
  };
  const outcomes = await Promise.all(Array.from({ length: 30 }, want));
  expect(outcomes.filter((one) => one === "taken")).toHaveLength(10);
  expect(await table.load(slotCounts, key)).toMatchObject({ taken: 10 });
  await table.commit([slotBack(key)]);
  expect(await want()).toBe("taken");
  expect(await want()).toBe("SLOT_FULL");
});

test("a slot is offered while it takes orders, on the days of the plan, within the opening times, and not by a store that is suspended", async () => {
  const closed = [{ date: "2026-11-24", hours: [] }];
  const storeId = await openStore(2, { specialDays: closed });
  const offered = async () =>
    (await slotsOffered({ table, env }, { storeId, kind: "delivery" }))?.map(({ slotId }) => slotId);
  // 20:00–22:00 reaches beyond closing time, tomorrow is closed
  expect(await offered()).toEqual(["D-20261123-0900-1100"]);
  expect(await slotsOffered({ table, env }, { storeId, kind: "pickup" })).toBeUndefined();
  clock.advance(hour - 30 * minute - 1);
  expect(await offered()).toEqual(["D-20261123-0900-1100"]);
  clock.advance(1);
  expect(await offered()).toEqual([]);
  const take = (slotId: string) => code(takeSlot({ table, env }, { storeId, kind: "delivery", slotId }));
  expect(await take("D-20261123-0900-1100")).toBe("SLOT_PAST");
  expect(await take("D-20261124-0900-1100")).toBe("SLOT_NOT_OFFERED");
  expect(await take("D-20261123-0930-1100")).toBe("SLOT_NOT_OFFERED");
  clock.advance(day);
  expect(await offered()).toEqual(["D-20261125-0900-1100"]);
  const row = await table.load(stores, { storeId });
  await table.commit([stores.replace({ ...row!, suspended: true })]);
  expect(await offered()).toEqual([]);
});

test("a slot of today is told to be past once its orders are closed, also where a store offers today alone", async () => {
  const midnight = parseIso("2026-11-30T00:00:00+08:00");
  clock.set(midnight + 8 * hour);
  const storeId = await openStore(2);
  const plan = await table.load(slotPlans, { storeId });
  await table.commit([slotPlans.replace({ ...plan!, delivery: { daysAhead: 0, windows: everyDay([[540, 660]]) } })]);
  const take = (slotId: string) => code(takeSlot({ table, env }, { storeId, kind: "delivery", slotId }));
  expect(await take("D-20261130-0900-1100")).toBe("none");
  expect(await take("D-20261201-0900-1100")).toBe("SLOT_NOT_OFFERED");
  clock.set(midnight + 8.5 * hour);
  expect(await take("D-20261130-0900-1100")).toBe("SLOT_PAST");
  clock.set(midnight + day + 5 * minute);
  expect(await take("D-20261130-0900-1100")).toBe("SLOT_PAST");
});

test("windows that overlap, are empty or hold nobody are refused where they stand", () => {
  const wrong = (windows: object[]) =>
    slotWindows.safeParse({ daysAhead: 1, windows }).error?.issues.map(({ path }) => path.join("."));
  const window = { weekday: 0, from: 540, until: 660, capacity: 1, leadMinutes: 0 };
  expect(wrong([window, { ...window, from: 600, until: 720 }])).toEqual(["windows.1"]);
  expect(wrong([window, { ...window, from: 660, until: 720 }, { ...window, weekday: 1 }])).toBeUndefined();
  expect(wrong([{ ...window, until: 540 }])).toEqual(["windows.0"]);
  expect(wrong([{ ...window, capacity: 0 }])).toEqual(["windows.0.capacity"]);
  expect(wrong([])).toEqual(["windows"]);
});

test("surcharges that two readers would tell apart differently are refused where they stand", () => {
  const wrong = (more: object) =>
    deliveryFeeRules.safeParse({ ...rules, ...more }).error?.issues.map(({ path }) => path.join("."));
  const peak = { weekday: 0, fen: 200, from: 1080, until: 1200 };
  expect(wrong({ night: { fen: 100, from: 1320, until: 1320 } })).toEqual(["night"]);
  expect(wrong({ peaks: [peak, { ...peak, fen: 300, from: 1140, until: 1260 }] })).toEqual(["peaks.1"]);
  expect(wrong({ peaks: [{ ...peak, until: 60 }] })).toEqual(["peaks.0"]);
  expect(wrong({ peaks: [peak, { ...peak, from: 1200, until: 1260 }, { ...peak, weekday: 1 }] })).toBeUndefined();
});

const rules = deliveryFeeRules.parse({
  baseFen: 300,
  baseDistanceM: 3000,
  perKmFen: 100,
  baseGrams: 5000,
  perKgFen: 50,
  night: { fen: 400, from: 1320, until: 360 },
  peaks: [{ weekday: 0, fen: 200, from: 1080, until: 1200 }],
  freeOverFen: 9900,
  maxDistanceM: 8000,
  maxGrams: 20_000,
});
const noon = parseIso("2026-11-23T12:00:00+08:00");
const order = { distanceM: 1000, grams: 1000, from: noon, goodsFen: 5000 };
const fee = (more: Partial<typeof order>) => deliveryFee(rules, { ...order, ...more }).feeFen;

test("a fee begins with each kilometre and kilogram, changes at the minute, and is waived from the very fen on", () => {
  expect([3000, 3001, 4000, 4001].map((distanceM) => fee({ distanceM }))).toEqual([300, 400, 400, 500]);
  expect([5000, 5001].map((grams) => fee({ grams }))).toEqual([300, 350]);
  const at = (time: string) => fee({ from: parseIso(`2026-11-23T${time}:00+08:00`) });
  expect(["17:59", "18:00", "19:59", "20:00", "21:59", "22:00", "05:59", "06:00"].map(at)).toEqual([
    300, 500, 500, 300, 300, 700, 700, 300,
  ]);
  expect([9899, 9900].map((goodsFen) => fee({ goodsFen }))).toEqual([300, 0]);
  for (const [more, refused] of [
    [{ distanceM: 8001 }, "DELIVERY_TOO_FAR"],
    [{ grams: 20_001 }, "DELIVERY_TOO_HEAVY"],
  ] as const)
    expect(() => fee(more)).toThrow(expect.objectContaining({ code: refused }));
});

test("the lines of a fee sum to it, and it is never less for a longer way or a heavier order", () => {
  const any = fc.record({
    distanceM: fc.integer({ min: 0, max: 8000 }),
    grams: fc.integer({ min: 0, max: 20_000 }),
    from: fc.integer({ min: 0, max: 7 * 24 * 60 }).map((m) => noon + m * minute),
    goodsFen: fc.integer({ min: 1, max: 20_000 }),
  });
  fc.assert(
    fc.property(any, fc.nat(1000), fc.nat(1000), (one, further, heavier) => {
      const { feeFen, lines } = deliveryFee(rules, one);
      expect(lines.reduce((sum, { amountFen }) => sum + amountFen, 0)).toBe(feeFen);
      expect(feeFen).toBeGreaterThanOrEqual(0);
      const more = {
        ...one,
        distanceM: Math.min(8000, one.distanceM + further),
        grams: Math.min(20_000, one.grams + heavier),
      };
      expect(deliveryFee(rules, more).feeFen).toBeGreaterThanOrEqual(feeFen);
    }),
  );
});
