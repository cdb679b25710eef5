import { createHmac, createSecretKey, hash, type KeyObject, randomUUID } from "node:crypto";
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { isAws, LOCAL_CREDENTIALS } from "./engine.ts";
import type { Faults } from "./faults.ts";
import { type AccessNames, accessRequests, type Policies } from "./iam.ts";
import type { ConsumedCapacity, Meter } from "./meter.ts";
import type { AwsAnswer, AwsCall, AwsService, Observe } from "./parts.ts";
import type { PowerCut } from "./power-cut.ts";
import { REGION } from "./template.ts";

type Json = Record<string, unknown>;

/** A call with its parsed body and the label of the event its caller is working on. */
export interface GatewayCall extends AwsCall {
  label: string;
  json: Json;
}

/** Which calls a barrier or a fault is for; what is absent matches all. `pkPrefix`: some key it writes or reads begins so. */
export interface CallMatch {
  service?: string;
  action?: string;
  function?: string;
  label?: string;
  pkPrefix?: string;
}
type Match = CallMatch | ((call: GatewayCall) => boolean);

/** `refused`: as a call is that the service can't read, a mistake of ours that asking again does not mend. */
export type FaultKind = "lost-answer-after" | "lost-answer-before" | "throttle" | "conflict" | "error500" | "refused";

/** What a worker signs with. */
export interface Pass {
  readonly accessKey: string;
  readonly functionId: string;
  /** Route label of the event under way: set by the pool before each event. */
  label: string;
  withdraw(): void;
}

export interface BarrierOptions {
  count: number;
  match: Match;
  first?: Match | undefined;
  timeoutMs: number;
}

export interface Barrier {
  /** Calls held so far. */
  readonly arrived: number;
  /** How many calls were let go together: `count`, or fewer at the timeout. */
  readonly overlapped: Promise<number>;
  /** Lets go now. */
  release(): void;
}

export interface Fault {
  /** How often it struck. */
  readonly hits: number;
  remove(): void;
}

export interface GatewayCounters {
  calls: number;
  refused: number;
  barriers: { match: unknown; count: number; arrived: number }[];
  faults: { match: unknown; kind: FaultKind; left: number; hits: number }[];
}

export interface Gateway {
  url: string;
  /** Lets a worker's access key in. */
  admit(accessKey: string, functionId: string): Pass;
  /** Whose an access key is or was: what it signed may be used when its worker has gone. */
  functionOf(accessKey: string): string | undefined;
  /** Who answers for a service: "ssm", "kms", "states", "geo", "cognito-idp" … DynamoDB goes to the engine. */
  register(service: string, handler: AwsService): void;
  /**
   * Holds matching calls until `count` of them have come, then lets them go in one tick, those that match `first` before the
   * others; at `timeoutMs` whoever came goes.
   */
  barrier(options: BarrierOptions): Barrier;
  /** Strikes the next `times` (1) matching calls, or every `every`th of them. */
  fault(options: { match: Match; kind: FaultKind; times?: number; every?: number }): Fault;
  /**
   * Tells of every data operation that the engine carried out, with the units it told, before its caller is answered; the
   * answer waits for `look`. Answers how to stop.
   */
  watch(look: (call: GatewayCall, consumed: ConsumedCapacity[]) => Promise<void> | void): () => void;
  counters(): GatewayCounters;
  stop(): Promise<void>;
}

export interface GatewayOptions {
  /** The engine's address. */
  endpoint: string;
  policies: Pick<Policies, "check">;
  names: AccessNames;
  meter: Pick<Meter, "record">;
  /** Strikes calls at random, after the faults that were asked for by `fault`. */
  faults?: Pick<Faults, "call" | "shrink" | "reshape"> | undefined;
  /** Is told of every call that a service was asked to carry out. */
  observe?: Observe | undefined;
  /** Ends the process at a call. */
  powerCut?: Pick<PowerCut, "pass"> | undefined;
}

const BODY_LIMIT = 17 * 1024 * 1024;
const DYNAMODB_ERRORS = "com.amazonaws.dynamodb.v20120810#";

