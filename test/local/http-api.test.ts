import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createClock, type MovableClock } from "../../local/clock.ts";
import { type Cognito, createCognito } from "../../local/cognito.ts";
import { createHttpApi, routeLabel } from "../../local/http-api.ts";
import { FunctionError } from "../../local/parts.ts";
import { arn, type Call, handPool, handTemplate, tempFolder } from "./fakes.ts";

const issuer = "https://cognito-idp.ap-northeast-1.amazonaws.com/pool";
const route = (key: string, functionId: string, more: object = {}) => ({
  [`${functionId} ${key} route`]: {
    type: "AWS::ApiGatewayV2::Route",
    properties: { RouteKey: key, Target: `integrations/${functionId}Integration`, ...more },
  },
});
const lambda = (id: string, source = `Api/*/*`) => ({
  [id]: { type: "AWS::Lambda::Function", properties: {} },
  [`${id}Integration`]: {
    type: "AWS::ApiGatewayV2::Integration",
    properties: {
      IntegrationType: "AWS_PROXY",
      PayloadFormatVersion: "2.0",
      IntegrationUri: arn("lambda", `function:${id}`),
    },
  },
  [`${id}Permission`]: {
    type: "AWS::Lambda::Permission",
    properties: {
      Action: "lambda:InvokeFunction",
      Principal: "apigateway.amazonaws.com",
      FunctionName: arn("lambda", `function:${id}`),
      SourceArn: arn("execute-api", source),
    },
  },
});
const guarded = { AuthorizationType: "JWT", AuthorizerId: "Staff" };
const template = handTemplate({
  Api: { type: "AWS::ApiGatewayV2::Api", properties: {} },
  Staff: {
    type: "AWS::ApiGatewayV2::Authorizer",
    properties: {
      AuthorizerType: "JWT",
      IdentitySource: ["$request.header.Authorization"],
      JwtConfiguration: { Issuer: issuer, Audience: ["console"] },
    },
  },
  ...lambda("Shop", "Api/*/*/v1/{proxy+}"),
  ...lambda("Ops"),
  ...lambda("Exact"),
  ...lambda("Site"),
  ...lambda("Barred", "Other/*/*"),
  ...route("ANY /v1/{proxy+}", "Shop"),
  ...route("GET /exact/place", "Exact"),
  ...route("ANY /exact/{name}", "Ops"),
  ...route("ANY /ops/v1/{proxy+}", "Ops", { ...guarded, AuthorizationScopes: ["ops/console"] }),
  ...route("ANY /ops/other/{proxy+}", "Ops", { ...guarded, AuthorizationScopes: ["ops/other"] }),
  ...route("ANY /barred/{proxy+}", "Barred"),
  ...route("$default", "Site"),
});

interface Event {
  routeKey: string;
  rawPath: string;
  rawQueryString: string;
  cookies?: string[];
  headers: Record<string, string>;
  queryStringParameters?: Record<string, string>;
  pathParameters?: Record<string, string>;
  requestContext: {
    http: Record<string, string>;
    time: string;
    timeEpoch: number;
    authorizer?: { jwt: { claims: Record<string, string>; scopes: string[] } };
  };
  body?: string;
  isBase64Encoded: boolean;
}

let answer: (call: Call) => unknown = () => ({ statusCode: 200 });
let seen: Call & { event: Event };
const lines: string[] = [];
let dataDir: string;
let server: Server;
let url: string;
let clock: MovableClock;
let cognito: Cognito;
let token: string;

