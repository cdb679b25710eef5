import type { Bench } from "./bench.ts";
import { drive } from "./load.ts";
import { type Cpu, listed, openWorld, type Way, type World } from "./world.ts";

/** Requests at once. */
const concurrencies = [1, 16, 64];
/** Longest a measurement may take, real ms; its figures tell how many operations it had. */
const limitMs = 20_000;
const worlds = new WeakMap<Bench, Map<string, Promise<World>>>();

/** The world of that kind, opened once for all groups. */
function worldOf(bench: Bench, way: Way): Promise<World> {
  const opened = worlds.get(bench) ?? new Map<string, Promise<World>>();
  worlds.set(bench, opened);
  const world = opened.get(way) ?? openWorld(bench, way);
  opened.set(way, world);
  return world;
}

/** Carries the operations out at each concurrency, after some to warm up, and tells their figures. */
async function measure(
  bench: Bench,
  world: World,
  figure: string,
  count: (c: number) => number,
  prepare: (count: number) => Promise<(() => Promise<unknown>)[]>,
): Promise<void> {
  await drive(await prepare(bench.few(64)), 8, limitMs);
  await world.settled();
  for (const c of concurrencies) {
    const operations = await prepare(bench.few(count(c)));
    const before = await world.cpu();
    const began = performance.now();
    const { count: n, p99Ms } = await drive(operations, c, limitMs);
    await world.settled();
    const seconds = (performance.now() - began) / 1000;
    const after = await world.cpu();
    const each = (part: keyof Cpu) => (after[part] - before[part]) / n;
    const more = { c, n };
    bench.tell({ figure: `${figure}.per_s`, value: n / seconds, unit: "1/s", ...more });
    const parts = { node: bench.rounded(each("node")), engine: bench.rounded(each("engine")) };
    bench.tell({ figure: `${figure}.cpu_ms`, value: each("node") + each("engine"), unit: "ms", ...more, ...parts });
    bench.tell({ figure: `${figure}.p99_ms`, value: p99Ms, unit: "ms", ...more });
  }
}

const writes = (c: number) => (c === 1 ? 150 : 360);
const reads = (c: number) => (c === 1 ? 500 : 1500);

/** A seat each, of somebody who was never here: no team is full, and nobody waits for another. */
const joins = (world: World) => async (count: number) => {
  const buyers = await world.buyers(count);
  const teams = await world.seats(count);
  const tokens = await Promise.all(buyers.map(({ token }) => token()));
  return buyers.map(
    ({ place }, i) =>
      () =>
        world.join(tokens[i]!, teams[i]!, place),
  );
};

export async function joinFigures(bench: Bench): Promise<void> {
  const world = await worldOf(bench, "bundle");
  await measure(bench, world, "join", writes, joins(world));
}

export async function embeddedJoinFigures(bench: Bench): Promise<void> {
  const world = await worldOf(bench, "embedded");
  await measure(bench, world, "embedded_join", writes, joins(world));
}

/** The seat, the request for its payment, and the notification: done when that was dealt with, not when the member has an answer. */
export async function paidOrderFigures(bench: Bench): Promise<void> {
  const world = await worldOf(bench, "bundle");
  await measure(bench, world, "paid_order", writes, async (count) => {
    const buyers = await world.buyers(count);
    const teams = await world.seats(count);
    const tokens = await Promise.all(buyers.map(({ token }) => token()));
    return buyers.map(({ place }, i) => async () => {
      const { orderId } = await world.join(tokens[i]!, teams[i]!, place);
      await world.pay(tokens[i]!, orderId);
    });
  });
}

async function readFigures(bench: Bench, figure: string, path: (world: World) => string): Promise<void> {
  const world = await worldOf(bench, "bundle");
  const [reader] = await world.buyers(1);
  await measure(bench, world, figure, reads, async (count) => {
    const token = await reader!.token();
    return Array.from({ length: count }, () => async () => {
      const { status, body } = await world.http.send("GET", path(world), { token });
      if (status !== 200) throw new Error(`GET ${path(world)}: ${status} ${JSON.stringify(body)}`);
    });
  });
}

export const viewFigures = (bench: Bench) => readFigures(bench, "view", (world) => `/v1/campaigns/${world.campaignId}`);
export const listFigures = (bench: Bench) => readFigures(bench, "list", () => `/v1/campaigns?limit=${listed}`);
