import fc from "fast-check";
import { expect, test } from "vitest";
import { indexStores, type Placed } from "../../shared/fulfilment/nearest-stores.ts";
import type { Point } from "../../shared/kernel/geo.ts";
import { inOrder } from "./brute-force.ts";

const wgs84 = (lat: number, lng: number): Point => ({ lat, lng, datum: "wgs84" });
const placed = (points: readonly Point[]): Placed[] =>
  points.map((point, n) => ({ storeId: `ST${String((n * 7919) % 100_003).padStart(24, "0")}`, wgs84: point }));

/** Where sums of degrees go wrong: poles, the date line, one point twice, blocks of a city, the other side of the earth. */
const anywhere = fc.oneof(
  fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
  }),
  fc.record({ lat: fc.constantFrom(90, -90, 89.999999, 0), lng: fc.constantFrom(-180, 180, 179.9999999, 0, 58.53) }),
  fc.record({
    lat: fc.integer({ min: -5, max: 5 }).map((n) => 31.23 + n / 500),
    lng: fc.integer({ min: -5, max: 5 }).map((n) => 121.47 + n / 500),
  }),
  fc.record({ lat: fc.integer({ min: -4, max: 4 }).map((n) => -31.23 + n * 1e-7), lng: fc.constant(-58.53) }),
);
const points = fc.array(
  anywhere.map(({ lat, lng }) => wgs84(lat, lng)),
  { maxLength: 80 },
);

test("every store comes out, in the very order of brute force", () => {
  fc.assert(
    fc.property(points, anywhere, (at, { lat, lng }) => {
      const stores = placed(at);
      const from = wgs84(lat, lng);
      expect([...indexStores(stores).nearest(from)]).toEqual(inOrder(stores, from));
    }),
    { numRuns: 2_000 },
  );
});

test("two searches of one index do not disturb each other, nor one that is given up", () => {
  fc.assert(
    fc.property(points, anywhere, anywhere, (at, a, b) => {
      const stores = placed(at);
      const index = indexStores(stores);
      const [here, there] = [wgs84(a.lat, a.lng), wgs84(b.lat, b.lng)];
      for (const _one of index.nearest(there)) break;
      const [one, two] = [index.nearest(here), index.nearest(there)];
      const found = stores.map(() => [one.next().value, two.next().value]);
      const [left, right] = [inOrder(stores, here), inOrder(stores, there)];
      expect(found).toEqual(stores.map((_, i) => [left[i], right[i]]));
    }),
    { numRuns: 300 },
  );
});

test("a thousand stores at one corner come by their ids", () => {
  const stores = placed(Array.from({ length: 1_000 }, () => wgs84(31.23, 121.47)));
  const ids = [...indexStores(stores).nearest(wgs84(31.24, 121.48))].map(({ store }) => store.storeId);
  expect(ids).toEqual(stores.map(({ storeId }) => storeId).sort());
});

test("a chain of five thousand in a few cities: the nearest eight are those of brute force", () => {
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const somewhere = () => wgs84(22 + 9 * Math.floor(random() * 3) + random() / 5, 114 + random() / 5);
  const stores = placed(Array.from({ length: 5_000 }, somewhere));
  const index = indexStores(stores);
  for (let i = 0; i < 200; i++) {
    const from = somewhere();
    const eight = [];
    for (const seen of index.nearest(from)) if (eight.push(seen) === 8) break;
    expect(eight).toEqual(inOrder(stores, from).slice(0, 8));
  }
});

test("a place in the other datum is refused", () => {
  const index = indexStores(placed([wgs84(31.23, 121.47)]));
  expect(() => index.nearest({ lat: 31.23, lng: 121.47, datum: "gcj02" }).next()).toThrow(/convert first/);
});
