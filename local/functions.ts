import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import type { Faults } from "./faults.ts";
import type { Gateway, Pass } from "./gateway.ts";
import { FunctionError, type FunctionPool, type Observe, type Template, type TemplateResource } from "./parts.ts";
import { arnOf, REGION } from "./template.ts";

/** What a worker is started with. */
export interface WorkerSettings {
  clock: SharedArrayBuffer;
  /** How far this worker's clock is off, ms. */
  skewMs: number;
  file: string;
  exportName: string;
  functionName: string;
  functionArn: string;
  memoryMb: number;
}
export interface ToWorker {
  event: string;
  requestId: string;
  timeoutMs: number;
}
export type FromWorker =
  | { kind: "ready" }
  | { kind: "done"; payload: string }
  | { kind: "failed"; name: string; message: string; stack?: string | undefined }
  | { kind: "broken"; name: string; message: string; stack?: string | undefined };

/** Lambda's limit on a synchronous request and on its response. */
const PAYLOAD_LIMIT = 6 * 1024 * 1024;

interface Job {
  event: string;
  label: string;
  resolve(value: unknown): void;
  reject(error: FunctionError): void;
}

interface Room {
  worker: Worker;
  pass: Pass;
  ready: boolean;
  job: Job | undefined;
  requestId: string;
  /** When its event was handed to it, `performance.now()`. */
  began: number;
  timer: NodeJS.Timeout | undefined;
}

interface FunctionState {
  resource: TemplateResource;
  cap: number;
  timeoutMs: number;
  rooms: Set<Room>;
  queue: Job[];
}

export interface FunctionPoolOptions {
  template: Template;
  gateway: Pick<Gateway, "url" | "admit">;
  clock: { readonly sharedBuffer: SharedArrayBuffer };
  /** Replaces variables that a function declares (the sandbox's address for `WECHAT_API_URL`); read when a worker starts. */
  overrides?: Record<string, string>;
  /** Variables that every function has besides: where a service stands that is not behind the gateway. */
  endpoints?: Record<string, string>;
  /** One line of a function's output. */
  log?: (functionId: string, line: string) => void;
  /** Most workers of a function: for all, or by logical id with `default`. 4 where nothing is said. */
  concurrency?: number | Record<string, number>;
  /** Is told of every event that was dealt with, and of every line a function prints. */
  observe?: Observe | undefined;
  /** Puts clocks a little off, and ends workers in the middle of an event. */
  faults?: Pick<Faults, "kill" | "skew"> | undefined;
}

/**
 * Runs the template's functions, each its bundled asset in worker threads with nothing but its own environment: one event
 * at a time per worker, a further worker while all are busy, up to the cap, then a queue. Rejections are FunctionErrors
 * named as Lambda names them: the thrown error's name, or `Sandbox.Timedout`, `Runtime.ExitError`, `Runtime.HandlerNotFound`.
 */
