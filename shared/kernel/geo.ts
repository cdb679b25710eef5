import gcoord from "gcoord";
import * as z from "zod";

// Its typings describe the ES build; loaded by Node or a bundler, the default export is the object itself.
const converter = gcoord as unknown as typeof gcoord.default;

/** Mini-programs and Chinese maps speak gcj02; Amazon Location speaks wgs84. Some 480 m apart in Shanghai: never mixed. */
export const datum = z.enum(["gcj02", "wgs84"]).meta({ description: "gcj02 (wx.getLocation type gcj02) or wgs84" });

/** A place on the map: degrees, with the datum they are in. (0,0) and swapped latitude/longitude are refused. */
export const point = z
  .strictObject({ lat: z.number().min(-90).max(90), lng: z.number().min(-180).max(180), datum })
  .refine((p) => Math.abs(p.lat) > 0.01 || Math.abs(p.lng) > 0.01, "0,0 is no address: send the real coordinates")
  .refine(
    (p) => !inChina({ lat: p.lng, lng: p.lat }),
    "lat and lng are swapped: lat is 3 to 54, lng 73 to 136 in China",
  )
  .meta({
    id: "Point",
    description: "Coordinates with their datum",
    example: { lat: 31.2231, lng: 121.4737, datum: "gcj02" },
  });
export type Point = z.infer<typeof point>;

const inChina = (p: { lat: number; lng: number }) => p.lat >= 3 && p.lat <= 54 && p.lng >= 73 && p.lng <= 136;

/** Less than a millimetre beside a meridian is on it: DynamoDB keeps no number nearer to 0 than 1E-130. */
const kept = (degrees: number): number => (Math.abs(degrees) < 1e-9 ? 0 : degrees);

/** The same place in WGS-84 (gcoord: error below 0.01 m). */
export function toWgs84(p: Point): Point {
  if (p.datum === "wgs84") return { ...p, lat: kept(p.lat), lng: kept(p.lng) };
  const [lng, lat] = converter.transform([p.lng, p.lat], converter.GCJ02, converter.WGS84);
  return { lat: kept(lat), lng: kept(lng), datum: "wgs84" };
}

/** The same place in GCJ-02. */
export function toGcj02(p: Point): Point {
  if (p.datum === "gcj02") return p;
  const [lng, lat] = converter.transform([p.lng, p.lat], converter.WGS84, converter.GCJ02);
  return { lat, lng, datum: "gcj02" };
}

/** A place rounded to some 100 m in WGS-84: enough for the way there, too little to name a door. */
export function roughly(p: Point): { lat: number; lng: number } {
  const { lat, lng } = toWgs84(p);
  return { lat: kept(Math.round(lat * 1000) / 1000), lng: kept(Math.round(lng * 1000) / 1000) };
}

/** Great-circle distance in metres (sphere of 6,371,008.8 m). Throws when the two are not in one datum. */
export function greatCircle(a: Point, b: Point): number {
  if (a.datum !== b.datum) throw new RangeError(`distance between ${a.datum} and ${b.datum}: convert first`);
  const rad = Math.PI / 180;
  const s =
    Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lng - a.lng) * rad) / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(s)));
}
