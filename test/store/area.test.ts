import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { storeOps } from "../../functions/api/store-routes.ts";
import { greatCircle, type Point, toGcj02 } from "../../shared/kernel/geo.ts";
import { insideRing, reachOf, ringFault, serves } from "../../shared/store/area.ts";
import type { Corner } from "../../shared/store/model.ts";
import { openPlatform } from "../identity/platform.ts";

const { call, hire } = await openPlatform(storeOps);
const ops = await hire("ops", ["ops"]);
const hours = [{ weekday: 0, opens: 480, closes: 1320 }];
const wgs84 = (lat: number, lng: number): Point => ({ lat, lng, datum: "wgs84" });
const point = wgs84(31.2231, 121.4737);
const facts = { name: "淮海店", address: "上海市黄浦区淮海中路300号", point, radiusM: 3000, hours };
let keys = 0;
const open = (body: object) =>
  call("POST", "/ops/v1/stores", { staff: ops, key: `key-number-${keys++}`, body: { ...facts, ...body } });
const corners = (...pairs: [number, number][]) => pairs.map(([lat, lng]) => ({ lat, lng }));
const square = corners([31.22, 121.47], [31.22, 121.48], [31.23, 121.48], [31.23, 121.47]);

describe("keeping an area", () => {
  it("turns gcj02 corners into wgs84, and gives back what may be sent again", async () => {
    const ring = square.map(({ lat, lng }) => toGcj02(wgs84(lat, lng))).map(({ lat, lng }) => ({ lat, lng }));
    const { status, body } = await open({ area: { datum: "gcj02", rings: [[...ring, ring[0]!]] } });
    expect(status).toBe(201);
    expect(body.area.datum).toBe("wgs84");
    expect(body.area.rings[0]).toHaveLength(4);
    for (const [i, corner] of body.area.rings[0].entries())
      expect(greatCircle({ ...corner, datum: "wgs84" }, { ...square[i]!, datum: "wgs84" })).toBeLessThan(0.1);
    const { storeId, version, area } = body;
    const put = (more: object, from: number) =>
      call("PUT", `/ops/v1/stores/${storeId}`, { staff: ops, body: { ...facts, ...more, version: from } });
    expect((await put({ area }, version)).body.area).toEqual(area);
    expect((await put({}, version + 1)).body).not.toHaveProperty("area");
  });

  it.each<[string, Corner[][], string, RegExp]>([
    ["of two corners said three times", [[square[0]!, square[1]!, square[0]!]], "rings.0.1", /至少要有3个/],
    [
      "that crosses itself",
      [[square[0]!, square[2]!, square[1]!, square[3]!]],
      "rings.0.2",
      /第3个点出发的边与从第1个/,
    ],
    ["that meets a corner twice", [[...square, square[1]!]], "rings.0.4", /第5个点与第2个点重复/],
    [
      "that runs back over its edge",
      [corners([31.22, 121.47], [31.22, 121.49], [31.22, 121.48], [31.23, 121.475])],
      "rings.0.1",
      /第2个点折返/,
    ],
    [
      "with a corner in another city",
      [[...square.slice(0, 3), { lat: 39.9, lng: 116.4 }]],
      "rings.0.3",
      /第4个点离第1个点/,
    ],
    [
      "with swapped degrees",
      [square, [square[0]!, { lat: 80, lng: 40 }, square[2]!]],
      "rings.1.1",
      /第2个点不是一个地址/,
    ],
  ])("refuses a ring %s, naming the point", async (_, rings, at, says) => {
    const { status, body } = await open({ area: { datum: "wgs84", rings } });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path: `body.area.${at}`, message: expect.stringMatching(says) }]);
  });

  it("takes two hundred corners and no more, in one ring or in several", async () => {
    const circle = (count: number, lng = 121.47) =>
      Array.from({ length: count }, (_, i) => ({
        lat: 31.22 + Math.sin((i * 2 * Math.PI) / count) / 100,
        lng: lng + Math.cos((i * 2 * Math.PI) / count) / 100,
      }));
    const asked = (...rings: Corner[][]) => open({ area: { datum: "wgs84", rings } });
    expect((await asked(circle(200))).status).toBe(201);
    expect((await asked(circle(201))).status).toBe(422);
    expect((await asked(circle(120), circle(81, 121.5))).body.errors[0].message).toMatch(/合计最多200个点/);
  });
});

