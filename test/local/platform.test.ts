import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCAL_CREDENTIALS } from "../../local/engine.ts";
import { meterDifference } from "../../local/meter.ts";
import { type AwsCall, FunctionError } from "../../local/parts.ts";
import { startPlatform, type TestPlatform, writeAssembly } from "./assembly.ts";

let folder: string;
let platform: TestPlatform;
let table: DynamoDBClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "commensal-platform-"));
  process.env.LEAKY = "the platform's own";
  await writeAssembly(folder);
  const overrides = { WECHAT_API_URL: "http://127.0.0.1:9", STAFF_ISSUER: "http://127.0.0.1:8" };
  platform = await startPlatform(folder, { overrides, concurrency: { default: 2, Many: 8 } });
  const { endpoint } = platform.engine;
  table = new DynamoDBClient({ endpoint, region: "ap-northeast-1", credentials: LOCAL_CREDENTIALS });
});
afterAll(async () => {
  delete process.env.LEAKY;
  table?.destroy();
  await platform?.stop();
  rmSync(folder, { recursive: true });
});

type Answer = Record<string, unknown> & { error?: string; message?: string; reasons?: string[]; attempts?: number };
const call = (functionId: string, name: string, input: Record<string, unknown>, label?: string) =>
  platform.pool.invoke(functionId, { call: name, input }, label) as Promise<Answer>;
