import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { ensureAssembly, stackName } from "./assembly.ts";
import { type CarrierSandbox, startCarriers } from "./carriers.ts";
import { createClock, type MovableClock } from "./clock.ts";
import { type Cognito, createCognito } from "./cognito.ts";
import { createControl } from "./control.ts";
import { type Engine, isAws, LOCAL_CREDENTIALS, startEngine } from "./engine.ts";
import { createFaults, type FaultLevel, type Faults } from "./faults.ts";
import { createFunctionPool } from "./functions.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { createHttpApi } from "./http-api.ts";
import { hashKeys, loadPolicies, type Policies } from "./iam.ts";
import { type InvoiceProvider, startInvoiceProvider } from "./invoice-provider.ts";
import { createKms } from "./kms.ts";
import { createLocation, type Location } from "./location.ts";
import { createMeter, type Meter } from "./meter.ts";
import type { FunctionPool, Observe } from "./parts.ts";
import { createPowerCut } from "./power-cut.ts";
import { startS3 } from "./s3.ts";
import { startSchedules } from "./schedules.ts";
import { createSsm, openSecrets } from "./ssm.ts";
import { createStateMachines, type StateMachines } from "./state-machines.ts";
import { type Streams, startStreams } from "./streams.ts";
import { loadTemplate, REGION, type ResolvedTemplate, tableDefinition } from "./template.ts";
import { useRecorder } from "./use-record.ts";
import { startWeChatSandbox, type WeChatSandbox } from "./wechat/sandbox.ts";

export interface PlatformOptions {
  /** Everything that is kept lies in this folder: table, secrets, clock, journals. One platform at a time. */
  dataDir: string;
  /** The platform's port on 127.0.0.1; 0, the default, takes a free one. */
  port?: number;
  /** Starts from nothing: what the data folder holds is deleted. */
  fresh?: boolean;
  /** Where platform time begins in a new folder, epoch ms; now where absent. */
  startAt?: number;
  /** Gets one line for each event worth telling: failures, what functions print. */
  log?: (line: string) => void;
  /** Gets one line for each step of the start. */
  progress?: (line: string) => void;
  /** Folder of the cloud assembly; where absent, `cdk.out`, built when the sources have changed. */
  assembly?: string;
  /** Most workers of a function: for all, or by logical id with `default`. */
  concurrency?: number | Record<string, number>;
  /** Is told of everything that a bill would name. */
  observe?: Observe;
  /** What goes wrong at random, from the start on; nothing where absent. Without a `seed` one is drawn. */
  faults?: { level: FaultLevel; seed?: number };
}

