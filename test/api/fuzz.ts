import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  flaws,
  fromSchema,
  Known,
  lettersFrom,
  Moment,
  mutated,
  mutation,
  patternOf,
  resolve,
  type Schema,
} from "./from-schema.ts";

type Json = Record<string, unknown>;
interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  schema: Schema;
  required?: boolean;
}
type Content = Record<string, { schema: Schema; examples?: Json }>;
interface Declared {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  security?: Record<string, unknown>[];
  responses: Record<string, { content?: Content }>;
}
export interface Operation {
  /** `post /v1/teams/{teamId}/seats` */
  name: string;
  method: string;
  path: string;
  actor: "member" | "staff" | "public";
  keyed: boolean;
  parameters: Parameter[];
  body: Schema | undefined;
  responses: Declared["responses"];
}

/** A request as it goes out. */
export interface Ask {
  method: string;
  /** With its query, percent-encoded. */
  path: string;
  headers: Record<string, string>;
  body?: string | undefined;
}
export interface Reply {
  status: number;
  headers: { get(name: string): string | null };
  text: string;
}
export interface Caller {
  name: string;
  token: string;
}
/** Who calls. Lists are read at each request: tokens may be renewed meanwhile. */
export interface Callers {
  member: Caller[];
  staff: Caller[];
  /** Tokens that nobody may call with any more. */
  ended: { member: Caller; staff: Caller };
}

interface Prepared {
  operation: Operation;
  caller: Caller | undefined;
  ask: Ask;
  /** What the answer must be, whatever the state of things: no success; 401; the earlier one. */
  expected: "refused" | "unauthorized" | Reply | undefined;
  /** The path may lead to another route, or to none. */
  astray: boolean;
  /** It does: whoever sends a path takes its dots away. */
  elsewhere?: boolean;
}

export const document = JSON.parse(readFileSync(join(import.meta.dirname, "../../docs/openapi.json"), "utf8")) as {
  paths: Record<string, Record<string, Declared>>;
};
/** Files are not JSON, and are asked for in bad-input.test.ts. */
const ofFiles = ({ requestBody, responses }: Declared): boolean =>
  [requestBody, responses["200"]].some((one) => one?.content?.["text/csv"] && !one.content["application/json"]);
export const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, declared]) => !ofFiles(declared))
    .map(([method, { parameters = [], requestBody, security, responses }]) => ({
      name: `${method} ${path}`,
      method,
      path,
      actor: (Object.keys(security?.[0] ?? {})[0] ?? "public") as Operation["actor"],
      keyed: parameters.some(({ name }) => name === "Idempotency-Key"),
      parameters: parameters.filter((one) => one.in !== "header"),
      body: requestBody?.content["application/json"]?.schema,
      responses,
    })),
);

/** The last word of routes after which others find less to do: each comes up once in so many rounds. */
const seldom: Record<string, number> = { logout: 4, cancellation: 8, suspension: 3, retirement: 8 };
/** What people write; nothing that an answer tells is worth sending back under these names. */
const ownWords = new Set("name address reason description category unit nickname resolution originId".split(" "));
/** Answers call some things by another name than requests do. */
const synonyms: Record<string, string[]> = { nextCursor: ["cursor"], token: ["shareToken"], version: ["after"] };
/** Refusals that any route may give before it looks at what is asked for. */
const atTheDoor = new Set(
  (
    "UNAUTHENTICATED TOKEN_EXPIRED SESSION_REVOKED FORBIDDEN STORE_OUT_OF_SCOPE INPUT_INVALID BODY_MALFORMED BODY_TOO_LARGE " +
    "IDEMPOTENCY_KEY_MISSING IDEMPOTENCY_KEY_REUSED TOO_MANY_REQUESTS NOTIFICATION_UNSIGNED ORDER_NOT_FOUND TRY_AGAIN INTERNAL"
  ).split(" "),
);
const inside = /\.[cm]?[jt]s:\d+|\bnode:\w+|node_modules|\.mjs|file:\/\//;
const idPattern = /^\^([A-Z]{2})\[0-9A-HJKMNP-TV-Z\]\{24\}\$$/;
const id = /^[A-Z]{2}[0-9A-HJKMNP-TV-Z]{24}$/;

