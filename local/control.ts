import type { IncomingMessage, ServerResponse } from "node:http";
import * as z from "zod";
import type { Cognito } from "./cognito.ts";
import { type Faults, faultLevels } from "./faults.ts";
import { readBody } from "./http-api.ts";
import type { Location } from "./location.ts";
import { METER_RULE, type Meter, type MeterRow, meterDifference } from "./meter.ts";
import type { PlatformClock } from "./parts.ts";
import type { PowerCut } from "./power-cut.ts";
import type { StateMachines } from "./state-machines.ts";
import type { Streams } from "./streams.ts";

interface ControlRequest {
  method: string;
  /** Below `/_local`, e.g. `/clock`. */
  path: string;
  query: URLSearchParams;
  body: Buffer;
  contentType: string;
}
interface ControlAnswer {
  status: number;
  body: unknown;
}

/** A refusal of the local controls, told as a problem. */
class ControlError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const bodyLimit = 1024 * 1024;
const clockMove = z.union([
  z.strictObject({ advanceMs: z.int().min(0) }),
  z.strictObject({ to: z.union([z.int(), z.iso.datetime({ offset: true })]) }),
]);
const newUser = z.strictObject({ username: z.string().min(1).max(128), password: z.string().min(8).max(256) });
const signIn = z.object({ grant_type: z.literal("password"), username: z.string(), password: z.string() });
const cellError = z.enum([
  "RouteNotFound",
  "RouteTooLong",
  "PositionsNotFound",
  "DestinationPositionNotFound",
  "DeparturePositionNotFound",
  "OtherValidationError",
]);
const locationFaults = z.strictObject({
  fault: z.enum(["none", "outage", "throttle", "validation"]).default("none"),
  count: z.int().min(1).exactOptional(),
  delayMs: z.int().min(0).max(60_000).exactOptional(),
  cells: z
    .array(
      z.strictObject({ departure: z.int().exactOptional(), destination: z.int().exactOptional(), code: cellError }),
    )
    .exactOptional(),
});

const faultSetting = z.strictObject({
  level: z.enum(faultLevels),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31)
    .exactOptional(),
});

const powerCutSetting = z
  .strictObject({
    /** Which calls count, by name: a regular expression. */
    calls: z.string().transform((text, context) => {
      try {
        return new RegExp(text);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
        return z.NEVER;
      }
    }),
    at: z.int().min(1).exactOptional(),
    when: z.enum(["before", "after"]).exactOptional(),
  })
  .refine(({ at, when }) => (at === undefined) === (when === undefined), "at and when belong together");

/**
 * The controls of the embedded default under `/_local`: the clock, what the platform is busy with, meters, the sandboxes'
 * knobs and the staff sign-in. Answers JSON, refusals as `application/problem+json`.
 */