export function createFunctionPool(options: FunctionPoolOptions): FunctionPool & { warm(functionId: string): void } {
  const {
    template,
    gateway,
    clock,
    overrides = {},
    endpoints = {},
    log = () => {},
    concurrency,
    faults,
    observe,
  } = options;
  const functions = new Map<string, FunctionState>();
  let busy = 0;
  let started = 0;
  let stopped = false;
  // The time zone belongs to the process, not to a thread; Lambda's is UTC.
  process.env.TZ = "UTC";

  for (const resource of template.byType("AWS::Lambda::Function")) {
    const { Timeout = 3, ReservedConcurrentExecutions } = resource.properties as Record<string, number | undefined>;
    const asked = typeof concurrency === "number" ? concurrency : (concurrency?.[resource.id] ?? concurrency?.default);
    functions.set(resource.id, {
      resource,
      cap: Math.max(1, Math.min(asked ?? 4, ReservedConcurrentExecutions ?? Number.POSITIVE_INFINITY)),
      timeoutMs: Timeout * 1000,
      rooms: new Set(),
      queue: [],
    });
  }

  function open(state: FunctionState): Room {
    const { resource } = state;
    const pass = gateway.admit(`AK${resource.id}${++started}`, resource.id);
    const { file, exportName } = entryOf(template, resource);
    const functionArn = arnOf(resource);
    const functionName = functionArn.split(":").at(-1)!;
    const memoryMb = Number(resource.properties.MemorySize ?? 128);
    const settings: WorkerSettings = {
      clock: clock.sharedBuffer,
      skewMs: faults?.skew() ?? 0,
      file,
      exportName,
      functionName,
      functionArn,
      memoryMb,
    };
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      name: resource.id,
      workerData: settings,
      execArgv: [],
      stdout: true,
      stderr: true,
      env: {
        ...declaredEnvironment(resource, overrides),
        AWS_REGION: REGION,
        AWS_DEFAULT_REGION: REGION,
        AWS_ACCESS_KEY_ID: pass.accessKey,
        AWS_SECRET_ACCESS_KEY: pass.accessKey,
        AWS_ENDPOINT_URL: gateway.url,
        ...endpoints,
        // The developer's own profile must not reach a function.
        AWS_CONFIG_FILE: "/dev/null",
        AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
        AWS_EC2_METADATA_DISABLED: "true",
        AWS_LAMBDA_FUNCTION_NAME: functionName,
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
        NODE_ENV: "production",
        TZ: "UTC",
      },
    });
    const room: Room = { worker, pass, ready: false, job: undefined, requestId: "", began: 0, timer: undefined };
    state.rooms.add(room);
    for (const stream of [worker.stdout, worker.stderr]) {
      createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
        log(resource.id, line);
        observe?.({ kind: "log", function: resource.id, bytes: Buffer.byteLength(line) });
      });
    }
    worker.on("message", (message: FromWorker) => heard(state, room, message));
    worker.on("error", (error) => {
      log(resource.id, error.stack ?? String(error));
      close(state, room, new FunctionError("Runtime.ExitError", `${error.name}: ${error.message}`));
    });
    worker.on("exit", (code) => {
      const text = `RequestId: ${room.requestId} Error: Runtime exited with error: exit status ${code}`;
      close(state, room, new FunctionError("Runtime.ExitError", text));
    });
    return room;
  }

  /** Ends a room; its event, if any, fails with `error`, and the queue goes on in another one. */
  function close(state: FunctionState, room: Room, error: FunctionError) {
    if (!state.rooms.delete(room)) return;
    clearTimeout(room.timer);
    room.pass.withdraw();
    void room.worker.terminate();
    const { job } = room;
    room.job = undefined;
    job?.reject(error);
    dispatch(state);
  }

  function heard(state: FunctionState, room: Room, message: FromWorker) {
    if (message.kind === "ready") {
      room.ready = true;
      if (room.job) send(state, room, room.job);
      return;
    }
    if (message.kind === "broken") {
      log(state.resource.id, message.stack ?? `${message.name}: ${message.message}`);
      close(state, room, new FunctionError(message.name, message.message));
      return;
    }
    const { job } = room;
    if (!job) return;
    observe?.({
      kind: "invocation",
      function: state.resource.id,
      label: job.label,
      ms: performance.now() - room.began,
    });
    clearTimeout(room.timer);
    room.job = undefined;
    if (message.kind === "failed") {
      log(state.resource.id, message.stack ?? `${message.name}: ${message.message}`);
      job.reject(new FunctionError(message.name, message.message));
    } else if (Buffer.byteLength(message.payload) > PAYLOAD_LIMIT) {
      const text = "Response payload size exceeded maximum allowed payload size (6291456 bytes).";
      job.reject(new FunctionError("Function.ResponseSizeTooLarge", text));
    } else {
      job.resolve(JSON.parse(message.payload));
    }
    dispatch(state);
  }

  function send(state: FunctionState, room: Room, job: Job) {
    const { timeoutMs } = state;
    room.requestId = randomUUID();
    room.pass.label = job.label;
    room.began = performance.now();
    room.timer = setTimeout(() => {
      const text = `RequestId: ${room.requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
      log(state.resource.id, text);
      close(state, room, new FunctionError("Sandbox.Timedout", text));
    }, timeoutMs);
    const death = faults?.kill(job.label);
    if (death) {
      setTimeout(() => {
        if (room.job !== job) return;
        death.killed();
        const text = `RequestId: ${room.requestId} Error: Runtime exited with error: signal: killed`;
        close(state, room, new FunctionError("Runtime.ExitError", text));
      }, death.afterMs);
    }
    room.worker.postMessage({ event: job.event, requestId: room.requestId, timeoutMs } satisfies ToWorker);
  }

  function dispatch(state: FunctionState) {
    while (state.queue.length > 0 && !stopped) {
      const idle = [...state.rooms].find((room) => !room.job);
      if (!idle && state.rooms.size >= state.cap) return;
      const job = state.queue.shift()!;
      let room: Room;
      try {
        room = idle ?? open(state);
      } catch (error) {
        job.reject(new FunctionError("Runtime.InitError", (error as Error).message));
        continue;
      }
      room.job = job;
      if (room.ready) send(state, room, job);
    }
  }

  return {
    invoke(functionId, event, label = functionId) {
      const state = functions.get(functionId);
      if (!state) {
        const known = [...functions.keys()].join(", ");
        return Promise.reject(new Error(`The template has no function "${functionId}"; it has ${known || "none"}.`));
      }
      if (stopped)
        return Promise.reject(new FunctionError("Runtime.Stopped", `${functionId}: the platform is stopping`));
      const payload = JSON.stringify(event) ?? "null";
      if (Buffer.byteLength(payload) > PAYLOAD_LIMIT) {
        const text = "Request must be smaller than 6291456 bytes for the InvokeFunction operation";
        return Promise.reject(new FunctionError("RequestTooLargeException", text));
      }
      busy++;
      return new Promise<unknown>((resolve, reject) => {
        state.queue.push({ event: payload, label, resolve, reject });
        dispatch(state);
      }).finally(() => {
        busy--;
      });
    },
    /** Starts a first worker before anybody asks for it; a function that the template lacks is none. */
    warm(functionId) {
      const state = functions.get(functionId);
      if (state && state.rooms.size === 0 && !stopped) open(state);
    },
    get busy() {
      return busy;
    },
    async stop() {
      stopped = true;
      const ending: Promise<unknown>[] = [];
      for (const state of functions.values()) {
        const error = new FunctionError("Runtime.Stopped", `${state.resource.id}: the platform is stopping`);
        for (const job of state.queue.splice(0)) job.reject(error);
        for (const room of [...state.rooms]) {
          ending.push(room.worker.terminate());
          close(state, room, error);
        }
      }
      await Promise.all(ending);
    },
  };
}

function entryOf(template: Template, resource: TemplateResource): { file: string; exportName: string } {
  const { Code, Handler } = resource.properties as { Code?: { S3Key?: string }; Handler?: string };
  const dot = Handler?.lastIndexOf(".") ?? -1;
  if (!Handler || dot < 1) throw new Error(`${resource.id}: Handler "${Handler}" is not of the form file.export`);
  if (!Code?.S3Key) throw new Error(`${resource.id}: Code has no S3Key; only bundled assets run here`);
  const base = join(template.assetFolder(Code.S3Key), Handler.slice(0, dot));
  const file = [".mjs", ".js", ".cjs"].map((ending) => base + ending).find((path) => existsSync(path));
  if (!file) throw new Error(`${resource.id}: its asset holds no ${base}.mjs; synthesize the app again`);
  return { file, exportName: Handler.slice(dot + 1) };
}

function declaredEnvironment(resource: TemplateResource, overrides: Record<string, string>): Record<string, string> {
  const { Variables = {} } = (resource.properties.Environment ?? {}) as { Variables?: Record<string, unknown> };
  return Object.fromEntries(Object.entries(Variables).map(([name, value]) => [name, overrides[name] ?? String(value)]));
}
