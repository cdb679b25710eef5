import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Team } from "../../shared/groupbuy/index.ts";
import { openWorld } from "../stories/world.ts";
import { flaws, fromSchema, Known, mutated, type Schema } from "./from-schema.ts";

/** Again, as long as you like: `FUZZ_SEED=20261123 FUZZ_SECONDS=600 FUZZ_REQUESTS=100000 npx vitest run test/api/fuzz.test.ts`. */
const seed = Number(process.env.FUZZ_SEED ?? 20_261_123);
const most = Number(process.env.FUZZ_REQUESTS ?? 10_000);
const longestMs = Number(process.env.FUZZ_SECONDS ?? 40) * 1_000;

type Json = Record<string, unknown>;
interface Operation {
  parameters?: { in: string; name: string; schema: Schema; required?: boolean }[];
  requestBody?: { content: { "application/json": { schema: Schema } } };
  security?: Record<string, unknown>[];
  responses: Record<string, { content?: Record<string, { schema: Schema; examples?: Json }> }>;
}
const document = JSON.parse(readFileSync(join(import.meta.dirname, "../../docs/openapi.json"), "utf8")) as {
  paths: Record<string, Record<string, Operation>>;
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
);
/** What ends something that others need comes up once in so many rounds. */
const seldom: Record<string, number> = {
  "post /v1/session/logout": 4,
  "post /ops/v1/campaigns/{campaignId}/cancellation": 8,
  "post /ops/v1/campaigns/{campaignId}/suspension": 3,
  "post /ops/v1/articles/{articleId}/retirement": 8,
  "post /ops/v1/stores/{storeId}/suspension": 3,
};

const world = await openWorld({ stores: 3, concurrency: { Shop: 4, Ops: 4, default: 2 } });
const { platform, local } = world;
for (let i = 0; i < 4; i++) await world.campaign({ name: `邻里团${i}`, invitesRequired: 1 + i, perMemberLimit: 20 });

/** What earlier answers told, by kind. */
const harvest = new Map<string, unknown[]>();
const keep = (kind: string, value: unknown): void => {
  const some = harvest.get(kind) ?? [];
  if (!some.includes(value)) harvest.set(kind, [...some.slice(-60), value]);
};
const kindOfName: Record<string, string> = {
  nextCursor: "cursor",
  version: "version",
  refreshToken: "refreshToken",
  token: "shareToken",
  caseKey: "caseKey",
  staffId: "staffId",
};
const admin = JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")) as { username: string; password: string };
function gather(value: unknown, name = ""): void {
  if (Array.isArray(value)) for (const item of value) gather(item, name);
  else if (value && typeof value === "object") for (const [key, item] of Object.entries(value)) gather(item, key);
  else if (kindOfName[name] && !(name === "staffId" && value === platform.cognito.adminSub))
    keep(kindOfName[name], value);
  else if (typeof value === "string" && /^[A-Z]{2}[0-9A-HJKMNP-TV-Z]{24}$/.test(value)) keep(value.slice(0, 2), value);
}
/** The value with what it only knows by kind filled in. */
function filled(value: unknown): unknown {
  if (value instanceof Known) {
    const some = harvest.get(value.kind) ?? [];
    if (some.length > 0) return some[value.which % some.length];
    return value.kind === "version" ? 1 : `${value.kind}00000000000000000000000a`.slice(0, 26).toUpperCase();
  }
  if (Array.isArray(value)) return value.map(filled);
  if (value === null || typeof value !== "object") return value;
  const copy = {};
  for (const [key, item] of Object.entries(value))
    Object.defineProperty(copy, key, { value: filled(item), enumerable: true });
  return copy;
}

const signIn = async (user: string): Promise<{ accessToken: string; refreshToken: string }> => {
  const { code } = await local("wechat/login-code", { user });
  return (await world.call("POST", "/v1/login", undefined, { code })).body;
};
let members: string[] = [];
let spare: string[] = [];
let root = "";
/** Tokens last minutes; every so often everybody signs in anew, and there are fresh codes to sign in with. */
async function renew(): Promise<void> {
  members = (await Promise.all(["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"].map(signIn))).map(
    (one) => one.accessToken,
  );
  const others = await Promise.all(["壬", "癸"].map(signIn));
  spare = others.map((one) => one.accessToken);
  for (const one of others) keep("refreshToken", one.refreshToken);
  root = (await platform.cognito.signIn(admin.username, admin.password))!.access_token;
  for (let i = 0; i < 10; i++) keep("code", (await local("wechat/login-code", { user: `新${i}` })).code);
}

