import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "./bench.ts";
import { type Buyer, openWorld, type World } from "./world.ts";

const buyersEach = 200;
const unitsEach = 50;
const repeats = 100;
/** A member may open ten teams at once (functions/runtime/limits.ts): so often is somebody used again. */
const rushesEach = 10;

/**
 * `rush.sold`: two hundred people want fifty units at the same time, each by a team of their own. The seed of a repeat says in
 * which order they come, up to 20 ms apart, and whether the units lie in one store or in two that serve the same block. Whoever
 * gets none is told so; a refusal for any other reason ends the run, and so does a unit that is neither sold nor left.
 */
export async function rushFigures(bench: Bench): Promise<void> {
  const world = await openWorld(bench, "rush");
  const times = bench.few(repeats);
  const crowds: Buyer[][] = [];
  for (let i = 0; i < Math.ceil(times / rushesEach); i++) crowds.push(await world.buyers(buyersEach));
  const sold: number[] = [];
  for (let seed = 1; seed <= times; seed++) {
    sold.push(await rush(world, crowds[(seed - 1) % crowds.length]!, seed));
    if (seed % 10 === 0) bench.progress(`rush: ${seed} of ${times}`);
  }
  const [min, max] = [Math.min(...sold), Math.max(...sold)];
  bench.tell({
    figure: "rush.sold",
    value: max,
    unit: "units",
    min,
    max,
    repeats: times,
    buyers: buyersEach,
    units: unitsEach,
  });
}

async function rush(world: World, crowd: Buyer[], seed: number): Promise<number> {
  const random = seeded(seed);
  const stores = world.stores.slice(0, 1 + (seed % 2));
  const campaignId = await world.campaign(stores.map((storeId) => ({ storeId, units: unitsEach / stores.length })));
  const { lat, lng } = world.sites[0]!;
  const order = crowd.map((buyer) => ({ buyer, at: random() })).sort((a, b) => a.at - b.at);
  const tokens = await Promise.all(order.map(({ buyer }) => buyer.token()));
  const answers = await Promise.all(
    tokens.map(async (token) => {
      await sleep(random() * 20);
      return world.open(token, campaignId, { lat, lng, datum: "wgs84" });
    }),
  );
  const sold = answers.filter(({ status }) => status === 201).length;
  const other = answers.find(
    ({ status, body }) => status !== 201 && body.code !== "NO_STORE_IN_RANGE" && body.code !== "SOLD_OUT",
  );
  if (other) throw new Error(`rush ${seed}: ${other.status} ${JSON.stringify(other.body)}`);
  const left = (await Promise.all(stores.map((storeId) => world.unitsLeft(campaignId, storeId)))).reduce<number>(
    (sum, units) => sum + (units ?? 0),
    0,
  );
  if (sold + left !== unitsEach) throw new Error(`rush ${seed}: ${sold} sold and ${left} left of ${unitsEach}`);
  return sold;
}

/** mulberry32: the same seed, the same numbers from 0 up to 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
