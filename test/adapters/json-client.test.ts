import { createServer } from "node:net";
import { beforeEach, expect, test } from "vitest";
import { AwsRefusal, awsJsonClient, orTryAgain, signer } from "../../functions/adapters/aws/json-client.ts";
import { testEnv } from "../engine/table.ts";
import { openAwsService } from "./aws-service.ts";

const service = await openAwsService();
const { env, clock } = testEnv();
const call = awsJsonClient("dynamodb", { env, connection: service.connection });
const refusal = (name: string, status = 400) => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: "no", Item: { pk: { S: "P" } } },
});
beforeEach(() => {
  service.asked.length = 0;
  service.answer = () => ({ body: { Item: {} } });
});

test.each([
  [undefined, "08513ba8524f4870113ba8f644c6f07e4c140be7205d6056643a0a98bfa2466b"],
  ["a-token", "c7ffc6dfc1f98ef46bc9e244827d790e3be9784bb4a1fe88cd781d6f3578c3c1"],
])("a call is signed as AWS's own SDK signs it, session token %s", (sessionToken, signature) => {
  const { accessKeyId, secretAccessKey } = service.connection.credentials;
  const sign = signer({
    service: "dynamodb",
    region: "ap-northeast-1",
    host: "127.0.0.1:8000",
    contentType: "application/x-amz-json-1.0",
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  });
  const body = Buffer.from('{"TableName":"T","Key":{"pk":{"S":"订单"}}}');
  const { authorization } = sign("DynamoDB_20120810.GetItem", body, Date.UTC(2026, 10, 27, 0, 32, 25));
  expect(authorization).toMatch(new RegExp(`Signature=${signature}$`));
});

test("an answer is the parsed body; the request names its action, type and region", async () => {
  expect(await call("GetItem", { TableName: "T" })).toEqual({ Item: {} });
  const [{ action, input, headers }] = service.asked as [(typeof service.asked)[0]];
  expect([action, input]).toEqual(["GetItem", { TableName: "T" }]);
  expect(headers).toMatchObject({
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.GetItem",
  });
  expect(headers.authorization).toContain("/ap-northeast-1/dynamodb/aws4_request");
});

test.each([
  ["a lost answer", "lost" as const],
  ["a failure of the service", refusal("InternalServerError", 500)],
  ["something before the service that fails", { status: 503, body: "no JSON object" }],
  ["throttling", refusal("ThrottlingException")],
  ["a transaction still under way", refusal("TransactionInProgressException")],
])("after %s the same bytes are sent again, three times at most", async (_what, answer) => {
  service.answer = () => (service.asked.length < 3 ? answer : { body: { done: true } });
  expect(await call("PutItem", { ClientRequestToken: "t" })).toEqual({ done: true });
  expect(new Set(service.asked.map(({ input }) => JSON.stringify(input))).size).toBe(1);

  service.asked.length = 0;
  service.answer = () => answer;
  await expect(call("PutItem", {})).rejects.toThrow();
  expect(service.asked).toHaveLength(3);
});

test("keys and secrets that can't be had now are a request's to ask again, what is refused for good is not", async () => {
  const decrypt = orTryAgain(call);
  for (const answer of ["lost" as const, refusal("InternalServerError", 500), refusal("ThrottlingException")]) {
    service.answer = () => answer;
    await expect(decrypt("Decrypt", {})).rejects.toMatchObject({ code: "TRY_AGAIN" });
  }
  service.answer = () => refusal("AccessDeniedException");
  await expect(decrypt("Decrypt", {})).rejects.toMatchObject({ name: "AccessDeniedException" });
});

test("a refusal is thrown at once, with its name and what it tells", async () => {
  service.answer = () => refusal("ConditionalCheckFailedException");
  const refused = call("PutItem", {});
  await expect(refused).rejects.toBeInstanceOf(AwsRefusal);
  await expect(refused).rejects.toMatchObject({
    name: "ConditionalCheckFailedException",
    status: 400,
    message: "no",
    body: { Item: { pk: { S: "P" } } },
  });
  expect(service.asked).toHaveLength(1);
});

test("a clock that is off is set by the service's own, once for all calls; what is unsigned for another reason is refused", async () => {
  const theirs = new Date(clock.now() + 20 * 60_000).toUTCString();
  const timeOf = (headers: Record<string, unknown>) => String(headers["x-amz-date"]).slice(9, 13);
  const right = timeOf({ "x-amz-date": new Date(Date.parse(theirs)).toISOString().replace(/[-:]/g, "") });
  service.answer = ({ headers }) =>
    timeOf(headers) === right ? { body: {} } : { ...refusal("InvalidSignatureException"), headers: { date: theirs } };
  await call("GetItem", {});
  await call("GetItem", {});
  expect(service.asked.map(({ headers }) => timeOf(headers) === right)).toEqual([false, true, true]);

  const other = awsJsonClient("dynamodb", { env, connection: service.connection });
  for (const date of [new Date(clock.now()).toUTCString(), "no date"]) {
    service.asked.length = 0;
    service.answer = () => ({ ...refusal("InvalidSignatureException"), headers: { date } });
    await expect(other("GetItem", {})).rejects.toMatchObject({ name: "InvalidSignatureException" });
    expect(service.asked).toHaveLength(1);
  }
});

test("where nobody listens, the connection's own error comes after the third attempt", async () => {
  const nobody = createServer();
  await new Promise<void>((done) => nobody.listen(0, "127.0.0.1", done));
  const { port } = nobody.address() as { port: number };
  await new Promise((done) => nobody.close(done));
  const connection = { ...service.connection, endpoint: `http://127.0.0.1:${port}` };
  await expect(awsJsonClient("kms", { env, connection })("Decrypt", {})).rejects.toThrow("ECONNREFUSED");
});

test("a function without credentials is told which variables are missing", () => {
  expect(() => awsJsonClient("ssm", { env })).toThrow("set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
});