const named = {
  version: "version",
  cursor: "cursor",
  refreshToken: "refreshToken",
  code: "code",
  shareToken: "shareToken",
  token: "shareToken",
  caseKey: "caseKey",
  staffId: "staffId",
  lat: "lat",
  lng: "lng",
};
const valid = fromSchema(document as unknown as Json, named, platform.clock.now());
const wrongHeaders = fc.constantFrom<Record<string, string | undefined>[]>(
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
);
const wrongText = fc.constantFrom(
  "0",
  "-1",
  "1e9",
  "abc",
  "%00",
  "\u0000",
  "..",
  "' OR 1=1",
  "x".repeat(3_000),
  "ST",
  "１",
  "null",
);

/** One request of an operation: a third fits, a third is wrong in one place of its body, the rest in headers or path, or repeats. */
function requestOf({ operation, path }: (typeof operations)[number]) {
  const parameters = operation.parameters ?? [];
  const some = fc.record(
    Object.fromEntries(parameters.filter((p) => p.in !== "header").map((p) => [p.name, valid(p.schema, p.name)])),
    {
      requiredKeys: parameters
        .filter((p) => p.in === "path" || p.required)
        .map(({ name }) => name)
        .filter((name) => name !== "Idempotency-Key"),
    },
  );
  const schema = operation.requestBody?.content["application/json"].schema;
  const body = schema ? valid(schema) : fc.constant(undefined);
  const kind = fc.constantFrom("fits", "fits", "body", "body", "around", "again");
  return fc
    .record({ kind, parameters: some, body, who: fc.nat() })
    .chain((request) => {
      if (request.kind === "body" && request.body !== undefined)
        return mutated(request.body).map((wrong) => ({ ...request, body: wrong, headers: {}, odd: {} }));
      if (request.kind !== "around") return fc.constant({ ...request, headers: {}, odd: {} });
      const names = [...parameters.filter((p) => p.in !== "header").map(({ name }) => name), "unasked"];
      return fc
        .oneof(
          wrongHeaders.map((headers) => ({ headers, odd: {} })),
          fc
            .tuple(fc.constantFrom(...names), wrongText)
            .map(([name, text]) => ({ headers: {}, odd: { [name]: text } })),
        )
        .map((wrong) => ({ ...request, ...wrong }));
    })
    .map((request) => ({ ...request, path }));
}

/** Refusals that any route gives before it looks at what is asked for. */
const atTheDoor = new Set([
  "UNAUTHENTICATED",
  "TOKEN_EXPIRED",
  "SESSION_REVOKED",
  "INPUT_INVALID",
  "BODY_MALFORMED",
  "BODY_TOO_LARGE",
  "IDEMPOTENCY_KEY_MISSING",
  "TOO_MANY_REQUESTS",
  "NOT_FOUND",
  "FORBIDDEN",
]);

