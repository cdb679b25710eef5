import fc from "fast-check";
import { expect, test } from "vitest";
import { greatCircle, point, toGcj02, toWgs84 } from "../../shared/kernel/geo.ts";

const inShanghai = fc.record({
  lat: fc.double({ min: 30.7, max: 31.8, noNaN: true }),
  lng: fc.double({ min: 121, max: 122, noNaN: true }),
});
/** How far the numbers of one place are apart in the two datums, metres. */
const offset = (at: { lat: number; lng: number }) => {
  const wgs84 = { ...at, datum: "wgs84" as const };
  return greatCircle(wgs84, { ...toGcj02(wgs84), datum: "wgs84" });
};

test("People's Square: the two datums are some 480 m apart in Shanghai", () => {
  expect(offset({ lat: 31.2304, lng: 121.4737 })).toBeGreaterThan(430);
  expect(offset({ lat: 31.2304, lng: 121.4737 })).toBeLessThan(530);
});

test("there and back is the same place, within half a metre", () => {
  fc.assert(
    fc.property(inShanghai, (at) => {
      const wgs84 = { ...at, datum: "wgs84" as const };
      expect(greatCircle(wgs84, toWgs84(toGcj02(wgs84)))).toBeLessThan(0.5);
      expect(offset(at)).toBeGreaterThan(300);
    }),
  );
});

test("a place that is in the datum already stays as it is", () => {
  const gcj02 = { lat: 31.2, lng: 121.4, datum: "gcj02" as const };
  expect(toGcj02(gcj02)).toEqual(gcj02);
  const wgs84 = { lat: 31.2, lng: 121.4, datum: "wgs84" as const };
  expect(toWgs84(wgs84)).toEqual(wgs84);
});

test("distances are symmetric, and a degree of latitude is 111.2 km", () => {
  const a = { lat: 31, lng: 121, datum: "wgs84" as const };
  const b = { lat: 32, lng: 121, datum: "wgs84" as const };
  expect(greatCircle(a, b)).toBe(greatCircle(b, a));
  expect(greatCircle(a, b)).toBeCloseTo(111_195, -1);
  expect(greatCircle(a, a)).toBe(0);
});

test("a distance between two datums is refused, not guessed", () => {
  const wgs84 = { lat: 31.2, lng: 121.4, datum: "wgs84" as const };
  expect(() => greatCircle(wgs84, toGcj02(wgs84))).toThrow(/convert first/);
});

const good = { lat: 31.2231, lng: 121.4737, datum: "gcj02" };
test("a place in Shanghai with its datum is taken", () => {
  expect(point.parse(good)).toEqual(good);
});
test.each<[string, object]>([
  ["0,0", { ...good, lat: 0, lng: 0 }],
  ["swapped coordinates", { ...good, lat: 121.4737, lng: 31.2231 }],
  ["swapped coordinates in the south", { ...good, lat: 80, lng: 20 }],
  ["no datum", { lat: good.lat, lng: good.lng }],
  ["Baidu's datum", { ...good, datum: "bd09" }],
  ["NaN", { ...good, lat: Number.NaN }],
  ["infinity", { ...good, lng: Number.POSITIVE_INFINITY }],
  ["text", { ...good, lat: "31.2231" }],
  ["beyond the pole", { ...good, lat: 90.1 }],
  ["a field too many", { ...good, alt: 4 }],
])("%s is no place", (_, value) => {
  expect(point.safeParse(value).success).toBe(false);
});

test.each(["gcj02", "wgs84"] as const)("a %s number nearer to 0 than the table keeps is 0", (datum) => {
  expect(toWgs84({ lat: -1e-141, lng: 180, datum })).toEqual({ lat: 0, lng: 180, datum: "wgs84" });
});
