import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";
import {
  type _Record,
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from "@aws-sdk/client-dynamodb-streams";
import type { Faults } from "./faults.ts";
import type { FunctionPool, PlatformClock, Template } from "./parts.ts";
import { matches, type Pattern, readPattern } from "./stream-filter.ts";

interface DeadLetter {
  id: string;
  queue: string;
  at: number;
  body: string;
}

export interface Streams {
  /** Somebody may have written: looks for new records within a tenth of a second, and for a while as often. */
  poke(): void;
  /** Resolves when a pass that began after the call has found nothing more to deliver in any mapping. */
  drained(): Promise<void>;
  deadLetters(): DeadLetter[];
  stop(): Promise<void>;
}

interface Mapping {
  id: string;
  functionId: string;
  functionArn: string;
  tableName: string;
  patterns: Pattern[];
  batchSize: number;
  windowMs: number;
  /** Undefined is for ever. */
  maximumRetries: number | undefined;
  maximumAgeMs: number | undefined;
  bisect: boolean;
  reportsItems: boolean;
  deadLetterQueue: string | undefined;
}

interface StreamRecord {
  eventID: string;
  eventName: string;
  eventVersion: string;
  eventSource: string;
  awsRegion: string;
  eventSourceARN: string;
  dynamodb: { SequenceNumber: string; ApproximateCreationDateTime: number; [field: string]: unknown };
}

const pollMs = 100;
/** After this many passes with nothing new a reader looks more seldom, until `poke` says that somebody may have written. */
const wakefulPasses = 20;
const drowsyPollMs = 1000;
const firstBackoffMs = 200;
const longestBackoffMs = 60_000;

/**
 * Delivers the engine's table stream to the functions of the template's event source mappings, at least once and in
 * order. The position of a mapping is written to `db` after a batch is done with, never before; so a batch that was
 * under way when the process died is delivered again.
 *
 * A mapping that starts at LATEST starts at the beginning of the stream here: it is made together with its table.
 */
export function startStreams(parts: {
  template: Template;
  db: DatabaseSync;
  pool: FunctionPool;
  clock: PlatformClock;
  client: DynamoDBStreamsClient;
  log: (line: string) => void;
  /** Brings batches late, in another order, or twice. */
  faults?: Pick<Faults, "strikes" | "between" | "reorder"> | undefined;
}): Streams {
  const { template, db, pool, clock, client, log, faults } = parts;
  db.exec(`
    CREATE TABLE IF NOT EXISTS position (mapping TEXT, shard TEXT, sequence TEXT, done INTEGER DEFAULT 0, PRIMARY KEY (mapping, shard)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dead_letter (id TEXT PRIMARY KEY, queue TEXT, at INTEGER, body TEXT);`);
  const sql = {
    position: db.prepare("SELECT sequence, done FROM position WHERE mapping = ? AND shard = ?"),
    save: db.prepare("INSERT OR REPLACE INTO position (mapping, shard, sequence, done) VALUES (?, ?, ?, ?)"),
    bury: db.prepare("INSERT INTO dead_letter VALUES (?, ?, ?, ?)"),
    dead: db.prepare("SELECT * FROM dead_letter ORDER BY at, rowid"),
  };
  const mappings = template
    .byType("AWS::Lambda::EventSourceMapping")
    .flatMap(({ id, properties }) => readMapping(template, id, properties));
  const stopping = new AbortController();
  const pokes = new Set<() => void>();
  /** Bumped by `wakeAll`, so that one during a pass starts another pass. */
  let pokeCount = 0;
  let hurried = 0;
  const drains = new Map(
    mappings.map(({ id }) => [id, { began: 0, quiet: 0, idlePasses: 0, waiters: new Set<() => void>() }]),
  );

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        pokes.delete(done);
        stopping.signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      pokes.add(done);
      stopping.signal.addEventListener("abort", done);
    });
  }

  /** A retry's pause goes by the platform clock: moving the clock on makes it due. */
  function backOff(attempt: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.at(clock.now() + Math.min(firstBackoffMs * 2 ** (attempt - 1), longestBackoffMs), done);
      function done(): void {
        timer.cancel();
        stopping.signal.removeEventListener("abort", done);
        resolve();
      }
      stopping.signal.addEventListener("abort", done);
    });
  }

  async function follow(mapping: Mapping): Promise<void> {
    const state = drains.get(mapping.id)!;
    let streamArn: string | undefined;
    let failures = 0;
    while (!stopping.signal.aborted) {
      const seen = pokeCount;
      state.began = performance.now();
      let delivered = 0;
      try {
        streamArn ??= await findStream(mapping.tableName);
        for (const shard of await shardsOf(streamArn)) delivered += await readShard(mapping, streamArn, shard);
        failures = 0;
      } catch (error) {
        if (stopping.signal.aborted) return;
        // The engine is away for a moment (it is being restarted): look again, and say so once.
        if (failures++ === 0) log(`stream of ${mapping.tableName} for ${mapping.functionId}: ${error}; trying again`);
        streamArn = undefined;
        await pause(Math.min(100 * 2 ** failures, 5000));
        continue;
      }
      if (delivered > 0) {
        state.idlePasses = 0;
        continue;
      }
      state.quiet = state.began;
      for (const wake of [...state.waiters]) wake();
      if (seen === pokeCount) await pause(state.idlePasses++ < wakefulPasses ? pollMs : drowsyPollMs);
    }
  }

  async function findStream(tableName: string): Promise<string> {
    const { Streams: found = [] } = await client.send(new ListStreamsCommand({ TableName: tableName }));
    const arn = found.at(-1)?.StreamArn;
    if (!arn) throw new Error(`the table ${tableName} has no stream yet`);
    return arn;
  }

  const shardCache = new Map<string, { at: number; shards: string[] }>();
  /** Shards, parents before children. The engine has one; another endpoint may split them. */
  async function shardsOf(streamArn: string): Promise<string[]> {
    const cached = shardCache.get(streamArn);
    if (cached && performance.now() - cached.at < 5000) return cached.shards;
    const shards: string[] = [];
    let after: string | undefined;
    do {
      const { StreamDescription: page } = await client.send(
        new DescribeStreamCommand({ StreamArn: streamArn, ...(after ? { ExclusiveStartShardId: after } : {}) }),
      );
      shards.push(...(page?.Shards ?? []).map(({ ShardId }) => ShardId ?? ""));
      after = page?.LastEvaluatedShardId;
    } while (after);
    shardCache.set(streamArn, { at: performance.now(), shards });
    return shards;
  }

  const iterators = new Map<string, string>();
  /** Reads one shard to its present end; answers how many records it passed on. */
  async function readShard(mapping: Mapping, streamArn: string, shard: string): Promise<number> {
    const stored = sql.position.get(mapping.id, shard) as { sequence: string; done: number } | undefined;
    if (stored?.done) return 0;
    const key = `${mapping.id} ${shard}`;
    let iterator = iterators.get(key) ?? (await openShard(streamArn, shard, stored?.sequence));
    let passed = 0;
    let batch: StreamRecord[] = [];
    let last = stored?.sequence ?? "";
    let gatherUntil = 0;
    let lateUntil = 0;
    while (!stopping.signal.aborted) {
      iterators.delete(key);
      const { Records: records = [], NextShardIterator: next } = await client.send(
        new GetRecordsCommand({ ShardIterator: iterator, Limit: 1000 }),
      );
      for (const raw of records) {
        last = raw.dynamodb?.SequenceNumber ?? "";
        if (!isWanted(mapping, raw)) continue;
        const record = toEvent(raw, mapping.tableName, clock.offset);
        if (batch.length === 0) {
          gatherUntil = performance.now() + mapping.windowMs;
          lateUntil = faults?.strikes("stream.late") ? performance.now() + faults.between(20, 400) : 0;
        }
        batch.push(record);
        if (batch.length < mapping.batchSize) continue;
        await deliverAnyhow(mapping, streamArn, shard, batch);
        if (stopping.signal.aborted) return passed;
        passed += batch.length;
        batch = [];
        sql.save.run(mapping.id, shard, last, 0);
      }
      const ended = next === undefined;
      const waitUntil = Math.max(hurried === 0 ? gatherUntil : 0, lateUntil);
      if (batch.length > 0 && records.length === 0 && !ended && performance.now() < waitUntil) {
        await pause(Math.min(pollMs, waitUntil - performance.now()));
      } else if (
        batch.length > 0 &&
        performance.now() >= lateUntil &&
        (records.length === 0 || ended || mapping.windowMs === 0)
      ) {
        await deliverAnyhow(mapping, streamArn, shard, batch);
        if (stopping.signal.aborted) return passed;
        passed += batch.length;
        batch = [];
      }
      if (batch.length === 0 && (ended || last !== (stored?.sequence ?? "")))
        sql.save.run(mapping.id, shard, last, ended ? 1 : 0);
      if (ended) return passed;
      iterator = next;
      if (records.length === 0 && batch.length === 0) {
        iterators.set(key, next);
        return passed;
      }
    }
    return passed;
  }

  async function openShard(streamArn: string, shard: string, after: string | undefined): Promise<string> {
    const at = { StreamArn: streamArn, ShardId: shard };
    const open = async (command: GetShardIteratorCommand): Promise<string> =>
      (await client.send(command)).ShardIterator ?? "";
    if (!after) return open(new GetShardIteratorCommand({ ...at, ShardIteratorType: "TRIM_HORIZON" }));
    try {
      return await open(
        new GetShardIteratorCommand({ ...at, ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber: after }),
      );
    } catch (error) {
      if ((error as Error).name !== "TrimmedDataAccessException") throw error;
      return open(new GetShardIteratorCommand({ ...at, ShardIteratorType: "TRIM_HORIZON" }));
    }
  }

  /** Delivers the batch, in another order where a fault says so. */
  function deliverAnyhow(mapping: Mapping, streamArn: string, shard: string, batch: StreamRecord[]): Promise<void> {
    const records = faults?.reorder(batch, keyOf) ?? batch;
    return deliver(mapping, streamArn, shard, records, records === batch);
  }

  /** Invokes until every record of the batch is done with: taken, or given up after the retries and buried. */
  async function deliver(
    mapping: Mapping,
    streamArn: string,
    shard: string,
    batch: StreamRecord[],
    inOrder = true,
  ): Promise<void> {
    let records = batch;
    /** In another order than written, a part that was taken says nothing of what was written before it. */
    const save = (last: StreamRecord): void => {
      if (inOrder) sql.save.run(mapping.id, shard, last.dynamodb.SequenceNumber, 0);
    };
    let attempt = 0;
    while (records.length > 0 && !stopping.signal.aborted) {
      let outcome = await tryOnce(mapping, records);
      if (outcome.failedFrom < 0 && faults?.strikes("stream.duplicate")) outcome = await tryOnce(mapping, records);
      if (stopping.signal.aborted) return;
      if (outcome.failedFrom < 0) return;
      if (outcome.failedFrom > 0) {
        // What was taken is not sent again, and the next try is the first of the rest.
        save(records[outcome.failedFrom - 1]!);
        records = records.slice(outcome.failedFrom);
        attempt = 0;
      }
      attempt++;
      const tooOld = mapping.maximumAgeMs !== undefined && ageMs(records[0]!, clock.now()) > mapping.maximumAgeMs;
      const tooOften = mapping.maximumRetries !== undefined && attempt > mapping.maximumRetries;
      if (mapping.bisect && records.length > 1 && attempt === 1) {
        // Halving does not count as a retry; a single bad record ends up alone.
        const middle = Math.ceil(records.length / 2);
        await backOff(1);
        await deliver(mapping, streamArn, shard, records.slice(0, middle), inOrder);
        if (stopping.signal.aborted) return;
        save(records[middle - 1]!);
        return deliver(mapping, streamArn, shard, records.slice(middle), inOrder);
      }
      if (tooOld || tooOften) {
        bury(
          mapping,
          streamArn,
          shard,
          records,
          attempt,
          tooOld ? "RecordAgeExceeded" : "RetryAttemptsExhausted",
          outcome.reason,
        );
        return;
      }
      log(`stream to ${mapping.functionId}: try ${attempt} of ${records.length} record(s) failed: ${outcome.reason}`);
      await backOff(attempt);
    }
  }

  /** `failedFrom` is the index of the first record that is to be sent again, -1 when all were taken. */
  async function tryOnce(mapping: Mapping, records: StreamRecord[]): Promise<{ failedFrom: number; reason: string }> {
    let answer: unknown;
    try {
      answer = await pool.invoke(mapping.functionId, { Records: records }, `stream ${mapping.functionId}`);
    } catch (error) {
      return { failedFrom: 0, reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
    }
    if (!mapping.reportsItems) return { failedFrom: -1, reason: "" };
    const failed =
      (answer as { batchItemFailures?: { itemIdentifier?: string }[] | null } | null)?.batchItemFailures ?? [];
    if (failed.length === 0) return { failedFrom: -1, reason: "" };
    const places = failed.map(({ itemIdentifier }) =>
      records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === itemIdentifier),
    );
    const reason = `the function reported ${failed.map(({ itemIdentifier }) => itemIdentifier).join(", ")}`;
    // A number that is not in the batch fails all of it, as Lambda does.
    return { failedFrom: Math.max(0, Math.min(...places)), reason };
  }

  function bury(
    mapping: Mapping,
    streamArn: string,
    shardId: string,
    records: StreamRecord[],
    attempts: number,
    condition: string,
    reason: string,
  ): void {
    const first = records[0]!.dynamodb;
    const last = records.at(-1)!.dynamodb;
    log(`stream to ${mapping.functionId}: gave up ${records.length} record(s) from ${first.SequenceNumber}: ${reason}`);
    if (!mapping.deadLetterQueue) return;
    const id = randomUUID();
    const time = ({ ApproximateCreationDateTime }: StreamRecord["dynamodb"]): string =>
      new Date(ApproximateCreationDateTime * 1000).toISOString();
    const body = {
      requestContext: { requestId: id, functionArn: mapping.functionArn, condition, approximateInvokeCount: attempts },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: reason },
      version: "1.0",
      timestamp: new Date(clock.now()).toISOString(),
      DDBStreamBatchInfo: {
        shardId,
        startSequenceNumber: first.SequenceNumber,
        endSequenceNumber: last.SequenceNumber,
        approximateArrivalOfFirstRecord: time(first),
        approximateArrivalOfLastRecord: time(last),
        batchSize: records.length,
        streamArn,
      },
    };
    sql.bury.run(id, mapping.deadLetterQueue, clock.now(), JSON.stringify(body));
  }

  const followers = mappings.map(follow);
  const wakeAll = (): void => {
    pokeCount++;
    for (const state of drains.values()) state.idlePasses = 0;
    for (const wake of [...pokes]) wake();
  };
  return {
    poke() {
      if ([...drains.values()].some(({ idlePasses }) => idlePasses > wakefulPasses)) wakeAll();
      for (const state of drains.values()) state.idlePasses = 0;
    },
    async drained() {
      const since = performance.now();
      hurried++;
      wakeAll();
      try {
        await Promise.all(
          [...drains.values()].map(
            (state) =>
              new Promise<void>((resolve) => {
                const check = (): void => {
                  if (state.quiet < since && !stopping.signal.aborted) return;
                  state.waiters.delete(check);
                  resolve();
                };
                state.waiters.add(check);
                check();
              }),
          ),
        );
      } finally {
        hurried--;
      }
    },
    deadLetters: () => sql.dead.all() as unknown as DeadLetter[],
    async stop() {
      stopping.abort();
      for (const { waiters } of drains.values()) for (const wake of [...waiters]) wake();
      await Promise.all(followers);
    },
  };
}