const key = (pk: string, sk = "#") => ({ pk: { S: pk }, sk: { S: sk } });
const read = async (pk: string) => (await table.send(new GetItemCommand({ TableName: "Table", Key: key(pk) }))).Item;
const put = (pk: string, more = {}) => ({ Put: { TableName: "Table", Item: { ...key(pk), ...more } } });
const increment = (pk: string) => ({
  Update: {
    TableName: "Table",
    Key: key(pk),
    UpdateExpression: "ADD held :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  },
});

test("a granted call reaches the table", async () => {
  expect((await call("Writer", "put", { TableName: "Table", Item: key("TEAM#1") })).error).toBeUndefined();
  expect((await call("Reader", "get", { TableName: "Table", Key: key("TEAM#1") })).Item).toEqual(key("TEAM#1"));
});

test("a call that no policy allows is refused by name, as AWS words it, and does nothing", async () => {
  const answer = await call("Reader", "put", { TableName: "Table", Item: key("TEAM#2") });
  expect(answer.error).toBe("AccessDeniedException");
  expect(answer.message).toBe(
    "User: arn:aws:sts::000000000000:assumed-role/ReaderRole/Reader is not authorized to perform: dynamodb:PutItem on resource: " +
      "arn:aws:dynamodb:ap-northeast-1:000000000000:table/Table because no identity-based policy allows the dynamodb:PutItem action",
  );
  expect(await read("TEAM#2")).toBeUndefined();
});

test("a transaction needs the permission of each of its items", async () => {
  const Delete = { TableName: "Table", Key: key("TEAM#1") };
  const answer = await call("Writer", "transact", { TransactItems: [put("TEAM#3"), { Delete }] });
  expect(answer.error).toBe("AccessDeniedException");
  expect(answer.message).toContain("dynamodb:DeleteItem");
  expect(await read("TEAM#3")).toBeUndefined();
});

test("conditions on leading keys narrow an Allow and widen a Deny", async () => {
  expect((await call("Reader", "get", { TableName: "Table", Key: key("MEMBER#1") })).error).toBe(
    "AccessDeniedException",
  );
  const vault = await call("Writer", "put", { TableName: "Table", Item: key("VAULT#1") });
  expect(vault.message).toContain("explicit deny");
  const query = { KeyConditionExpression: "#p = :p", ExpressionAttributeNames: { "#p": "pk" } };
  const hidden = await call("Writer", "query", {
    TableName: "Table",
    ...query,
    ExpressionAttributeValues: { ":p": { S: "VAULT#1" } },
  });
  expect(hidden.error).toBe("AccessDeniedException");
});

test("a query on an index needs the index", async () => {
  const query = {
    TableName: "Table",
    IndexName: "gsi1",
    KeyConditionExpression: "gsi1pk = :p",
    ExpressionAttributeValues: { ":p": { S: "x" } },
  };
  expect((await call("Writer", "query", query)).Items).toEqual([]);
  expect((await call("Many", "query", query)).message).toContain("table/Table/index/gsi1");
});

test("grants that no call has needed can be listed", () => {
  const unused = platform.policies.granted().filter((each) => each.function === "Writer" && !each.used);
  expect(unused.map((each) => each.action)).toContain("dynamodb:UpdateItem");
  expect(unused.map((each) => `${each.action} ${each.resource}`)).not.toContain(
    "dynamodb:PutItem arn:aws:dynamodb:ap-northeast-1:000000000000:table/Table",
  );
  expect(platform.policies.used()).toContainEqual({
    function: "Reader",
    action: "dynamodb:GetItem",
    resource: "arn:aws:dynamodb:ap-northeast-1:000000000000:table/Table",
  });
});

test("a call with a stranger's key is refused", async () => {
  const credentials = { accessKeyId: "AKWriter99", secretAccessKey: "x" };
  const stranger = new DynamoDBClient({ endpoint: platform.gateway.url, region: "ap-northeast-1", credentials });
  const attempt = stranger.send(new PutItemCommand({ TableName: "Table", Item: key("TEAM#9") }));
  await expect(attempt).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  stranger.destroy();
});

test("secrets, keys, machines and maps answer the real clients", async () => {
  const { pool, secrets, gateway } = platform;
  const parameters = (await call("Writer", "parameters", {
    Path: "/commensal/test",
    WithDecryption: true,
  })) as unknown as {
    Parameters: { Name: string; Value: string }[];
  };
  expect(Object.fromEntries(parameters.Parameters.map((each) => [each.Name, each.Value]))).toEqual(secrets);
  expect(Object.keys(secrets)).toHaveLength(6);
  expect(statSync(join(folder, "data", "secrets.json")).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "data", "kms-keys.json")).mode & 0o777).toBe(0o600);

  const KeyId = "arn:aws:kms:ap-northeast-1:000000000000:key/DataKey";
  const EncryptionContext = { member: "MB1", field: "phone" };
  const made = await call("Writer", "dataKey", { KeyId, KeySpec: "AES_256", EncryptionContext });
  expect(Buffer.from(String(made.Plaintext), "base64")).toHaveLength(32);
  const opened = await call("Writer", "decrypt", {
    blob: made.CiphertextBlob,
    EncryptionContext: { field: "phone", member: "MB1" },
  });
  expect(opened).toMatchObject({ Plaintext: made.Plaintext, KeyId });
  const wrong = await call("Writer", "decrypt", { blob: made.CiphertextBlob, EncryptionContext: { member: "MB2" } });
  expect(wrong.error).toBe("InvalidCiphertextException");
  expect((await call("Reader", "decrypt", { blob: made.CiphertextBlob, EncryptionContext })).message).toContain(
    "kms:Decrypt",
  );

  const seen: AwsCall[] = [];
  const answer = (body: unknown) => async (asked: AwsCall) => {
    seen.push(asked);
    return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  };
  gateway.register("states", answer({ executionArn: "arn:x", startDate: 1 }));
  gateway.register("geo", answer({ RouteMatrix: [[{ Distance: 1, DurationSeconds: 60 }]], Results: [] }));
  const stateMachineArn = "arn:aws:states:ap-northeast-1:000000000000:stateMachine:Machine";
  expect(await call("Writer", "start", { stateMachineArn, input: "{}" })).toMatchObject({ executionArn: "arn:x" });
  const positions = { DeparturePositions: [[121.4, 31.2]], DestinationPositions: [[121.5, 31.2]] };
  const matrix = await call("Writer", "matrix", { CalculatorName: "roads", ...positions });
  expect(matrix).toMatchObject({ RouteMatrix: [[{ DurationSeconds: 60 }]] });
  expect(await call("Writer", "search", { IndexName: "places", Text: "人民广场" })).toMatchObject({ Results: [] });
  expect(seen.map((each) => `${each.service} ${each.action} ${each.caller}`)).toEqual([
    "states StartExecution Writer",
    "geo CalculateRouteMatrix Writer",
    "geo SearchPlaceIndexForText Writer",
  ]);
  const refused = await call("Writer", "matrix", { CalculatorName: "others", ...positions });
  expect(refused).toMatchObject({ error: "AccessDeniedException" });
  expect(refused.message).toContain("route-calculator/others");
  expect(pool.busy).toBe(0);
});

