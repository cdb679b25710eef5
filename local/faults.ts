import type { FaultKind, GatewayCall } from "./gateway.ts";
import type { AwsAnswer } from "./parts.ts";
import type { FaultRow, Operation } from "./wechat/knobs.ts";
import type { NotifyAction } from "./wechat/notifier.ts";

/** `swarm`: what a bad day looks like, `storm`: far worse than any day. */
export const faultLevels = ["off", "swarm", "storm"] as const;
export type FaultLevel = (typeof faultLevels)[number];

/** The highest chance of each kind, per call, record, notification, event or worker: in a swarm, in a storm. */
const highest = {
  "table.lost-before": [0.04, 0.15],
  "table.lost-after": [0.04, 0.15],
  "table.throttle": [0.04, 0.15],
  "table.error500": [0.04, 0.15],
  "table.conflict": [0.1, 0.3],
  "table.short-page": [0.4, 0.8],
  "table.stale-index": [0.4, 0.8],
  "table.unprocessed-keys": [0.3, 0.6],
  "aws.lost-before": [0.03, 0.1],
  "aws.lost-after": [0.03, 0.1],
  "aws.throttle": [0.03, 0.1],
  "aws.error500": [0.03, 0.1],
  "location.outage": [0.3, 0.9],
  "stream.duplicate": [0.3, 0.6],
  "stream.late": [0.3, 0.6],
  "stream.reordered": [0.5, 0.9],
  "wechat.notify-duplicate": [0.4, 0.6],
  "wechat.notify-late": [0.3, 0.5],
  "wechat.notify-dropped": [0.3, 0.5],
  "wechat.timeout": [0.01, 0.03],
  "wechat.429": [0.06, 0.2],
  "wechat.500-before": [0.06, 0.2],
  "wechat.500-after-effect": [0.06, 0.2],
  "wechat.drop-answer": [0.06, 0.2],
  "worker.killed": [0.05, 0.15],
  "worker.killed-in-request": [0.02, 0.05],
  "worker.skewed-clock": [1, 1],
} as const satisfies Record<string, readonly [number, number]>;
export type FaultName = keyof typeof highest;
const names = Object.keys(highest) as FaultName[];

/** A written row stays out of its indexes this long at most, real ms. */
const LONGEST_INDEX_LAG = 300;
/** How far a worker's clock may be off, ms. */
const CLOCK_SKEW = 2_000;
/** How late a notification may come, ms of platform time. */
const LATEST_NOTIFICATION = 120_000;

export interface Faults {
  readonly seed: number;
  readonly level: FaultLevel;
  /** Chance of each kind now. */
  readonly rates: Readonly<Record<FaultName, number>>;
  /** How often each kind has struck since the start. */
  counts(): Record<FaultName, number>;
  /** Draws new rates; counts go on. */
  set(level: FaultLevel, seed?: number): void;
  /** Nothing strikes from here on; what is under way ends by itself. A worker keeps its clock. */
  stop(): void;
  /** Throws the dice of a kind, and counts a hit. */
  strikes(name: FaultName): boolean;
  /** A whole number, both bounds included. */
  between(least: number, most: number): number;

  /** What becomes of a call at the gateway. */
  call(call: GatewayCall): FaultKind | undefined;
  /** A Query of fewer items, a BatchGetItem of fewer keys; the call's body as it goes to the engine. */
  shrink(call: GatewayCall): { json: Record<string, unknown>; kept?: Record<string, unknown> };
  /** The engine's answer as the function sees it: keys left unread, and rows that are not in the index yet. */
  reshape(call: GatewayCall, kept: Record<string, unknown> | undefined, answer: AwsAnswer): AwsAnswer;
  /** The order in which records come: of one key always as they were written. */
  reorder<T>(records: T[], keyOf: (record: T) => string): T[];
  /** What becomes of a call to WeChat. */
  wechat(operation: Operation | undefined): FaultRow["kind"] | undefined;
  /** What becomes of a notification. */
  notification(): NotifyAction[];
  /** Real ms after which the worker dies in the middle of its event; undefined: it lives. `killed` counts it. */
  kill(label: string): { afterMs: number; killed(): void } | undefined;
  /** ms that a worker's clock is off, for its life. */
  skew(): number;
}

/**
 * Faults at random, by a seed. Each kind gets a chance between nothing and the level's highest, so that two seeds are two
 * different bad days; each kind throws dice of its own. The seed fixes chances and dice, not which of two concurrent calls
 * comes first: a run repeats in kind, not step by step.
 *
 * What is not played: an index that still shows a deleted row or a former key (no index key here changes), a read that is not
 * consistent (nobody asks for one where it matters), and more than one shard (records change places within one batch).
 */