function readMapping(template: Template, id: string, properties: Record<string, unknown>): Mapping[] {
  const source = String(properties.EventSourceArn);
  if (properties.Enabled === false) return [];
  // Dead letters stay where they can be looked at; in AWS their queues are sources of the redrive.
  if (/^arn:[^:]*:sqs:/.test(source)) return [];
  const tableName = /:table\/([^/]+)\/stream\//.exec(source)?.[1];
  if (!tableName) throw new Error(`${id}: only table streams are delivered here, not ${source}.`);
  if (Number(properties.TumblingWindowInSeconds ?? 0) > 0)
    throw new Error(`${id}: tumbling windows are not run by the embedded default.`);
  const functionName = String(properties.FunctionName);
  const functionId = template.idOfArn(functionName);
  if (functionId === undefined) throw new Error(`${id}: ${functionName} names no function of the template.`);
  const filters = (properties.FilterCriteria as { Filters?: { Pattern: string }[] } | undefined)?.Filters ?? [];
  const unlimited = (value: unknown): number | undefined =>
    value === undefined || Number(value) < 0 ? undefined : Number(value);
  const age = unlimited(properties.MaximumRecordAgeInSeconds);
  const onFailure = properties.DestinationConfig as { OnFailure?: { Destination?: string } } | undefined;
  return [
    {
      id,
      functionId,
      functionArn: functionName,
      tableName,
      patterns: filters.map(({ Pattern }) => readPattern(Pattern, id)),
      batchSize: Number(properties.BatchSize ?? 100),
      windowMs: Number(properties.MaximumBatchingWindowInSeconds ?? 0) * 1000,
      maximumRetries: unlimited(properties.MaximumRetryAttempts),
      maximumAgeMs: age === undefined ? undefined : age * 1000,
      bisect: properties.BisectBatchOnFunctionError === true,
      reportsItems: ((properties.FunctionResponseTypes as string[] | undefined) ?? []).includes(
        "ReportBatchItemFailures",
      ),
      deadLetterQueue: onFailure?.OnFailure?.Destination?.split(":").at(-1),
    },
  ];
}

