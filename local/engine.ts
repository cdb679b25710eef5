import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  paginateScan,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { REGION, type TableDefinition } from "./template.ts";

const READY_WITHIN = 20_000;
/** More ends than this in a minute, and the engine is given up. */
const RESTARTS_A_MINUTE = 5;
/** DynamoDB leaves items alone whose TTL is more than five years in the past. */
const TTL_HORIZON_S = 5 * 365 * 86_400;

export interface Engine {
  endpoint: string;
  /** True where DDB_ENDPOINT names it: nothing is started or stopped here. */
  external: boolean;
  /** Creates the table and switches its TTL on; one that exists must have the same keys and indexes. */
  createTable(definition: TableDefinition): Promise<void>;
  /** Deletes the items whose TTL lies before `now` (epoch ms), as DynamoDB would some time later; answers how many. */
  sweepTtl(now: number): Promise<number>;
  stop(): Promise<void>;
  /** Ends the engine as a crash would (SIGKILL); resolves when the supervisor has it answering again, at the same address. */
  kill(): Promise<void>;
}

export interface EngineOptions {
  dataDir: string;
  /** A DynamoDB endpoint to use instead; DDB_ENDPOINT where absent. */
  endpoint?: string | undefined;
  log?: (line: string) => void;
}

/**
 * Starts the embedded DynamoDB engine on a free port of 127.0.0.1, its data in `<dataDir>/table.db`, and keeps it running.
 * An engine that a killed process left behind on this folder is ended first; a folder that a living process uses is refused.
 */
export async function startEngine({
  dataDir,
  endpoint = process.env.DDB_ENDPOINT,
  log = () => {},
}: EngineOptions): Promise<Engine> {
  if (endpoint && !URL.canParse(endpoint))
    throw new Error(
      `"${endpoint}" is no URL: set DDB_ENDPOINT to one, such as http://127.0.0.1:8000, or leave it unset.`,
    );
  if (endpoint) return withTables(endpoint, { external: true, stop: async () => {}, kill: refuseKill }, undefined);

  const binary = findBinary();
  const folder = resolve(dataDir);
  mkdirSync(folder, { recursive: true });
  const database = join(folder, "table.db");
  const pidFile = join(folder, "engine.json");
  await endOrphan(pidFile, database);

  let child: ChildProcess;
  let port: number;
  let stopping = false;
  const ends: number[] = [];
  let running: Promise<void> = Promise.resolve();

  const launch = async () => {
    const started = spawn(binary, ["--host", "127.0.0.1", "--port", String(port), "--db-path", database], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    let complaint = "";
    started.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2000);
    });
    writeFileSync(
      pidFile,
      JSON.stringify({ pid: started.pid, port, owner: process.pid, ownerStart: startOf(process.pid) }),
    );
    await answering(
      port,
      () => started.exitCode !== null || started.signalCode !== null,
      () => complaint.trim(),
    );
    started.once("exit", (code, signal) => {
      if (stopping) return;
      const now = performance.now();
      ends.push(now);
      if (ends.filter((at) => at > now - 60_000).length > RESTARTS_A_MINUTE) {
        log(`The engine ended ${RESTARTS_A_MINUTE + 1} times in a minute and stays down: ${complaint.trim()}`);
        return;
      }
      log(`The engine ended (${signal ?? code}) and is started again.`);
      running = launch();
      running.catch((error: Error) => log(error.message));
    });
  };

  for (let attempt = 1; ; attempt++) {
    port = await freePort();
    try {
      await launch();
      break;
    } catch (error) {
      // Another process may have taken the port in between.
      if (attempt === 3) throw error;
    }
  }

  const endWithUs = () => child.kill("SIGKILL");
  process.once("exit", endWithUs);

  const stop = async () => {
    stopping = true;
    await running.catch(() => {});
    process.off("exit", endWithUs);
    await ended(child, "SIGTERM");
    rmSync(pidFile, { force: true });
  };
  const kill = async () => {
    await ended(child, "SIGKILL");
    await running;
  };
  return withTables(`http://127.0.0.1:${port}`, { external: false, stop, kill }, database);
}

