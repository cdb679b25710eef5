import { expect } from "vitest";
import type { FaultLevel } from "../../local/faults.ts";
import { toIso } from "../../shared/kernel/time.ts";
import { type Answer, type Caller, type Neighbour, openWorld, type Seat } from "../stories/world.ts";

// Answers are checked by what a story expects of them, not by types.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Any = any;

declare module "vitest" {
  interface TaskMeta {
    /** How many faults struck during the test: told at the end of the run. */
    faults?: number;
  }
}

const second = 1_000;
/** What a client may be told with a 5xx: it then asks again under the same key. */
const passing = ["TRY_AGAIN", "PAYMENT_UNKNOWN", "WECHAT_UNAVAILABLE"];
const TRIES = 40;

/** A story that gives way with the ms it wants to wait; the clock moves on once every story waits. */
export type Story = AsyncGenerator<number, void, void>;

/**
 * A world whose people do as a mini-program does: what fails for the moment they ask again, under the same Idempotency-Key.
 * Faults begin with `play` and end with `mend`.
 */
export async function openBadDay(seed: number, level: FaultLevel = "swarm") {
  const world = await openWorld({ faults: { level: "off", seed }, concurrency: { Shop: 6, default: 4 } });
  const { platform } = world;
  /** Answers that no client should ever see. */
  const forbidden: string[] = [];
  const asked = { requests: 0, repetitions: 0 };
  let keys = 0;

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  async function stubborn(what: string, ask: () => Promise<Answer<Any>>): Promise<Answer<Any>> {
    for (let attempt = 0; ; attempt++) {
      asked[attempt === 0 ? "requests" : "repetitions"]++;
      let status = 0;
      let text = "";
      try {
        const answer = await ask();
        ({ status, text } = answer);
        const lost = status === 500 && text === '{"message":"Internal Server Error"}'; // the gateway's: its function died
        const late = status === 503 && text === '{"message":"Service Unavailable"}';
        if (status >= 500 && !lost && !late && !(status === 503 && passing.includes(answer.body?.code)))
          forbidden.push(`${what}: ${status} ${text}`);
        if (status < 500 && status !== 429) return answer;
      } catch (error) {
        // a sign-in on the way that failed for the moment
        text = String(error);
        if (!/\b(5\d\d|429) \{/.test(text) && !/fetch failed/.test(text)) throw error;
        if (/ 5\d\d \{/.test(text) && !passing.some((code) => text.includes(code)) && !text.includes('{"message":"'))
          forbidden.push(`${what}: ${text}`);
      }
      if (attempt === TRIES) throw new Error(`${what}: still no answer after ${TRIES} repetitions: ${status} ${text}`);
      await pause(Math.min(20 * 2 ** attempt, 500));
    }
  }
  const persistent = <Who extends Caller>(who: Who): Who => ({
    ...who,
    get: (path) => stubborn(`GET ${path}`, () => who.get(path)),
    post: (path, body, key = `bad-day-${seed}-${++keys}`) => stubborn(`POST ${path}`, () => who.post(path, body, key)),
    put: (path, body) => stubborn(`PUT ${path}`, () => who.put(path, body)),
    delete: (path) => stubborn(`DELETE ${path}`, () => who.delete(path)),
  });
  const people = async (...names: string[]): Promise<Neighbour[]> =>
    (await world.neighbours(...names)).map((who) => persistent(who));

  const order = async (who: Caller, orderId: string): Promise<Any> => world.made(who.get(`/v1/orders/${orderId}`));
  const ops = persistent(world.ops);
  const team = async (teamId: string): Promise<Any> => world.made(ops.get(`/ops/v1/teams/${teamId}`));

  /** Waits until what is asked for is so, for half a day at most. */
  async function* until<T>(
    what: string,
    look: () => Promise<T>,
    holds: (found: T) => boolean,
  ): AsyncGenerator<number, T> {
    const begun = platform.clock.now();
    let found = await look();
    for (let wait = 20 * second; !holds(found); wait = Math.min(wait * 2, 900 * second)) {
      if (platform.clock.now() - begun > 12 * world.times.hour) throw new Error(`${what}: ${JSON.stringify(found)}`);
      yield wait;
      found = await look();
    }
    return found;
  }

  /** A coupon of an amount off ten yuan or more, which the member has; its grant. */
  async function coupon(who: Neighbour, amountFen: number): Promise<string> {
    const { couponId } = await world.made(
      ops.post("/ops/v1/coupons", {
        name: "邻里券",
        off: { by: "amount", fen: amountFen },
        thresholdFen: 1_000,
        validFrom: toIso(platform.clock.now()),
        validUntil: toIso(platform.clock.now() + world.times.day),
        funder: { by: "platform" },
        budgetFen: 10_000,
      }),
    );
    await world.made(ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds: [who.memberId], reason: "开业活动" }));
    return (await world.made(who.get("/v1/coupons"))).items[0].grantId;
  }

  /** Pays and sees the seat. */
  async function* pay(who: Neighbour, seat: Seat): AsyncGenerator<number, Any> {
    await world.payAtChannel(who, seat.orderId);
    return yield* until(
      `${who.name}'s payment of ${seat.orderId}`,
      () => order(who, seat.orderId),
      (o) => o.seat !== "HELD",
    );
  }
  async function* lead(who: Neighbour, campaignId: string): AsyncGenerator<number, Seat> {
    const seat: Seat = await world.made(world.open(who, campaignId));
    yield* pay(who, seat);
    return seat;
  }
  async function* joinAndPay(who: Neighbour, teamId: string): AsyncGenerator<number, Seat> {
    const seat: Seat = await world.made(world.join(who, teamId));
    yield* pay(who, seat);
    return seat;
  }

  /** Everything that has become due gets its turn; a bad day may still be busy after it. */
  const settle = (ms: number) => platform.idle(ms).catch(() => {});

  /** Tells the stories side by side under faults; the clock moves to the next moment that one of them waits for. */
  async function play(stories: Record<string, Story>): Promise<void> {
    platform.faults.set(level, seed);
    let waiting = Object.entries(stories).map(([name, story]) => ({ name, story, at: 0 }));
    while (waiting.length > 0) {
      const now = platform.clock.now();
      const ready = waiting.filter(({ at }) => at <= now);
      if (ready.length === 0) {
        platform.clock.advance(Math.min(...waiting.map(({ at }) => at)) - now);
        await settle(2_000);
        continue;
      }
      const ended = new Set<string>();
      await Promise.all(
        ready.map(async (one) => {
          try {
            const step = await one.story.next();
            if (step.done) ended.add(one.name);
            else one.at = Math.ceil((platform.clock.now() + step.value) / step.value) * step.value; // together with others
          } catch (error) {
            throw new Error(`${one.name}, seed ${seed}: ${error instanceof Error ? error.stack : error}`);
          }
        }),
      );
      waiting = waiting.filter(({ name }) => !ended.has(name));
    }
  }

  /** Faults stop and a day passes: now everything must come to its end. */
  async function mend(): Promise<void> {
    platform.faults.stop();
    const { minute, hour } = world.times;
    for (const step of [
      minute,
      5 * minute,
      10 * minute,
      11 * minute,
      31 * minute,
      62 * minute,
      3 * hour,
      7 * hour,
      12 * hour,
    ])
      await world.pass(step);
    await world.pass(11 * minute);
  }

  const faultsInjected = (): number => Object.values(platform.faults.counts()).reduce((a, b) => a + b);

  /** What the day was like, in a line for the reader of a test run. */
  function report(): string {
    const struck = Object.entries(platform.faults.counts()).filter(([, count]) => count > 0);
    const total = faultsInjected();
    const list = struck.map(([name, count]) => `${name} ${count}`).join(", ");
    return `seed ${seed}: ${asked.requests} requests, repeated ${asked.repetitions} times; ${total} faults: ${list}`;
  }

  /** Nothing undone, nothing double, no answer that no client should see. */
  async function checkEverything(): Promise<void> {
    expect(forbidden).toEqual([]);
    expect(await world.unfinished()).toEqual([]);
    await world.recount();
    expect(faultsInjected()).toBeGreaterThan(50);
  }

  return {
    ...world,
    platform,
    ops,
    people,
    persistent,
    order,
    team,
    until,
    coupon,
    pay,
    lead,
    joinAndPay,
    play,
    mend,
    faultsInjected,
    report,
    checkEverything,
  };
}
