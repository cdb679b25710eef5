import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createClock } from "../../local/clock.ts";
import { type Engine, LOCAL_CREDENTIALS, startEngine } from "../../local/engine.ts";
import { matches, readPattern } from "../../local/stream-filter.ts";
import { type Streams, startStreams } from "../../local/streams.ts";
import { arn, type Call, handPool, handTemplate, tempFolder, until } from "./fakes.ts";

let engine: Engine;
let table: DynamoDBClient;
let made = 0;

beforeAll(async () => {
  engine = await startEngine({ dataDir: tempFolder() });
  table = new DynamoDBClient({ endpoint: engine.endpoint, region: "ap-northeast-1", credentials: LOCAL_CREDENTIALS });
});
afterAll(async () => {
  table?.destroy();
  await engine?.stop();
});
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function newTable(): Promise<string> {
  const TableName = `Table${++made}`;
  const keys = ["pk", "sk"];
  await engine.createTable({
    create: {
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    },
    ttlAttribute: undefined,
  });
  return TableName;
}
const put = (TableName: string, pk: string, n = 1) =>
  table.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, sk: { S: "#" }, n: { N: String(n) } } }));

interface Batch {
  Records: {
    eventName: string;
    dynamodb: { SequenceNumber: string; Keys: { pk: { S: string } }; ApproximateCreationDateTime: number };
  }[];
}
const pks = (event: unknown): string[] => (event as Batch).Records.map(({ dynamodb }) => dynamodb.Keys.pk.S);

/** A reader of the table's stream; calling it again over the same folder is a restart. */
function start(
  tableName: string,
  run: (call: Call, count: number) => unknown,
  settings: object = {},
  folder = tempFolder(),
) {
  const template = handTemplate({
    Reader: { type: "AWS::Lambda::Function", properties: {} },
    Mapping: {
      type: "AWS::Lambda::EventSourceMapping",
      properties: {
        EventSourceArn: arn("dynamodb", `table/${tableName}/stream/local`),
        FunctionName: arn("lambda", "function:Reader"),
        StartingPosition: "TRIM_HORIZON",
        ...settings,
      },
    },
  });
  const db = new DatabaseSync(join(folder, "runner.db"));
  const clock = createClock({ dataDir: folder });
  const pool = handPool(run);
  const client = new DynamoDBStreamsClient({
    endpoint: engine.endpoint,
    region: "ap-northeast-1",
    credentials: LOCAL_CREDENTIALS,
  });
  const streams: Streams = startStreams({ template, db, pool, clock, client, log: () => {} });
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await streams.stop();
    client.destroy();
    clock.stop();
    db.close();
  };
  ends.push(stop);
  return { streams, pool, clock, stop, folder, seen: () => pool.calls.flatMap(({ event }) => pks(event)) };
}

test("patterns match by equality, prefix, absence and anything-but; unknown operators are refused", () => {
  const holds = (pattern: object, event: object) => matches(readPattern(JSON.stringify(pattern), "here"), event);
  const event = { eventName: "INSERT", dynamodb: { Keys: { pk: { S: "OUTBOX#1" } } } };
  const outbox = { eventName: ["INSERT"], dynamodb: { Keys: { pk: { S: [{ prefix: "OUTBOX#" }] } } } };
  expect(holds(outbox, event)).toBe(true);
  expect(holds(outbox, { ...event, eventName: "MODIFY" })).toBe(false);
  expect(holds(outbox, { ...event, dynamodb: { Keys: { pk: { S: "TEAM#1" } } } })).toBe(false);
  expect(holds({ dynamodb: { OldImage: [{ exists: false }] } }, event)).toBe(true);
  expect(holds({ eventName: [{ "anything-but": ["REMOVE", "MODIFY"] }] }, event)).toBe(true);
  expect(holds({ eventName: [{ "anything-but": { prefix: "INS" } }] }, event)).toBe(false);
  expect(() => readPattern('{"a":[{"numeric":[">",1]}]}', "Mapping")).toThrow("Mapping: the filter operator numeric");
});

