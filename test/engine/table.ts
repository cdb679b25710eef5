import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { dynamoTable } from "../../functions/adapters/dynamo/table.ts";
import { LOCAL_CREDENTIALS, startEngine } from "../../local/engine.ts";
import type { Env } from "../../shared/kernel/env.ts";
import { makeId } from "../../shared/kernel/ids.ts";
import type { Table } from "../../shared/table/entity.ts";

const attribute = (name: string) => ({ AttributeName: name, AttributeType: "S" as const });
const keys = (pk: string, sk: string) => [
  { AttributeName: pk, KeyType: "HASH" as const },
  { AttributeName: sk, KeyType: "RANGE" as const },
];
const indexes = ["gsi1", "gsi2", "gsi3", "gsi4"];

/** An environment of tests: time stands still until it is moved, ids and randomness are real. */
export function testEnv(startAt = Date.UTC(2026, 10, 23, 2)): {
  env: Env;
  clock: { now(): number; set(ms: number): void; advance(ms: number): void };
} {
  let now = startAt;
  const clock = {
    now: () => now,
    set: (ms: number) => {
      now = ms;
    },
    advance: (ms: number) => {
      now += ms;
    },
  };
  const rng = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
  return {
    clock,
    env: {
      clock,
      rng,
      ids: { next: (prefix) => makeId(prefix, now, rng.bytes(14)) },
      sleep: (ms) => new Promise((done) => setTimeout(done, Math.min(ms, 20))),
    },
  };
}

/** The single table on the real engine, in a folder of its own; ended with the test file. */
export async function openTestTable(startAt?: number): Promise<{ table: Table } & ReturnType<typeof testEnv>> {
  const dataDir = mkdtempSync(join(tmpdir(), "commensal-table-"));
  const engine = await startEngine({ dataDir });
  afterAll(async () => {
    await engine.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const tableName = `Table${process.pid}${Math.floor(Math.random() * 1e6)}`;
  await engine.createTable({
    create: {
      TableName: tableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["pk", "sk", ...indexes.flatMap((i) => [`${i}pk`, `${i}sk`])].map(attribute),
      KeySchema: keys("pk", "sk"),
      GlobalSecondaryIndexes: indexes.map((i) => ({
        IndexName: i,
        KeySchema: keys(`${i}pk`, `${i}sk`),
        Projection: { ProjectionType: "KEYS_ONLY" as const },
      })),
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
    },
    ttlAttribute: "ttl",
  });
  const { env, clock } = testEnv(startAt);
  const connection = { endpoint: engine.endpoint, region: "ap-northeast-1", credentials: LOCAL_CREDENTIALS };
  return { table: dynamoTable({ tableName, env, connection }), env, clock };
}