export function createFaults(options: { seed?: number; level?: FaultLevel } = {}): Faults {
  let seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  let level: FaultLevel = "off";
  const counted = Object.fromEntries(names.map((name) => [name, 0])) as Record<FaultName, number>;
  const rates = { ...counted };
  const dice = new Map<FaultName, () => number>();
  let any = random(seed);
  /** When each row came to be, by its key; real ms. */
  const born = new Map<string, number>();

  const set = (next: FaultLevel, nextSeed = seed): void => {
    level = next;
    seed = nextSeed;
    any = random(seed);
    names.forEach((name, i) => {
      const own = random(seed + (i + 1) * 7919);
      dice.set(name, own);
      rates[name] = next === "off" ? 0 : own() * highest[name][next === "swarm" ? 0 : 1];
    });
  };
  set(options.level ?? "off");

  const rolls = (name: FaultName) => rates[name] > 0 && dice.get(name)!() < rates[name];
  const strikes = (name: FaultName): boolean => {
    const hit = rolls(name);
    if (hit) counted[name]++;
    return hit;
  };
  const between = (least: number, most: number) => least + Math.floor(any() * (most - least + 1));
  const firstOf = <Name extends FaultName>(...kinds: Name[]): Name | undefined => kinds.find(strikes);

  /** Rows that this answered transaction put where none was. */
  function remember({ json }: GatewayCall): void {
    const now = performance.now();
    for (const write of (json.TransactItems ?? []) as { Put?: { Item: Row; ConditionExpression?: string } }[])
      if (write.Put?.ConditionExpression?.includes("attribute_not_exists(pk)")) born.set(idOf(write.Put.Item), now);
    // in the order of their birth: the oldest come first
    for (const [id, at] of born) {
      if (now - at < LONGEST_INDEX_LAG) break;
      born.delete(id);
    }
  }

  return {
    get seed() {
      return seed;
    },
    get level() {
      return level;
    },
    rates,
    counts: () => ({ ...counted }),
    set,
    stop: () => set("off"),
    strikes,
    between,

    call({ service, action }) {
      if (level === "off") return undefined;
      if (service === "geo")
        return strikes("location.outage") ? (between(0, 1) === 0 ? "error500" : "throttle") : undefined;
      const room = service === "dynamodb" ? "table" : "aws";
      const name =
        (/^(TransactWriteItems|(Put|Update|Delete)Item)$/.test(action) ? firstOf("table.conflict") : undefined) ??
        firstOf(`${room}.lost-before`, `${room}.lost-after`, `${room}.throttle`, `${room}.error500`);
      if (!name) return undefined;
      const kind = name.slice(name.indexOf(".") + 1);
      return (kind.startsWith("lost") ? kind.replace("lost", "lost-answer") : kind) as FaultKind;
    },

    shrink({ action, json }) {
      if (level === "off") return { json };
      if (action === "Query" && Number(json.Limit ?? 0) > 1 && strikes("table.short-page"))
        return { json: { ...json, Limit: between(1, Number(json.Limit) - 1) } };
      if (action === "BatchGetItem") {
        const asked = Object.entries((json.RequestItems ?? {}) as Record<string, { Keys: Row[] }>);
        const only = asked[0];
        if (asked.length === 1 && only && only[1].Keys.length > 1 && strikes("table.unprocessed-keys")) {
          const [table, { Keys, ...how }] = only;
          const read = between(1, Keys.length - 1);
          return {
            json: { ...json, RequestItems: { [table]: { ...how, Keys: Keys.slice(0, read) } } },
            kept: { [table]: { ...how, Keys: Keys.slice(read) } },
          };
        }
      }
      return { json };
    },

    reshape(call, kept, answer) {
      if (level === "off" || answer.status !== 200) return answer;
      if (call.action === "TransactWriteItems") remember(call);
      const told = (change: (body: Record<string, unknown>) => Record<string, unknown>): AwsAnswer => {
        const { "x-amz-crc32": _, ...headers } = answer.headers ?? {};
        return { ...answer, headers, body: JSON.stringify(change(JSON.parse(answer.body.toString()))) };
      };
      if (kept) return told((body) => ({ ...body, UnprocessedKeys: kept }));
      if (call.action !== "Query" || call.json.IndexName === undefined || born.size === 0) return answer;
      const since = performance.now() - between(0, LONGEST_INDEX_LAG);
      const fresh = (row: Row): boolean => (born.get(idOf(row)) ?? Number.NEGATIVE_INFINITY) > since;
      const items = (JSON.parse(answer.body.toString()) as { Items?: Row[] }).Items ?? [];
      if (!items.some(fresh) || !strikes("table.stale-index")) return answer;
      const seen = items.filter((row) => !fresh(row));
      return told((body) => ({ ...body, Items: seen, Count: seen.length, ScannedCount: seen.length }));
    },

    reorder(records, keyOf) {
      const keys = new Set(records.map(keyOf));
      if (keys.size < 2 || !strikes("stream.reordered")) return records;
      const lanes = new Map([...keys].map((key) => [key, records.filter((record) => keyOf(record) === key)]));
      return records.map(() => {
        const key = [...lanes.keys()][between(0, lanes.size - 1)]!;
        const lane = lanes.get(key)!;
        const next = lane.shift()!;
        if (lane.length === 0) lanes.delete(key);
        return next;
      });
    },

    wechat() {
      const name = firstOf(
        "wechat.timeout",
        "wechat.429",
        "wechat.500-before",
        "wechat.500-after-effect",
        "wechat.drop-answer",
      );
      return name?.slice("wechat.".length) as FaultRow["kind"] | undefined;
    },

    notification() {
      return [
        ...(strikes("wechat.notify-late") ? [{ delay: between(1, LATEST_NOTIFICATION) }] : []),
        ...(strikes("wechat.notify-dropped") ? ["drop" as const] : []),
        ...(strikes("wechat.notify-duplicate") ? [{ duplicate: between(1, 3) }] : []),
      ];
    },

    kill(label) {
      // `GET /…` is a request, `stream …`, `states …` and `schedule …` are events that their service brings again.
      const name = /^(stream|states|schedule) /.test(label) ? "worker.killed" : "worker.killed-in-request";
      return rolls(name) ? { afterMs: between(0, 60), killed: () => void counted[name]++ } : undefined;
    },

    skew: () => (strikes("worker.skewed-clock") ? between(-CLOCK_SKEW, CLOCK_SKEW) : 0),
  };
}

type Row = { pk?: { S?: string }; sk?: { S?: string } };
const idOf = ({ pk, sk }: Row) => `${pk?.S}\n${sk?.S}`;

/** Dice by a seed (mulberry32): numbers from 0 up to, not including, 1. */
function random(from: number): () => number {
  let state = from | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