/** Of which kind a property of a request is, that answers may tell: ids by their first letters, the rest by name and form. */
function kindOf(name: string, schema: Schema): string | undefined {
  if (schema.enum || schema.const !== undefined || schema.format || ownWords.has(name)) return undefined;
  const { type, pattern = "" } = schema;
  if (type === "string") return idPattern.exec(pattern)?.[1] ?? `${name} ${pattern}`;
  return type === "number" || name === "version" ? name : undefined;
}
const valid = fromSchema(document, kindOf);

/** The kinds that requests ask for by name, for each name. */
const kindsByName = new Map<string, { kind: string; type: unknown; pattern: string | undefined }[]>();
{
  const seen = new Set<Schema>();
  const visit = (given: Schema, name: string): void => {
    const schema = resolve(document, given);
    const kind = kindOf(name, schema);
    if (kind !== undefined && kind.length > 2)
      kindsByName.set(name, [...(kindsByName.get(name) ?? []), { kind, type: schema.type, pattern: schema.pattern }]);
    if (seen.has(schema)) return;
    seen.add(schema);
    for (const [key, value] of Object.entries(schema.properties ?? {})) visit(value, key);
    for (const one of [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])])
      if (one) visit(one, name);
  };
  for (const { parameters, body } of operations) {
    for (const { name, schema } of parameters) visit(schema, name);
    if (body) visit(body, "");
  }
}

const wrongHeaders: Record<string, string | undefined>[] = [
  { authorization: undefined },
  { authorization: "Bearer x" },
  { authorization: `Bearer ${"a.".repeat(3_000)}` },
  { authorization: "Basic YTpi" },
  { "idempotency-key": undefined },
  { "idempotency-key": "short" },
  { "idempotency-key": "x".repeat(65) },
  { "content-type": "text/plain" },
  { "content-type": undefined },
  { "if-none-match": '"x"' },
];
const wrongTexts = [
  "0",
  "-1",
  "1e9",
  "abc",
  "\0",
  "%00",
  "%",
  "?",
  "#",
  "a/b",
  "..",
  "' OR 1=1",
  "x".repeat(3_000),
  "ST",
  "１",
  "null",
  " ",
];
const asText = (value: string): string => encodeURIComponent(value.toWellFormed());

const requestOf = ({ parameters, body }: Operation) =>
  fc.record({
    kind: fc.constantFrom("fits", "fits", "body", "body", "around", "state"),
    parameters: fc.record(Object.fromEntries(parameters.map(({ name, schema }) => [name, valid(schema, name)])), {
      requiredKeys: parameters.filter((one) => one.required).map(({ name }) => name),
    }) as fc.Arbitrary<Json>,
    body: body ? valid(body) : fc.constant(undefined),
    mutation,
    dice: fc.nat(),
    who: fc.nat(),
    unknown: fc.nat().map((from) => lettersFrom(from, 24)),
  });
type Drawn = ReturnType<typeof requestOf> extends fc.Arbitrary<infer D> ? D : never;
/** What requests are drawn for: any of them, one that fits, one that fits but names nothing there is. */
type Purpose = "any" | "fits" | "unknown";

/**
 * Requests made from docs/openapi.json alone, and its word held against every answer: a third fits, a third is wrong in one
 * place of its body, a sixth in a header, the query or the path, a sixth plays with what earlier answers told. `send` may
 * throw only where the other side is broken. The seed fixes the requests, not the order in which concurrent ones are served.
 */