describe("special days", () => {
  it("are kept by date, and each date may be there once", async () => {
    const days = [
      { date: "2027-02-07", hours: [{ opens: 600, closes: 960 }] },
      { date: "2027-02-06", hours: [], name: "春节" },
    ];
    expect((await open({ specialDays: days })).body.specialDays).toEqual(days.toReversed());
    for (const wrong of [
      [...days, days[0]],
      [{ date: "2027-02-30", hours: [] }],
      [{ date: "2027-02-06", hours: [{ opens: 600, closes: 600 }] }],
      Array.from({ length: 401 }, (_, i) => ({ date: `${2100 + i}-01-01`, hours: [] })),
    ])
      expect(await open({ specialDays: wrong })).toMatchObject({ status: 422, body: { code: "INPUT_INVALID" } });
  });
});

/** Degrees that a double holds exactly, so that a point on an edge is on it for certain. */
const lattice = fc.record({ lat: fc.integer({ min: -16, max: 16 }), lng: fc.integer({ min: -16, max: 16 }) });
const onMap = ({ lat, lng }: Corner): Corner => ({ lat: 31 + lat / 64, lng: 121 + lng / 64 });
/** Corners around a middle by their angle: most of these rings are simple, however deep their bays. */
const starRing = fc
  .uniqueArray(lattice, { minLength: 3, maxLength: 24, selector: ({ lat, lng }) => Math.atan2(lat, lng) })
  .map((ring) => ring.toSorted((a, b) => Math.atan2(a.lat, a.lng) - Math.atan2(b.lat, b.lng)).map(onMap))
  .filter((ring) => ringFault(ring) === undefined);

/** How often the ring runs around the point, by adding up the angles it is seen under; edges apart. */
function windings(ring: readonly Corner[], p: Corner): number {
  let angle = 0;
  for (const [i, a] of ring.entries()) {
    const b = ring[(i + 1) % ring.length]!;
    const [ax, ay, bx, by] = [a.lng - p.lng, a.lat - p.lat, b.lng - p.lng, b.lat - p.lat];
    angle += Math.atan2(ax * by - ay * bx, ax * bx + ay * by);
  }
  return Math.round(angle / (2 * Math.PI));
}
const distanceToEdge = (a: Corner, b: Corner, p: Corner): number => {
  const [dx, dy] = [b.lng - a.lng, b.lat - a.lat];
  const along = Math.min(1, Math.max(0, ((p.lng - a.lng) * dx + (p.lat - a.lat) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(a.lng + along * dx - p.lng, a.lat + along * dy - p.lat);
};
const onEdge = (ring: readonly Corner[], p: Corner) =>
  ring.some((a, i) => distanceToEdge(a, ring[(i + 1) % ring.length]!, p) < 1e-9);

describe("a point and a ring", () => {
  it("agree with adding up angles, wherever the ring begins and whichever way it runs; its edge belongs to it", () => {
    let edges = 0;
    fc.assert(
      fc.property(starRing, fc.array(lattice, { minLength: 20, maxLength: 20 }), fc.nat(), (ring, asked, turn) => {
        const start = turn % ring.length;
        const turned = [...ring.slice(start), ...ring.slice(0, start)];
        for (const p of asked.map(onMap)) {
          const edge = onEdge(ring, p);
          const expected = edge || windings(ring, p) !== 0;
          if (edge) edges += 1;
          for (const same of [ring, turned, turned.toReversed()]) expect(insideRing(same, p)).toBe(expected);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(edges).toBeGreaterThan(100);
  });

  it("a ring stays one when it begins elsewhere or runs the other way, and none where a corner is said twice", () => {
    fc.assert(
      fc.property(starRing, fc.nat(), (ring, turn) => {
        const start = turn % ring.length;
        expect(ringFault([...ring.slice(start), ...ring.slice(0, start)])).toBeUndefined();
        expect(ringFault(ring.toReversed())).toBeUndefined();
        expect(ringFault([...ring, ring[0]!])).toBeUndefined();
        expect(ringFault([...ring, ring[start]!, ring[0]!])).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  it("nobody is served from beyond a store's reach", () => {
    fc.assert(
      fc.property(starRing, lattice, lattice, fc.boolean(), (ring, at, from, bounded) => {
        const store = {
          wgs84: { ...onMap(at), datum: "wgs84" as const },
          radiusM: 20_000,
          ...(bounded && { area: { datum: "wgs84" as const, rings: [ring] } }),
        };
        const place: Point = { ...onMap(from), datum: "wgs84" };
        if (serves(store, place)) expect(greatCircle(place, store.wgs84)).toBeLessThanOrEqual(reachOf(store));
      }),
      { numRuns: 2_000 },
    );
  });
});