export function createControl(parts: {
  clock: PlatformClock;
  cognito: Cognito;
  faults: Faults;
  location: Location;
  meter: Meter;
  machines: StateMachines;
  streams: Streams;
  powerCut: PowerCut;
  idle: (timeoutMs: number) => Promise<void>;
  /** The knobs of the WeChat sandbox; `path` is what follows `/_local/wechat/`. */
  wechat: (request: { method: string; path: string; body?: unknown }) => Promise<ControlAnswer>;
  /** The same of the sandbox of the invoice provider: `/_local/invoices/`. */
  invoices: (request: { method: string; path: string; body?: unknown }) => ControlAnswer;
  /** And of the carriers: `/_local/carriers/`. */
  carriers: (request: { method: string; path: string; body?: unknown }) => ControlAnswer;
}): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { clock, cognito, faults, location, meter, machines, streams, powerCut, idle, ...sandboxes } = parts;
  let meterBase: MeterRow[] = [];
  const time = (): unknown => ({ now: clock.now(), iso: new Date(clock.now()).toISOString(), offsetMs: clock.offset });

  /** What goes wrong at random: the chance of each kind, and how often it struck. */
  const faultReport = (): unknown => {
    const struck = Object.entries(faults.counts());
    const kinds = struck.map(([kind, count]) => [kind, { rate: faults.rates[kind as keyof Faults["rates"]], count }]);
    return { level: faults.level, seed: faults.seed, kinds: Object.fromEntries(kinds) };
  };

  const table: Record<string, (request: ControlRequest) => Promise<ControlAnswer> | ControlAnswer> = {
    "GET /": () => ok({ controls: Object.keys(table).map((key) => key.replace(" ", " /_local")) }),
    "GET /clock": () => ok(time()),
    "POST /clock": (request) => {
      const move = parsed(clockMove, request);
      const by = "advanceMs" in move ? move.advanceMs : Date.parse(new Date(move.to).toISOString()) - clock.now();
      if (by < 0) throw new ControlError(409, "The clock only moves forward; start with --fresh to go back.");
      clock.advance(by);
      return ok(time());
    },
    "GET /idle": async ({ query }) => {
      const timeoutMs = Number(query.get("timeoutMs") ?? 10_000);
      if (!(timeoutMs >= 0 && timeoutMs <= 300_000)) throw new ControlError(400, "timeoutMs must be 0 to 300000.");
      try {
        await idle(timeoutMs);
      } catch (error) {
        throw new ControlError(504, error instanceof Error ? error.message : String(error));
      }
      return ok({ idle: true });
    },
    "GET /meter": ({ query }) => {
      const now = meter.snapshot();
      const rows = meterDifference(meterBase, now);
      if (query.has("reset")) meterBase = now;
      return ok({ rule: METER_RULE, rows });
    },
    "GET /dead-letters": () =>
      ok({ deadLetters: streams.deadLetters().map((one) => ({ ...one, body: JSON.parse(one.body) as unknown })) }),
    "GET /executions": ({ query }) => {
      const filter = Object.fromEntries(
        ["status", "machine", "name"].flatMap((key) => (query.get(key) ? [[key, query.get(key)]] : [])),
      );
      return ok({ executions: machines.executions(filter) });
    },
    "GET /faults": () => ok(faultReport()),
    "POST /faults": (request) => {
      const { level, seed } = parsed(faultSetting, request);
      faults.set(level, seed);
      return ok(faultReport());
    },
    "GET /power-cut": () => ok({ seen: powerCut.seen() }),
    "POST /power-cut": (request) => {
      powerCut.arm(parsed(powerCutSetting, request));
      return ok({ armed: true });
    },
    "GET /location/faults": () => ok(location.faults),
    "POST /location/faults": (request) => {
      location.setFaults(parsed(locationFaults, request));
      return ok(location.faults);
    },
    "GET /cognito/.well-known/jwks.json": () => ok(cognito.jwks),
    "POST /cognito/users": (request) => ({ status: 201, body: cognito.createUser(parsed(newUser, request)) }),
    "POST /cognito/oauth2/token": async (request) => {
      const { username, password } = parsed(signIn, request);
      const token = await cognito.signIn(username, password);
      return token ? ok(token) : { status: 400, body: { error: "invalid_grant" } };
    },
  };

  async function answer(request: ControlRequest): Promise<ControlAnswer> {
    for (const name of ["wechat", "invoices", "carriers"] as const) {
      if (!request.path.startsWith(`/${name}/`)) continue;
      const { method, path, body } = request;
      return sandboxes[name]({
        method,
        path: path.slice(name.length + 2),
        ...(body.length > 0 && { body: jsonOrForm(request) }),
      });
    }
    const run = table[`${request.method} ${request.path}`];
    if (run) return run(request);
    const methods = Object.keys(table).filter((key) => key.endsWith(` ${request.path}`));
    if (methods.length > 0)
      throw new ControlError(405, `${request.path} takes ${methods.map((key) => key.split(" ")[0]).join(", ")}.`);
    throw new ControlError(404, `There is no control ${request.path}; GET /_local/ lists them.`);
  }

  return async (request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    let told: ControlAnswer;
    try {
      refuseStrangers(request);
      const body = await readBody(request, bodyLimit);
      if (!body) throw new ControlError(413, `The body is over ${bodyLimit} bytes.`);
      told = await answer({
        method: request.method ?? "GET",
        path: url.pathname.slice("/_local".length) || "/",
        query: url.searchParams,
        body,
        contentType: request.headers["content-type"] ?? "",
      });
    } catch (error) {
      const status = error instanceof ControlError ? error.status : 500;
      told = {
        status,
        body: { type: "about:blank", status, title: error instanceof Error ? error.message : String(error) },
      };
    }
    const problem = told.status >= 400 && !(told.body as { error?: string } | undefined)?.error;
    response.writeHead(told.status, {
      "content-type": problem ? "application/problem+json" : "application/json",
      "cache-control": "no-store",
    });
    response.end(told.body === undefined ? undefined : JSON.stringify(told.body));
  };
}

function ok(body: unknown): ControlAnswer {
  return { status: 200, body };
}

/** A web page of another origin, or one that rebinds its name to this address, must not turn the knobs. */
function refuseStrangers(request: IncomingMessage): void {
  const host = (request.headers.host ?? "").replace(/:\d+$/, "");
  const origin = request.headers.origin;
  const ours = host === "127.0.0.1" || host === "localhost";
  if (!ours || (origin !== undefined && origin !== `http://${request.headers.host}`)) {
    throw new ControlError(403, "The local controls answer on 127.0.0.1 and localhost only, and to no other origin.");
  }
}

/** The body by its schema; a refusal names the field. */
function parsed<Schema extends z.ZodType>(schema: Schema, request: ControlRequest): z.output<Schema> {
  const result = schema.safeParse(jsonOrForm(request));
  if (!result.success) throw new ControlError(400, z.prettifyError(result.error));
  return result.data;
}

function jsonOrForm({ body, contentType }: ControlRequest): unknown {
  const text = body.toString();
  try {
    // curl -d calls JSON a form unless it is told otherwise.
    const form = contentType.startsWith("application/x-www-form-urlencoded") && !/^\s*[{[]/.test(text);
    return form ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text || "{}");
  } catch {
    throw new ControlError(400, "The body is neither JSON nor a form.");
  }
}
