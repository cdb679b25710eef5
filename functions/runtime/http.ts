import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { Hono, type Context as HonoContext } from "hono";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import * as z from "zod";
import { requireLeader } from "../../shared/community/index.ts";
import { admitStaff, requireLiveSession } from "../../shared/identity/index.ts";
import { invariant } from "../../shared/kernel/invariant.ts";
import { DomainError, type FieldError, type ProblemCode } from "../../shared/kernel/problem.ts";
import { type Problem, problems } from "../../shared/kernel/problem-table.ts";
import { day } from "../../shared/kernel/time.ts";
import { loadLasting, Stale, type Stored, type Write } from "../../shared/table/entity.ts";
import { idempotency, orders } from "../../shared/table/keys.ts";
import type { Deps } from "./deps.ts";
import { bucketOf, takeToken } from "./limits.ts";
import { logger } from "./logger.ts";
import { refusal } from "./refusal.ts";
import { type BodySchema, type Caller, type CsvFile, chainRoles, type Route, type RouteRequest } from "./route.ts";
import { moduleAt, type RouteModule } from "./route-module.ts";

/** Bodies beyond this many bytes are refused before they are read. */
export const MAX_BODY_BYTES = 1_000_000;
const idempotencyKey = /^[A-Za-z0-9_-]{8,64}$/;

/** The problem's body (RFC 9457). `title` is for members (Chinese), `message` for developers. */
export const problemBody = z
  .object({
    type: z.string().meta({ description: "urn:commensal:problem:<code>" }),
    title: z.string(),
    message: z.string(),
    status: z.int(),
    code: z.string().meta({ description: "Stable; decide by it" }),
    detail: z.string().optional(),
    errors: z
      .array(
        z.object({
          path: z.string(),
          message: z.string(),
          row: z.int().optional().meta({ description: "In a CSV file, as a spreadsheet counts: the header is row 1" }),
          column: z.string().optional().meta({ description: "In a CSV file, as its header calls it" }),
        }),
      )
      .optional(),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: "Problem" });

const securityHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
};

/** The answer of an expected failure. */
export function problemResponse(error: DomainError, requestId: string | undefined): Response {
  const row: Problem = problems[error.code];
  const body: z.infer<typeof problemBody> = {
    type: `urn:commensal:problem:${error.code}`,
    title: row.zh,
    message: row.en,
    status: row.status,
    code: error.code,
    ...(error.detail !== undefined && { detail: error.detail }),
    ...(error.errors && { errors: error.errors }),
    ...(error.facts && { facts: error.facts }),
    ...(requestId && { requestId }),
  };
  return new Response(JSON.stringify(body), {
    status: row.status,
    headers: {
      ...securityHeaders,
      "content-type": "application/problem+json; charset=utf-8",
      ...(error.retryAfter !== undefined && { "retry-after": String(error.retryAfter) }),
    },
  });
}

const fieldErrors = (place: string, error: z.ZodError): FieldError[] =>
  error.issues.slice(0, 20).map((issue) => ({
    path: [place, ...issue.path].join("."),
    message:
      issue.code === "unrecognized_keys"
        ? `unknown: ${issue.keys.map((key) => key.slice(0, 40)).join(", ")}`
        : issue.message,
  }));

function parse(place: string, schema: BodySchema | undefined, value: unknown): unknown {
  const parsed = (schema ?? z.strictObject({})).safeParse(value);
  if (!parsed.success) throw new DomainError("INPUT_INVALID", undefined, { errors: fieldErrors(place, parsed.error) });
  return parsed.data;
}

async function bodyOf(c: HonoContext, declared: Route, raw: string): Promise<unknown> {
  if (declared.takesCsv) return {};
  if (!declared.body) {
    if (declared.actor !== "channel" && raw.trim() !== "" && raw.trim() !== "{}")
      throw new DomainError("INPUT_INVALID", undefined, {
        errors: [{ path: "body", message: "this route takes no body" }],
      });
    return {};
  }
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? ""))
    throw new DomainError("BODY_MALFORMED", "send the body as Content-Type: application/json");
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    throw new DomainError("BODY_MALFORMED");
  }
  return parse("body", declared.body, value);
}

