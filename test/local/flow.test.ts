import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { synthesize } from "../../infra/synth.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { stubFunctions } from "../infra/stub-functions.ts";
import { tempFolder } from "./fakes.ts";

// The real stack with four small functions in it: a request writes an outbox row, the stream brings it to one that starts an
// execution, whose task says when it is done. All of it by the SDKs, over the gateway.
const shop = `
  import { DynamoDBClient, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
  import { CalculateRouteMatrixCommand, LocationClient, SearchPlaceIndexForTextCommand } from "@aws-sdk/client-location";
  const table = new DynamoDBClient({});
  const location = new LocationClient({ disableHostPrefix: true });
  export const handler = async ({ rawPath, body }) => {
    if (rawPath === "/v1/route") {
      const input = { CalculatorName: process.env.ROUTE_CALCULATOR, ...JSON.parse(body) };
      return location.send(new CalculateRouteMatrixCommand(input)).catch(({ name }) => ({ refused: name }));
    }
    if (rawPath === "/v1/search") {
      return location.send(new SearchPlaceIndexForTextCommand({ IndexName: process.env.PLACE_INDEX, ...JSON.parse(body) }));
    }
    const [pk, waitUntil] = JSON.parse(body);
    const Item = { pk: { S: "OUTBOX#" + pk }, sk: { S: "#" }, waitUntil: { S: waitUntil } };
    await table.send(new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName: process.env.TABLE_NAME, Item } }] }));
    return { statusCode: 204 };
  };`;
const effects = `
  import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
  const machines = new SFNClient({});
  export const handler = async ({ Records }) => {
    for (const { dynamodb: { NewImage } } of Records) {
      const name = NewImage.pk.S.slice("OUTBOX#".length);
      const input = JSON.stringify({ teamId: name, waitUntil: NewImage.waitUntil.S });
      const start = new StartExecutionCommand({ stateMachineArn: process.env.DEADLINE_MACHINE_ARN, name, input });
      const [first, again] = [await machines.send(start), await machines.send(start)];
      if (first.startDate.getTime() !== again.startDate.getTime()) throw new Error("started twice");
      const other = new StartExecutionCommand({ stateMachineArn: process.env.DEADLINE_MACHINE_ARN, name, input: "{}" });
      const refusal = await machines.send(other).catch((error) => error.name);
      if (refusal !== "ExecutionAlreadyExists") throw new Error("expected a refusal, got " + refusal);
    }
    return { batchItemFailures: [] };
  };`;
const groupDeadline = `
  export const handler = async ({ teamId }) => ({ teamId, outcome: "done" });`;

const folder = tempFolder();
const options = { dataDir: join(folder, "data"), assembly: join(folder, "assembly") };
const lines: string[] = [];
let functionsRoot: string;
let platform: Platform;

beforeAll(async () => {
  functionsRoot = stubFunctions();
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(functionsRoot, "node_modules"));
  writeFileSync(join(functionsRoot, "api/shop.ts"), shop);
  writeFileSync(join(functionsRoot, "streams/effects.ts"), effects);
  writeFileSync(join(functionsRoot, "workflows/group-deadline/handler.ts"), groupDeadline);
  await synthesize({ stage: "local", outDir: options.assembly, functionsRoot });
  platform = await startPlatform({ ...options, log: (line) => lines.push(line) });
});
afterAll(async () => {
  await platform?.stop();
  for (const path of [folder, functionsRoot]) rmSync(path, { recursive: true, force: true });
});

const post = (path: string, body: unknown) =>
  fetch(platform.url + path, { method: "POST", body: JSON.stringify(body) });
const hour = 3_600_000;

test("a request's outbox row starts an execution that waits by the platform clock, over a restart, until its task is done", async () => {
  const first = platform.clock.now() + hour;
  expect((await post("/v1/outbox", ["TEAM2", new Date(first).toISOString()])).status).toBe(204);
  await platform.idle();
  expect(platform.machines.executions()).toMatchObject([
    { name: "TEAM2", status: "RUNNING", at: [{ state: "Wait", wakesAt: first }] },
  ]);

  platform.clock.advance(hour / 2);
  await platform.idle();
  expect(platform.machines.executions()[0]?.at).toEqual([{ state: "Wait", wakesAt: first }]);

  await platform.stop();
  platform = await startPlatform({ ...options, log: (line) => lines.push(line) });
  platform.clock.advance(hour / 2);
  await platform.idle();
  expect(platform.machines.executions()).toMatchObject([{ name: "TEAM2", status: "SUCCEEDED" }]);
  expect(platform.streams.deadLetters()).toEqual([]);
});

test("consumed units are counted under the request's route", async () => {
  await post("/v1/outbox/TM0123456789ABCDEFGHJKMNPQ", ["TEAM1", new Date(platform.clock.now() + hour).toISOString()]);
  const row = platform.meter.snapshot().find(({ label }) => label === "POST /v1/outbox/{id}");
  expect(row).toMatchObject({ function: "Shop", operation: "TransactWriteItems", calls: 1, writeUnits: 2 });
});

test("the Location SDK understands the stand-in's answers and its refusals", async () => {
  const body = { DeparturePositions: [[121.47, 31.23]], DestinationPositions: [[121.44, 31.22]] };
  expect(await (await post("/v1/route", body)).json()).toMatchObject({
    RouteMatrix: [[{ Distance: expect.any(Number) }]],
  });
  platform.location.setFaults({ fault: "validation" });
  expect(await (await post("/v1/route", body)).json()).toEqual({ refused: "ValidationException" });
  platform.location.setFaults({ fault: "throttle", count: 1 });
  expect(await (await post("/v1/route", body)).json()).toMatchObject({ Summary: { DataSource: "Local" } });
  const found = await (await post("/v1/search", { Text: "静安寺", BiasPosition: [121.47, 31.23] })).json();
  expect(found).toMatchObject({ Results: [{ Place: { Neighborhood: "静安寺" } }] });
});