/**
 * Listens on a free port of 127.0.0.1 for all AWS calls of the functions: knows the caller by its access key, checks the
 * call against that function's policies (AccessDeniedException as AWS words it), holds it at barriers, strikes it with
 * faults, meters it, and passes it to the engine or to the service's stand-in.
 */
export async function startGateway({
  endpoint,
  policies,
  names,
  meter,
  faults: swarm,
  observe,
  powerCut,
}: GatewayOptions): Promise<Gateway> {
  const passes = new Map<string, Pass>();
  const admitted = new Map<string, string>();
  const services = new Map<string, AwsService>();
  /** Those that still hold somebody back. */
  const barriers = new Set<HeldBarrier>();
  const faults: ArmedFault[] = [];
  const watchers = new Set<Parameters<Gateway["watch"]>[0]>();
  let calls = 0;
  let refused = 0;
  const forward = createForward(endpoint);

  services.set("dynamodb", async (call) => {
    const { label, json: asked } = call as GatewayCall;
    const { json, kept } = swarm?.shrink(call as GatewayCall) ?? { json: asked };
    const metered = METERED.test(call.action);
    const body = json === asked ? call.body : Buffer.from(JSON.stringify(json));
    const answer = await forward.send(call.action, metered && !json.ReturnConsumedCapacity ? asksUnits(body) : body);
    const consumed = answer.status < 300 && metered ? consumedIn(answer) : undefined;
    if (metered) meter.record({ function: call.caller, label, operation: call.action, consumed });
    if (consumed) for (const look of watchers) await look(call as GatewayCall, consumed);
    return swarm?.reshape(call as GatewayCall, kept, answer) ?? answer;
  });

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    calls++;
    const body = await readBody(incoming);
    const credential = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\/aws4_request/.exec(
      incoming.headers.authorization ?? "",
    );
    const pass = credential && passes.get(credential[1]!);
    if (!pass) {
      refused++;
      const message =
        "The security token included in the request is invalid: only workers of this platform may call here.";
      return write(outgoing, failure(403, "UnrecognizedClientException", message));
    }
    const url = new URL(incoming.url ?? "/", "http://gateway");
    const service = credential[2]!;
    const call: GatewayCall = {
      service,
      action: actionOf(incoming, service, url.pathname),
      method: incoming.method ?? "POST",
      path: url.pathname,
      query: url.searchParams,
      body,
      caller: pass.functionId,
      label: pass.label,
      json: parseBody(body),
    };

    const refusal = policies.check(call.caller, accessRequests(call, call.json, names));
    if (refusal) {
      refused++;
      const prefix = service === "dynamodb" ? "com.amazon.coral.service#" : "";
      const status = service === "geo" ? 403 : 400;
      return write(outgoing, failure(status, `${prefix}AccessDeniedException`, refusal.message));
    }
    const handler = services.get(service);
    if (!handler) {
      const message = `${service} has no stand-in behind the gateway.`;
      return write(outgoing, failure(400, "UnknownOperationException", message));
    }

    for (const barrier of barriers) await barrier.hold(call);
    const atRandom = (): Pick<ArmedFault, "kind" | "match"> | undefined => {
      const kind = swarm?.call(call);
      return kind && { kind, match: {} };
    };
    const struck = faults.find((each) => each.strikes(call)) ?? atRandom();
    if (struck?.kind === "lost-answer-before") return incoming.socket.destroy();
    const invented = struck && inventedAnswer(struck, call);
    const carriedOut = powerCut?.pass(`${call.label}: ${service} ${call.action}`);
    const answer = invented ?? (await handler(call));
    observe?.({ kind: "call", service, action: call.action, label: call.label, json: call.json });
    carriedOut?.();
    if (struck?.kind === "lost-answer-after") return incoming.socket.destroy();
    return write(outgoing, answer);
  };

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch((error: Error) => {
      if (outgoing.headersSent) outgoing.destroy();
      else write(outgoing, failure(500, `${DYNAMODB_ERRORS}InternalServerError`, error.message));
    });
  });
  // A worker's idle connection must not be closed under its next request.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };

  return {
    url: `http://127.0.0.1:${port}`,
    admit(accessKey, functionId) {
      const pass = { accessKey, functionId, label: functionId, withdraw: () => void passes.delete(accessKey) };
      passes.set(accessKey, pass);
      admitted.set(accessKey, functionId);
      return pass;
    },
    functionOf: (accessKey) => admitted.get(accessKey),
    register: (service, handler) => void services.set(service, handler),
    barrier(options) {
      const barrier = createBarrier(options);
      barriers.add(barrier);
      void barrier.overlapped.then(() => barriers.delete(barrier));
      return barrier;
    },
    fault(options) {
      const fault = createFault(options);
      faults.push(fault);
      return fault;
    },
    watch(look) {
      watchers.add(look);
      return () => void watchers.delete(look);
    },
    counters: () => ({
      calls,
      refused,
      barriers: [...barriers].map(({ match, count, arrived }) => ({ match, count, arrived })),
      faults: faults.map(({ match, kind, left, hits }) => ({ match, kind, left, hits })),
    }),
    async stop() {
      for (const barrier of barriers) barrier.release();
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
      forward.stop();
    },
  };
}

