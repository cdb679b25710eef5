import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BatchGetItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Engine, LOCAL_CREDENTIALS, startEngine } from "../../local/engine.ts";
import { loadTemplate, type TableDefinition, tableDefinition } from "../../local/template.ts";
import { resources, writeTemplate } from "./assembly.ts";

let dataDir: string;
let table: TableDefinition;
const running: Engine[] = [];
const clients: DynamoDBClient[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "commensal-engine-"));
  writeTemplate(dataDir, { Resources: resources() });
  table = tableDefinition(loadTemplate(dataDir, "shop-test").byId("Table"));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const engine of running.splice(0)) await engine.stop();
  rmSync(dataDir, { recursive: true });
});

async function start(): Promise<Engine> {
  const engine = await startEngine({ dataDir, endpoint: "" });
  running.push(engine);
  return engine;
}
function connect({ endpoint }: Pick<Engine, "endpoint">) {
  const client = new DynamoDBClient({ endpoint, region: "ap-northeast-1", credentials: LOCAL_CREDENTIALS });
  clients.push(client);
  return client;
}
const item = (pk: string, ttl?: number) => ({
  pk: { S: pk },
  sk: { S: "#" },
  ...(ttl !== undefined && { ttl: { N: String(ttl) } }),
});

test("killing the engine in the middle of writes loses none that was acknowledged", async () => {
  const engine = await start();
  await engine.createTable(table);
  const client = connect(engine);
  const acknowledged: string[] = [];
  let writing = true;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; writing; n++) {
      const pk = `W${writer}#${n}`;
      const done = await client.send(new PutItemCommand({ TableName: "Table", Item: item(pk) })).then(
        () => true,
        () => false,
      );
      if (done) acknowledged.push(pk);
    }
  });
  await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(100);
  await engine.kill();
  const before = acknowledged.length;
  await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(before + 20);
  writing = false;
  await Promise.all(writers);

  const kept = new Set<string>();
  for (let from = 0; from < acknowledged.length; from += 100) {
    const Keys = acknowledged.slice(from, from + 100).map((pk) => item(pk));
    const { Responses } = await client.send(
      new BatchGetItemCommand({ RequestItems: { Table: { Keys, ConsistentRead: true } } }),
    );
    for (const each of Responses!.Table!) kept.add(each.pk!.S!);
  }
  expect(acknowledged.filter((pk) => !kept.has(pk))).toEqual([]);
});

test("a restart finds the table, its items and its stream index again", async () => {
  const first = await start();
  await first.createTable(table);
  await connect(first).send(new PutItemCommand({ TableName: "Table", Item: item("kept") }));
  await first.stop();
  const second = await start();
  await second.createTable(table);
  const { Items } = await connect(second).send(new ScanCommand({ TableName: "Table" }));
  expect(Items).toEqual([item("kept")]);
  const file = new DatabaseSync(join(dataDir, "table.db"), { readOnly: true });
  const sql = "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = 'Table'";
  const plan = JSON.stringify(file.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
  file.close();
  expect(plan).toContain("commensal_stream_order");
});

test("a table of another shape is told, not used", async () => {
  const engine = await start();
  await engine.createTable(table);
  const [index] = table.create.GlobalSecondaryIndexes!;
  const changed = { ...table, create: { ...table.create, GlobalSecondaryIndexes: [{ ...index!, IndexName: "gsi9" }] } };
  await expect(engine.createTable(changed)).rejects.toThrow("other keys or indexes than the template");
});

test("a sweep deletes what has expired by the clock given, and nothing else", async () => {
  const engine = await start();
  await engine.createTable(table);
  const client = connect(engine);
  const now = Date.UTC(2030, 0, 1);
  const s = now / 1000;
  for (const each of [item("past", s - 1), item("now", s), item("ancient", s - 6 * 365 * 86_400), item("none")]) {
    await client.send(new PutItemCommand({ TableName: "Table", Item: each }));
  }
  expect(await engine.sweepTtl(now)).toBe(1);
  const { Items = [] } = await client.send(new ScanCommand({ TableName: "Table" }));
  expect(Items.map((each) => each.pk!.S).sort()).toEqual(["ancient", "none", "now"]);
  expect(await engine.sweepTtl(now + 1000)).toBe(1);
});

test("a folder in use by a living process is refused", async () => {
  await start();
  await expect(startEngine({ dataDir, endpoint: "" })).rejects.toThrow(`in use by process ${process.pid}`);
});

test.each(["beside its note", "whose note is gone"])(
  "an engine whose platform was killed, %s, is ended before the next one starts",
  async (note) => {
    const script = `
    import { startEngine } from ${JSON.stringify(new URL("../../local/engine.ts", import.meta.url).href)};
    await startEngine({ dataDir: ${JSON.stringify(dataDir)}, endpoint: "" });
    console.log("started");
    setInterval(() => {}, 1000);
  `;
    const platform = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => platform.stdout.once("data", resolve));
    const { pid } = JSON.parse(readFileSync(join(dataDir, "engine.json"), "utf8")) as { pid: number };
    const gone = new Promise((resolve) => platform.once("exit", resolve));
    platform.kill("SIGKILL");
    await gone;
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toContain(dataDir);
    if (note === "whose note is gone") rmSync(join(dataDir, "engine.json"));
    const engine = await start();
    await engine.createTable(table);
    // A dead process that nobody has reaped yet keeps an entry without a command line.
    const left = existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
    expect(left).toBe("");
  },
);

test("DDB_ENDPOINT is used as it is, and never ended", async () => {
  const own = await start();
  const other = await startEngine({ dataDir, endpoint: own.endpoint });
  expect(other).toMatchObject({ endpoint: own.endpoint, external: true });
  await other.createTable(table);
  await expect(other.kill()).rejects.toThrow("not ours");
  await other.stop();
  await own.createTable(table);
});