async function refuseKill(): Promise<void> {
  throw new Error("DDB_ENDPOINT names an engine that is not ours to end.");
}

function withTables(
  endpoint: string,
  own: Pick<Engine, "external" | "stop" | "kill">,
  database: string | undefined,
): Engine {
  const client = new DynamoDBClient({
    endpoint,
    region: process.env.AWS_REGION ?? REGION,
    // Real DynamoDB takes the operator's own credentials.
    ...(!isAws(endpoint) && { credentials: LOCAL_CREDENTIALS }),
  });
  const tables = new Map<string, { keys: string[]; ttlAttribute: string }>();

  return {
    ...own,
    endpoint,
    async createTable({ create, ttlAttribute }) {
      const { TableName } = create;
      try {
        await client.send(new CreateTableCommand(create));
      } catch (error) {
        if ((error as Error).name !== "ResourceInUseException") throw error;
      }
      const table = await active(client, TableName);
      if (shapeOf(table) !== shapeOf(create)) {
        const where = database ? `the data in ${dirname(database)}` : `the endpoint ${endpoint}`;
        throw new Error(
          `Table ${TableName} in ${where} has other keys or indexes than the template: start with a fresh one.`,
        );
      }
      if (ttlAttribute !== undefined) {
        tables.set(TableName, { ttlAttribute, keys: create.KeySchema!.map((each) => each.AttributeName!) });
        try {
          const TimeToLiveSpecification = { Enabled: true, AttributeName: ttlAttribute };
          await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
        } catch (error) {
          // Switched on before: DynamoDB refuses to do it twice.
          if ((error as Error).name !== "ValidationException") throw error;
        }
      }
      if (database) indexStreamRecords(database);
    },
    async sweepTtl(now) {
      let deleted = 0;
      const seconds = Math.floor(now / 1000);
      for (const [TableName, { keys, ttlAttribute }] of tables) {
        const condition = {
          ExpressionAttributeNames: { "#ttl": ttlAttribute },
          ExpressionAttributeValues: {
            ":now": { N: String(seconds) },
            ":horizon": { N: String(seconds - TTL_HORIZON_S) },
          },
        };
        const expired = "#ttl < :now AND #ttl > :horizon";
        const pages = paginateScan({ client }, { TableName, ...condition, FilterExpression: expired });
        for await (const page of pages) {
          for (const item of page.Items ?? []) {
            const Key = Object.fromEntries(keys.map((name) => [name, item[name]!]));
            try {
              await client.send(new DeleteItemCommand({ TableName, Key, ...condition, ConditionExpression: expired }));
              deleted++;
            } catch (error) {
              // Its TTL was moved meanwhile.
              if ((error as Error).name !== "ConditionalCheckFailedException") throw error;
            }
          }
        }
      }
      return deleted;
    },
    async stop() {
      client.destroy();
      await own.stop();
    },
  };
}

/** Signs towards engines that check no signature; DynamoDB Local wants the key alphanumeric and always the same. */
export const LOCAL_CREDENTIALS = { accessKeyId: "commensal", secretAccessKey: "commensal" };
export const isAws = (endpoint: string) => /\.amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname);

async function active(client: DynamoDBClient, TableName: string): Promise<TableDescription> {
  for (let waited = 0; ; waited += 50) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    const indexes = Table?.GlobalSecondaryIndexes ?? [];
    if (Table?.TableStatus === "ACTIVE" && indexes.every((each) => each.IndexStatus === "ACTIVE")) return Table;
    if (waited > 60_000) throw new Error(`Table ${TableName} is still ${Table?.TableStatus} after a minute.`);
    await sleep(50);
  }
}