test("whatever is asked, the answer is one the document names, no 5xx is among them, and the counters stay true", async () => {
  await renew();
  for (const degrees of [0, 0.001, 0.01, 0.05]) {
    keep("lat", world.here.lat + degrees);
    keep("lng", world.here.lng + degrees);
  }
  for (const list of ["campaigns", "stores", "articles"]) gather((await world.ops.get(`/ops/v1/${list}`)).body);
  const statuses: Record<string, number> = {};
  const reachedBy = new Map<string, number>();
  const wrong: string[] = [];
  const slow: number[] = [];
  const sent = new Map<string, { path: string; key: string; text: string | undefined; token: string | undefined }>();
  let requests = 0;
  let reached = 0;

  async function ask(i: number): Promise<void> {
    const chosen = operations[i % operations.length]!;
    const { method, operation } = chosen;
    const name = `${method} ${chosen.path}`;
    if (Math.floor(i / operations.length) % (seldom[name] ?? 1) !== 0) return;
    const request = fc.sample(requestOf(chosen), { seed: seed + i, numRuns: 1 })[0]!;
    const given = filled(request.parameters) as Record<string, unknown>;
    const values: Record<string, unknown> = { ...given, ...request.odd };
    const path = chosen.path.replace(/\{(\w+)\}/g, (_, key: string) =>
      encodeURIComponent(String(values[key]).replace(/^\.+$/, "~")),
    );
    const inPath = new Set([...chosen.path.matchAll(/\{(\w+)\}/g)].map((hit) => hit[1]));
    const asked = Object.entries(values).filter(([key, value]) => !inPath.has(key) && value !== undefined);
    const query = new URLSearchParams(Object.fromEntries(asked.map(([key, value]) => [key, String(value)]))).toString();
    const actor = Object.keys(operation.security?.[0] ?? {})[0];
    const pool = name.startsWith("post /v1/session/") ? spare : members;
    let token = actor === "member" ? pool[request.who % pool.length] : actor === undefined ? undefined : root;
    let key = `fuzz-${seed}-${i}`;
    let target = path + (query && `?${query}`);
    let text = request.body === undefined ? undefined : JSON.stringify(filled(request.body));
    const before = request.kind === "again" ? sent.get(name) : undefined;
    if (before) {
      // the same request again, or its key on another one
      ({ key, token } = before);
      if (request.who % 2 === 0) ({ path: target, text } = before);
    }
    const headers: Record<string, string | undefined> = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(text !== undefined && { "content-type": "application/json" }),
      ...(method === "post" && { "idempotency-key": key }),
      ...request.headers,
    };
    const started = performance.now();
    const response = await fetch(platform.url + target, {
      method: method.toUpperCase(),
      headers: new Headers(JSON.parse(JSON.stringify(headers)) as Record<string, string>),
      ...(text !== undefined && method !== "get" && { body: text }),
    });
    const answer = await response.text();
    slow.push(performance.now() - started);
    requests++;
    sent.set(name, { path: target, key, text, token });
    const { status } = response;
    statuses[status] = (statuses[status] ?? 0) + 1;

    const line = `${i}: ${name} → ${target.slice(0, 200)} ${text?.slice(0, 400) ?? ""}: ${status} ${answer.slice(0, 400)}`;
    const documented = operation.responses[status];
    if (status >= 500 || !documented) {
      wrong.push(line);
      return;
    }
    const type = (response.headers.get("content-type") ?? "").split(";")[0]!;
    const reach = (): void => {
      reached++;
      reachedBy.set(name, (reachedBy.get(name) ?? 0) + 1);
    };
    if (answer === "") {
      if (documented.content && status !== 304) wrong.push(`${line}: no body`);
      if (status < 400) reach();
      return;
    }
    const body = JSON.parse(answer) as Json;
    // the entrance's own refusals come before the functions'
    const own = [401, 403].includes(status) && type === "application/json" && Object.keys(body).join() === "message";
    if (own) return;
    const content = documented.content?.[type];
    if (!content) wrong.push(`${line}: ${type} is not documented`);
    else {
      const found = flaws(document as unknown as Json, content.schema, body);
      if (found.length > 0) wrong.push(`${line}: ${found.slice(0, 3).join("; ")}`);
      if (status >= 400 && !Object.hasOwn(content.examples ?? {}, String(body.code)))
        wrong.push(`${line}: the code is not documented`);
    }
    if (status < 400) gather(body);
    if (status < 400 || (status !== 422 && !atTheDoor.has(String(body.code)))) reach();
  }

  const end = performance.now() + longestMs;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < most && performance.now() < end && wrong.length < 20) {
      const i = next++;
      // limits fill up again, holds run out, and tokens do
      if (i % 400 === 399) {
        platform.clock.advance(world.times.minute);
        if (i % 2_000 === 1_999) await renew();
      }
      await ask(i);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  await platform.idle();

  const unreached = operations.map(({ method, path }) => `${method} ${path}`).filter((name) => !reachedBy.has(name));
  slow.sort((a, b) => a - b);
  console.log(
    `seed ${seed}: ${requests} requests, ${reached} reached a handler, statuses ${JSON.stringify(statuses)}, ` +
      `half within ${Math.round(slow[slow.length >> 1]!)} ms, slowest ${Math.round(slow.at(-1)!)} ms; never reached: ${unreached.join(", ") || "none"}`,
  );
  expect(wrong).toEqual([]);
  expect(reached).toBeGreaterThanOrEqual(requests / 4);

  const rows = await world.rows();
  for (const row of rows.get("Team") ?? []) {
    const { teamId, held, paid, free, size } = row as unknown as Team;
    const seats = (rows.get("Order") ?? []).filter((order) => order.teamId === teamId);
    expect({ teamId, held, free }).toEqual({
      teamId,
      held: seats.filter((order) => order.seat === "HELD").length,
      free: size - held - paid,
    });
    expect(Math.min(held, paid, free)).toBeGreaterThanOrEqual(0);
  }
  for (const [entity, counter] of [
    ["Allotment", "left"],
    ["Stock", "online"],
    ["TotalCap", "left"],
  ] as const)
    for (const row of rows.get(entity) ?? []) expect(row[counter]).toBeGreaterThanOrEqual(0);
  expect(platform.streams.deadLetters()).toEqual([]);
});
