import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explainRoute, hoursText, place } from "../../shared/fulfilment/index.ts";
import { indexStores } from "../../shared/fulfilment/nearest-stores.ts";
import {
  askedAbout,
  byTravel,
  type Candidate,
  cellOf,
  judgeNearest,
  middleOf,
  nearestForSure,
  type PickupWindow,
  straightLine,
} from "../../shared/fulfilment/routing-rules.ts";
import { greatCircle, type Point, point, toGcj02, toWgs84 } from "../../shared/kernel/geo.ts";
import { hour } from "../../shared/kernel/time.ts";
import type { Store } from "../../shared/store/index.ts";

const everyDay = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, opens: 8 * 60, closes: 21 * 60 }));
const storeId = (n: number) => `ST${String(n).padStart(24, "0")}`;
const storeAt = (n: number, lat: number, lng: number, more: Partial<Store> = {}): Store => ({
  storeId: storeId(n),
  name: `门店${n}`,
  address: "测试路 1 号",
  wgs84: { lat, lng, datum: "wgs84" },
  radiusM: 3000,
  hours: everyDay,
  suspended: false,
  createdAt: 0,
  ...more,
});
/** Monday 2026-11-23 10:00 in Shanghai. */
const monday = Date.parse("2026-11-23T10:00:00+08:00");
const window = { from: monday, until: monday + 24 * hour };

const judgeStores = (stores: readonly Store[], from: Point, during: PickupWindow) => [
  ...judgeNearest(indexStores(stores), from, during),
];

/** A coarse lattice around 人民广场, so that equal distances do occur. */
const somewhere = fc.record({
  lat: fc.integer({ min: -4, max: 4 }).map((n) => 31.23 + n / 200),
  lng: fc.integer({ min: -4, max: 4 }).map((n) => 121.47 + n / 200),
});
const someStores = fc.array(
  fc.record({
    at: somewhere,
    radiusM: fc.integer({ min: 500, max: 6000 }),
    suspended: fc.nat(5).map((n) => n === 0),
    shut: fc.nat(5).map((n) => n === 0),
  }),
  { maxLength: 12 },
);

describe("judging stores", () => {
  it("agrees with brute force on the nearest able store, whatever the order they come in", () => {
    fc.assert(
      fc.property(somewhere, someStores, fc.infiniteStream(fc.nat()), ({ lat, lng }, drawn, shuffle) => {
        const from: Point = { lat, lng, datum: "wgs84" };
        const stores = drawn.map(({ at, radiusM, suspended, shut }, n) =>
          storeAt(n, at.lat, at.lng, { radiusM, suspended, hours: shut ? [] : everyDay }),
        );
        let best: Store | undefined;
        for (const s of stores) {
          const d = greatCircle(from, s.wgs84);
          if (s.suspended || s.hours.length === 0 || d > s.radiusM) continue;
          const than = best && greatCircle(from, best.wgs84);
          if (than === undefined || d < than || (d === than && s.storeId < best!.storeId)) best = s;
        }
        const shuffled = stores.map((s) => ({ s, k: shuffle.next().value as number })).sort((a, b) => a.k - b.k);
        const judged = judgeStores(
          shuffled.map(({ s }) => s),
          from,
          window,
        );
        expect(judged.find(({ why }) => !why)?.store.storeId).toBe(best?.storeId);
        expect(judged).toHaveLength(stores.length);
        for (const j of judged) if (j.why === "out_of_range") expect(j.straightM).toBeGreaterThan(j.store.radiusM);
      }),
      { numRuns: 200 },
    );
  });

  it("says of each store the first thing that keeps it from serving", () => {
    const from: Point = { lat: 31.23, lng: 121.47, datum: "wgs84" };
    const whys = judgeStores(
      [
        storeAt(1, 31.23, 121.4701, { suspended: true, hours: [] }),
        storeAt(2, 31.23, 121.4702, { hours: [{ weekday: 3, opens: 0, closes: 1440 }] }),
        storeAt(3, 31.26, 121.47, { radiusM: 500 }),
        storeAt(4, 31.235, 121.47),
      ],
      from,
      window,
    ).map(({ why }) => why);
    expect(whys).toEqual(["suspended", "closed", undefined, "out_of_range"]);
  });

  it("puts the smaller id first where two stores are equally far, in whichever order they come", () => {
    const from: Point = { lat: 31.23, lng: 121.47, datum: "wgs84" };
    const [one, two] = [storeAt(1, 31.24, 121.47), storeAt(2, 31.24, 121.47)];
    for (const stores of [
      [one, two],
      [two, one],
    ])
      expect(judgeStores(stores, from, window).map(({ store }) => store.storeId)).toEqual([storeId(1), storeId(2)]);
  });

  it("can't compare places in different datums", () => {
    const gcj: Point = { lat: 31.23, lng: 121.47, datum: "gcj02" };
    expect(() => judgeStores([storeAt(1, 31.23, 121.47)], gcj, window)).toThrow(/convert first/);
  });

  it("picks another store when gcj02 degrees are taken for wgs84", () => {
    // The member stands at store 1; read as wgs84, the same digits lie some 480 m away, next to store 2.
    const here: Point = { lat: 31.2304, lng: 121.4737, datum: "wgs84" };
    const digits = toGcj02(here);
    const stores = [storeAt(1, here.lat, here.lng), storeAt(2, digits.lat, digits.lng)];
    const nearest = (from: Point) => judgeStores(stores, from, window)[0]!.store.storeId;
    expect(nearest(toWgs84(digits))).toBe(storeId(1));
    expect(nearest({ ...digits, datum: "wgs84" })).toBe(storeId(2));
  });
});