test("eight transactions held at a barrier overlap, and each applies once", async () => {
  const barrier = platform.gateway.barrier({
    count: 8,
    match: { action: "TransactWriteItems", pkPrefix: "TEAM#race" },
    timeoutMs: 20_000,
  });
  const racers = Array.from({ length: 8 }, () => call("Many", "transact", { TransactItems: [increment("TEAM#race")] }));
  expect(await barrier.overlapped).toBe(8);
  expect((await Promise.all(racers)).map((each) => each.error)).toEqual(Array(8).fill(undefined));
  expect((await read("TEAM#race"))?.held).toEqual({ N: "8" });
});

test("a barrier that too few reach lets go at its timeout", async () => {
  const barrier = platform.gateway.barrier({ count: 3, match: { pkPrefix: "TEAM#lonely" }, timeoutMs: 300 });
  const answer = await call("Writer", "transact", { TransactItems: [put("TEAM#lonely")] });
  expect(answer.error).toBeUndefined();
  expect(await barrier.overlapped).toBe(1);
});

test("a transaction whose answer is lost is sent again and applies once", async () => {
  const after = platform.gateway.fault({ match: { pkPrefix: "TEAM#lost" }, kind: "lost-answer-after" });
  const answer = await call("Writer", "transact", { TransactItems: [increment("TEAM#lost")] });
  expect(answer).toMatchObject({ attempts: 2 });
  expect(after.hits).toBe(1);
  expect((await read("TEAM#lost"))?.held).toEqual({ N: "1" });
});

test("a bare ADD whose answer is lost is applied twice, which is why commits are transactions", async () => {
  platform.gateway.fault({ match: { action: "UpdateItem" }, kind: "lost-answer-after" });
  await call("Writer", "update", { ...increment("TEAM#bare").Update });
  expect((await read("TEAM#bare"))?.held).toEqual({ N: "2" });
});

test("a call lost before the engine leaves nothing until it is sent again", async () => {
  const fault = platform.gateway.fault({ match: { pkPrefix: "TEAM#before" }, kind: "lost-answer-before", times: 2 });
  expect(await call("Writer", "update", { ...increment("TEAM#before").Update })).toMatchObject({ attempts: 3 });
  expect(fault.hits).toBe(2);
  expect((await read("TEAM#before"))?.held).toEqual({ N: "1" });
});

test("throttling and server errors are retried by the client; a conflict is not, and names its item", async () => {
  const { gateway } = platform;
  gateway.fault({ match: { pkPrefix: "TEAM#faults" }, kind: "throttle" });
  gateway.fault({ match: { pkPrefix: "TEAM#faults" }, kind: "error500" });
  expect(await call("Writer", "transact", { TransactItems: [increment("TEAM#faults")] })).toMatchObject({
    attempts: 3,
  });
  gateway.fault({ match: { pkPrefix: "TEAM#faults" }, kind: "conflict" });
  const refused = await call("Writer", "transact", {
    TransactItems: [put("ORDER#1"), increment("TEAM#faults"), put("ORDER#2")],
  });
  expect(refused).toMatchObject({
    error: "TransactionCanceledException",
    reasons: ["None", "TransactionConflict", "None"],
  });
  expect((await read("TEAM#faults"))?.held).toEqual({ N: "1" });
  const { faults } = gateway.counters();
  expect(faults.at(-1)).toMatchObject({ kind: "conflict", hits: 1, left: 0 });
});

test("units are metered per function, label and operation, for table and index", async () => {
  const before = platform.meter.snapshot();
  const index = { gsi1pk: { S: "a" }, gsi1sk: { S: "b" } };
  await call("Writer", "transact", { TransactItems: [put("METER#1", index), put("METER#2")] }, "POST /v1/teams");
  await call("Writer", "get", { TableName: "Table", Key: key("METER#1"), ConsistentRead: true }, "GET /v1/teams/{id}");
  await call("Writer", "put", {
    TableName: "Table",
    Item: key("METER#1"),
    ConditionExpression: "attribute_not_exists(pk)",
  });
  const rows = meterDifference(before, platform.meter.snapshot());
  const own = { function: "Writer", refused: 0, readUnits: 0, writeUnits: 0, calls: 0 };
  const label = "POST /v1/teams";
  const operation = "TransactWriteItems";
  expect(rows).toEqual([
    { ...own, label, operation, target: "Table", calls: 1, writeUnits: 4 },
    { ...own, label, operation, target: "Table/gsi1", writeUnits: 1 },
    { ...own, label: "GET /v1/teams/{id}", operation: "GetItem", target: "Table", calls: 1, readUnits: 1 },
    { ...own, label: "Writer", operation: "PutItem", target: "", refused: 1 },
  ]);
});