beforeAll(async () => {
  dataDir = tempFolder();
  clock = createClock({ dataDir });
  cognito = await createCognito({ dataDir, clock, issuer, clientId: "console" });
  cognito.createUser({ username: "clerk", password: "long enough" });
  token = (await cognito.signIn("clerk", "long enough"))!.access_token;
  const pool = handPool((call) => {
    seen = call as typeof seen;
    return answer(call);
  });
  const api = createHttpApi({ template, pool, clock, keysOf: () => cognito.jwks, log: (line) => lines.push(line) });
  server = createServer((request, response) => void api(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  clock.stop();
});
beforeEach(() => {
  answer = () => ({ statusCode: 200 });
});

const get = (path: string, init: RequestInit = {}) => fetch(url + path, init);

test("the most specific route takes a request: exact, then a variable, then the rest of a path, then $default", async () => {
  const taken = async (path: string, method = "GET") => {
    await get(path, { method });
    return `${seen.functionId} ${seen.event.routeKey}`;
  };
  expect(await taken("/exact/place")).toBe("Exact GET /exact/place");
  expect(await taken("/exact/place", "POST")).toBe("Ops ANY /exact/{name}");
  expect(await taken("/exact/other")).toBe("Ops ANY /exact/{name}");
  expect(await taken("/exact/other/deep")).toBe("Site $default");
  expect(await taken("/v1/a/b/c", "DELETE")).toBe("Shop ANY /v1/{proxy+}");
  expect(seen.event.pathParameters).toEqual({ proxy: "a/b/c" });
  expect(await taken("/v1/")).toBe("Site $default");
  expect(await taken("/")).toBe("Site $default");
});

test("the event is payload format 2.0: names lower-cased, repeats joined by commas, cookies apart", async () => {
  const headers = new Headers({
    "X-Thing": "1",
    Cookie: "a=1; b=2",
    "Content-Type": "application/json",
    "User-Agent": "tester",
  });
  headers.append("X-Thing", "2");
  await get("/v1/teams?tag=x&tag=y&q=%E8%8D%89%E8%8E%93", { method: "POST", headers, body: '{"a":"草莓"}' });
  const { event } = seen;
  expect(event).toMatchObject({
    version: "2.0",
    rawPath: "/v1/teams",
    rawQueryString: "tag=x&tag=y&q=%E8%8D%89%E8%8E%93",
    queryStringParameters: { tag: "x,y", q: "草莓" },
    cookies: ["a=1", "b=2"],
    body: '{"a":"草莓"}',
    isBase64Encoded: false,
    requestContext: {
      stage: "$default",
      http: { method: "POST", path: "/v1/teams", sourceIp: "127.0.0.1", userAgent: "tester", protocol: "HTTP/1.1" },
    },
  });
  expect(event.headers["x-thing"]).toBe("1, 2");
  expect(event.headers.cookie).toBeUndefined();
  expect(event.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
  expect(Math.abs(event.requestContext.timeEpoch - clock.now())).toBeLessThan(5000);
});

test("a body that is no text arrives in base64, and a request without one has no body", async () => {
  await get("/v1/x", { method: "POST", headers: { "content-type": "image/png" }, body: Buffer.from([0, 255, 1]) });
  expect(seen.event).toMatchObject({ body: "AP8B", isBase64Encoded: true });
  await get("/v1/x");
  expect(seen.event.body).toBeUndefined();
  expect(seen.event.cookies).toBeUndefined();
  expect(seen.event.queryStringParameters).toBeUndefined();
});

test("a structured answer keeps its status, headers, cookies and bytes", async () => {
  answer = () => ({
    statusCode: 201,
    headers: { "X-One": 1, "Content-Type": "image/png" },
    cookies: ["a=1", "b=2"],
    body: "AP8B",
    isBase64Encoded: true,
  });
  const response = await get("/v1/x");
  expect(response.status).toBe(201);
  expect(response.headers.get("x-one")).toBe("1");
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from([0, 255, 1]));
});

test("an answer without a status is its JSON with 200; one that makes no sense is the gateway's 500", async () => {
  answer = () => ({ hello: 1 });
  const bare = await get("/v1/x");
  expect([bare.status, bare.headers.get("content-type"), await bare.text()]).toEqual([
    200,
    "application/json",
    '{"hello":1}',
  ]);
  answer = () => "plain";
  expect(await (await get("/v1/x")).text()).toBe("plain");
  for (const wrong of [null, { statusCode: "abc" }, { statusCode: 200, body: { not: "text" } }]) {
    answer = () => wrong;
    const response = await get("/v1/x");
    expect([response.status, await response.text()]).toEqual([500, '{"message":"Internal Server Error"}']);
  }
});

test("a function that fails is the gateway's 500, one that is late or overrun its 503", async () => {
  const told = async (name: string) => {
    answer = () => {
      throw new FunctionError(name, "no");
    };
    const response = await get("/v1/x");
    return `${response.status} ${await response.text()}`;
  };
  expect(await told("TypeError")).toBe('500 {"message":"Internal Server Error"}');
  expect(await told("Sandbox.Timedout")).toBe('503 {"message":"Service Unavailable"}');
});

test("a body over 10 MB is the gateway's 413 and reaches no function", async () => {
  const before = seen;
  const response = await get("/v1/x", { method: "POST", body: Buffer.alloc(10 * 1024 * 1024 + 1) });
  expect([response.status, await response.text()]).toEqual([413, '{"message":"Request Entity Too Large"}']);
  expect(seen).toBe(before);
});

test("a function that API Gateway has no permission for is the gateway's 500, and the log says why", async () => {
  const response = await get("/barred/x");
  expect(response.status).toBe(500);
  expect(lines.at(-1)).toContain(
    "no AWS::Lambda::Permission of apigateway.amazonaws.com covers Api/$default/ANY/barred/{proxy+}",
  );
});

test("a guarded route lets a good staff token in and hands its claims on as text", async () => {
  await get("/ops/v1/x", { headers: { authorization: `Bearer ${token}` } });
  const { jwt } = seen.event.requestContext.authorizer!;
  expect(jwt.scopes).toEqual(["ops/console"]);
  expect(jwt.claims).toMatchObject({ username: "clerk", client_id: "console", token_use: "access", version: "2" });
});

test("a guarded route answers 401 without a good token and 403 without its scope, in the gateway's own words", async () => {
  const told = async (path: string, authorization?: string) => {
    const response = await get(path, { headers: authorization ? { authorization } : {} });
    return `${response.status} ${await response.text()}`;
  };
  const unauthorized = '401 {"message":"Unauthorized"}';
  expect(await told("/ops/v1/x")).toBe(unauthorized);
  expect(await told("/ops/v1/x", "Bearer nonsense")).toBe(unauthorized);
  expect(await told("/ops/v1/x", `Bearer ${token.slice(0, -8)}AAAAAAAA`)).toBe(unauthorized);
  expect(await told("/ops/other/x", `Bearer ${token}`)).toBe('403 {"message":"Forbidden"}');
});

test("a token of another client, another issuer or another key is refused", async () => {
  const status = async (cognito: Cognito) => {
    cognito.createUser({ username: "clerk", password: "long enough" });
    const { access_token } = (await cognito.signIn("clerk", "long enough"))!;
    return (await get("/ops/v1/x", { headers: { authorization: `Bearer ${access_token}` } })).status;
  };
  const like = { dataDir, clock, issuer, clientId: "console" };
  expect(await status(await createCognito(like))).toBe(200);
  expect(await status(await createCognito({ ...like, clientId: "other" }))).toBe(401);
  expect(await status(await createCognito({ ...like, issuer: `${issuer}-other` }))).toBe(401);
  expect(await status(await createCognito({ ...like, dataDir: tempFolder() }))).toBe(401);
});

test("a token ends after an hour of platform time", async () => {
  const late = (await cognito.signIn("clerk", "long enough"))!.access_token;
  clock.advance(3_601_000);
  expect((await get("/ops/v1/x", { headers: { authorization: `Bearer ${late}` } })).status).toBe(401);
});

test("routes are metered with their ids left out", () => {
  expect(routeLabel("POST", "/v1/teams/TM0123456789ABCDEFGHJKMNPQ/seats")).toBe("POST /v1/teams/{id}/seats");
  expect(routeLabel("GET", "/v1/teams/tm0123456789abcdefghjkmnpq")).toBe("GET /v1/teams/tm0123456789abcdefghjkmnpq");
});