/** Data operations: those that tell the units they consumed. */
const METERED =
  /^(GetItem|PutItem|UpdateItem|DeleteItem|Query|Scan|BatchGetItem|BatchWriteItem|TransactGetItems|TransactWriteItems)$/;

const asks = Buffer.from(`{"ReturnConsumedCapacity":"INDEXES",`);
/** The same request, asking what it consumes: an operation on data names a table at least, so its object is not empty. */
const asksUnits = (body: Buffer): Buffer => Buffer.concat([asks, body.subarray(body.indexOf("{") + 1)]);

function consumedIn(answer: AwsAnswer): ConsumedCapacity[] {
  const { ConsumedCapacity: consumed } = JSON.parse(answer.body.toString()) as { ConsumedCapacity?: unknown };
  if (consumed === undefined) return [];
  return (Array.isArray(consumed) ? consumed : [consumed]) as ConsumedCapacity[];
}

const GEO_ACTIONS: [RegExp, string][] = [
  [/^\/routes\/v0\/calculators\/[^/]+\/calculate\/route-matrix$/, "CalculateRouteMatrix"],
  [/^\/routes\/v0\/calculators\/[^/]+\/calculate\/route$/, "CalculateRoute"],
  [/^\/places\/v0\/indexes\/[^/]+\/search\/text$/, "SearchPlaceIndexForText"],
  [/^\/places\/v0\/indexes\/[^/]+\/search\/position$/, "SearchPlaceIndexForPosition"],
  [/^\/places\/v0\/indexes\/[^/]+\/search\/suggestions$/, "SearchPlaceIndexForSuggestions"],
  [/^\/geofencing\/v0\/collections\/[^/]+\/positions$/, "BatchEvaluateGeofences"],
];

function actionOf(incoming: IncomingMessage, service: string, path: string): string {
  const target = incoming.headers["x-amz-target"];
  if (typeof target === "string") return target.slice(target.lastIndexOf(".") + 1);
  if (service === "geo")
    return GEO_ACTIONS.find(([pattern]) => pattern.test(path))?.[1] ?? `${incoming.method} ${path}`;
  return path.slice(1) || String(incoming.method);
}

interface HeldBarrier extends Barrier {
  match: Match;
  count: number;
  released: boolean;
  hold(call: GatewayCall): Promise<void> | undefined;
}

function createBarrier({ count, match, first, timeoutMs }: BarrierOptions): HeldBarrier {
  const waiting: { goesFirst: boolean; go(): void }[] = [];
  /** A client that waits too long sends its transaction again: the same one has not come twice. */
  const tokens = new Set<unknown>();
  const { promise: overlapped, resolve } = Promise.withResolvers<number>();
  const barrier: HeldBarrier = {
    match,
    count,
    overlapped,
    arrived: 0,
    released: false,
    release() {
      if (barrier.released) return;
      barrier.released = true;
      clearTimeout(timer);
      for (const { go } of waiting.sort((a, b) => Number(b.goesFirst) - Number(a.goesFirst))) go();
      resolve(barrier.arrived);
    },
    hold(call) {
      if (barrier.released || !matches(match, call)) return undefined;
      const { ClientRequestToken: token } = call.json;
      if (token === undefined || !tokens.has(token)) (barrier as { arrived: number }).arrived++;
      tokens.add(token);
      return new Promise((go) => {
        waiting.push({ goesFirst: first !== undefined && matches(first, call), go });
        if (barrier.arrived >= count) barrier.release();
      });
    },
  };
  const timer = setTimeout(barrier.release, timeoutMs);
  return barrier;
}

