import * as z from "zod";
import { datum, greatCircle, type Point, point, toWgs84 } from "../kernel/geo.ts";
import type { Area, Corner, Store } from "./model.ts";

/** A ring of a town is no wider; also keeps rings off the date line and the poles, where straight lines in degrees mean nothing. */
const WIDEST_DEG = 2;
const MOST_CORNERS = 200;

/** > 0: `c` lies left of the way from `a` to `b`; 0: on its line. In degrees², as if they were a plane. */
const side = (a: Corner, b: Corner, c: Corner): number =>
  (b.lng - a.lng) * (c.lat - a.lat) - (b.lat - a.lat) * (c.lng - a.lng);

/** Whether `p`, on the line of `a` and `b`, lies between them, both included. */
const between = (a: Corner, b: Corner, p: Corner): boolean =>
  Math.min(a.lng, b.lng) <= p.lng &&
  p.lng <= Math.max(a.lng, b.lng) &&
  Math.min(a.lat, b.lat) <= p.lat &&
  p.lat <= Math.max(a.lat, b.lat);

const onEdge = (a: Corner, b: Corner, p: Corner): boolean => side(a, b, p) === 0 && between(a, b, p);

function meet(a: Corner, b: Corner, c: Corner, d: Corner): boolean {
  const crossed = side(a, b, c) > 0 !== side(a, b, d) > 0 && side(c, d, a) > 0 !== side(c, d, b) > 0;
  return crossed || onEdge(a, b, c) || onEdge(a, b, d) || onEdge(c, d, a) || onEdge(c, d, b);
}

/** The corners of a ring, without the first one said again at its end. */
function cornersOf(ring: readonly Corner[]): readonly Corner[] {
  const [first, last] = [ring[0], ring.at(-1)];
  return ring.length > 1 && first?.lat === last?.lat && first?.lng === last?.lng ? ring.slice(0, -1) : ring;
}

/**
 * What keeps a ring (degrees, one datum) from being the edge of an area, with the index of the corner that shows it; undefined
 * where nothing does. The last corner joins the first, which may be said again at the end. Wanted are 3 to 200 corners, none
 * twice, within two degrees of the first, whose edges touch nowhere but at the corner that two neighbours share.
 */
export function ringFault(ring: readonly Corner[]): { corner: number; message: string } | undefined {
  const corners = cornersOf(ring);
  const count = corners.length;
  if (count < 3) return { corner: Math.max(0, count - 1), message: "范围至少要有3个不同的点" };
  if (count > MOST_CORNERS) return { corner: MOST_CORNERS, message: `范围最多${MOST_CORNERS}个点` };
  const first = corners[0]!;
  const far = corners.findIndex(
    ({ lat, lng }) => Math.abs(lat - first.lat) > WIDEST_DEG || Math.abs(lng - first.lng) > WIDEST_DEG,
  );
  if (far > 0) return { corner: far, message: `第${far + 1}个点离第1个点超过${WIDEST_DEG}度:核对经纬度` };
  for (let i = 0; i < count; i++) {
    const twin = corners.findIndex(({ lat, lng }, j) => j < i && lat === corners[i]!.lat && lng === corners[i]!.lng);
    if (twin >= 0) return { corner: i, message: `第${i + 1}个点与第${twin + 1}个点重复` };
  }
  for (let i = 0; i < count; i++) {
    const [a, b, next] = [corners[i]!, corners[(i + 1) % count]!, corners[(i + 2) % count]!];
    // the neighbouring edge may share the corner, not run back over this one
    if (onEdge(a, b, next) || onEdge(b, next, a))
      return { corner: (i + 1) % count, message: `边在第${((i + 1) % count) + 1}个点折返` };
    for (let j = i + 2; j < count; j++) {
      if (i === 0 && j === count - 1) continue;
      if (meet(a, b, corners[j]!, corners[(j + 1) % count]!))
        return { corner: j, message: `从第${j + 1}个点出发的边与从第${i + 1}个点出发的边相交` };
    }
  }
  return undefined;
}

/** Whether a point lies in a ring or on its edge: how often a ray to the east crosses it (Shimrat, CACM 5, 1962), in degrees as a plane. */
export function insideRing(ring: readonly Corner[], p: Corner): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [a, b] = [ring[j]!, ring[i]!];
    if (onEdge(a, b, p)) return true;
    if (a.lat > p.lat !== b.lat > p.lat && side(a, b, p) > 0 === b.lat > a.lat) inside = !inside;
  }
  return inside;
}

/** An area as staff give it, in either datum: rings that `ringFault` finds nothing wrong with, kept in wgs84. */
export const areaInput = z
  .strictObject({
    datum,
    rings: z
      .array(
        z
          .array(z.strictObject({ lat: z.number().min(-90).max(90), lng: z.number().min(-180).max(180) }))
          .min(3)
          .max(MOST_CORNERS + 1),
      )
      .min(1)
      .max(5),
  })
  .superRefine((given, context) => {
    let corners = 0;
    for (const [r, ring] of given.rings.entries()) {
      const say = (corner: number, message: string) =>
        context.addIssue({ code: "custom", path: ["rings", r, corner], message });
      const wrong = ring.findIndex((corner) => !point.safeParse({ ...corner, datum: given.datum }).success);
      if (wrong >= 0) say(wrong, `第${wrong + 1}个点不是一个地址:核对经纬度是否填反`);
      const fault = wrong >= 0 ? undefined : ringFault(ring);
      if (fault) say(fault.corner, fault.message);
      corners += cornersOf(ring).length;
      if (corners > MOST_CORNERS && !fault) say(0, `所有范围合计最多${MOST_CORNERS}个点`);
    }
  });

/** The same area in wgs84, its rings without their first corner said again. */
export const areaInWgs84 = ({ datum: of, rings }: z.infer<typeof areaInput>): Area => ({
  datum: "wgs84",
  rings: rings.map((ring) =>
    cornersOf(ring).map((corner) => {
      const { lat, lng } = toWgs84({ ...corner, datum: of });
      return { lat, lng };
    }),
  ),
});

/** Whether somebody at `from` (wgs84) is served: within a ring of the store's area or, where it has none, within its radius. */
export function serves(store: Pick<Store, "area" | "radiusM" | "wgs84">, from: Point): boolean {
  const straightM = greatCircle(from, store.wgs84);
  return store.area ? store.area.rings.some((ring) => insideRing(ring, from)) : straightM <= store.radiusM;
}

/** Metres beyond which a store serves nobody; of an area no less than to its farthest point: east or west to its degree, then north or south. */
export function reachOf({ area, radiusM, wgs84 }: Pick<Store, "area" | "radiusM" | "wgs84">): number {
  if (!area) return radiusM;
  const corners = area.rings.flat();
  const farthest = (of: "lat" | "lng") => Math.max(...corners.map((corner) => Math.abs(corner[of] - wgs84[of])));
  const metresOf = (degrees: number) => degrees * 111_196;
  return metresOf(farthest("lat")) + metresOf(farthest("lng")) * Math.cos((wgs84.lat * Math.PI) / 180);
}