export function createFuzz(options: {
  seed: number;
  callers: Callers;
  send: (ask: Ask) => Promise<Reply>;
  now: () => number;
  /** Looks at each success; may tell the outside world. */
  onSuccess?: (operation: Operation, body: Json) => void;
}) {
  const { seed, callers, send, now, onSuccess } = options;
  const wrong: string[] = [];
  const statuses: Record<string, number> = {};
  const seen = new Map<string, Set<string>>(operations.map(({ name }) => [name, new Set()]));
  const reachedBy = new Map<string, number>(operations.map(({ name }) => [name, 0]));
  let requests = 0;
  let keys = 0;

  const drawers = new Map<string, { arbitrary: ReturnType<typeof requestOf>; block: Drawn[]; blocks: number }>();
  function draw(operation: Operation): Drawn {
    const drawer = drawers.get(operation.name) ?? { arbitrary: requestOf(operation), block: [], blocks: 0 };
    drawers.set(operation.name, drawer);
    if (drawer.block.length === 0) {
      const own = seed + operations.indexOf(operation) * 10_007 + drawer.blocks++ * 1_000_003;
      drawer.block = fc.sample(drawer.arbitrary, { seed: own, numRuns: 40 });
    }
    return drawer.block.pop()!;
  }

  /** What earlier answers told, by kind; of a member's own under `kind@name` too. */
  const known = new Map<string, unknown[]>();
  function keep(kind: string, value: unknown): void {
    const some = known.get(kind) ?? [];
    if (!some.includes(value)) known.set(kind, [...some.slice(-60), value]);
  }
  function gather(value: unknown, owner: string, name = ""): void {
    if (Array.isArray(value)) for (const item of value) gather(item, owner, name);
    else if (value && typeof value === "object")
      for (const [key, item] of Object.entries(value)) gather(item, owner, key);
    else if (typeof value === "string" && id.test(value)) {
      keep(value.slice(0, 2), value);
      keep(`${value.slice(0, 2)}@${owner}`, value);
    } else
      for (const one of [name, ...(synonyms[name] ?? [])])
        for (const { kind, type, pattern } of kindsByName.get(one) ?? []) {
          const fits = typeof value === "string" ? type === "string" : typeof value === "number" && type !== "string";
          if (fits && (pattern === undefined || patternOf(pattern).test(String(value)))) keep(kind, value);
        }
  }

  /** The value with what it only knows by kind filled in. */
  function filled(value: unknown, owner: string, drawn: Drawn, purpose: Purpose): unknown {
    if (value instanceof Known) {
      if (purpose === "unknown" && value.kind.length === 2) return value.kind + drawn.unknown;
      if (purpose === "unknown" && typeof value.otherwise === "string") return value.otherwise;
      const own = known.get(`${value.kind}@${owner}`);
      const some = (value.which % 4 > 0 && own) || known.get(value.kind) || [value.otherwise];
      return some[Math.floor(value.which / 4) % some.length];
    }
    if (value instanceof Moment) {
      const iso = new Date(now() + value.ms).toISOString();
      return value.form === "date" ? iso.slice(0, 10) : iso;
    }
    if (Array.isArray(value)) return value.map((item) => filled(item, owner, drawn, purpose));
    if (value === null || typeof value !== "object") return value;
    const copy = {};
    for (const [key, item] of Object.entries(value))
      Object.defineProperty(copy, key, { value: filled(item, owner, drawn, purpose), enumerable: true });
    return copy;
  }

  /** The last request of an operation that succeeded. */
  const done = new Map<string, { prepared: Prepared; reply: Reply }>();
  const twists = [
    (text: string) => text.slice(0, -1),
    (text: string) => `${text}0`,
    (text: string) => text.toLowerCase(),
    (text: string) => text.slice(0, -1) + (text.endsWith("A") ? "B" : "A"),
  ];
  const twisted = (value: unknown, dice: number): unknown => {
    if (typeof value === "string" && value !== "") return twists[dice % twists.length]!(value);
    if (Array.isArray(value)) return value.map((item) => twisted(item, dice));
    if (value === null || typeof value !== "object") return value;
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item], i) => [key, i === dice % entries.length ? twisted(item, dice >> 2) : item]),
    );
  };

  function prepare(
    operation: Operation,
    purpose: Purpose,
    how: {
      caller?: Caller | undefined;
      headers?: Record<string, string | undefined>;
      query?: string;
      body?: string;
    } = {},
  ): Prepared {
    const drawn = draw(operation);
    const { dice } = drawn;
    const kind = purpose === "any" ? drawn.kind : "fits";
    const play = kind === "state" ? (["again", "other", "twist", "twist", "ended"] as const)[dice % 5] : undefined;
    const actor = operation.actor === "public" ? undefined : operation.actor;
    const pool = actor ? callers[actor] : [];
    let caller = how.caller ?? (actor && pool[drawn.who % pool.length]);
    if (play === "ended" && actor) caller = callers.ended[actor];
    let before = play === "again" || play === "other" ? done.get(operation.name) : undefined;
    if (before && actor) {
      // by the same one, whose token may be another meanwhile
      const same = pool.find(({ name }) => name === before?.prepared.caller?.name);
      if (same) caller = same;
      else before = undefined;
    }
    const owner = caller?.name ?? "";

    let values = filled(drawn.parameters, owner, drawn, purpose) as Json;
    let body = filled(drawn.body, owner, drawn, purpose);
    let expected: Prepared["expected"];
    let headers = how.headers ?? {};
    if (kind === "body" && operation.body) body = filled(mutated(drawn.body, drawn.mutation), owner, drawn, purpose);
    else if (kind === "body" && operation.method !== "get") {
      body = { surprise: 1 };
      expected = "refused";
    }
    if (play === "twist" && (dice >> 4) % 2 === 0) values = twisted(values, dice >> 5) as Json;
    else if (play === "twist") body = twisted(body, dice >> 5);
    if (kind === "around" && dice % 2 === 0) headers = wrongHeaders[(dice >> 1) % wrongHeaders.length]!;
    else if (kind === "around") {
      const names = [...operation.parameters.map(({ name }) => name), "unasked"];
      values = { ...values, [names[(dice >> 1) % names.length]!]: wrongTexts[(dice >> 8) % wrongTexts.length] };
    }

    let astray = false;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = String(values[name]);
      if (value === "" || value === "." || value === ".." || value.includes("/")) astray = true;
      return asText(value);
    });
    const query = operation.parameters.filter((one) => one.in === "query").map(({ name }) => name);
    const asked = [...query, "unasked"].flatMap((name) =>
      values[name] === undefined ? [] : [`${name}=${asText(String(values[name]))}`],
    );
    if (how.query !== undefined) asked.push(how.query);
    const elsewhere = path.split("/").some((part) => part === "." || part === "..");
    if ("unasked" in values || operation.parameters.some((one) => !suits(one, values[one.name]))) expected = "refused";

    let text = how.body ?? (body === undefined || operation.method === "get" ? undefined : JSON.stringify(body));
    if (operation.body && text !== undefined && how.body === undefined) {
      if (flaws(document, operation.body, JSON.parse(text)).length > 0) expected = "refused";
    }
    let target = path + (asked.length > 0 ? `?${asked.join("&")}` : "");
    let key = `fuzz-${seed}-${++keys}`;
    if (before) {
      key = before.prepared.ask.headers["idempotency-key"]!;
      if (play === "again") {
        target = before.prepared.ask.path;
        text = before.prepared.ask.body;
        expected = before.reply;
      } else if (target !== before.prepared.ask.path || text !== before.prepared.ask.body) expected = "refused";
    }
    const all: Record<string, string | undefined> = {
      ...(caller && { authorization: `Bearer ${caller.token}` }),
      ...(text !== undefined && { "content-type": "application/json" }),
      ...(operation.keyed && { "idempotency-key": key }),
      ...headers,
    };
    if ("content-type" in headers && operation.body) expected = "refused";
    if ("idempotency-key" in headers && operation.keyed) expected = "refused";
    if (actor && (play === "ended" || "authorization" in headers)) expected = "unauthorized";
    const sent = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined);
    const ask = { method: operation.method.toUpperCase(), path: target, headers: Object.fromEntries(sent), body: text };
    return { operation, caller, ask, expected: elsewhere ? undefined : expected, astray, elsewhere };
  }

  /** A request of these very parts. */
  function exactly(
    name: string,
    parts: {
      caller?: Caller;
      parameters?: Record<string, string>;
      headers?: Record<string, string>;
      body?: unknown;
    } = {},
  ): Prepared {
    const { caller, parameters = {}, headers, body } = parts;
    const operation = operations.find((one) => one.name === name);
    if (!operation) throw new Error(`${name} is not in the document`);
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, key: string) => asText(parameters[key]!));
    const ask: Ask = {
      method: operation.method.toUpperCase(),
      path,
      headers: {
        ...(caller && { authorization: `Bearer ${caller.token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(operation.keyed && { "idempotency-key": `fuzz-${seed}-${++keys}` }),
        ...headers,
      },
      body: typeof body === "string" || body === undefined ? body : JSON.stringify(body),
    };
    return { operation, caller, ask, expected: undefined, astray: false };
  }

  /** What of an answer is not as the document says, or not as this request deserves. */
  function objections(
    prepared: Prepared,
    { status, headers, text }: Reply,
    body: unknown,
    provoked: boolean,
  ): string[] {
    const { operation, expected, astray, elsewhere } = prepared;
    const type = (headers.get("content-type") ?? "").split(";")[0]!;
    const found: string[] = [];
    if (status >= 500 && !provoked) found.push("a failure that nobody provoked");
    if (inside.test(text)) found.push("it tells of the inside");
    if (expected === "refused" && status < 400) found.push("it is a success");
    if (expected === "unauthorized" && status !== 401) found.push("it is not 401");
    // since the first answer a session may have ended, and a staff member's rights been taken by a request of this very run
    const shutOut =
      status === 401 || (operation.actor === "staff" && (body as { code?: string })?.code === "FORBIDDEN");
    if (typeof expected === "object" && !shutOut) {
      if (status !== expected.status || text !== expected.text)
        found.push(`not as before: ${expected.text.slice(0, 200)}`);
      else if (headers.get("idempotency-replayed") !== "true") found.push("it is not said to be a repetition");
    }
    // the gateway refuses before there is a function to speak
    const own =
      [401, 403].includes(status) && type === "application/json" && Object.keys(body as Json).join() === "message";
    if (own) return operation.actor === "staff" ? found : [...found, "the gateway refuses what is not its to refuse"];
    for (const [name, value] of [
      ["cache-control", "no-store"],
      ["x-content-type-options", "nosniff"],
      ["strict-transport-security", "max-age=63072000; includeSubDomains"],
    ] as const)
      if (headers.get(name) !== value) found.push(`${name} is ${headers.get(name)}`);
    if (elsewhere) return found;
    if (astray && ["ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED"].includes(String((body as Json | undefined)?.code)))
      return found;
    const documented = operation.responses[status];
    if (!documented) return [...found, "its status is not documented"];
    if (text === "") return documented.content ? [...found, "it has no body"] : found;
    const content = documented.content?.[type];
    if (!content) return [...found, `${type} is not documented`];
    found.push(...flaws(document, content.schema, body).slice(0, 3));
    if (status >= 400) {
      const { code, status: told } = body as Json;
      if (!Object.hasOwn(content.examples ?? {}, String(code))) found.push("its code is not documented");
      if (told !== status) found.push(`it says ${told}`);
    }
    return found;
  }

  async function put(prepared: Prepared, provoked = false): Promise<Reply> {
    const { operation, caller, ask } = prepared;
    const reply = await send(ask);
    const { status, text, headers } = reply;
    requests++;
    statuses[status] = (statuses[status] ?? 0) + 1;
    let body: unknown;
    let found: string[];
    try {
      const csv = headers.get("content-type")?.startsWith("text/csv");
      body = text === "" ? undefined : csv ? text : JSON.parse(text);
      found = objections(prepared, reply, body, provoked);
    } catch (error) {
      found = [`it can't be read: ${error}`];
    }
    if (found.length > 0) wrong.push(`${found.join("; ")}\n  ${told(prepared)}\n  → ${status} ${text.slice(0, 600)}`);
    if (!prepared.astray) seen.get(operation.name)!.add(String(status));
    const code = String((body as Json | undefined)?.code);
    const replayed = headers.get("idempotency-replayed") !== null;
    if ((status < 400 && !replayed) || (status >= 400 && !atTheDoor.has(code) && type(reply) && !prepared.astray))
      reachedBy.set(operation.name, reachedBy.get(operation.name)! + 1);
    if (status < 300) {
      gather(body, caller?.name ?? "");
      if (operation.keyed && !replayed) done.set(operation.name, { prepared, reply });
      onSuccess?.(operation, (body ?? {}) as Json);
    }
    return reply;
  }
  const type = ({ headers }: Reply) => headers.get("content-type")?.startsWith("application/problem+json") ?? false;
  /** The request so that it can be sent again by hand, but for the token: who it belongs to. */
  const told = ({ caller, ask }: Prepared) => {
    const { authorization, ...headers } = ask.headers;
    const as = caller ? `as ${caller.name} ` : "";
    const how = authorization === `Bearer ${caller?.token}` ? headers : ask.headers;
    return `seed ${seed}: ${as}${ask.method} ${ask.path.slice(0, 4_000)} ${JSON.stringify(how)} ${ask.body?.slice(0, 4_000) ?? ""}`;
  };

  let turn = 0;
  /** One request of the operation whose turn it is. */
  function one(): Promise<Reply> {
    const i = turn++;
    const round = Math.floor(i / operations.length);
    let operation = operations[i % operations.length]!;
    if (round % (seldom[operation.path.split("/").at(-1)!] ?? 1) !== 0)
      operation = operations[(i * 7 + round) % operations.length]!;
    return put(prepare(operation, "any"));
  }

  return {
    keep,
    prepare,
    exactly,
    put,
    wrong,
    statuses,
    get requests() {
      return requests;
    },
    /** How many requests a use case has looked at: successes, and refusals that only it gives. */
    get reached() {
      return [...reachedBy.values()].reduce((sum, count) => sum + count, 0);
    },
    /** The operations of which no request came so far. */
    unreached: () => [...reachedBy].filter(([, count]) => count === 0).map(([name]) => name),
    /** Documented statuses that no answer had yet. */
    missing: (operation: Operation) =>
      Object.keys(operation.responses).filter((status) => !seen.get(operation.name)!.has(status)),
    /** Sends `count` requests in so many lanes; ends early with 20 objections. `between` runs alone after every 400. */
    async run(count: number, lanes: number, between: () => Promise<void>): Promise<void> {
      for (let sent = 0; sent < count && wrong.length < 20; sent += 400) {
        let left = Math.min(400, count - sent);
        const lane = async (): Promise<void> => {
          while (left-- > 0) await one();
        };
        await Promise.all(Array.from({ length: lanes }, lane));
        await between();
      }
    },
  };
}

/** Whether what stands in the path or the query fits; a number stands there as text. */
function suits({ schema, required }: Parameter, value: unknown): boolean {
  if (value === undefined) return !required;
  const numeric = schema.type === "integer" || schema.type === "number";
  return flaws(document, schema, numeric && typeof value === "string" ? Number(value) : value).length === 0;
}
