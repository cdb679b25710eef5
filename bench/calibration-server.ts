import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { Hono } from "hono";
import { LOCAL_CREDENTIALS, startEngine } from "../local/engine.ts";
import { REGION } from "../local/template.ts";
import { answerParent, cpuMsOf, ownCpuMs } from "./child.ts";

// What the machine and the libraries cost without any of our code: the same libraries, the least work.
const dataDir = process.env.DATA_DIR!;
const engine = await startEngine({ dataDir });
const { pid } = JSON.parse(readFileSync(join(dataDir, "engine.json"), "utf8")) as { pid: number };
const TableName = "Calibration";
const key = (name: string, KeyType: "HASH" | "RANGE") => ({ AttributeName: name, KeyType });
const text = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as const });
await engine.createTable({
  ttlAttribute: undefined,
  create: {
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [key("pk", "HASH")],
    AttributeDefinitions: [text("pk"), text("gsi1pk")],
    GlobalSecondaryIndexes: [
      { IndexName: "gsi1", KeySchema: [key("gsi1pk", "HASH")], Projection: { ProjectionType: "KEYS_ONLY" } },
    ],
  },
});
const client = DynamoDBDocumentClient.from(
  new DynamoDBClient({ endpoint: engine.endpoint, region: REGION, credentials: LOCAL_CREDENTIALS }),
);
let number = 0;

const app = new Hono();
app.get("/noop", (c) => c.json({ ok: true }));
app.post("/transaction", async (c) => {
  const n = ++number;
  const count = (pk: string) => ({
    Update: { TableName, Key: { pk }, UpdateExpression: "ADD n :one", ExpressionAttributeValues: { ":one": 1 } },
  });
  const put = (Item: Record<string, unknown>) => ({
    Put: { TableName, Item, ConditionExpression: "attribute_not_exists(pk)" },
  });
  await client.send(
    new TransactWriteCommand({
      TransactItems: [
        count(`STOCK#${n % 50}`),
        count(`TEAM#${n % 200}`),
        put({ pk: `ORDER#${n}`, gsi1pk: `TEAM#${n % 200}`, at: Date.now(), units: 1, payableFen: 3192 }),
        put({ pk: `ONCE#${n}`, status: 201, body: "{}" }),
      ],
    }),
  );
  return c.json({ n }, 201);
});

const server = createServer(async (request, response) => {
  const answer = await app.fetch(new Request(`http://127.0.0.1${request.url}`, { method: request.method ?? "GET" }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
});
await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
answerParent({ url: () => url, cpu: () => ({ node: ownCpuMs(), engine: cpuMsOf(pid) }) }, engine.stop);