/** The answer that is a file; what follows it is in the Link header. */
function csvResponse(c: HonoContext, { fileName, text, next }: CsvFile): Response {
  return new Response(text, {
    headers: {
      ...securityHeaders,
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="${fileName}"`,
      ...(next !== undefined && { link: `<${new URL(c.req.url).pathname}?${next}>; rel="next"` }),
    },
  });
}

async function callerOf(c: HonoContext, deps: Deps, declared: Route): Promise<Caller> {
  if (declared.actor === "public" || declared.actor === "channel") return { kind: declared.actor };
  const header = c.req.header("authorization") ?? "";
  const token = /^Bearer ([A-Za-z0-9_.-]{20,4096})$/.exec(header)?.[1];
  if (!token) throw new DomainError("UNAUTHENTICATED", "send Authorization: Bearer <access token>");
  if (declared.actor === "member") return { kind: "member", ...(await deps.memberTokens.verify(token)) };
  const { staffId } = await deps.staffTokens.verify(token);
  return { kind: "staff", staffId, staff: await admitStaff(deps, { staffId }) };
}

/** Whether this caller's role may call the route at all; throws FORBIDDEN. */
function authorizeRole(declared: Route, caller: Caller): void {
  if (caller.kind !== "staff") return;
  if (!caller.staff.roles.some((role) => role === "admin" || declared.roles?.includes(role)))
    throw new DomainError("FORBIDDEN");
}

/** Whether this caller may do this to what the request names; throws STORE_OUT_OF_SCOPE or a 404 that tells nothing. */
async function authorize(
  deps: Deps,
  declared: Route,
  caller: Caller,
  request: { params: unknown; body: unknown },
): Promise<void> {
  if (caller.kind === "staff") {
    const { staff } = caller;
    if (declared.scope === "store" && declared.storeOf) {
      const storeId = await declared.storeOf(deps, request);
      const chainWide = staff.roles.some(
        (role) => role === "admin" || (chainRoles.includes(role) && declared.roles?.includes(role)),
      );
      if (!chainWide && !staff.storeIds.includes(storeId)) throw new DomainError("STORE_OUT_OF_SCOPE");
    }
  }
  if (declared.owns === "order" && caller.kind === "member") {
    const order = await loadLasting(deps.table, orders, request.params as { orderId: string });
    if (order?.memberId !== caller.memberId) throw new DomainError("ORDER_NOT_FOUND");
  }
  if (declared.owns === "community" && caller.kind === "member")
    await requireLeader(deps, { ...(request.params as { communityId: string }), memberId: caller.memberId });
}

type Bucket = Awaited<ReturnType<typeof bucketOf>> | undefined;

/** Counts the request against the member's limit; throws TOO_MANY_REQUESTS. Repetitions that have their answer don't come here. */
async function limit(deps: Deps, declared: Route, caller: Caller, bucket: Bucket): Promise<void> {
  if (declared.limit && caller.kind === "member") await takeToken(deps, declared.limit, caller.memberId, bucket);
}

/** Waits for all; what is told of several failures is the first one's in this order, whichever came first. */
async function allInOrder<T extends readonly unknown[]>(promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as unknown as T;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const wantsCsv = (query: unknown, accept = ""): boolean => {
  const { format } = query as { format?: string };
  return format === undefined ? /\btext\/csv\b/i.test(accept) : format === "csv";
};

type Earlier = { answer: Response } | { expired: Stored<z.infer<typeof idempotency.schema>> } | undefined;

/** The answer to an earlier request under the same key; past its 48 h, the row that lingers. Throws IDEMPOTENCY_KEY_REUSED. */
async function earlier(deps: Deps, actorId: string, key: string, request: string): Promise<Earlier> {
  const row = await deps.table.load(idempotency, { actorId, key });
  if (!row) return undefined;
  if (row.at + 2 * day < deps.env.clock.now()) return { expired: row };
  if (row.request !== request) throw new DomainError("IDEMPOTENCY_KEY_REUSED");
  const headers = {
    ...securityHeaders,
    "content-type": "application/json; charset=utf-8",
    "idempotency-replayed": "true",
  };
  return {
    answer: new Response(row.status === 204 ? null : inflateRawSync(row.body), { status: row.status, headers }),
  };
}

async function serve(c: HonoContext, deps: Deps, declared: Route): Promise<Response> {
  const caller = await callerOf(c, deps, declared);
  // not text(), which drops a byte order mark: a notification is verified to the byte
  const bytes = Buffer.from(await c.req.arrayBuffer());
  const raw = bytes.toString("utf8");
  const params = parse("path", declared.params, c.req.param());
  const query = parse("query", declared.query, c.req.query());
  const body = await bodyOf(c, declared, raw);
  authorizeRole(declared, caller);
  const key = declared.idempotent ? (c.req.header("idempotency-key") ?? "") : "";
  const actorId = caller.kind === "member" ? caller.memberId : caller.kind === "staff" ? caller.staffId : caller.kind;
  const { pathname, search } = new URL(c.req.url);
  const fingerprint = key && sha256(`${declared.method} ${pathname}${search}\n${raw}`);
  const writes = caller.kind === "member" && declared.method !== "get";
  // asked for together: they are read by one call
  const [, before, bucket] = await allInOrder<[unknown, Earlier, Bucket]>([
    writes ? requireLiveSession(deps, caller) : Promise.resolve(undefined),
    idempotencyKey.test(key) ? earlier(deps, actorId, key, fingerprint) : Promise.resolve(undefined),
    writes && declared.limit ? bucketOf(deps.table, declared.limit, caller.memberId) : Promise.resolve(undefined),
  ]);

  const status = declared.status ?? 200;
  const answerOf = (result: unknown): string => {
    const view = declared.view ? declared.view(result, deps) : result;
    return status === 204 ? "" : JSON.stringify(declared.ok.parse(view));
  };
  const request: Omit<RouteRequest<Caller["kind"], unknown, unknown, unknown, unknown>, "once"> = {
    params,
    query,
    body,
    actor: caller as never,
    raw: { headers: c.req.header(), body: raw, bytes },
  };
  const headers = { ...securityHeaders, "content-type": "application/json; charset=utf-8" };

  if (!declared.idempotent) {
    await authorize(deps, declared, caller, { params, body });
    await limit(deps, declared, caller, bucket);
    const result = await declared.run(deps, { ...request, once: () => [] });
    if (declared.givesCsv) return csvResponse(c, result as CsvFile);
    if (declared.etag) {
      const etag = `"${declared.etag(result)}"`;
      if (c.req.header("if-none-match") === etag)
        return new Response(null, { status: 304, headers: { ...securityHeaders, etag } });
      return new Response(answerOf(result), { status, headers: { ...headers, etag } });
    }
    if (declared.csv && wantsCsv(query, c.req.header("accept"))) return csvResponse(c, await declared.csv(result));
    return new Response(status === 204 ? null : answerOf(result), { status, headers });
  }

  if (!idempotencyKey.test(key)) throw new DomainError("IDEMPOTENCY_KEY_MISSING", "8 to 64 letters, digits, - or _");
  if (before && "answer" in before) return before.answer;
  // after the look for an answer: what a request did may have moved its object out of the caller's scope
  await authorize(deps, declared, caller, { params, body });
  let answer: string | undefined;
  const once = (result: unknown): Write[] => {
    answer = answerOf(result);
    const body = deflateRawSync(answer);
    const row = { actorId, key, request: fingerprint, status, body, at: deps.env.clock.now() };
    return [
      (before ? idempotency.replace({ ...row, version: before.expired.version }) : idempotency.create(row)).or(
        "TRY_AGAIN",
      ),
    ];
  };
  try {
    await limit(deps, declared, caller, bucket);
    await declared.run(deps, { ...request, once });
    invariant(answer !== undefined, `${declared.method} ${declared.path} stores its answer`);
    return new Response(status === 204 ? null : answer, { status, headers });
  } catch (error) {
    // A twin of this request may have won while this one was under way: then its answer is this one's answer.
    const twin = await earlier(deps, actorId, key, fingerprint);
    if (twin && "answer" in twin) return twin.answer;
    throw error;
  }
}

/** The failure as this route may answer it: an error nobody declared is logged and told as INTERNAL. */
function failure(thrown: unknown, declared: Route | undefined, requestId: string | undefined): DomainError {
  const route = declared && `${declared.method.toUpperCase()} ${declared.path}`;
  // no version that the caller sent is at odds: the same request decides anew
  const error = thrown instanceof Stale ? new DomainError("TRY_AGAIN", "what it rests on has just changed") : thrown;
  if (error instanceof DomainError) {
    const row: Problem = problems[error.code];
    if (row.log === "error" || row.log === "warn")
      logger[row.log]("PROBLEM", { problem: error.code, detail: error.detail, route, requestId });
    return error;
  }
  logger.unexpected("UNEXPECTED", error, { route, requestId });
  return new DomainError("INTERNAL");
}

/** Problems any route of the kind may answer, beside its own. */
export function commonProblems(declared: Route): ProblemCode[] {
  return [
    "INTERNAL",
    "TRY_AGAIN",
    "BODY_TOO_LARGE",
    "INPUT_INVALID",
    ...(declared.body ? (["BODY_MALFORMED"] as const) : []),
    ...(declared.takesCsv ? (["CSV_INVALID"] as const) : []),
    ...(declared.actor === "member" ? (["UNAUTHENTICATED", "TOKEN_EXPIRED"] as const) : []),
    ...(declared.actor === "staff" ? (["UNAUTHENTICATED", "TOKEN_EXPIRED", "FORBIDDEN"] as const) : []),
    ...(declared.actor === "staff" && declared.scope === "store" ? (["STORE_OUT_OF_SCOPE"] as const) : []),
    ...(declared.limit ? (["TOO_MANY_REQUESTS"] as const) : []),
    ...(declared.owns === "order" ? (["ORDER_NOT_FOUND"] as const) : []),
    ...(declared.owns === "community" ? (["NOT_LEADER"] as const) : []),
    ...(declared.idempotent ? (["IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_KEY_REUSED"] as const) : []),
    ...(declared.method !== "get" && declared.actor === "member" ? (["SESSION_REVOKED"] as const) : []),
  ];
}

/** The HTTP application of a function: its routes, and answers of our own for what is no route. */
export function httpApp(
  routes: readonly Route[],
  ready: () => Promise<Deps>,
): Hono<{ Bindings: { event: LambdaEvent; lambdaContext: Context } }> {
  const app = new Hono<{ Bindings: { event: LambdaEvent; lambdaContext: Context } }>();
  const requestIdOf = (c: HonoContext): string | undefined =>
    (c.env?.event as { requestContext?: { requestId?: string } })?.requestContext?.requestId;
  for (const declared of routes) {
    const path = declared.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(declared.method.toUpperCase(), path, async (c) => {
      const deps = await ready();
      const began = deps.env.clock.now();
      let problem: ProblemCode | undefined;
      let response: Response;
      try {
        response = await serve(c, deps, declared);
      } catch (error) {
        const told = failure(error, declared, requestIdOf(c));
        problem = told.code;
        response = problemResponse(told, requestIdOf(c));
      }
      logger.info("HTTP", {
        method: c.req.method,
        route: declared.path,
        status: response.status,
        problem,
        ms: deps.env.clock.now() - began,
        requestId: requestIdOf(c),
      });
      return response;
    });
  }
  const matchers = routes.map((r) => ({
    method: r.method.toUpperCase(),
    pattern: new RegExp(`^${r.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  }));
  app.notFound((c) => {
    const allow = matchers.filter((m) => m.pattern.test(c.req.path)).map((m) => m.method);
    const response = problemResponse(
      new DomainError(allow.length > 0 ? "METHOD_NOT_ALLOWED" : "ROUTE_NOT_FOUND"),
      requestIdOf(c),
    );
    if (allow.length > 0) response.headers.set("allow", [...new Set(allow)].join(", "));
    return response;
  });
  app.onError((error, c) => problemResponse(failure(error, undefined, requestIdOf(c)), requestIdOf(c)));
  return app;
}

/**
 * The event with its path as a URL has it. The gateway hands the path over decoded, in which a `?` or a control character
 * would end or vanish from the URL that is made of it: the request would come to another route than was asked for.
 */
const withUrlPath = (event: APIGatewayProxyEventV2): APIGatewayProxyEventV2 => ({
  ...event,
  rawPath: event.rawPath
    .toWellFormed()
    .split("/")
    .map((segment) => encodeURIComponent(segment))
    .join("/"),
});

/** The Lambda handler of an HTTP function: refuses oversized bodies before anything reads them; loads what a request needs. */
export function httpHandler(modules: readonly RouteModule[], ready: () => Promise<Deps>) {
  const serving = new Map<RouteModule, Promise<ReturnType<typeof handle>>>();
  const load = async (module: RouteModule) => handle(httpApp(await module.routes(), ready));
  return async (event: APIGatewayProxyEventV2, context: Context): Promise<APIGatewayProxyStructuredResultV2> => {
    const bytes = event.body ? Buffer.byteLength(event.body, event.isBase64Encoded ? "base64" : "utf8") : 0;
    if (bytes > MAX_BODY_BYTES) return refusal("BODY_TOO_LARGE", event);
    const asUrl = withUrlPath(event);
    const module = moduleAt(modules, asUrl.rawPath);
    if (!module) return refusal("ROUTE_NOT_FOUND", event);
    const serve = serving.get(module) ?? load(module);
    serving.set(module, serve);
    return (await (
      await serve
    )(asUrl as unknown as LambdaEvent, context)) as APIGatewayProxyStructuredResultV2;
  };
}
