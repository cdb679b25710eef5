import { performance } from "node:perf_hooks";
import { indexStores, type Placed } from "../shared/fulfilment/nearest-stores.ts";
import { MAX_COMPARED } from "../shared/fulfilment/routing-rules.ts";
import { greatCircle, type Point } from "../shared/kernel/geo.ts";
import type { Bench } from "./bench.ts";

const timed = 200_000;
const warmUp = 20_000;
/** Searches held against brute force; of a large chain fewer, for each measures every store. */
const compared: [stores: number, searches: number][] = [
  [30, 100_000],
  [3_000, 100_000],
  [300_000, 200],
];

/**
 * `route.p99_us`: the nearest store of a chain, and the nearest eight, from places in and around its cities. `mismatches`: of
 * `compared` searches, a tenth of them from anywhere on earth, those whose nearest eight are not, in their order, what measuring
 * every store gives.
 */
export async function routeFigures(bench: Bench): Promise<void> {
  for (const [count, searches] of compared) {
    const random = seeded(count);
    const cities = Array.from({ length: Math.ceil(count / 1_000) }, () => at(20 + random() * 25, 80 + random() * 50));
    const around = (width: number): Point => {
      const city = cities[Math.floor(random() * cities.length)]!;
      return at(city.lat + (random() - 0.5) * width, city.lng + (random() - 0.5) * width);
    };
    const stores = Array.from({ length: count }, (_, n): Placed => ({ storeId: `ST${n}`, wgs84: around(0.3) }));
    const building = performance.now();
    const index = indexStores(stores);
    const buildMs = performance.now() - building;

    const nearest = (from: Point, most: number) => {
      const found = [];
      for (const seen of index.nearest(from)) if (found.push(seen) === most) break;
      return found;
    };
    let mismatches = 0;
    const looked = bench.few(searches);
    for (let i = 0; i < looked; i++) {
      const from = i % 10 === 0 ? at(random() * 180 - 90, random() * 360 - 180) : around(0.4);
      const [found, expected] = [nearest(from, MAX_COMPARED), bruteForce(stores, from)];
      if (found.some(({ store }, rank) => store !== expected[rank])) mismatches += 1;
    }
    bench.progress(`route: ${looked} searches among ${count} stores compared`);

    for (const most of [1, MAX_COMPARED]) {
      const times = new Float64Array(bench.few(timed));
      for (let i = -warmUp; i < times.length; i++) {
        const from = around(0.4);
        const began = performance.now();
        nearest(from, most);
        if (i >= 0) times[i] = performance.now() - began;
      }
      times.sort();
      const share = (part: number) => times[Math.ceil(times.length * part) - 1]! * 1_000;
      bench.tell({
        figure: "route.p99_us",
        value: share(0.99),
        unit: "us",
        stores: count,
        nearest: most,
        mismatches,
        compared: looked,
        p50_us: bench.rounded(share(0.5)),
        n: times.length,
        build_ms: bench.rounded(buildMs),
      });
    }
  }
}

const at = (lat: number, lng: number): Point => ({ lat, lng, datum: "wgs84" });

/** The nearest eight by measuring every store, the smaller id first where two are equally far. */
function bruteForce(stores: readonly Placed[], from: Point): Placed[] {
  const best: { store: Placed; straightM: number }[] = [];
  for (const store of stores) {
    const straightM = greatCircle(from, store.wgs84);
    const before = (other: { store: Placed; straightM: number }) =>
      other.straightM < straightM || (other.straightM === straightM && other.store.storeId < store.storeId);
    if (best.length === MAX_COMPARED && before(best.at(-1)!)) continue;
    const rank = best.findIndex((other) => !before(other));
    best.splice(rank < 0 ? best.length : rank, 0, { store, straightM });
    if (best.length > MAX_COMPARED) best.pop();
  }
  return best.map(({ store }) => store);
}

/** The same places in every run (the generator of Numerical Recipes, 2nd ed., 7.1). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