type Shape = Pick<TableDescription, "KeySchema" | "GlobalSecondaryIndexes">;
const shapeOf = ({ KeySchema, GlobalSecondaryIndexes = [] }: Shape | TableDefinition["create"]) => {
  type Keys = Shape["KeySchema"];
  const keys = (schema: Keys) => (schema ?? []).map((each) => `${each.KeyType} ${each.AttributeName}`).sort();
  const indexes = (GlobalSecondaryIndexes ?? []).map((each) => [each.IndexName, keys(each.KeySchema as Keys)]);
  return JSON.stringify([keys(KeySchema as Keys), indexes.sort()]);
};

/**
 * The engine looks for a table's newest stream record by a cast it has no index on, so that a write costs more the more
 * were written. Left out where the file is not laid out as this version lays it out.
 */
function indexStreamRecords(database: string) {
  const file = new DatabaseSync(database, { timeout: 5_000 });
  try {
    const columns = file.prepare("PRAGMA table_info(_stream_records)").all() as { name: string }[];
    const names = new Set(columns.map((column) => column.name));
    if (!names.has("table_name") || !names.has("sequence_number")) return;
    file.exec(
      "CREATE INDEX IF NOT EXISTS commensal_stream_order ON _stream_records(table_name, CAST(sequence_number AS INTEGER))",
    );
  } finally {
    file.close();
  }
}

function findBinary(): string {
  const elsewhere = "set DDB_ENDPOINT to a DynamoDB endpoint to run without it.";
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `The embedded engine exists for Linux x64 only (this is ${process.platform} ${process.arch}): ${elsewhere}`,
    );
  }
  try {
    const binary = join(
      dirname(createRequire(import.meta.url).resolve("@dynoxide/linux-x64/package.json")),
      "dynoxide",
    );
    if (existsSync(binary)) return binary;
  } catch {
    // Told below.
  }
  throw new Error(
    `The embedded engine (@dynoxide/linux-x64) is not installed: npm ci with optional packages, or ${elsewhere}`,
  );
}

/** Ends the engine that a killed process left running on this database, even where its note of it is gone. */
async function endOrphan(pidFile: string, database: string) {
  const isOurs = (pid: string) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return words[0]!.endsWith("dynoxide") && words.includes(database);
    } catch {
      return false;
    }
  };
  const left = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isOurs(name));
  if (left.length === 0) return;
  const note = readNote(pidFile);
  if (note?.ownerStart !== undefined && startOf(note.owner) === note.ownerStart) {
    throw new Error(`${dirname(pidFile)} is in use by process ${note.owner}: stop it, or choose another data folder.`);
  }
  for (const pid of left) {
    process.kill(Number(pid), "SIGKILL");
    for (let waited = 0; isOurs(pid); waited += 10) {
      if (waited > 5_000) throw new Error(`The engine left behind as process ${pid} does not end: end it by hand.`);
      await sleep(10);
    }
  }
}

/** Who started the engine on this folder last. */
function readNote(pidFile: string): { owner: number; ownerStart: string | undefined } | undefined {
  try {
    return JSON.parse(readFileSync(pidFile, "utf8")) as { owner: number; ownerStart: string | undefined };
  } catch {
    return undefined;
  }
}

/** When a process started, in the kernel's ticks: tells it from a later one of the same number. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** A port of 127.0.0.1 that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done, failed) => probe.once("error", failed).listen(0, "127.0.0.1", done));
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  return port;
}

async function answering(port: number, hasEnded: () => boolean, complaint: () => string) {
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: REGION,
    credentials: LOCAL_CREDENTIALS,
    maxAttempts: 1,
  });
  try {
    for (const until = performance.now() + READY_WITHIN; performance.now() < until; await sleep(15)) {
      if (hasEnded()) throw new Error(`The embedded engine ended while starting: ${complaint() || "it said nothing"}`);
      try {
        await client.send(new ListTablesCommand({ Limit: 1 }));
        return;
      } catch {
        // Not listening yet.
      }
    }
    throw new Error(`The embedded engine does not answer on port ${port} after ${READY_WITHIN / 1000} s.`);
  } finally {
    client.destroy();
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((done) => {
    const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
    child.once("exit", () => {
      clearTimeout(force);
      done();
    });
    child.kill(signal);
  });
}