test("records arrive in order and in batches, and only those the filter wants", async () => {
  const name = await newTable();
  for (let n = 0; n < 5; n++) {
    await put(name, `OUTBOX#${n}`);
    await put(name, `TEAM#${n}`);
  }
  await put(name, "OUTBOX#0", 2);
  const Pattern = JSON.stringify({ eventName: ["INSERT"], dynamodb: { Keys: { pk: { S: [{ prefix: "OUTBOX#" }] } } } });
  const { streams, pool, seen } = start(name, () => null, { BatchSize: 2, FilterCriteria: { Filters: [{ Pattern }] } });
  await streams.drained();
  expect(seen()).toEqual(["OUTBOX#0", "OUTBOX#1", "OUTBOX#2", "OUTBOX#3", "OUTBOX#4"]);
  expect(pool.calls.map(({ event }) => pks(event).length)).toEqual([2, 2, 1]);
  expect((pool.calls[0]!.event as Batch).Records[0]).toMatchObject({
    eventName: "INSERT",
    eventSource: "aws:dynamodb",
    dynamodb: { NewImage: { n: { N: "1" } }, ApproximateCreationDateTime: expect.any(Number) },
  });
  await put(name, "OUTBOX#5");
  await streams.drained();
  expect(seen().at(-1)).toBe("OUTBOX#5");
});

test("a write that changes nothing is no event", async () => {
  const name = await newTable();
  await put(name, "A");
  await put(name, "A");
  await put(name, "B");
  const { streams, seen } = start(name, () => null);
  await streams.drained();
  expect(seen()).toEqual(["A", "B"]);
});

test("a restart goes on behind what was done, and repeats the batch that was under way", async () => {
  const name = await newTable();
  for (const pk of ["A", "B", "C"]) await put(name, pk);
  let release = () => {};
  const hang = new Promise<void>((resolve) => {
    release = resolve;
  });
  const before = start(name, ({ event }) => (pks(event)[0] === "B" ? hang : null), { BatchSize: 1 });
  await until(() => before.seen().length === 2);
  const stopping = before.stop();
  release();
  await stopping;
  await put(name, "D");
  const after = start(name, () => null, { BatchSize: 1 }, before.folder);
  await after.streams.drained();
  expect(after.seen()).toEqual(["B", "C", "D"]);
  await after.stop();
  const third = start(name, () => null, { BatchSize: 1 }, after.folder);
  await third.streams.drained();
  expect(third.seen()).toEqual([]);
});

test("records a function reports are sent again from the first of them on", async () => {
  const name = await newTable();
  for (const pk of ["A", "B", "C"]) await put(name, pk);
  const report = ({ event }: Call, count: number) => {
    const { Records } = event as Batch;
    return { batchItemFailures: count === 1 ? [{ itemIdentifier: Records[1]!.dynamodb.SequenceNumber }] : [] };
  };
  const { streams, pool } = start(name, report, { FunctionResponseTypes: ["ReportBatchItemFailures"] });
  await streams.drained();
  expect(pool.calls.map(({ event }) => pks(event))).toEqual([
    ["A", "B", "C"],
    ["B", "C"],
  ]);
});

test("halving a failing batch finds the bad record; after its retries it becomes a dead letter and the rest goes on", async () => {
  const name = await newTable();
  for (const pk of ["A", "B", "BAD", "C"]) await put(name, pk);
  const taken: string[] = [];
  const run = ({ event }: Call) => {
    if (pks(event).includes("BAD")) throw new Error("cannot read BAD");
    taken.push(...pks(event));
  };
  const { streams, pool } = start(name, run, {
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 1,
    DestinationConfig: { OnFailure: { Destination: arn("sqs", "DeadLetters") } },
  });
  await streams.drained();
  expect(taken).toEqual(["A", "B", "C"]);
  expect(pool.calls.filter(({ event }) => pks(event).join() === "BAD")).toHaveLength(2);
  const [letter, ...more] = streams.deadLetters();
  expect(more).toEqual([]);
  expect(letter!.queue).toBe("DeadLetters");
  expect(JSON.parse(letter!.body)).toMatchObject({
    requestContext: {
      condition: "RetryAttemptsExhausted",
      approximateInvokeCount: 2,
      functionArn: arn("lambda", "function:Reader"),
    },
    DDBStreamBatchInfo: { batchSize: 1, startSequenceNumber: expect.any(String) },
  });
});

test("the engine may crash and come back: nothing is lost and the stream goes on", async () => {
  const name = await newTable();
  await put(name, "A");
  const { streams, seen } = start(name, () => null);
  await streams.drained();
  await engine.kill();
  await put(name, "B");
  await streams.drained();
  expect(seen()).toEqual(["A", "B"]);
});
