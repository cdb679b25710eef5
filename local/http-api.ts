import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { FunctionError, type FunctionPool, type PlatformClock, type Template } from "./parts.ts";

/** One route of the template's HTTP API. `priority` sorts as API Gateway chooses: the most specific first. */
interface Route {
  key: string;
  method: string;
  segments: string[];
  functionId: string;
  /** Why API Gateway may not call the function; undefined where it may. */
  barred: string | undefined;
  jwt: { issuer: string; audience: string[]; scopes: string[] } | undefined;
}

/** What the gateway answers itself, byte for byte. */
const own = {
  unauthorized: [401, "Unauthorized"],
  forbidden: [403, "Forbidden"],
  notFound: [404, "Not Found"],
  tooLarge: [413, "Request Entity Too Large"],
  tooMany: [429, "Too Many Requests"],
  failed: [500, "Internal Server Error"],
  unavailable: [503, "Service Unavailable"],
} as const;

const bodyLimit = 10 * 1024 * 1024;
const idSegment = /^[A-Z]{2,3}[0-9A-HJKMNP-TV-Z]{24}$/;

export type HttpApi = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Serves the one AWS::ApiGatewayV2::Api of the template as API Gateway does: its choice of route, its JWT authorizers,
 * payload format 2.0 both ways, its limits and its own error bodies. `keysOf` gives the key set of an issuer.
 * Throws when the template asks for something that is not served here.
 */
export function createHttpApi(parts: {
  template: Template;
  pool: FunctionPool;
  clock: PlatformClock;
  keysOf: (issuer: string) => JSONWebKeySet;
  log: (line: string) => void;
}): HttpApi {
  const { template, pool, clock, keysOf, log } = parts;
  const api = template.byType("AWS::ApiGatewayV2::Api")[0];
  if (!api) throw new Error("The template has no AWS::ApiGatewayV2::Api; infra/ must declare the HTTP API.");
  if (api.properties.CorsConfiguration)
    throw new Error(`CorsConfiguration of ${api.id} is not served by the embedded default.`);
  const routes = template
    .byType("AWS::ApiGatewayV2::Route")
    .map(({ properties }) => readRoute(template, api.id, properties));
  const keySets = new Map(
    routes.flatMap(({ jwt }) => (jwt ? [[jwt.issuer, createLocalJWKSet(keysOf(jwt.issuer))] as const] : [])),
  );
  const throttle = stageThrottle(template);

  async function authorize(
    route: Route,
    request: IncomingMessage,
  ): Promise<Record<string, unknown> | keyof typeof own> {
    if (!route.jwt) return {};
    const token = /^(?:Bearer )?(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return "unauthorized";
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, keySets.get(route.jwt.issuer)!, {
        issuer: route.jwt.issuer,
        algorithms: ["RS256"],
        currentDate: new Date(clock.now()),
      });
      claims = verified.payload;
    } catch (error) {
      log(`staff token refused on ${route.key}: ${error instanceof Error ? error.message : error}`);
      return "unauthorized";
    }
    // `client_id` counts only where there is no `aud`: Cognito's access tokens carry no audience.
    const audience = [claims.aud ?? claims.client_id].flat();
    if (!audience.some((one) => route.jwt!.audience.includes(String(one)))) return "unauthorized";
    const held = String(claims.scope ?? "").split(" ");
    if (route.jwt.scopes.length > 0 && !route.jwt.scopes.some((scope) => held.includes(scope))) return "forbidden";
    const text = Object.entries(claims).map(([name, value]) => [name, claimText(value)]);
    return {
      authorizer: { jwt: { claims: Object.fromEntries(text), scopes: route.jwt.scopes.length > 0 ? held : null } },
    };
  }

  return async (request, response) => {
    const requestId = randomBytes(11).toString("base64url");
    const method = request.method ?? "GET";
    const refuse = (which: keyof typeof own, headers: Record<string, string> = {}): void => {
      const [status, message] = own[which];
      send(
        response,
        method,
        requestId,
        status,
        { "content-type": "application/json", ...headers },
        [],
        JSON.stringify({ message }),
      );
    };
    try {
      if (!throttle()) return refuse("tooMany");
      const [rawPart, rawQuery = ""] = splitOnce(request.url ?? "/", "?");
      const path = decoded(rawPart);
      const found = chooseRoute(routes, method, path);
      if (!found) return refuse("notFound");
      const { route, pathParameters } = found;
      const authorizer = await authorize(route, request);
      if (typeof authorizer === "string") {
        const error = authorizer === "forbidden" ? ' scope="" error="insufficient_scope"' : "";
        return refuse(authorizer, { "www-authenticate": `Bearer${error}` });
      }
      const body = await readBody(request, bodyLimit);
      if (body === undefined) {
        refuse("tooLarge", { connection: "close" });
        return;
      }
      if (route.barred) {
        log(`${route.key}: API Gateway may not invoke ${route.functionId}: ${route.barred}`);
        return refuse("failed");
      }
      const event = buildEvent({
        request,
        method,
        path,
        rawQuery,
        route,
        pathParameters,
        authorizer,
        body,
        requestId,
        apiId: api.id,
        now: clock.now(),
      });
      const answer = await pool.invoke(route.functionId, event, routeLabel(method, path));
      const shaped = shapeAnswer(answer);
      if (!shaped) {
        log(
          `${route.key}: ${route.functionId} answered something that is no HTTP answer: ${JSON.stringify(answer)?.slice(0, 200)}`,
        );
        return refuse("failed");
      }
      send(response, method, requestId, shaped.status, shaped.headers, shaped.cookies, shaped.body);
    } catch (error) {
      const name = error instanceof FunctionError ? error.name : "";
      log(`${method} ${request.url}: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`);
      const busyOrLate = name === "TooManyRequestsException" || name === "Sandbox.Timedout";
      refuse(busyOrLate ? "unavailable" : "failed");
    }
  };
}