export interface Platform {
  /** Base of the HTTP API and of `/_local`. */
  readonly url: string;
  /** Base of the WeChat sandbox. */
  readonly sandboxUrl: string;
  readonly clock: MovableClock;
  readonly template: ResolvedTemplate;
  readonly engine: Engine;
  readonly gateway: Gateway;
  readonly policies: Policies;
  readonly meter: Meter;
  readonly functions: FunctionPool;
  readonly streams: Streams;
  readonly machines: StateMachines;
  readonly wechat: WeChatSandbox;
  readonly invoices: InvoiceProvider;
  readonly carriers: CarrierSandbox;
  readonly location: Location;
  readonly cognito: Cognito;
  readonly faults: Faults;
  /**
   * Resolves when nothing is left to do before the clock moves: no request, function, execution or schedule is under way or
   * due, streams are drained, no notification is due. Rejects after `timeoutMs` (real time, a minute), saying what is still busy.
   */
  idle(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const ttlSweepMs = 10 * 60_000;

/** Starts the whole platform in this process, on 127.0.0.1 alone. Throws, naming the remedy, where it can't. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const {
    dataDir,
    port = 0,
    fresh = false,
    startAt,
    log = () => {},
    progress = () => {},
    assembly,
    concurrency,
  } = options;
  const faults = createFaults(options.faults);
  const powerCut = createPowerCut();
  const stack: (() => Promise<void> | void)[] = [];
  let stopped: Promise<void> | undefined;
  /** Ends what was started, last first; the second call waits for the first. */
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      for (const end of stack.reverse()) await end();
    })();
    return stopped;
  };
  try {
    const db = openRunnerDb(dataDir, fresh);
    stack.push(() => db.close());
    const clock = createClock({ dataDir, ...(startAt === undefined ? {} : { startAt }) });
    stack.push(() => clock.stop());

    // The port is taken first: its number is part of the functions' environment.
    let serve: Parameters<typeof createServer>[1] = (_, response) => void response.writeHead(503).end();
    const server = createServer((request, response) => serve!(request, response));
    const url = await listen(server, port);
    stack.push(() => close(server));

    const folder = assembly ?? (await ensureAssembly({ progress }));
    const template = loadTemplate(folder, stackName);
    const policies = loadPolicies(template, useRecorder(folder));
    const meter = createMeter();

    const carriers = await startCarriers({ dataDir, clock, log, faults, powerCut });
    stack.push(() => carriers.stop());
    const [engine, wechat, invoices] = await Promise.all([
      startEngine({ dataDir, log }).then((started) => {
        stack.push(() => started.stop());
        return started;
      }),
      startWeChatSandbox({ dataDir, clock, log, faults, powerCut, carriers }).then((started) => {
        stack.push(() => started.stop());
        return started;
      }),
      startInvoiceProvider({ dataDir, clock, log }).then((started) => {
        stack.push(() => started.stop());
        return started;
      }),
    ]);
    for (const type of ["AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table"]) {
      for (const table of template.byType(type)) await engine.createTable(tableDefinition(table));
    }

    carriers.appid = wechat.config.appid;
    const kms = createKms({ template, dataDir });
    const prefix = configPrefix(template);
    const parameters = openSecrets({
      dataDir,
      prefix,
      wechat: wechat.config,
      invoice: invoices.config,
      carriers: carriers.config,
    });
    const staff = staffAuthorizer(template);
    const cognito = await createCognito({ dataDir, clock, ...staff });
    const location = createLocation({ template, clock });
    const gateway = await startGateway({
      endpoint: engine.endpoint,
      policies,
      names: { hashKey: hashKeys(template), arnOfKey: kms.arnOfKey, arnOfCiphertext: kms.arnOfCiphertext },
      meter,
      faults,
      observe: options.observe,
      powerCut,
    });
    stack.push(() => gateway.stop());

    const s3 = await startS3({ template, dataDir, clock, gateway, policies });
    stack.push(() => s3.stop());

    const functions = createFunctionPool({
      template,
      gateway,
      clock,
      overrides: {
        WECHAT_API_URL: wechat.url,
        WECHAT_PAY_URL: wechat.url,
        PUBLIC_URL: url,
        STAFF_JWKS_URL: `${url}/_local/cognito/.well-known/jwks.json`,
        FIRST_ADMIN_SUB: cognito.adminSub,
      },
      endpoints: { AWS_ENDPOINT_URL_S3: s3.url },
      log: (functionId, line) => log(`${functionId}: ${line}`),
      observe: options.observe,
      faults,
      ...(concurrency === undefined ? {} : { concurrency }),
    });
    // Members' requests come first: their function loads while the rest starts.
    functions.warm("Shop");
    // What the streams wait for is let go by the end of the functions.
    let streamsEnd: Promise<void> | undefined;
    stack.push(async () => {
      await functions.stop();
      await streamsEnd;
    });
    let begun = 0;
    let poke = (): void => {};
    const pool: FunctionPool = {
      invoke(functionId, event, label) {
        begun++;
        return functions.invoke(functionId, event, label).finally(() => poke());
      },
      get busy() {
        return functions.busy;
      },
      stop: () => functions.stop(),
    };

    const barred = (roleArn: string, functionArn: string): string | undefined => {
      const role = template.idOfArn(roleArn);
      if (role === undefined) return `the role ${roleArn} is not in the template`;
      return policies.check(role, [{ action: "lambda:InvokeFunction", resource: functionArn }])?.message;
    };
    const machines = createStateMachines({ template, db, pool, clock, barred, log, observe: options.observe });
    stack.push(() => machines.stop());
    gateway.register("ssm", createSsm({ parameters }));
    gateway.register("kms", kms.service);
    gateway.register("geo", location.service);
    gateway.register("states", machines.service);

    const client = new DynamoDBStreamsClient(
      isAws(engine.endpoint)
        ? { region: process.env.AWS_REGION ?? REGION }
        : { endpoint: engine.endpoint, region: REGION, credentials: LOCAL_CREDENTIALS },
    );
    // it would prepare every record for a log that nobody keeps
    client.middlewareStack.remove("loggerMiddleware");
    const streams = startStreams({ template, db, pool, clock, client, log, faults });
    poke = streams.poke;
    stack.push(() => {
      streamsEnd = streams.stop().finally(() => client.destroy());
    });
    const schedules = startSchedules({ template, db, pool, clock, barred, log });
    stack.push(() => schedules.stop());
    machines.resume();
    stack.push(sweepTtl(engine, clock, log));

    let serving = 0;
    const idle = async (timeoutMs = 60_000): Promise<void> => {
      const until = performance.now() + timeoutMs;
      const busy = (): string[] => [
        ...(serving > 0 ? [`${serving} request(s)`] : []),
        ...(functions.busy > 0 ? [`${functions.busy} function event(s)`] : []),
        ...(machines.quiet() ? [] : ["state machines"]),
        ...(schedules.quiet() ? [] : ["schedules"]),
        ...(carriers.busy() > 0 ? [`${carriers.busy()} callback(s) of the carriers`] : []),
        ...(wechat.busy() > 0 ? [`${wechat.busy()} notification(s) of the WeChat sandbox`] : []),
      ];
      let drained = false;
      for (;;) {
        const before = begun;
        if (busy().length === 0) {
          drained = await Promise.race([
            streams.drained().then(() => true),
            sleep(Math.max(0, until - performance.now()), false, { ref: false }),
          ]);
          if (drained && busy().length === 0 && begun === before) return;
        }
        if (performance.now() >= until) {
          const what = [...busy(), ...(drained ? [] : ["streams"])].join(", ") || "one thing after the other";
          throw new Error(`Still busy after ${timeoutMs} ms: ${what}.`);
        }
        await sleep(5);
      }
    };

    const api = createHttpApi({ template, pool, clock, keysOf: () => cognito.jwks, log });
    const control = createControl({
      clock,
      cognito,
      faults,
      location,
      meter,
      machines,
      streams,
      powerCut,
      idle,
      wechat: async (request) => {
        const answer = await wechat.control(request);
        // A knob may have changed the merchant's keys.
        parameters[`${prefix}/wechat`] = JSON.stringify(wechat.config);
        return answer;
      },
      invoices: (request) => invoices.control(request),
      carriers: (request) => carriers.control(request),
    });
    serve = (request, response) => {
      const local = /^\/_local(\/|\?|$)/.test(request.url ?? "");
      if (!local) serving++;
      (local ? control : api)(request, response)
        .catch((error: unknown) => {
          // The client went away in the middle of its request.
          log(`${request.method} ${request.url}: ${error}`);
          response.destroy();
        })
        .finally(() => {
          if (!local) serving--;
        });
    };

    return {
      url,
      sandboxUrl: wechat.url,
      clock,
      template,
      engine,
      gateway,
      policies,
      meter,
      functions: pool,
      streams,
      machines,
      wechat,
      invoices,
      carriers,
      location,
      cognito,
      faults,
      idle,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Opens `<dataDir>/runner.db`, where journals and positions are kept, and holds it for this process alone: a second
 * platform on the folder is refused, and the kernel lets go of it however this process ends.
 */
function openRunnerDb(dataDir: string, fresh: boolean): DatabaseSync {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, "runner.db");
  if (!existsSync(file) && fresh && readdirSync(dataDir).length > 0) {
    throw new Error(`${dataDir} holds no data of this platform; it is not emptied. Choose another data folder.`);
  }
  const open = (): DatabaseSync => {
    const db = new DatabaseSync(file);
    try {
      // The lock is taken with the first write and kept: exclusive mode lets go of it only at the end.
      db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      db.exec("CREATE TABLE IF NOT EXISTS opened (at INTEGER); BEGIN IMMEDIATE; DELETE FROM opened; COMMIT");
      return db;
    } catch (error) {
      db.close();
      if (!/locked/.test(String(error))) throw error;
      throw new Error(`${dataDir} is in use by another platform: stop it, or choose another data folder.`);
    }
  };
  const db = open();
  if (!fresh) return db;
  db.close();
  for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true, force: true });
  return open();
}

