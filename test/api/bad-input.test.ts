import { createCipheriv, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, paginateScan } from "@aws-sdk/lib-dynamodb";
import { CompactSign, importJWK, type JWK, SignJWT } from "jose";
import { afterAll, afterEach, beforeEach, expect, inject, test } from "vitest";
import { createSeal } from "../../functions/adapters/wechat/seal.ts";
import { allRoutes } from "../../functions/api/routes.ts";
import { LOCAL_CREDENTIALS } from "../../local/engine.ts";
import { startPlatform } from "../../local/platform.ts";
import { REGION, tableDefinition } from "../../local/template.ts";
import { problems } from "../../shared/kernel/problem-table.ts";
import { minute } from "../../shared/kernel/time.ts";
import { type Made, openShop, place, samplesOf } from "./shop.ts";

/**
 * What should not be sent, sent over HTTP to the embedded default. Each gets its documented 4xx problem, nothing is
 * written by it, and the answer tells nothing of the inside.
 */
const dataDir = mkdtempSync(join(tmpdir(), "commensal-bad-input-"));
const lines: string[] = [];
const platform = await startPlatform({
  dataDir,
  startAt: Date.UTC(2026, 10, 23, 2),
  assembly: inject("assembly"),
  log: (line) => lines.push(line),
});
afterAll(async () => {
  await platform.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is looked at by expectations, which fail on any other shape
  body: any;
}
interface Request {
  token?: string | undefined;
  key?: string | undefined;
  body?: string | Uint8Array<ArrayBuffer> | undefined;
  headers?: Record<string, string>;
}
let keys = 0;
async function send(method: string, path: string, { token, key, body, headers }: Request = {}): Promise<Answer> {
  const response = await fetch(platform.url + path, {
    method: method.toUpperCase(),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key !== undefined && { "idempotency-key": key }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: json && text ? JSON.parse(text) : undefined,
  };
}
const freshKey = () => `bad-input-${++keys}`;

const made: Made = async (method, path, token, sample = {}) => {
  const body = sample.body && JSON.stringify(sample.body);
  const {
    status,
    body: answer,
    text,
  } = await send(method, path + (sample.query ?? ""), { token, body, key: freshKey() });
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  return answer;
};
const login = async (user: string) => {
  const { body } = await send("post", "/_local/wechat/login-code", { body: JSON.stringify({ user }) });
  return made("post", "/v1/login", undefined, { body: { code: body.code } });
};

const admin = JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")) as { username: string; password: string };
const root = (await platform.cognito.signIn(admin.username, admin.password))!.access_token;
const [ann, ben] = [await login("ann"), await login("ben")];
const now = platform.clock.now();
const shop = await openShop(made, {
  root,
  owner: ann.accessToken,
  now,
  opened: async () => {
    platform.clock.advance(minute);
    await platform.idle(20_000);
  },
});
for (const nickname of ["王阿姨", "李叔"]) await made("put", "/v1/me", ann.accessToken, { body: { nickname } });
for (const name of ["烘焙群", "育儿群", "遛狗群"]) {
  const community = { storeId: shop.storeId, name, kind: "interest" };
  const { communityId } = await made("post", "/ops/v1/communities", root, { body: community });
  await made("post", `/v1/communities/${communityId}/membership`, ann.accessToken);
}

await made("post", `/v1/communities/${shop.communityId}/membership`, ann.accessToken);
await made("put", `/ops/v1/communities/${shop.communityId}/members/${ann.memberId}/role`, root, {
  body: { role: "leader", reason: "群里推选" },
});

const samples = samplesOf({ ...shop, memberId: ann.memberId, now, refreshToken: async () => "unused" });
const ids = {
  ...shop,
  token: "0123456789ABCDEF",
  refundId: `RF${shop.orderId.slice(2)}`,
  importId: `IM${shop.orderId.slice(2)}`,
  supplierId: `SP${shop.orderId.slice(2)}`,
  lotId: `LT${shop.orderId.slice(2)}`,
  fileId: `PF${shop.orderId.slice(2)}`,
  recallId: `RC${shop.orderId.slice(2)}`,
  couponId: `CT${shop.orderId.slice(2)}`,
  payoutId: `PT${shop.orderId.slice(2)}`,
  grantId: `CG${shop.orderId.slice(2)}`,
  postId: `PS${shop.orderId.slice(2)}`,
  addressId: `AD${shop.orderId.slice(2)}`,
  staffId: "nobody",
  memberId: ann.memberId,
};
const pathOf = (pattern: string) => pattern.replaceAll(/\{(\w+)\}/g, (_, name: keyof typeof ids) => String(ids[name]));
const tokenOf = (actor: string) => (actor === "member" ? ann.accessToken : actor === "staff" ? root : undefined);

// Every row as it is, but for the marks of jobs that run by the clock.
const documents = DynamoDBDocumentClient.from(
  new DynamoDBClient({ endpoint: platform.engine.endpoint, region: REGION, credentials: LOCAL_CREDENTIALS }),
);
const tableName = tableDefinition(
  ["AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table"].flatMap((type) => platform.template.byType(type))[0]!,
).create.TableName!;
const byTheClock = ["Cursor", "WechatToken", "Due"];
async function everyRow(): Promise<string[]> {
  await platform.idle(20_000);
  const rows: string[] = [];
  for await (const page of paginateScan({ client: documents }, { TableName: tableName, ConsistentRead: true }))
    for (const item of page.Items ?? [])
      if (!byTheClock.includes(item.entity)) rows.push(`${item.pk} ${item.sk} version ${item.version}`);
  return rows.sort();
}
let before: string[] = [];
beforeEach(async () => {
  before = await everyRow();
  expect(before.length).toBeGreaterThan(20);
});
afterEach(async () => {
  expect(await everyRow()).toEqual(before);
  expect(lines.filter((line) => /UNEXPECTED|"level":"fatal"/.test(line))).toEqual([]);
});

type Responses = Record<string, { content?: Record<string, { examples?: Record<string, unknown> }> }>;
const document = JSON.parse(readFileSync(join(import.meta.dirname, "../../docs/openapi.json"), "utf8")) as {
  paths: Record<string, Record<string, { responses: Responses }>>;
};
const inside = /node_modules|\bnode:\w+|\.[jt]s\b|\.mjs|\/(work|tmp|var|home)\/|\bError\b|stack|dynamo|ECONN|zod/i;

/** What is wrong with an answer that should be this problem of this route; undefined where all is well. */
function flaw(answer: Answer, code: string | readonly string[], route?: string): string | undefined {
  const { status, headers, text, body } = answer;
  const codes = [code].flat();
  const told = `${status} ${text.slice(0, 300)}`;
  if (!codes.includes(body?.code)) return `not ${codes.join("|")} but ${told}`;
  const row = problems[body.code as keyof typeof problems];
  if (status !== row.status || body.status !== row.status) return `not status ${row.status}: ${told}`;
  if (body.type !== `urn:commensal:problem:${body.code}` || body.title !== row.zh) return `another problem: ${told}`;
  if (!headers.get("content-type")?.startsWith("application/problem+json")) return `no problem+json: ${told}`;
  if (headers.get("cache-control") !== "no-store") return `may be cached: ${told}`;
  if (inside.test(JSON.stringify({ ...body, requestId: undefined }).replace('"errors"', "")))
    return `tells of the inside: ${told}`;
  if (route) {
    const [method, path] = route.split(" ") as [string, string];
    const documented = document.paths[path]?.[method]?.responses[String(status)]?.content?.["application/problem+json"];
    if (!documented?.examples?.[body.code]) return `${body.code} is not documented for ${route}`;
  }
  return undefined;
}
/** Sends each, and tells those that were not refused as they should be. */
async function refused(
  cases: Iterable<{ what: string; route?: string; code: string | readonly string[]; answer: () => Promise<Answer> }>,
): Promise<{ count: number; wrong: string[] }> {
  const wrong: string[] = [];
  let count = 0;
  for (const { what, route, code, answer } of cases) {
    const why = flaw(await answer(), code, route);
    if (why) wrong.push(`${what}${route ? ` on ${route}` : ""}: ${why}`);
    count++;
  }
  return { count, wrong };
}

const routesWith = (fits: (route: (typeof allRoutes)[number]) => unknown) =>
  allRoutes.filter(fits).map((route) => {
    const name = `${route.method} ${route.path}`;
    return { ...route, name, url: pathOf(route.path), token: tokenOf(route.actor) };
  });
const withBody = routesWith(({ body }) => body);
const bodyOf = async (name: string) => (await samples[name]!()).body!;

test("a body that is no JSON, or not said to be, is refused as malformed on every route that takes one", async () => {
  const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  const good = { "content-type": "application/json" };
  const bodies: [string, string | undefined, Record<string, string>][] = [
    ["a broken object", '{"a":', good],
    ["nothing", undefined, good],
    ["a trailing comma", '{"a":1,}', good],
    ["single quotes", "{'a':1}", good],
    ["NaN", '{"a":NaN}', good],
    ["a form", "a=1", { "content-type": "application/x-www-form-urlencoded" }],
    ["JSON called text", "{}", { "content-type": "text/plain" }],
    ["JSON of no type", "{}", { "content-type": "" }],
    ["XML", "<a/>", { "content-type": "application/xml" }],
  ];
  const result = await refused(
    withBody.flatMap(({ name, method, url, token }) =>
      bodies.map(([what, body, headers]) => ({
        what,
        route: name,
        code: "BODY_MALFORMED",
        answer: () => send(method, url, { token, key: freshKey(), body, headers }),
      })),
    ),
  );
  expect(result).toEqual({ count: withBody.length * bodies.length, wrong: [] });
  const nested = await send("put", "/v1/me", { token: ann.accessToken, body: deep });
  expect(flaw(nested, ["INPUT_INVALID", "BODY_MALFORMED"], "put /v1/me")).toBeUndefined();
});

test("JSON of another shape, fields nobody knows and __proto__ are refused with the place", async () => {
  const result = { count: 0, wrong: [] as string[] };
  let cases = 0;
  for (const { name, method, url, token, body: schema } of withBody) {
    const good = JSON.stringify(await bodyOf(name)).slice(1);
    const bodies: [string, string][] = [
      ["an array", "[]"],
      ["null", "null"],
      ["a text", '"a"'],
      ["a number", "1"],
      ...(schema!.safeParse({}).success ? [] : [["an empty object", "{}"] as [string, string]]),
      ["an unknown field", `{"surprise":1,${good}`],
      ["__proto__", `{"__proto__":{"admin":true},${good}`],
      ["constructor", `{"constructor":{"prototype":{"admin":true}},${good}`],
      ["deep nesting", `{"deep":${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)},${good}`],
    ];
    cases += bodies.length;
    const { count, wrong } = await refused(
      bodies.map(([what, body]) => ({
        what,
        route: name,
        code: "INPUT_INVALID",
        answer: async () => {
          const answer = await send(method, url, { token, key: freshKey(), body });
          expect(answer.body?.errors?.[0]?.path, `${name}: ${what}: ${answer.text}`).toMatch(/^body/);
          return answer;
        },
      })),
    );
    result.count += count;
    result.wrong.push(...wrong);
  }
  expect(result).toEqual({ count: cases, wrong: [] });
});

test("a body where none belongs is refused", async () => {
  const without = routesWith(
    ({ body, takesCsv, method, actor }) => !body && !takesCsv && method !== "get" && actor !== "channel",
  );
  const result = await refused(
    without.map(({ name, method, url, token }) => ({
      what: "a body",
      route: name,
      code: "INPUT_INVALID",
      answer: () => send(method, url, { token, key: freshKey(), body: '{"surprise":1}' }),
    })),
  );
  expect(result).toEqual({ count: without.length, wrong: [] });
  expect(without.length).toBeGreaterThan(5);
});

test("ids of another kind or shape are refused wherever a path has one", async () => {
  const named = routesWith(({ path }) => path.includes("{"));
  const cases = [];
  for (const { name, path, method, actor } of named) {
    const body = samples[name] && JSON.stringify((await samples[name]!()).body);
    const query = (samples[name] && (await samples[name]!()).query) ?? "";
    for (const [place] of path.matchAll(/\{\w+\}/g)) {
      const id = pathOf(place);
      const other = place === "{staffId}" || place === "{token}";
      const bad = other
        ? ["a b", "名", "x".repeat(65), "a'b", "..%2f", "{}"]
        : [id.toLowerCase(), id.slice(0, -1), `${id}0`, `XX${id.slice(2)}`, `${id.slice(0, -1)}O`, "1", "名", "a%20b"];
      for (const value of bad)
        cases.push({
          what: `${place} ${value}`,
          route: name,
          code: /%2f/i.test(value) ? ["INPUT_INVALID", "ROUTE_NOT_FOUND"] : "INPUT_INVALID",
          answer: () =>
            send(method, pathOf(path.replace(place, encodeURI(decodeURI(value)))) + query, {
              token: tokenOf(actor),
              key: freshKey(),
              body,
            }),
        });
    }
  }
  const result = await refused(cases);
  expect(result.wrong).toEqual([]);
  expect(result.count).toBeGreaterThan(200);
});

test("coordinates that are no place are refused before anything is looked up", async () => {
  const good = { ...place };
  const bad: [string, string][] = [
    ["0,0", JSON.stringify({ ...good, lat: 0, lng: 0 })],
    ["swapped", JSON.stringify({ ...good, lat: good.lng, lng: good.lat })],
    ["no datum", JSON.stringify({ lat: good.lat, lng: good.lng })],
    ["Baidu's datum", JSON.stringify({ ...good, datum: "bd09" })],
    ["datum in capitals", JSON.stringify({ ...good, datum: "WGS84" })],
    ["text", JSON.stringify({ ...good, lat: "31.2" })],
    ["null", JSON.stringify({ ...good, lng: null })],
    ["infinity", '{"lat":1e999,"lng":121.4,"datum":"wgs84"}'],
    ["beyond the pole", JSON.stringify({ ...good, lat: 91 })],
    ["beyond the date line", JSON.stringify({ ...good, lng: 181 })],
    ["an altitude", JSON.stringify({ ...good, alt: 4 })],
    ["an array", "[121.4,31.2]"],
    ["an empty address", '{"address":""}'],
    ["both", JSON.stringify({ ...good, address: "人民大道1号" })],
  ];
  const of = [
    ["post /v1/store-offers", "place", ann.accessToken],
    ["post /v1/campaigns/{campaignId}/teams", "place", ben.accessToken],
    ["post /v1/teams/{teamId}/seats", "place", ben.accessToken],
    ["post /ops/v1/stores", "point", root],
    ["put /ops/v1/stores/{storeId}", "point", root],
  ] as const;
  const cases = [];
  for (const [route, field, token] of of) {
    const { [field]: _, ...rest } = await bodyOf(route);
    const [method, path] = route.split(" ") as [string, string];
    for (const [what, value] of bad)
      cases.push({
        what,
        route,
        code: "INPUT_INVALID",
        answer: () =>
          send(method, pathOf(path), {
            token,
            key: freshKey(),
            body: JSON.stringify({ ...rest, [field]: "?" }).replace('"?"', value),
          }),
      });
  }
  expect(await refused(cases)).toEqual({ count: 70, wrong: [] });
});

test("cursors are refused when tampered with, of another list or of another member, and bad limits are", async () => {
  const lists = routesWith(({ query, method }) => method === "get" && query?.shape && "cursor" in query.shape);
  const communities = `/v1/stores/${shop.storeId}/communities`;
  const page = await send("get", `${communities}?limit=1`, { token: ann.accessToken });
  const mine: string = page.body.nextCursor;
  expect(mine).toMatch(/^[\w-]+\.[\w-]+$/);
  const flipped = (mine[0] === "A" ? "B" : "A") + mine.slice(1);
  const [payload = "", mark = ""] = mine.split(".");
  const bad = [
    ["another list's", mine],
    ["a tampered one", flipped],
    ["no mark", payload],
    ["an empty mark", `${payload}.`],
    ["a mark alone", `.${mark}`],
    ["one part too many", `${mine}.${mark}`],
    ["words", "next"],
    ["nothing", ""],
    ["own JSON", Buffer.from('{"pk":"STAFF#1","sk":"#"}').toString("base64url")],
  ] as const;
  const ofAnn = await send("get", "/v1/me/communities?limit=1", { token: ann.accessToken });
  const stolen = await send("get", `/v1/me/communities?cursor=${ofAnn.body.nextCursor}`, { token: ben.accessToken });
  expect(flaw(stolen, "CURSOR_INVALID", "get /v1/me/communities")).toBeUndefined();
  const needed = (name: string) =>
    name.includes("/audit") || name.endsWith("/orders") || name.endsWith("/ledger/lines")
      ? "day=2026-11-23&"
      : name.endsWith("/exports/stock")
        ? `storeId=${shop.storeId}&`
        : name.endsWith("/account-days")
          ? "account=orders&"
          : name.endsWith("/riders/me/statement")
            ? "month=2026-11&"
            : "";
  const cases = lists.flatMap(({ name, url, token, path }) => {
    const query = path.startsWith("/ops/") ? needed(name) : "";
    const own = url.endsWith(communities.slice(3)); // the same list, for staff too
    return [
      ...bad
        .filter(([what]) => !(own && what === "another list's"))
        .map(([what, cursor]) => ({
          what,
          route: name,
          code: "CURSOR_INVALID",
          answer: () => send("get", `${url}?${query}cursor=${encodeURIComponent(cursor)}`, { token }),
        })),
      ...["limit=0", "limit=51", "limit=-1", "limit=1.5", "limit=many", "limit=", "page=2"].map((more) => ({
        what: more,
        route: name,
        code: "INPUT_INVALID",
        answer: () => send("get", `${url}?${query}${more}`, { token }),
      })),
      {
        what: "a long cursor",
        route: name,
        code: "INPUT_INVALID",
        answer: () => send("get", `${url}?${query}cursor=${"a".repeat(2001)}`, { token }),
      },
    ];
  });
  const result = await refused(cases);
  expect(result.wrong).toEqual([]);
  expect(result.count).toBeGreaterThan(150);
  expect((await send("get", `${communities}?limit=1&cursor=${mine}`, { token: ann.accessToken })).status).toBe(200);
});

test("a file that is no CSV, not said to be one, or not in UTF-8 is refused with its row", async () => {
  const files = routesWith(({ takesCsv }) => takesCsv);
  const bad: [string, string | Uint8Array<ArrayBuffer>, string][] = [
    ["nothing", "", "text/csv"],
    ["JSON", '{"a":1}', "application/json"],
    ["JSON called CSV", '{"a":1}', "text/csv"],
    ["a quote left open", 'a,b\n"1,2', "text/csv"],
    ["GBK", new Uint8Array([0xc7, 0xe0, 0xb2, 0xcb, 0x2c, 0x31, 0x0a]), "text/csv"],
    ["UTF-16", new Uint8Array(Buffer.from("\uFEFFa,b\n1,2", "utf16le")), "text/csv"],
    ["an image", new Uint8Array(Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", "base64")), "text/csv"],
    ["formulas alone", "=1+1\n=cmd|' /C calc'!A0", "text/csv"],
  ];
  const result = await refused(
    files.flatMap(({ name, method, url, token }) =>
      bad.map(([what, body, type]) => ({
        what,
        route: name,
        code: "CSV_INVALID",
        answer: async () => {
          const answer = await send(method, url, { token, key: freshKey(), body, headers: { "content-type": type } });
          if (type === "text/csv") expect(answer.body?.errors?.[0]?.row, `${what}: ${answer.text}`).toBeGreaterThan(0);
          return answer;
        },
      })),
    ),
  );
  expect(result).toEqual({ count: 6 * bad.length, wrong: [] });
});

test("an Idempotency-Key that is missing, short, long or odd is refused on every route that needs one", async () => {
  const keyed = routesWith(({ idempotent }) => idempotent);
  const bad = [undefined, "", "short12", "x".repeat(65), "with space", "semi;colon", "dots...dots", "'; DROP --"];
  const cases = [];
  for (const { name, method, url, token, body } of keyed) {
    const sent = body && JSON.stringify(await bodyOf(name));
    for (const key of bad)
      cases.push({
        what: `key ${key}`,
        route: name,
        code: "IDEMPOTENCY_KEY_MISSING",
        answer: () => send(method, url, { token, body: sent, key }),
      });
  }
  expect(await refused(cases)).toEqual({ count: keyed.length * bad.length, wrong: [] });
  expect(keyed.length).toBeGreaterThan(12);
});

test("the same key gets the same answer to the byte, with another body or path it is refused, and only once it writes", async () => {
  const route = "post /ops/v1/communities";
  const body = JSON.stringify(await bodyOf(route));
  const key = freshKey();
  const path = "/ops/v1/communities";
  const first = await send("post", path, { token: root, key, body });
  expect(first.status).toBe(201);
  before = await everyRow();
  const again = await Promise.all([1, 2, 3].map(() => send("post", path, { token: root, key, body })));
  for (const { status, text, headers } of again) {
    expect({ status, text }).toEqual({ status: 201, text: first.text });
    expect(headers.get("idempotency-replayed")).toBe("true");
    expect(headers.get("content-type")).toBe(first.headers.get("content-type"));
  }
  const adjustment = "post /ops/v1/stores/{storeId}/stock/{articleId}/adjustments";
  const other = JSON.stringify({ delta: 5, reason: "到货" });
  const cases: [string, string, () => Promise<Answer>][] = [
    ["another body", route, () => send("post", path, { token: root, key, body: body.replace("烘焙", "育儿") })],
    ["a space more", route, () => send("post", path, { token: root, key, body: `${body} ` })],
    ["another path", adjustment, () => send("post", pathOf(adjustment.slice(5)), { token: root, key, body: other })],
  ];
  expect(
    await refused(cases.map(([what, route, answer]) => ({ what, route, code: "IDEMPOTENCY_KEY_REUSED", answer }))),
  ).toEqual({ count: 3, wrong: [] });
});

test("a method that a route has not is 405 with Allow; PATCH exists nowhere", async () => {
  const methods = ["get", "post", "put", "delete", "patch"];
  const paths = [...new Set(allRoutes.map(({ path }) => path))];
  const wrong: string[] = [];
  let count = 0;
  for (const path of paths) {
    const fits = (route: { path: string }) =>
      new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(pathOf(path));
    const has = allRoutes.filter(fits);
    for (const method of methods.filter((one) => !has.some((route) => route.method === one))) {
      const answer = await send(method, pathOf(path), { token: tokenOf(has[0]!.actor), key: freshKey() });
      const why = flaw(answer, "METHOD_NOT_ALLOWED");
      const allow = answer.headers.get("allow")?.toLowerCase().split(", ").sort().join();
      const right = has
        .map((route) => route.method)
        .sort()
        .join();
      if (why || allow !== right) wrong.push(`${method} ${path}: Allow ${allow}: ${why}`);
      count++;
    }
  }
  expect(wrong).toEqual([]);
  expect(count).toBeGreaterThan(150);
});

/** A request whose path goes out as it is written: fetch would tidy it up. */
const raw = (method: string, path: string, headers: Record<string, string | string[]> = {}) =>
  new Promise<Answer>((resolve, reject) => {
    const { hostname, port } = new URL(platform.url);
    const request = httpRequest({ hostname, port, method, path, headers }, async (response) => {
      let text = "";
      for await (const chunk of response.setEncoding("utf8")) text += chunk;
      const type = String(response.headers["content-type"] ?? "");
      resolve({
        status: response.statusCode!,
        headers: new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
        text,
        body: /json/.test(type) && text ? JSON.parse(text) : undefined,
      });
    });
    request.on("error", reject).end();
  });

test("paths that are no route are 404 as a problem, however odd they are", async () => {
  const member = { authorization: `Bearer ${ann.accessToken}` };
  const staff = { authorization: `Bearer ${root}` };
  const odd: [string, Record<string, string>][] = [
    ["/v1", member],
    ["/v1/", member],
    ["/v1/nothing", member],
    ["/v1/me/", member],
    ["/v1//me", member],
    ["/V1/me", member],
    ["/v1/me/../staff", member],
    ["/v1/%2e%2e/ops/v1/staff", member],
    ["/v1/stores/%2F%2F", member],
    ["/v1/../ops/v1/staff", member],
    ["/v1/%E4%BC%9A%E5%91%98", member],
    ["/v1/%ff", member],
    ["/v1/%zz", member],
    [`/v1/${"a".repeat(4_000)}`, member],
    ["/v1/__proto__", member],
    ["/v1/constructor/prototype", member],
    ["/ops/v1/nothing", staff],
    ["/ops/v1/staff/", staff],
    ["/ops/v1/../../v1/me", staff],
    ["/hooks/wechat/pay/", {}],
    ["/hooks/nothing", {}],
    ["/ops/v2/staff", {}],
    ["/v2/me", {}],
    ["/.env", {}],
    ["/.git/config", {}],
    ["/docs/../../../../etc/passwd", {}],
    ["/docs/%2e%2e/%2e%2e/etc/passwd", {}],
    ["/docs/..%2f..%2fetc%2fpasswd", {}],
    ["/openapi.json/x", {}],
    ["//v1/me", {}],
    ["/constructor", {}],
    ["/__proto__", {}],
    ["/toString", {}],
  ];
  const result = await refused(
    odd.map(([path, headers]) => ({ what: path, code: "ROUTE_NOT_FOUND", answer: () => raw("GET", path, headers) })),
  );
  expect(result).toEqual({ count: odd.length, wrong: [] });
});

test("another spelling of a route is that route at best, and asks for the same token", async () => {
  const spellings = [
    "/v1/./me",
    "/v1/x/../me",
    "/v1/me%2Fcommunities",
    "/v1/me%00",
    "/v1/%6de",
    "/hooks/../v1/me",
    "/ops/../v1/me",
  ];
  const result = await refused(
    spellings.map((path) => ({
      what: path,
      code: ["UNAUTHENTICATED", "ROUTE_NOT_FOUND"],
      answer: () => raw("GET", path),
    })),
  );
  expect(result).toEqual({ count: spellings.length, wrong: [] });
});

test("a body of more than a megabyte is refused before it is looked at", async () => {
  const body = JSON.stringify({ nickname: "x".repeat(1_000_001) });
  const routes = [
    "put /v1/me",
    "post /v1/login",
    "post /v1/campaigns/{campaignId}/teams",
    "post /ops/v1/stores",
    "post /hooks/wechat/pay",
  ];
  const result = await refused(
    routes.map((route) => {
      const [method, path] = route.split(" ") as [string, string];
      const token = path.startsWith("/ops/") ? root : ann.accessToken;
      return {
        what: "1 MB",
        route,
        code: "BODY_TOO_LARGE",
        answer: () => send(method, pathOf(path), { token, key: freshKey(), body }),
      };
    }),
  );
  expect(result).toEqual({ count: routes.length, wrong: [] });
  const huge = await send("put", "/v1/me", { token: ann.accessToken, body: "x".repeat(10 * 1024 * 1024 + 1) });
  expect(huge).toMatchObject({ status: 413, body: { message: "Request Entity Too Large" } });
});

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const part = (token: string, index: number) =>
  JSON.parse(Buffer.from(token.split(".")[index]!, "base64url").toString());

test("members' tokens that we did not make are refused, and none of them writes", async () => {
  const secrets = JSON.parse(readFileSync(join(dataDir, "secrets.json"), "utf8")) as Record<string, string>;
  const jwk = (JSON.parse(secrets["member-token-keys"]!) as JWK[])[0]!;
  const { d: _, ...publicJwk } = jwk;
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const strangerJwk = stranger.publicKey.export({ format: "jwk" });
  const token: string = ann.accessToken;
  const [head, payload, signature] = token.split(".") as [string, string, string];
  const [header, claims] = [part(token, 0), part(token, 1)];
  const signed = async (more: object, head: object = {}, key: Parameters<SignJWT["sign"]>[0] | undefined = undefined) =>
    new SignJWT({ ...claims, ...more })
      .setProtectedHeader({ ...header, ...head })
      .sign(key ?? (await importJWK(jwk, "ES256")));
  const hmac = (secret: string | Buffer) => {
    const text = `${b64({ ...header, alg: "HS256" })}.${payload}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };
  const pem = createPublicKey({ key: publicJwk as never, format: "jwk" }).export({ type: "spki", format: "pem" });
  const nowS = Math.floor(platform.clock.now() / 1000);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const ours = createPrivateKey({ key: jwk as never, format: "jwk" });
  const derSignature = sign("sha256", Buffer.from(`${head}.${payload}`), ours).toString("base64url");
  const signedBytes = async (content: string) =>
    new CompactSign(Buffer.from(content)).setProtectedHeader(header).sign(await importJWK(jwk, "ES256"));

  const forged: [what: string, code: string, headers: Record<string, string | string[]>][] = [
    ["nothing", "UNAUTHENTICATED", {}],
    ...(
      [
        ["alg none", `${b64({ ...header, alg: "none" })}.${payload}.`],
        ["alg None", `${b64({ ...header, alg: "None" })}.${payload}.${signature}`],
        ["no signature", `${head}.${payload}.`],
        ["two parts", `${head}.${payload}`],
        ["HS256 under our public key as PEM", hmac(pem)],
        ["HS256 under our public key as JWK", hmac(JSON.stringify(publicJwk))],
        ["HS256 under an empty key", hmac("")],
        ["RS256", await signed({}, { alg: "RS256" }, rsa.privateKey)],
        ["a stranger's key under our kid", await signed({}, {}, stranger.privateKey)],
        ["a key of its own in the header", await signed({}, { jwk: strangerJwk }, stranger.privateKey)],
        ["a key address in the header", await signed({}, { jku: "http://127.0.0.1:9/jwks" }, stranger.privateKey)],
        ["a kid that is a path", await signed({}, { kid: "../../secrets.json" })],
        ["an unknown kid", await signed({}, { kid: "other" })],
        ["no kid", await signed({}, { kid: undefined })],
        ["another typ", await signed({}, { typ: "JWT" })],
        ["a critical extension", `${b64({ ...header, crit: ["b64"], b64: false })}.${payload}.${signature}`],
        ["a birth in the future", await signed({ iat: nowS + 300, exp: nowS + 900 })],
        ["a life of a year", await signed({ exp: nowS + 365 * 86_400 })],
        ["another issuer", await signed({ iss: "https://example.com" })],
        ["another audience", await signed({ aud: "commensal-ops" })],
        ["another member's id in the payload", `${head}.${b64({ ...claims, sub: ben.memberId })}.${signature}`],
        ["a session as subject", await signed({ sub: claims.sid })],
        ["no session", await signed({ sid: undefined })],
        ["a claim of a role", await signed({ role: "admin" })],
        ["a flipped signature", `${head}.${payload}.${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`],
        ["a signature of zeros", `${head}.${payload}.${Buffer.alloc(64).toString("base64url")}`],
        ["a staff token", root],
        ["a refresh token", ann.refreshToken],
        ["4 kB of it", `${token}${"A".repeat(4_000)}`],
        ["60 kB would be cut by the server; 10 kB", "A".repeat(10_000)],
        ["five parts", `${token}.a.b`],
        ["a signature over another curve", await signed({}, { alg: "ES384" }, p384.privateKey)],
        ["a signature as DER", `${head}.${payload}.${derSignature}`],
        ["another member's signature", `${head}.${payload}.${ben.accessToken.split(".")[2]}`],
        ["a header that is no JSON", `${Buffer.from("{alg:ES256}").toString("base64url")}.${payload}.${signature}`],
        ["a payload that is no JSON", await signedBytes("admin=true")],
        ["a payload that is a list", await signedBytes(JSON.stringify([claims]))],
        ["a subject of another kind", await signed({ sub: shop.orderId })],
        ["no subject", await signed({ sub: undefined })],
        ["claims of another version", await signed({ ver: 2 })],
        ["an end before its birth", await signed({ iat: nowS, exp: nowS - 1 })],
        ["no end", await signed({ exp: undefined })],
        ["two audiences", await signed({ aud: ["commensal-shop", "commensal-ops"] })],
        ["a type we never send", await signed({}, { cty: "JWT" })],
      ] as [string, string][]
    ).map(([what, bad]): [string, string, Record<string, string>] => [
      what,
      "UNAUTHENTICATED",
      { authorization: `Bearer ${bad}` },
    ]),
    [
      "its time is over",
      "TOKEN_EXPIRED",
      { authorization: `Bearer ${await signed({ iat: nowS - 1_000, exp: nowS - 100 })}` },
    ],
    ["Basic", "UNAUTHENTICATED", { authorization: `Basic ${Buffer.from("a:b").toString("base64")}` }],
    ["the bare token", "UNAUTHENTICATED", { authorization: token }],
    ["two of them", "UNAUTHENTICATED", { authorization: [`Bearer ${token}`, `Bearer ${ben.accessToken}`] }],
    ["two in one header", "UNAUTHENTICATED", { authorization: `Bearer ${token}, Bearer ${ben.accessToken}` }],
    ["a cookie", "UNAUTHENTICATED", { cookie: `token=${token}` }],
    ["another spelling of Bearer", "UNAUTHENTICATED", { authorization: `bearer ${token}` }],
    ["another header", "UNAUTHENTICATED", { "x-authorization": `Bearer ${token}` }],
  ];
  const cases = forged.flatMap(([what, code, headers]) => [
    { what, code, route: "get /v1/me", answer: () => raw("GET", "/v1/me", headers) },
    { what, code, route: "post /v1/session/logout", answer: () => raw("POST", "/v1/session/logout", headers) },
  ]);
  const alsoInQuery = {
    what: "in the query",
    code: "UNAUTHENTICATED",
    answer: () => raw("GET", `/v1/me?access_token=${token}`),
  };
  expect(await refused([...cases, alsoInQuery])).toEqual({ count: forged.length * 2 + 1, wrong: [] });
  expect(new Set(forged.map(([what]) => what)).size).toBeGreaterThanOrEqual(40);
  expect((await raw("GET", "/v1/me", { authorization: `Bearer ${await signed({})}` })).status).toBe(200);
});

test("staff tokens that the pool did not make are refused by the gateway, in its own words", async () => {
  const key = JSON.parse(readFileSync(join(dataDir, "staff-signing-key.json"), "utf8")) as JWK;
  const [head, payload, signature] = root.split(".") as [string, string, string];
  const [header, claims] = [part(root, 0), part(root, 1)];
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signed = async (more: object, head: object = {}, by?: Parameters<SignJWT["sign"]>[0]) =>
    new SignJWT({ ...claims, ...more })
      .setProtectedHeader({ ...header, ...head })
      .sign(by ?? (await importJWK(key, "RS256")));
  const text = `${b64({ ...header, alg: "HS256" })}.${payload}`;
  const hmac = createHmac("sha256", JSON.stringify({ n: key.n, e: key.e }))
    .update(text)
    .digest("base64url");
  const hs256 = (secret: string) => `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  const pem = createPublicKey({ key: { kty: "RSA", n: key.n!, e: key.e! }, format: "jwk" }).export({
    type: "spki",
    format: "pem",
  }) as string;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signedBytes = async (content: string) =>
    new CompactSign(Buffer.from(content)).setProtectedHeader(header).sign(await importJWK(key, "RS256"));
  const nowS = Math.floor(platform.clock.now() / 1000);
  const forged: [string, string | undefined][] = [
    ["nothing", undefined],
    ["alg none", `${b64({ ...header, alg: "none" })}.${payload}.`],
    ["HS256 under the public key", `${text}.${hmac}`],
    ["a stranger's key", await signed({}, {}, rsa.privateKey)],
    [
      "a stranger's key in the header",
      await signed({}, { jwk: rsa.publicKey.export({ format: "jwk" }) }, rsa.privateKey),
    ],
    ["an unknown kid", await signed({}, { kid: "other" })],
    ["its time over", await signed({ iat: nowS - 7_200, exp: nowS - 3_600 })],
    ["another issuer", await signed({ iss: "https://example.com" })],
    ["another client", await signed({ client_id: "shop" })],
    ["a tampered subject", `${head}.${b64({ ...claims, sub: "somebody" })}.${signature}`],
    ["a member's token", ann.accessToken],
    ["10 kB of it", "A".repeat(10_000)],
    ["alg None", `${b64({ ...header, alg: "None" })}.${payload}.${signature}`],
    ["no signature", `${head}.${payload}.`],
    ["two parts", `${head}.${payload}`],
    ["five parts", `${root}.a.b`],
    ["a flipped signature", `${head}.${payload}.${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`],
    ["a signature of zeros", `${head}.${payload}.${Buffer.alloc(256).toString("base64url")}`],
    ["half a signature", `${head}.${payload}.${signature.slice(0, 171)}`],
    ["HS256 under an empty key", hs256("")],
    ["HS256 under the public key as PEM", hs256(pem)],
    ["ES256 under the pool's kid", await signed({}, { alg: "ES256" }, ec.privateKey)],
    ["RS512", await signed({}, { alg: "RS512" }, await importJWK(key, "RS512"))],
    ["PS256", await signed({}, { alg: "PS256" }, await importJWK(key, "PS256"))],
    ["a key address in the header", await signed({}, { jku: "http://127.0.0.1:9/jwks" }, rsa.privateKey)],
    ["a certificate in the header", await signed({}, { x5c: ["MIIB"] }, rsa.privateKey)],
    ["a kid that is a path", await signed({}, { kid: "../../staff-signing-key.json" }, rsa.privateKey)],
    ["a critical extension", `${b64({ ...header, crit: ["b64"], b64: false })}.${payload}.${signature}`],
    ["a header that is no JSON", `${Buffer.from("{alg:RS256}").toString("base64url")}.${payload}.${signature}`],
    ["a payload that is no JSON", await signedBytes("admin=true")],
    ["a payload that is a list", await signedBytes(JSON.stringify([claims]))],
    ["not valid before later", await signed({ nbf: nowS + 3_600 })],
    ["an end that is a text", await signedBytes(JSON.stringify({ ...claims, exp: "tomorrow" }))],
    ["no issuer", await signed({ iss: undefined })],
    ["the issuer with a slash more", await signed({ iss: `${claims.iss}/` })],
    ["no client", await signed({ client_id: undefined })],
    ["an audience that is not the console", await signed({ aud: "shop" })],
    ["a tampered scope", `${head}.${b64({ ...claims, scope: "ops/console ops/root" })}.${signature}`],
    ["a longer life, tampered", `${head}.${b64({ ...claims, exp: nowS + 86_400 })}.${signature}`],
    ["a member's refresh token", ann.refreshToken],
    ["two tokens", `${root}, ${root}`],
  ];
  expect(new Set(forged.map(([what]) => what)).size).toBeGreaterThanOrEqual(40);
  for (const [what, token] of forged) {
    const answer = await send("get", "/ops/v1/staff", { token });
    expect({ what, status: answer.status, text: answer.text }).toEqual({
      what,
      status: 401,
      text: '{"message":"Unauthorized"}',
    });
  }
  const scopeless = await send("get", "/ops/v1/staff", { token: await signed({ scope: "openid" }) });
  expect(scopeless).toMatchObject({ status: 403, text: '{"message":"Forbidden"}' });
  // The gateway does not look at the use: the function does.
  const idToken = await send("get", "/ops/v1/staff", { token: await signed({ token_use: "id" }) });
  expect(flaw(idToken, "UNAUTHENTICATED", "get /ops/v1/staff")).toBeUndefined();
  const unhired = await send("get", "/ops/v1/staff", { token: await signed({ sub: "unhired" }) });
  expect(flaw(unhired, "FORBIDDEN", "get /ops/v1/staff")).toBeUndefined();
  expect((await send("get", "/ops/v1/staff", { token: await signed({}) })).status).toBe(200);
});

test("refresh tokens and login codes that are none are refused", async () => {
  const bad: string[] = [
    "x",
    `${ann.refreshToken}x`,
    ann.refreshToken.slice(0, -2),
    `SE${"0".repeat(24)}.AAAA`,
    ann.accessToken.slice(0, 99),
    ".",
  ];
  const cases = bad.map((refreshToken) => ({
    what: refreshToken,
    route: "post /v1/session/refresh",
    code: ["UNAUTHENTICATED", "SESSION_REVOKED", "INPUT_INVALID"],
    answer: () => send("post", "/v1/session/refresh", { body: JSON.stringify({ refreshToken }) }),
  }));
  const codes = ["x", "0f3Kxy000abcDEF1", "' OR 1=1", "名"].map((code) => ({
    what: code,
    route: "post /v1/login",
    code: "LOGIN_CODE_INVALID",
    answer: () => send("post", "/v1/login", { body: JSON.stringify({ code }) }),
  }));
  expect(await refused([...cases, ...codes])).toEqual({ count: bad.length + 4, wrong: [] });
});

test("notifications that WeChat Pay did not send, or not to us, are refused", async () => {
  const kept = JSON.parse(readFileSync(join(dataDir, "wechat-keys.json"), "utf8")) as {
    appid: string;
    mchid: string;
    apiV3Key: string;
    merchantPrivateKey: string;
    mode: string;
    platform: { serial: string; mode: string; privateKey: string }[];
  };
  const theirs = kept.platform.findLast((key) => key.mode === kept.mode)!;
  const stranger = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const sealed = (content: unknown, apiV3Key = kept.apiV3Key) => {
    const nonce = "0123456789ab";
    const cipher = createCipheriv("aes-256-gcm", Buffer.from(apiV3Key), nonce);
    cipher.setAAD(Buffer.from("transaction"));
    const text = Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final(), cipher.getAuthTag()]);
    return {
      algorithm: "AEAD_AES_256_GCM",
      ciphertext: text.toString("base64"),
      nonce,
      associated_data: "transaction",
    };
  };
  const paid = {
    appid: kept.appid,
    mchid: kept.mchid,
    out_trade_no: `${shop.orderId}01`,
    transaction_id: "4200000000202611230000000001",
    trade_state: "SUCCESS",
    success_time: "2026-11-23T10:05:00+08:00",
    payer: { openid: "o-ann" },
    amount: { total: 1000, currency: "CNY" },
  };
  const notice = (resource: object, type = "TRANSACTION.SUCCESS") =>
    JSON.stringify({ id: "EV-1", event_type: type, resource_type: "encrypt-resource", resource });
  const nowS = Math.floor(platform.clock.now() / 1000);
  const post = (
    body: string,
    how: {
      key?: string;
      at?: number | string;
      drop?: string;
      serial?: string;
      signature?: string;
      sent?: string;
      type?: string;
    } = {},
  ) => {
    const at = String(how.at ?? nowS);
    const seal = createSeal({
      merchantPrivateKey: how.key ?? theirs.privateKey,
      apiV3Key: kept.apiV3Key,
      platformKeys: {},
    });
    const headers: Record<string, string> = {
      "wechatpay-timestamp": at,
      "wechatpay-nonce": "n0nce",
      "wechatpay-serial": how.serial ?? theirs.serial,
      "wechatpay-signature": how.signature ?? seal.sign(at, "n0nce", body),
      ...(how.type && { "wechatpay-signature-type": how.type }),
    };
    if (how.drop) delete headers[how.drop];
    return send("post", "/hooks/wechat/pay", { body: how.sent ?? body, headers });
  };
  const refunded = {
    mchid: kept.mchid,
    refund_id: "5030000000202611230000000001",
    out_refund_no: `RF${shop.orderId.slice(2)}01`,
    out_trade_no: paid.out_trade_no,
    refund_status: "SUCCESS",
    success_time: paid.success_time,
    amount: { refund: 1000, total: 1000 },
  };
  const sealAt = (at: number, body: string, nonce = "n0nce") =>
    createSeal({ merchantPrivateKey: theirs.privateKey, apiV3Key: kept.apiV3Key, platformKeys: {} }).sign(
      String(at),
      nonce,
      body,
    );
  const good = notice(sealed(paid));
  const cases: [what: string, code: string, answer: () => Promise<Answer>][] = [
    ["no headers", "NOTIFICATION_UNSIGNED", () => send("post", "/hooks/wechat/pay", { body: good })],
    ...["timestamp", "nonce", "serial", "signature"].map((name): (typeof cases)[number] => [
      `no ${name}`,
      "NOTIFICATION_UNSIGNED",
      () => post(good, { drop: `wechatpay-${name}` }),
    ]),
    ["a stranger's signature", "NOTIFICATION_UNSIGNED", () => post(good, { key: stranger.privateKey })],
    [
      "an unknown serial",
      "NOTIFICATION_UNSIGNED",
      () => post(good, { serial: "PUB_KEY_ID_0000000000000000000000000000000" }),
    ],
    ["a serial of the language", "NOTIFICATION_UNSIGNED", () => post(good, { serial: "__proto__" })],
    ["a probe", "NOTIFICATION_UNSIGNED", () => post(good, { signature: "WECHATPAY/SIGNTEST/abc" })],
    ["no base64", "NOTIFICATION_UNSIGNED", () => post(good, { signature: "%%%" })],
    ["another body than was signed", "NOTIFICATION_UNSIGNED", () => post(good, { sent: good.replace("EV-1", "EV-2") })],
    ["a space more than was signed", "NOTIFICATION_UNSIGNED", () => post(good, { sent: `${good} ` })],
    ["an unknown signature type", "NOTIFICATION_UNSIGNED", () => post(good, { type: "WECHATPAY2-MD5" })],
    ["six minutes old", "NOTIFICATION_STALE", () => post(good, { at: nowS - 360 })],
    ["six minutes early", "NOTIFICATION_STALE", () => post(good, { at: nowS + 360 })],
    ["a time that is none", "NOTIFICATION_STALE", () => post(good, { at: "now" })],
    ["no JSON", "NOTIFICATION_MALFORMED", () => post("paid!")],
    ["an empty body", "NOTIFICATION_MALFORMED", () => post("{}")],
    ["sealed under another key", "NOTIFICATION_MALFORMED", () => post(notice(sealed(paid, "x".repeat(32))))],
    ["another algorithm", "NOTIFICATION_MALFORMED", () => post(notice({ ...sealed(paid), algorithm: "none" }))],
    ["half a payment", "NOTIFICATION_MALFORMED", () => post(notice(sealed({ out_trade_no: paid.out_trade_no })))],
    ["a kind we don't know", "NOTIFICATION_MALFORMED", () => post(notice(sealed(paid), "COUPON.USE"))],
    ["another merchant", "NOTIFICATION_FOREIGN", () => post(notice(sealed({ ...paid, mchid: "1900000000" })))],
    ["another app", "NOTIFICATION_FOREIGN", () => post(notice(sealed({ ...paid, appid: "wx0" })))],
    ["an empty signature", "NOTIFICATION_UNSIGNED", () => post(good, { signature: "" })],
    ["signed with our own key", "NOTIFICATION_UNSIGNED", () => post(good, { key: kept.merchantPrivateKey })],
    [
      "the signature of another moment",
      "NOTIFICATION_UNSIGNED",
      () => post(good, { signature: sealAt(nowS - 1, good) }),
    ],
    [
      "the signature of another notification",
      "NOTIFICATION_UNSIGNED",
      () => post(good, { signature: sealAt(nowS, "{}") }),
    ],
    [
      "the signature of another nonce",
      "NOTIFICATION_UNSIGNED",
      () => post(good, { signature: sealAt(nowS, good, "n1") }),
    ],
    [
      "a signature cut short",
      "NOTIFICATION_UNSIGNED",
      () => post(good, { signature: sealAt(nowS, good).slice(0, 300) }),
    ],
    ["the body without its last byte", "NOTIFICATION_UNSIGNED", () => post(good, { sent: good.slice(0, -1) })],
    ["a body that is gone", "NOTIFICATION_UNSIGNED", () => post(good, { sent: "" })],
    ["a byte order mark before the body", "NOTIFICATION_UNSIGNED", () => post(good, { sent: `\uFEFF${good}` })],
    ["a serial in lower case", "NOTIFICATION_UNSIGNED", () => post(good, { serial: theirs.serial.toLowerCase() })],
    ["a time in milliseconds", "NOTIFICATION_STALE", () => post(good, { at: nowS * 1000 })],
    ["a negative time", "NOTIFICATION_STALE", () => post(good, { at: -nowS })],
    ["a time with a fraction", "NOTIFICATION_STALE", () => post(good, { at: `${nowS}.5` })],
    ["a list", "NOTIFICATION_MALFORMED", () => post(`[${good}]`)],
    ["no resource", "NOTIFICATION_MALFORMED", () => post(good.replace('"resource":', '"resources":'))],
    ["a resource in the clear", "NOTIFICATION_MALFORMED", () => post(notice(paid))],
    [
      "another nonce than it was sealed with",
      "NOTIFICATION_MALFORMED",
      () => post(notice({ ...sealed(paid), nonce: "ba9876543210" })),
    ],
    [
      "other data than it was sealed with",
      "NOTIFICATION_MALFORMED",
      () => post(notice({ ...sealed(paid), associated_data: "refund" })),
    ],
    [
      "a ciphertext without its tag",
      "NOTIFICATION_MALFORMED",
      () => post(notice({ ...sealed(paid), ciphertext: sealed(paid).ciphertext.slice(0, -24) })),
    ],
    ["an empty ciphertext", "NOTIFICATION_MALFORMED", () => post(notice({ ...sealed(paid), ciphertext: "" }))],
    [
      "an amount that is a text",
      "NOTIFICATION_MALFORMED",
      () => post(notice(sealed({ ...paid, amount: { total: "1000", currency: "CNY" } }))),
    ],
    [
      "a fraction of a fen",
      "NOTIFICATION_MALFORMED",
      () => post(notice(sealed({ ...paid, amount: { total: 999.5, currency: "CNY" } }))),
    ],
    [
      "a negative amount",
      "NOTIFICATION_MALFORMED",
      () => post(notice(sealed({ ...paid, amount: { total: -1000, currency: "CNY" } }))),
    ],
    [
      "a success that is none",
      "NOTIFICATION_MALFORMED",
      () => post(notice(sealed({ ...paid, trade_state: "NOTPAY" }))),
    ],
    ["a payment called a refund", "NOTIFICATION_MALFORMED", () => post(notice(sealed(paid), "REFUND.SUCCESS"))],
    [
      "a refund of another merchant",
      "NOTIFICATION_FOREIGN",
      () => post(notice(sealed({ ...refunded, mchid: "1900000000" }), "REFUND.SUCCESS")),
    ],
  ];
  const result = await refused(
    cases.map(([what, code, answer]) => ({ what, code, answer, route: "post /hooks/wechat/pay" })),
  );
  expect(result).toEqual({ count: cases.length, wrong: [] });
  expect(new Set(cases.map(([what]) => what)).size).toBeGreaterThanOrEqual(40);
});