/** `METHOD /path` with every id replaced by `{id}`: the label under which the meter counts. */
export function routeLabel(method: string, path: string): string {
  return `${method} ${path
    .split("/")
    .map((segment) => (idSegment.test(segment) ? "{id}" : segment))
    .join("/")}`;
}

function readRoute(template: Template, apiId: string, properties: Record<string, unknown>): Route {
  const key = String(properties.RouteKey);
  const [method, path] = key === "$default" ? ["ANY", "/{proxy+}"] : (splitOnce(key, " ") as [string, string]);
  const integration = template.byId(String(properties.Target).replace("integrations/", "")).properties;
  if (integration.IntegrationType !== "AWS_PROXY" || integration.PayloadFormatVersion !== "2.0") {
    throw new Error(`Route ${key}: only AWS_PROXY integrations with payload format 2.0 are served here.`);
  }
  const functionId = template.idOfArn(String(integration.IntegrationUri));
  if (functionId === undefined)
    throw new Error(`Route ${key}: ${integration.IntegrationUri} names no function of the template.`);
  let jwt: Route["jwt"];
  if ((properties.AuthorizationType ?? "NONE") !== "NONE") {
    const authorizer = template.byId(String(properties.AuthorizerId)).properties;
    const settings = authorizer.JwtConfiguration as { Issuer: string; Audience: string[] } | undefined;
    const source = (authorizer.IdentitySource as string[] | undefined)?.[0]?.toLowerCase();
    if (authorizer.AuthorizerType !== "JWT" || !settings || source !== "$request.header.authorization") {
      throw new Error(`Route ${key}: only JWT authorizers on the Authorization header are served here.`);
    }
    const scopes = (properties.AuthorizationScopes as string[] | undefined) ?? [];
    jwt = { issuer: settings.Issuer, audience: settings.Audience, scopes };
  }
  const wanted = key === "$default" ? `${apiId}/$default/$default` : `${apiId}/$default/${method}${path}`;
  const segments = key === "$default" ? ["$default"] : path.split("/").slice(1);
  return { key, method, segments, functionId, barred: barrier(template, functionId, wanted), jwt };
}

