import { randomUUID } from "node:crypto";
import { slotPlans } from "../shared/table/keys.ts";
import type { Bench } from "./bench.ts";
import { type Buyer, openWorld, type World } from "./world.ts";

const buyersEach = 30;
const placesEach = 10;
const repeats = 30;
/** A member may order ten times at once (functions/runtime/limits.ts): so often is somebody used again. */
const rushesEach = 10;

/** `slot_rush.taken`: thirty people want the same ten places of a slot at the same time; a refusal for any other reason ends the run. */
export async function slotFigures(bench: Bench): Promise<void> {
  const world = await openWorld(bench, "rush");
  const storeId = world.stores[0]!;
  const windows = [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) =>
    Array.from({ length: 12 }, (_, i) => 480 + 60 * i).map((from) => ({
      weekday,
      from,
      until: from + 60,
      capacity: placesEach,
      leadMinutes: 0,
    })),
  );
  await world.table.commit([slotPlans.create({ storeId, pickup: { daysAhead: 7, windows } })]);
  const times = bench.few(repeats);
  const taken: number[] = [];
  let crowd: Buyer[] = [];
  for (let i = 0; i < times; i++) {
    if (i % rushesEach === 0) crowd = await world.buyers(buyersEach);
    taken.push(await rush(world, crowd, storeId));
  }
  const [min, max] = [Math.min(...taken), Math.max(...taken)];
  bench.tell({
    figure: "slot_rush.taken",
    value: max,
    unit: "places",
    min,
    max,
    repeats: times,
    buyers: buyersEach,
    places: placesEach,
  });
}

async function rush(world: World, crowd: Buyer[], storeId: string): Promise<number> {
  const tokens = await Promise.all(crowd.map((buyer) => buyer.token()));
  const { body: offered } = await world.http.send("GET", `/v1/stores/${storeId}/slots?kind=pickup`, {
    token: tokens[0]!,
  });
  const slots = offered.items as { slotId: string; left: number }[];
  const slot = slots.find(({ left }) => left === placesEach);
  if (!slot) throw new Error("no slot is free any more");
  const { lat, lng } = world.sites[0]!;
  const body = {
    lines: [{ articleId: world.articleId, units: 1 }],
    place: { lat, lng, datum: "wgs84" },
    storeId,
    slotId: slot.slotId,
  };
  const order = async (token: string): Promise<boolean> => {
    for (;;) {
      const answer = await world.http.send("POST", "/v1/orders", { token, key: randomUUID(), body });
      if (answer.status === 201) return true;
      if (answer.body.code === "SLOT_FULL") return false;
      // many at one counter: who lost every round is asked to come again
      if (answer.body.code !== "TRY_AGAIN") throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    }
  };
  const outcomes = await Promise.all(tokens.map(order));
  return outcomes.filter((taken) => taken).length;
}
