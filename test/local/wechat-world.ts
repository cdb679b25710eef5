import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWeChatApi } from "../../functions/adapters/wechat/api.ts";
import { createWeChatLogin } from "../../functions/adapters/wechat/login.ts";
import { createWeChatPay } from "../../functions/adapters/wechat/pay.ts";
import { createShippingUpload } from "../../functions/adapters/wechat/shipping.ts";
import type { PlatformClock } from "../../local/parts.ts";
import { startWeChatSandbox } from "../../local/wechat/sandbox.ts";
import type { TokenStore } from "../../shared/identity/ports.ts";

/** 2026-11-23T20:00:05.250+08:00: not a whole second, on purpose. */
export const start = 1_795_435_205_250;

/** Platform time that stands still until somebody moves it. */
function manualClock(at = start): PlatformClock {
  let now = at;
  const alarms = new Set<{ at: number; run: () => void }>();
  const ring = () => {
    for (const alarm of [...alarms].sort((a, b) => a.at - b.at))
      if (alarm.at <= now && alarms.delete(alarm)) setImmediate(alarm.run);
  };
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
      ring();
    },
    at: (due, run) => {
      const alarm = { at: due, run };
      alarms.add(alarm);
      ring();
      return { cancel: () => void alarms.delete(alarm) };
    },
    get offset() {
      return now - at;
    },
  };
}

interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** Polls until `condition` holds; fails loudly after `limit` ms of real time. */
async function until(what: string, condition: () => boolean, limit = 5_000): Promise<void> {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A sandbox, our adapters in front of it, and a listener in the place of our hooks. */
export async function openWorld(options: { dataDir?: string; timeoutMs?: number } = {}) {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "wechat-"));
  const clock = manualClock();
  let sandbox = await startWeChatSandbox({ dataDir, clock });
  const received: Received[] = [];
  let answerWith: (notification: Received) => number | Promise<number> = () => 204;
  const hooks = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const notification = {
        path: request.url ?? "",
        headers: request.headers as Record<string, string>,
        body: Buffer.concat(chunks).toString(),
      };
      received.push(notification);
      response.writeHead(await answerWith(notification)).end();
    });
  });
  await new Promise<void>((resolve) => hooks.listen(0, "127.0.0.1", resolve));
  const notifyBase = `http://127.0.0.1:${(hooks.address() as AddressInfo).port}`;
  const env = { clock, rng: { bytes: (count: number) => new Uint8Array(randomBytes(count)) } };
  const kept = new Map<string, { token: string; expiresAt: number }>();
  const tokens: TokenStore = {
    get: async (appid) => kept.get(appid),
    put: async (appid, entry) => {
      world.tokenFetches++;
      kept.set(appid, entry);
    },
  };
  const build = () => {
    const endpoints = { apiUrl: sandbox.url, payUrl: sandbox.url, notifyBase, timeoutMs: options.timeoutMs ?? 2_000 };
    const config = sandbox.config;
    const api = createWeChatApi(config, endpoints, env, tokens);
    return {
      config,
      api,
      pay: createWeChatPay(config, endpoints, env),
      login: createWeChatLogin(config, api),
      shipping: createShippingUpload(config, api),
    };
  };
  const world = {
    clock,
    env,
    tokens: kept,
    /** How many access tokens our side has fetched and kept. */
    tokenFetches: 0,
    dataDir,
    received,
    notifyBase,
    ...build(),
    get sandbox() {
      return sandbox;
    },
    answer(how: typeof answerWith) {
      answerWith = how;
    },
    /** Reads the configuration again, as our side does after a key was rotated or the sandbox restarted. */
    rebuild() {
      Object.assign(world, build());
    },
    async restart() {
      await sandbox.stop();
      sandbox = await startWeChatSandbox({ dataDir, clock });
      world.rebuild();
    },
    async knob<Body = Record<string, unknown>>(name: string, body?: unknown): Promise<Body> {
      const [method = "POST", path = ""] = name.includes(" ") ? name.split(" ") : ["POST", name];
      const answer = await sandbox.control({ method, path, body });
      if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body as Body;
    },
    quiet: () => until("the sandbox is quiet", () => sandbox.busy() === 0),
    /** An order of the member, prepaid but not paid. */
    async order(user: string, paymentNo: string, amountFen = 1280) {
      const { openid } = await world.knob<{ openid: string }>("login-code", { user });
      const expiresAt = clock.now() + 15 * 60_000;
      const request = { paymentNo, description: "本地有机蔬菜", amountFen, openid, expiresAt };
      return { ...request, prepaid: await world.pay.prepay(request) };
    },
    async paidOrder(user: string, paymentNo: string, amountFen = 1280) {
      const order = await world.order(user, paymentNo, amountFen);
      await world.knob("pay", { paymentNo });
      await world.quiet();
      return order;
    },
    async close() {
      await sandbox.stop();
      hooks.closeAllConnections();
      await new Promise((resolve) => hooks.close(resolve));
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return world;
}

export type World = Awaited<ReturnType<typeof openWorld>>;