/** API Gateway may call a function only by an AWS::Lambda::Permission whose SourceArn covers the route. */
function barrier(template: Template, functionId: string, route: string): string | undefined {
  const permitted = template.byType("AWS::Lambda::Permission").some(({ properties }) => {
    if (properties.Principal !== "apigateway.amazonaws.com" || properties.Action !== "lambda:InvokeFunction")
      return false;
    if (template.idOfArn(String(properties.FunctionName)) !== functionId) return false;
    const source =
      properties.SourceArn === undefined ? "*" : String(properties.SourceArn).split(":").slice(5).join(":");
    return globbed(source).test(route);
  });
  return permitted ? undefined : `no AWS::Lambda::Permission of apigateway.amazonaws.com covers ${route}`;
}

function globbed(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/[\\^$.+?()[\]{}|]/g, "\\$&").replaceAll("*", ".*")}$`);
}

/** Exact segments before `{variables}` before `{proxy+}` before `$default`; a method before ANY. */
function chooseRoute(
  routes: Route[],
  method: string,
  path: string,
): { route: Route; pathParameters: Record<string, string> | undefined } | undefined {
  const segments = path.split("/").slice(1);
  let best: { route: Route; rank: string; pathParameters: Record<string, string> | undefined } | undefined;
  for (const route of routes) {
    if (route.method !== "ANY" && route.method !== method) continue;
    const pathParameters: Record<string, string> = {};
    let rank = "";
    if (route.segments[0] === "$default") rank = "9";
    else {
      for (const [index, wanted] of route.segments.entries()) {
        const given = segments[index];
        const greedy = /^\{(.+)\+\}$/.exec(wanted)?.[1];
        const single = /^\{([^+]+)\}$/.exec(wanted)?.[1];
        if (greedy !== undefined && given !== undefined && given !== "") {
          pathParameters[greedy] = segments.slice(index).join("/");
          rank += "3";
          break;
        }
        if (single !== undefined && given !== undefined && given !== "") {
          pathParameters[single] = given;
          rank += "2";
        } else if (given === wanted) rank += "1";
        else {
          rank = "";
          break;
        }
      }
      const isGreedy = rank.endsWith("3");
      if (rank === "" || (!isGreedy && segments.length !== route.segments.length)) continue;
      // A route that takes the whole path beats one that takes the rest of it.
      rank = (isGreedy ? "5" : "0") + rank;
    }
    rank += route.method === "ANY" ? "b" : "a";
    const named = Object.keys(pathParameters).length > 0 ? pathParameters : undefined;
    if (!best || rank < best.rank) best = { route, rank, pathParameters: named };
  }
  return best;
}

function buildEvent(given: {
  request: IncomingMessage;
  method: string;
  path: string;
  rawQuery: string;
  route: Route;
  pathParameters: Record<string, string> | undefined;
  authorizer: Record<string, unknown>;
  body: Buffer;
  requestId: string;
  apiId: string;
  now: number;
}): unknown {
  const { request, method, path, rawQuery, route, pathParameters, authorizer, body, requestId, apiId, now } = given;
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (name !== "cookie" && name !== "connection" && name !== "transfer-encoding")
      headers[name] = (values ?? []).join(",");
  }
  const domainName = headers.host ?? "127.0.0.1";
  const sourceIp = request.socket.remoteAddress ?? "127.0.0.1";
  headers["content-length"] = String(body.length);
  headers["x-forwarded-for"] = headers["x-forwarded-for"] ? `${headers["x-forwarded-for"]}, ${sourceIp}` : sourceIp;
  headers["x-forwarded-port"] = String(request.socket.localPort ?? 443);
  headers["x-forwarded-proto"] = "http";
  headers["x-amzn-trace-id"] ??= `Root=1-${Math.floor(now / 1000).toString(16)}-${randomBytes(12).toString("hex")}`;
  const cookies = (request.headersDistinct.cookie ?? [])
    .flatMap((line) => line.split(/;\s*/))
    .filter((one) => one !== "");
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQuery))
    query[name] = name in query ? `${query[name]},${value}` : value;
  const plain = isText(headers["content-type"]);
  return {
    version: "2.0",
    routeKey: route.key,
    rawPath: path,
    rawQueryString: rawQuery,
    ...(cookies.length > 0 ? { cookies } : {}),
    headers,
    ...(rawQuery === "" ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: "000000000000",
      apiId,
      ...authorizer,
      domainName,
      domainPrefix: domainName.split(".")[0],
      http: { method, path, protocol: `HTTP/${request.httpVersion}`, sourceIp, userAgent: headers["user-agent"] ?? "" },
      requestId,
      routeKey: route.key,
      stage: "$default",
      time: commonLogTime(now),
      timeEpoch: now,
    },
    ...(pathParameters ? { pathParameters } : {}),
    ...(body.length > 0 ? { body: plain ? body.toString("utf8") : body.toString("base64") } : {}),
    isBase64Encoded: body.length > 0 && !plain,
  };
}

/** A function's answer in format 2.0: structured when it has a `statusCode`, otherwise its JSON with status 200. */
function shapeAnswer(
  answer: unknown,
): { status: number; headers: Record<string, string>; cookies: string[]; body: Buffer | string } | undefined {
  if (answer === null || answer === undefined) return undefined;
  if (typeof answer !== "object" || !("statusCode" in answer)) {
    const body = typeof answer === "string" ? answer : JSON.stringify(answer);
    return { status: 200, headers: { "content-type": "application/json" }, cookies: [], body };
  }
  const { statusCode, headers = {}, cookies = [], body = "", isBase64Encoded } = answer as Record<string, unknown>;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599 || typeof body !== "string") return undefined;
  const lowered: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers as Record<string, unknown>))
    lowered[name.toLowerCase()] = String(value);
  if (body !== "") lowered["content-type"] ??= "text/plain;charset=UTF-8";
  return {
    status,
    headers: lowered,
    cookies: cookies as string[],
    body: isBase64Encoded === true ? Buffer.from(body, "base64") : body,
  };
}

function send(
  response: ServerResponse,
  method: string,
  requestId: string,
  status: number,
  headers: Record<string, string>,
  cookies: string[],
  body: Buffer | string,
): void {
  if (response.headersSent || response.destroyed) return;
  const { connection, "transfer-encoding": _, "content-length": __, ...kept } = headers;
  response.statusCode = status;
  for (const [name, value] of Object.entries(kept)) response.setHeader(name, value);
  if (connection) response.setHeader("connection", connection);
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  response.setHeader("apigw-requestid", requestId);
  const bytes = Buffer.from(body as string);
  if (status !== 204 && status !== 304) response.setHeader("content-length", bytes.length);
  response.end(method === "HEAD" ? undefined : bytes);
}

/**
 * The whole body, or undefined when it is over the limit (bytes). What is too much is read and dropped, so that the client
 * comes to read the refusal; a body ten times over is cut off.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 10 * limit) break;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}

/** The stage's throttle as a token bucket in real time; always open where the stage sets none. */
function stageThrottle(template: Template): () => boolean {
  const settings = template.byType("AWS::ApiGatewayV2::Stage")[0]?.properties.DefaultRouteSettings as
    | { ThrottlingRateLimit?: number; ThrottlingBurstLimit?: number }
    | undefined;
  const { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst } = settings ?? {};
  if (rate === undefined || burst === undefined) return () => true;
  let tokens = burst;
  let filled = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - filled) / 1000) * rate);
    filled = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}

function claimText(value: unknown): string {
  return Array.isArray(value)
    ? `[${value.join(" ")}]`
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
}

function isText(contentType: string | undefined): boolean {
  if (contentType === undefined) return true;
  return /^(text\/|application\/(json|javascript|xml|([^;]+\+(json|xml)))\s*(;|$))/i.test(contentType);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 12/Mar/2020:19:03:58 +0000 */
function commonLogTime(now: number): string {
  const [date = "", time = ""] = new Date(now).toISOString().slice(0, 19).split("T");
  const [year, month, day] = date.split("-");
  return `${day}/${months[Number(month) - 1]}/${year}:${time} +0000`;
}
