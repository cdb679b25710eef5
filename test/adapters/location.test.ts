import { createServer } from "node:http";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createLocation } from "../../functions/adapters/location/location.ts";
import { createLocation as createStandIn } from "../../local/location.ts";
import type { Template } from "../../local/parts.ts";
import { greatCircle, type Point } from "../../shared/kernel/geo.ts";

/** The platform's own stand-in for Amazon Location, behind a real socket and the real SDK; `instead` answers in its place. */
const template = {
  byType: (type: string) => [
    type.endsWith("PlaceIndex")
      ? { id: "Places", type, properties: { IndexName: "places", DataSource: "Esri" } }
      : { id: "Routes", type, properties: { CalculatorName: "routes", DataSource: "Esri" } },
  ],
} as unknown as Template;
const clock = { now: () => 0, advance: () => {}, at: () => ({ cancel: () => {} }), offset: 0 };
const standIn = createStandIn({ template, clock });
let instead: unknown;
const calls: { path: string; body: Record<string, unknown> }[] = [];
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const path = request.url ?? "";
  calls.push({ path, body: JSON.parse(body.toString()) });
  const answer =
    instead === undefined
      ? await standIn.service({
          service: "geo",
          action: "",
          method: "POST",
          path,
          query: new URLSearchParams(),
          body,
          caller: "Shop",
        })
      : { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(instead) };
  response.writeHead(answer.status, answer.headers).end(answer.body);
});
await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
const { port } = server.address() as { port: number };

Object.assign(process.env, {
  AWS_ENDPOINT_URL_LOCATION: `http://127.0.0.1:${port}`,
  AWS_REGION: "ap-northeast-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
});
const failures: { call: string; error: Error }[] = [];
const make = (more: Record<string, string | undefined> = {}, timeoutMs = 2000) =>
  createLocation({
    environment: { ...process.env, ROUTE_CALCULATOR: "routes", PLACE_INDEX: "places", ...more },
    onFailure: (failure) => failures.push(failure),
    timeoutMs,
  });
const { planner, geocoder } = make();