interface ArmedFault extends Fault {
  match: Match;
  kind: FaultKind;
  left: number;
  strikes(call: GatewayCall): boolean;
}

function createFault(options: { match: Match; kind: FaultKind; times?: number; every?: number }): ArmedFault {
  const { match, kind, every = 1 } = options;
  let seen = 0;
  const fault: ArmedFault = {
    match,
    kind,
    left: options.times ?? (options.every === undefined ? 1 : Number.POSITIVE_INFINITY),
    hits: 0,
    strikes(call) {
      if (fault.left <= 0 || !matches(match, call) || ++seen % every !== 0) return false;
      fault.left--;
      (fault as { hits: number }).hits++;
      return true;
    },
    remove() {
      fault.left = 0;
    },
  };
  return fault;
}

function matches(match: Match, call: GatewayCall): boolean {
  if (typeof match === "function") return match(call);
  return (
    (match.service ?? call.service) === call.service &&
    (match.action ?? call.action) === call.action &&
    (match.function ?? call.caller) === call.caller &&
    (match.label ?? call.label) === call.label &&
    (match.pkPrefix === undefined || touched(call).some((pk) => pk?.startsWith(match.pkPrefix!)))
  );
}

type Keyed = { Item?: { pk?: { S?: string } }; Key?: { pk?: { S?: string } } };
const pkOf = (part: Keyed | undefined) => (part?.Item ?? part?.Key)?.pk?.S;

/** Partition keys a DynamoDB call names, in a transaction one per item. */
function touched({ json }: GatewayCall): (string | undefined)[] {
  if (Array.isArray(json.TransactItems)) {
    return json.TransactItems.map((item: Record<string, Keyed>) => pkOf(Object.values(item)[0]));
  }
  if (json.RequestItems)
    return [...JSON.stringify(json.RequestItems).matchAll(/"pk":\{"S":"([^"]*)"/g)].map((hit) => hit[1]);
  if (json.Key || json.Item) return [pkOf(json as Keyed)];
  return Object.values((json.ExpressionAttributeValues ?? {}) as Record<string, { S?: string }>).map(
    (value) => value.S,
  );
}

function inventedAnswer({ kind, match }: Pick<ArmedFault, "kind" | "match">, call: GatewayCall): AwsAnswer | undefined {
  const dynamodb = call.service === "dynamodb";
  const prefix = dynamodb ? DYNAMODB_ERRORS : "";
  if (kind === "throttle") {
    const status = call.service === "geo" ? 429 : 400;
    return failure(status, `${prefix}ThrottlingException`, "Rate exceeded");
  }
  if (kind === "error500") return failure(500, `${prefix}InternalServerError`, "The request processing has failed.");
  if (kind === "refused") return failure(400, `${prefix}ValidationException`, "The call can't be read.");
  if (kind !== "conflict") return undefined;
  if (call.action !== "TransactWriteItems" && call.action !== "TransactGetItems") {
    const message = "Transaction is ongoing for the item";
    return failure(400, `${prefix}TransactionConflictException`, message);
  }
  const keys = touched(call);
  const wanted = typeof match === "function" ? undefined : match.pkPrefix;
  const hit = Math.max(0, wanted === undefined ? 0 : keys.findIndex((pk) => pk?.startsWith(wanted)));
  const reasons = keys.map((_, index) =>
    index === hit ? { Code: "TransactionConflict", Message: "Transaction is ongoing for the item" } : { Code: "None" },
  );
  const codes = reasons.map((reason) => reason.Code).join(", ");
  const Message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
  return failure(400, `${prefix}TransactionCanceledException`, Message, { Message, CancellationReasons: reasons });
}

function failure(status: number, type: string, message: string, more: Json = {}): AwsAnswer {
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.0", "x-amzn-errortype": type.replace(/^.*#/, "") },
    body: JSON.stringify({ __type: type, message, ...more }),
  };
}