function isWanted(mapping: Mapping, record: _Record): boolean {
  if (mapping.patterns.length > 0 && !mapping.patterns.some((pattern) => matches(pattern, record))) return false;
  const { OldImage, NewImage } = record.dynamodb ?? {};
  // The engine records a write that changed nothing; DynamoDB does not.
  return !(record.eventName === "MODIFY" && OldImage !== undefined && isDeepStrictEqual(OldImage, NewImage));
}

/** A record of the Streams API as Lambda hands it on: binary as base64, the time in epoch seconds of the platform's clock. */
function toEvent(raw: _Record, tableName: string, clockOffset: number): StreamRecord {
  const { ApproximateCreationDateTime, SequenceNumber = "", ...rest } = raw.dynamodb ?? {};
  const created = (ApproximateCreationDateTime?.getTime() ?? Date.now()) + clockOffset;
  return {
    eventID: raw.eventID ?? SequenceNumber,
    eventName: raw.eventName ?? "",
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "ap-northeast-1",
    dynamodb: {
      ...(binaryAsText(rest) as Record<string, unknown>),
      ApproximateCreationDateTime: Math.floor(created / 1000),
      SequenceNumber,
    },
    eventSourceARN: `arn:aws:dynamodb:ap-northeast-1:000000000000:table/${tableName}/stream/local`,
  };
}

/** The row that a record is about. */
function keyOf({ dynamodb }: StreamRecord): string {
  return JSON.stringify(dynamodb.Keys);
}

function binaryAsText(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(binaryAsText);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, binaryAsText(inner)]));
}

function ageMs(record: StreamRecord, now: number): number {
  return now - record.dynamodb.ApproximateCreationDateTime * 1000;
}