afterEach(() => {
  standIn.setFaults({ fault: "none" });
  instead = undefined;
  calls.length = 0;
  failures.length = 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const at = (lat: number, lng: number): Point => ({ lat, lng, datum: "wgs84" });
const square = at(31.23251234, 121.46923456);
const garden = at(31.2272, 121.4875);
const bund = at(31.2397, 121.4858);

describe("the route planner", () => {
  it("answers metres and seconds, in the order of the places", async () => {
    const answer = await planner.matrix(square, [garden, bund]);
    expect(answer).toHaveLength(2);
    for (const [i, place] of [garden, bund].entries()) {
      const straight = greatCircle(square, place);
      expect(answer![i]!.distanceM).toBeGreaterThan(straight * 1.33);
      expect(answer![i]!.distanceM).toBeLessThan(straight * 1.37);
      expect(Number.isInteger(answer![i]!.durationS)).toBe(true);
    }
  });

  it("sends coordinates rounded to four places, and nothing else that could name anybody", async () => {
    await planner.matrix(square, [garden]);
    expect(calls).toEqual([
      {
        path: "/routes/v0/calculators/routes/calculate/route-matrix",
        body: {
          DeparturePositions: [[121.4692, 31.2325]],
          DestinationPositions: [[121.4875, 31.2272]],
          TravelMode: "Car",
          DistanceUnit: "Kilometers",
        },
      },
    ]);
  });

  it("leaves a place undefined that no road leads to, and answers the others", async () => {
    standIn.setFaults({ fault: "none", cells: [{ destination: 0, code: "RouteNotFound" }] });
    const answer = await planner.matrix(square, [garden, bund]);
    expect(answer![0]).toBeUndefined();
    expect(answer![1]!.distanceM).toBeGreaterThan(0);
    expect(failures).toEqual([]);
  });

  it.each(["outage", "throttle"] as const)("asks a second time after one %s", async (fault) => {
    standIn.setFaults({ fault, count: 1 });
    expect(await planner.matrix(square, [garden])).toHaveLength(1);
    expect(calls).toHaveLength(2);
    expect(failures).toEqual([]);
  });

  it("gives up after two attempts, and tells what failed", async () => {
    standIn.setFaults({ fault: "outage" });
    expect(await planner.matrix(square, [garden])).toBeUndefined();
    expect(calls).toHaveLength(2);
    expect(failures.map((f) => [f.call, f.error.name])).toEqual([["CalculateRouteMatrix", "InternalServerException"]]);
  });

  it("does not ask again what was refused", async () => {
    standIn.setFaults({ fault: "validation" });
    expect(await planner.matrix(square, [garden])).toBeUndefined();
    expect(calls).toHaveLength(1);
    expect(failures[0]!.error.name).toBe("ValidationException");
  });

  it("does not wait longer than its timeout, twice", async () => {
    standIn.setFaults({ fault: "none", delayMs: 400 });
    expect(await make({}, 60).planner.matrix(square, [garden])).toBeUndefined();
    expect(calls).toHaveLength(2);
  });

  it.each([
    [
      "fewer cells than were asked for",
      { RouteMatrix: [[{ Distance: 1, DurationSeconds: 1 }]], Summary: { DistanceUnit: "Kilometers" } },
    ],
    [
      "a negative distance",
      {
        RouteMatrix: [
          [
            { Distance: -1, DurationSeconds: 1 },
            { Distance: 1, DurationSeconds: 1 },
          ],
        ],
        Summary: { DistanceUnit: "Kilometers" },
      },
    ],
    [
      "miles",
      {
        RouteMatrix: [
          [
            { Distance: 1, DurationSeconds: 1 },
            { Distance: 1, DurationSeconds: 1 },
          ],
        ],
        Summary: { DistanceUnit: "Miles" },
      },
    ],
    [
      "a cell with neither distance nor error",
      { RouteMatrix: [[{}, { Distance: 1, DurationSeconds: 1 }]], Summary: { DistanceUnit: "Kilometers" } },
    ],
    ["nothing", {}],
  ])("does not believe an answer with %s", async (_what, answer) => {
    instead = answer;
    expect(await planner.matrix(square, [garden, bund])).toBeUndefined();
    expect(failures).toHaveLength(1);
  });

  it("reports a calculator that does not exist, or that the function was not given", async () => {
    expect(await make({ ROUTE_CALCULATOR: "nowhere" }).planner.matrix(square, [garden])).toBeUndefined();
    expect(failures[0]!.error.name).toBe("ResourceNotFoundException");
    expect(await make({ ROUTE_CALCULATOR: undefined }).planner.matrix(square, [garden])).toBeUndefined();
    expect(failures[1]!.error.message).toContain("ROUTE_CALCULATOR");
  });

  it("refuses gcj02 and more than eight places: the caller is wrong", async () => {
    await expect(planner.matrix({ ...square, datum: "gcj02" }, [garden])).rejects.toThrow(/toWgs84/);
    await expect(planner.matrix(square, Array(9).fill(garden))).rejects.toThrow(/at most 8/);
    expect(calls).toEqual([]);
  });
});

describe("the geocoder", () => {
  it("finds an address in China and says how sure it is", async () => {
    const found = await geocoder.geocode("上海市黄浦区人民广场", garden);
    expect(found!.point).toEqual({ lat: 31.2325, lng: 121.4692, datum: "wgs84" });
    expect(found!.label).toContain("人民广场");
    expect(found!.relevance).toBeGreaterThan(0.8);
    expect(calls[0]!.body).toEqual({
      Text: "上海市黄浦区人民广场",
      BiasPosition: [121.4875, 31.2272],
      FilterCountries: ["CHN"],
      Language: "zh-CN",
      MaxResults: 1,
    });
  });

  it("answers undefined where nothing is found", async () => {
    expect(await geocoder.geocode("火星基地")).toBeUndefined();
    expect(failures).toEqual([]);
  });

  it("takes the sureness of a provider that tells none as full", async () => {
    instead = { Results: [{ Place: { Label: "x", Geometry: { Point: [121.4, 31.2] } } }], Summary: {} };
    expect((await geocoder.geocode("某处"))!.relevance).toBe(1);
  });

  it("cuts a text that is longer than the provider takes", async () => {
    await geocoder.geocode("路".repeat(300));
    expect(calls[0]!.body.Text).toHaveLength(200);
  });

  it("asks to try again when Location is down, after a second attempt", async () => {
    standIn.setFaults({ fault: "outage" });
    await expect(geocoder.geocode("人民广场")).rejects.toMatchObject({ code: "TRY_AGAIN" });
    expect(calls).toHaveLength(2);
  });
});