function write(outgoing: ServerResponse, { status, headers, body }: AwsAnswer) {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  outgoing.writeHead(status, {
    "content-type": "application/json",
    "x-amzn-requestid": randomUUID(),
    ...headers,
    "content-length": bytes.length,
  });
  outgoing.end(bytes);
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error(`A call of more than ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseBody(body: Buffer): Json {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString()) as Json;
  } catch {
    return {};
  }
}

/** Sends DynamoDB calls to the engine: signed anew, for a key of ours means nothing there. */
function createForward(endpoint: string) {
  const url = new URL(endpoint);
  const secure = url.protocol === "https:";
  const agent = secure ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const aws = isAws(endpoint);
  const credentials = aws
    ? {
        accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? "",
        secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "",
        sessionToken: process.env.AWS_SESSION_TOKEN,
      }
    : LOCAL_CREDENTIALS;
  const region = (aws && process.env.AWS_REGION) || REGION;

  const send = (action: string, body: Buffer) =>
    new Promise<AwsAnswer>((resolve, reject) => {
      const headers = sign({ host: url.host, action, body, region, credentials });
      const start = secure ? tlsRequest : httpRequest;
      const outgoing = start(
        { host: url.hostname, port: url.port || undefined, path: "/", method: "POST", agent, headers },
        (incoming) => {
          readBody(incoming).then((bytes) => {
            const kept = ["content-type", "x-amzn-requestid", "x-amz-crc32"] as const;
            const passed = kept.flatMap((name) =>
              incoming.headers[name] ? [[name, String(incoming.headers[name])]] : [],
            );
            resolve({ status: incoming.statusCode ?? 500, headers: Object.fromEntries(passed), body: bytes });
          }, reject);
        },
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        // The engine closed an idle connection as we wrote on it: nothing was executed only if nothing was sent, so the
        // caller hears a 500 and its SDK asks again, with the same token.
        reject(new Error(`The engine at ${endpoint} does not answer (${error.code ?? error.message}).`));
      });
      outgoing.end(body);
    });
  return { send, stop: () => agent.destroy() };
}

interface Signed {
  host: string;
  action: string;
  body: Buffer;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined };
}

/** AWS Signature Version 4 of a DynamoDB call, in real time: engines compare it with their own clock. */
function sign({ host, action, body, region, credentials }: Signed): Record<string, string> {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = stamp.slice(0, 8);
  const headers: Record<string, string> = {
    "content-type": "application/x-amz-json-1.0",
    host,
    "x-amz-date": stamp,
    ...(credentials.sessionToken && { "x-amz-security-token": credentials.sessionToken }),
    "x-amz-target": `DynamoDB_20120810.${action}`,
  };
  const signed = Object.keys(headers).join(";");
  const canonical = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const sha256 = (data: string | Buffer) => hash("sha256", data, "hex");
  const request = ["POST", "/", "", canonical.join(""), signed, sha256(body)].join("\n");
  const scope = `${day}/${region}/dynamodb/aws4_request`;
  const key = signingKey(`AWS4${credentials.secretAccessKey}`, scope);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", stamp, scope, sha256(request)].join("\n")).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
  return { ...headers, authorization, "content-length": String(body.length) };
}

const hmac = (key: string | Buffer | KeyObject, data: string) => createHmac("sha256", key).update(data).digest();
const derived = new Map<string, KeyObject>();

/** The key of a day, region and service: derived once, it signs all their calls. */
function signingKey(secret: string, scope: string): KeyObject {
  const known = derived.get(scope);
  if (known) return known;
  const key = createSecretKey(scope.split("/").reduce<string | Buffer>(hmac, secret) as Buffer);
  derived.clear();
  derived.set(scope, key);
  return key;
}