async function listen(server: Server, port: number): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Error(`Port ${port} of 127.0.0.1 is in use: set PORT, or --port, to another one.`);
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** The SSM path that the template gives its functions. */
function configPrefix(template: ResolvedTemplate): string {
  for (const { properties } of template.byType("AWS::Lambda::Function")) {
    const variables = (properties.Environment as { Variables?: Record<string, string> } | undefined)?.Variables;
    if (variables?.CONFIG_PREFIX) return variables.CONFIG_PREFIX;
  }
  throw new Error("No function of the template has CONFIG_PREFIX in its environment; see infra/stacks/core.ts.");
}

/** Issuer and client that the template's JWT authorizer trusts. */
function staffAuthorizer(template: ResolvedTemplate): { issuer: string; clientId: string } {
  const settings = template.byType("AWS::ApiGatewayV2::Authorizer")[0]?.properties.JwtConfiguration as
    | { Issuer: string; Audience: string[] }
    | undefined;
  if (!settings?.Audience[0])
    throw new Error("The template has no JWT authorizer; infra/ must declare the staff pool's.");
  return { issuer: settings.Issuer, clientId: settings.Audience[0] };
}

/** Deletes expired items every ten minutes of platform time, and after each leap of the clock. */
function sweepTtl(engine: Engine, clock: MovableClock, log: (line: string) => void): () => Promise<void> {
  let stopped = false;
  let running: Promise<unknown> = Promise.resolve();
  let planned = { cancel: () => {} };
  const plan = (): void => {
    planned = clock.at(clock.now() + ttlSweepMs, () => {
      running = engine
        .sweepTtl(clock.now())
        .catch((error: unknown) => log(`sweep of expired items: ${error}`))
        .then(() => {
          if (!stopped) plan();
        });
    });
  };
  if (!engine.external) plan();
  return async () => {
    stopped = true;
    planned.cancel();
    await running;
  };
}
