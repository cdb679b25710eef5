import { afterEach, expect, test } from "vitest";
import { createClock } from "../../local/clock.ts";
import { createLocation, places } from "../../local/location.ts";
import type { AwsCall } from "../../local/parts.ts";
import { handTemplate, tempFolder } from "./fakes.ts";

const clock = createClock({ dataDir: tempFolder() });
const location = createLocation({
  clock,
  template: handTemplate({
    Roads: { type: "AWS::Location::RouteCalculator", properties: { CalculatorName: "roads", DataSource: "Esri" } },
    Places: { type: "AWS::Location::PlaceIndex", properties: { IndexName: "places", DataSource: "Esri" } },
  }),
});
afterEach(() => location.setFaults({ fault: "none" }));

async function ask(path: string, body: object) {
  const answer = await location.service({ path, body: Buffer.from(JSON.stringify(body)) } as AwsCall);
  return {
    status: answer.status,
    name: answer.headers?.["x-amzn-errortype"],
    body: JSON.parse(answer.body.toString()),
  };
}
const matrix = (body: object) => ask("/routes/v0/calculators/roads/calculate/route-matrix", body);
const search = (body: object) => ask("/places/v0/indexes/places/search/text", body);
const square = [121.4692, 31.2325];
const temple = [121.4453, 31.2236];

test("a matrix has a cell for each pair: kilometres by road and seconds by mode, the same every time", async () => {
  const first = await matrix({ DeparturePositions: [square], DestinationPositions: [temple, square] });
  const [cell, none] = first.body.RouteMatrix[0];
  expect(cell.Distance).toBeGreaterThan(2.48 * 1.3);
  expect(cell.Distance).toBeLessThan(2.48 * 1.4);
  expect(none).toEqual({ Distance: 0, DurationSeconds: 0 });
  expect(first.body.Summary).toEqual({ DataSource: "Local", RouteCount: 2, ErrorCount: 0, DistanceUnit: "Kilometers" });
  expect(await matrix({ DeparturePositions: [square], DestinationPositions: [temple, square] })).toEqual(first);
  const onFoot = await matrix({ DeparturePositions: [square], DestinationPositions: [temple], TravelMode: "Walking" });
  expect(onFoot.body.RouteMatrix[0][0].DurationSeconds).toBeGreaterThan(cell.DurationSeconds * 4);
});

test("single cells are errors where there is no road or the sandbox was told so, while the call succeeds", async () => {
  location.setFaults({ fault: "none", cells: [{ destination: 0, code: "RouteNotFound" }] });
  const { status, body } = await matrix({
    DeparturePositions: [square],
    DestinationPositions: [temple, square, [87.6, 43.8]],
  });
  expect(status).toBe(200);
  expect(body.RouteMatrix[0].map((cell: { Error?: { Code: string } }) => cell.Error?.Code)).toEqual([
    "RouteNotFound",
    undefined,
    "RouteTooLong",
  ]);
  expect(body.Summary).toMatchObject({ RouteCount: 3, ErrorCount: 2 });
});

test("requests out of the provider's limits are ValidationExceptions that name the field", async () => {
  const wrong = async (body: object) => {
    const answer = await matrix({ DeparturePositions: [square], DestinationPositions: [temple], ...body });
    return [answer.status, answer.name, answer.body.fieldList[0].name];
  };
  expect(await wrong({ DestinationPositions: Array(11).fill(temple) })).toEqual([
    400,
    "ValidationException",
    "DestinationPositions",
  ]);
  expect(await wrong({ DeparturePositions: [] })).toEqual([400, "ValidationException", "DeparturePositions"]);
  expect(await wrong({ DeparturePositions: [[31.2, 121.4]] })).toEqual([
    400,
    "ValidationException",
    "DeparturePositions",
  ]);
  expect(await wrong({ TravelMode: "Bicycle" })).toEqual([400, "ValidationException", "TravelMode"]);
  expect(await wrong({ DepartureTime: "2020-01-01T00:00:00Z" })).toEqual([400, "ValidationException", "DepartureTime"]);
});

test("a calculator or an index that the template lacks does not exist", async () => {
  expect(await ask("/routes/v0/calculators/other/calculate/route-matrix", {})).toMatchObject({
    status: 404,
    name: "ResourceNotFoundException",
  });
  expect(await ask("/places/v0/indexes/other/search/text", { Text: "x" })).toMatchObject({
    status: 404,
    name: "ResourceNotFoundException",
  });
});

test("faults strike as often as they are told to", async () => {
  const call = { DeparturePositions: [square], DestinationPositions: [temple] };
  location.setFaults({ fault: "throttle", count: 2 });
  const names = [await matrix(call), await matrix(call), await matrix(call)].map(({ status, name }) => [status, name]);
  expect(names).toEqual([
    [429, "ThrottlingException"],
    [429, "ThrottlingException"],
    [200, undefined],
  ]);
  location.setFaults({ fault: "outage" });
  expect((await matrix(call)).status).toBe(500);
});

test("an address is found by neighbourhood, road and district, the best match first", async () => {
  const found = async (Text: string) =>
    (await search({ Text })).body.Results.map(({ Place }: { Place: { Neighborhood: string } }) => Place.Neighborhood);
  expect((await found("上海市静安区南京西路1686号"))[0]).toBe("静安寺");
  expect((await found("曹杨新村"))[0]).toBe("曹杨新村");
  expect((await found("五角场"))[0]).toBe("五角场");
  expect(await found("徐汇区")).toContain("徐家汇");
  expect(await found("北京市朝阳区望京")).toEqual([]);
  const { body } = await search({ Text: "曹杨新村", MaxResults: 1 });
  expect(body.Results[0]).toMatchObject({
    Relevance: 0.95,
    Place: { SubMunicipality: "普陀区", Country: "CHN", Geometry: { Point: [121.4129, 31.2401] } },
  });
});

test("of equal matches the nearest to the bias comes first, with its distance in metres", async () => {
  const near = async (BiasPosition: number[]) => (await search({ Text: "淞沪路", BiasPosition })).body.Results;
  expect((await near([121.51, 31.3]))[0].Place.Neighborhood).toBe("五角场");
  expect((await near([121.5, 31.33]))[0].Place.Neighborhood).toBe("新江湾城");
  expect((await near([121.5099, 31.299]))[0].Distance).toBe(0);
  expect((await search({ Text: "x", BiasPosition: square, FilterBBox: [1, 1, 2, 2] })).status).toBe(400);
});

test("the address book has thirty sites for stores, all of it in Shanghai and no two at one spot", () => {
  expect(places.length).toBeGreaterThanOrEqual(60);
  expect(places.filter(({ store }) => store)).toHaveLength(30);
  expect(new Set(places.map(({ lat, lng }) => `${lat} ${lng}`)).size).toBe(places.length);
  expect(new Set(places.map(({ name }) => name)).size).toBe(places.length);
  for (const { lat, lng } of places) {
    expect(lat).toBeGreaterThan(30.65);
    expect(lat).toBeLessThan(31.9);
    expect(lng).toBeGreaterThan(120.85);
    expect(lng).toBeLessThan(122);
  }
});