test("a function sees its own environment and nothing of the platform's", async () => {
  const writer = (await platform.pool.invoke("Writer", { tell: "environment" })) as Record<string, string>;
  expect(writer).toMatchObject({
    TABLE_NAME: "Table",
    WECHAT_API_URL: "http://127.0.0.1:9",
    AWS_ENDPOINT_URL: platform.gateway.url,
    AWS_REGION: "ap-northeast-1",
    AWS_LAMBDA_FUNCTION_NAME: "Writer",
    TZ: "UTC",
  });
  const reader = (await platform.pool.invoke("Reader", { tell: "environment" })) as Record<string, string>;
  const names = ["LEAKY", "PATH", "HOME", "TABLE_NAME", "WECHAT_API_URL", "STAFF_ISSUER", "NODE_OPTIONS"];
  expect(Object.keys(reader).filter((name) => names.includes(name))).toEqual([]);
  expect(reader.STAGE).toBe("test");
  expect(reader.AWS_ACCESS_KEY_ID).toMatch(/^AKReader\d+$/);
});

test("moving the clock moves Date inside a running worker", async () => {
  const tell = async () =>
    (await platform.pool.invoke("Writer", { tell: "time" })) as Record<"now" | "made" | "called", string>;
  const first = await tell();
  platform.clock.advance(90 * 86_400_000);
  const second = await tell();
  expect(Number(second.now) - Number(first.now)).toBeGreaterThanOrEqual(90 * 86_400_000);
  expect(Math.abs(Number(second.now) - platform.clock.now())).toBeLessThan(2_000);
  expect(Math.abs(Date.parse(second.made) - platform.clock.now())).toBeLessThan(2_000);
  expect(Math.abs(Date.parse(second.called) - platform.clock.now())).toBeLessThan(3_000);
  expect(second).toMatchObject({ fixed: "1970-01-01T00:00:00.000Z", same: true, hours: 0 });
  expect((await call("Writer", "put", { TableName: "Table", Item: key("TEAM#future") })).error).toBeUndefined();
});

test("a worker takes one event at a time, further ones start up to the cap, the rest wait", async () => {
  const { pool } = platform;
  const served = await Promise.all(
    Array.from({ length: 6 }, () => pool.invoke("Writer", { sleep: 50, tell: "context" })),
  );
  expect(new Set(served.map((each) => (each as { id: string }).id)).size).toBe(6);
  expect(served[0]).toMatchObject({
    name: "Writer",
    left: expect.toSatisfy((left) => left > 15_000 && left <= 20_000),
  });
  const keys = await Promise.all(
    Array.from({ length: 6 }, () => pool.invoke("Writer", { sleep: 50, tell: "environment" })),
  );
  expect(new Set(keys.map((each) => (each as Record<string, string>).AWS_ACCESS_KEY_ID)).size).toBe(2);
});

test("an event that takes longer than the function's timeout fails, and the next one finds a fresh worker", async () => {
  const { pool, lines } = platform;
  const failed = await pool.invoke("Reader", { sleep: 60_000 }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(FunctionError);
  expect(failed).toMatchObject({
    name: "Sandbox.Timedout",
    message: expect.stringContaining("timed out after 1.00 seconds"),
  });
  expect(await pool.invoke("Reader", { tell: "served" })).toBe(1);
  expect(lines.some((line) => line.startsWith("Reader ") && line.includes("timed out"))).toBe(true);
});

test("errors come back under their own name, an exit as a runtime's, and output line by line", async () => {
  const { pool, lines } = platform;
  const thrown = pool.invoke("Writer", { throw: { name: "TeamFull", message: "no seat" } });
  await expect(thrown).rejects.toMatchObject({ name: "TeamFull", message: "no seat" });
  await expect(pool.invoke("Writer", { exit: 3 })).rejects.toMatchObject({
    name: "Runtime.ExitError",
    message: expect.stringContaining("exit status 3"),
  });
  expect(await pool.invoke("Writer", { say: "one\ntwo", gone: undefined, when: new Date(0) })).toEqual({
    say: "one\ntwo",
    when: "1970-01-01T00:00:00.000Z",
  });
  await expect
    .poll(() => lines.filter((line) => /^Writer (one|two)$/.test(line)))
    .toEqual(["Writer one", "Writer two"]);
  await expect(pool.invoke("Nobody", {})).rejects.toThrow("Writer, Reader, Many");
});