describe("points", () => {
  it.each([
    ["swapped latitude and longitude", { lat: 121.47, lng: 31.23, datum: "gcj02" }],
    ["latitude and longitude swapped at the edge of the range", { lat: 80, lng: 40, datum: "wgs84" }],
    ["0,0", { lat: 0, lng: 0, datum: "wgs84" }],
    ["a missing datum", { lat: 31.23, lng: 121.47 }],
    ["an unknown datum", { lat: 31.23, lng: 121.47, datum: "bd09" }],
  ])("are refused for %s", (_what, value) => {
    expect(point.safeParse(value).success).toBe(false);
    expect(place.safeParse(value).success).toBe(false);
  });

  it("say what is wrong with them, also where an address would do", () => {
    const wrong = (lat: number, lng: number) => place.safeParse({ lat, lng, datum: "gcj02" }).error!.issues[0]!;
    expect(wrong(121.47, 31.23)).toMatchObject({ path: ["lat"], message: expect.stringContaining("<=90") });
    expect(wrong(85.3, 44.3).message).toMatch(/swapped/);
    expect(place.parse({ address: " 人民广场 " })).toEqual({ address: "人民广场" });
  });
});

describe("ranking", () => {
  const candidate = fc.record({
    storeId: fc.integer({ min: 0, max: 9 }).map(storeId),
    distanceM: fc.integer({ min: 0, max: 3 }),
    durationS: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  });

  it("is a total order by distance, time and id: one answer for every order of asking", () => {
    fc.assert(
      fc.property(fc.uniqueArray(candidate, { selector: (c) => c.storeId, maxLength: 8 }), (drawn) => {
        const candidates = drawn as Candidate[];
        const ranked = candidates.toSorted(byTravel).map((c) => c.storeId);
        expect(
          candidates
            .toReversed()
            .toSorted(byTravel)
            .map((c) => c.storeId),
        ).toEqual(ranked);
        for (const c of candidates)
          for (const d of candidates) if (c.distanceM < d.distanceM) expect(byTravel(c, d)).toBeLessThan(0);
      }),
      { numRuns: 200 },
    );
  });

  it("prefers a known time, then the smaller id, on equal distance", () => {
    const known: Candidate = { storeId: storeId(2), distanceM: 500, durationS: 60, method: "matrix" };
    const guessed: Candidate = { storeId: storeId(1), distanceM: 500, method: "great_circle" };
    expect([guessed, known].sort(byTravel)[0]).toBe(known);
    expect([{ ...known, storeId: storeId(3) }, known].sort(byTravel)[0]).toBe(known);
  });

  it("lengthens a straight line by the detour", () => {
    expect(straightLine(storeId(1), 1000)).toEqual({ storeId: storeId(1), distanceM: 1350, method: "great_circle" });
  });

  it("is sure of the nearest only where no road four times its straight line and two kilometres more could lose", () => {
    expect(nearestForSure([3200, 300])).toBe(true);
    expect(nearestForSure([300, 3199])).toBe(false);
    expect(nearestForSure([2500])).toBe(true);
  });
});

describe("cells", () => {
  it("lie around their point, within 110 m of their middle", () => {
    fc.assert(
      fc.property(somewhere, ({ lat, lng }) => {
        const at: Point = { lat, lng, datum: "wgs84" };
        const cell = cellOf(at);
        expect(cell).toHaveLength(7);
        expect(greatCircle(at, middleOf(cell))).toBeLessThan(110);
        expect(cellOf(middleOf(cell))).toBe(cell);
      }),
      { numRuns: 100 },
    );
  });

  it("ask another question when a store is added or moves, the same one in any order", () => {
    const [a, b] = [storeAt(1, 31.23, 121.47), storeAt(2, 31.24, 121.47)];
    expect(askedAbout([a, b])).toBe(askedAbout([b, a]));
    expect(askedAbout([a])).not.toBe(askedAbout([a, b]));
    expect(askedAbout([a, storeAt(2, 31.25, 121.47)])).not.toBe(askedAbout([a, b]));
  });
});

describe("texts", () => {
  it("explain a route with way, time and the nearer stores that were passed over", () => {
    const names = new Map([
      [storeId(1), { name: "人民广场店" }],
      [storeId(2), { name: "豫园店" }],
    ]);
    const routed = { by: "nearest", method: "matrix", cell: "wtw3sjq", distanceM: 850, durationS: 230 } as const;
    const text = explainRoute(
      { storeId: storeId(1), routed: { ...routed, passed: [{ storeId: storeId(2), why: "no_stock" }] } },
      names,
    );
    expect(text).toBe("由最近的可服务门店「人民广场店」承接:路程 850 米(约 4 分钟);更近的豫园店因库存不足未选");
  });

  it("say that a distance is an estimate when Location did not answer", () => {
    const routed = { by: "picked", method: "great_circle", cell: "wtw3sjq", distanceM: 1234, passed: [] } as const;
    const text = explainRoute({ storeId: storeId(1), routed: { ...routed, passed: [] } }, new Map());
    expect(text).toContain("您选择的门店");
    expect(text).toContain("按直线估算约 1.2 公里");
  });

  it("fold equal opening hours", () => {
    expect(hoursText(everyDay)).toBe("每天 08:00–21:00");
    expect(hoursText(everyDay.slice(0, 5))).toBe("周一至周五 08:00–21:00");
    expect(hoursText([{ weekday: 6, opens: 540, closes: 1440 }])).toBe("周日 09:00–24:00");
    expect(hoursText([])).toBe("暂不营业");
  });
});
