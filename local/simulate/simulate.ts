import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { day, hour, minute } from "../../shared/kernel/time.ts";
import type { FaultLevel } from "../faults.ts";
import { startPlatform } from "../platform.ts";
import { readFacts } from "../recount/facts.ts";
import { recount } from "../recount/recount.ts";
import type { Violation } from "../recount/tally.ts";
import { openChain } from "./chain.ts";
import { createClient } from "./client.ts";
import { createDice } from "./dice.ts";
import { digestOf } from "./digest.ts";
import { type Actor, createMember } from "./members.ts";
import type { Parameters, Temperament } from "./parameters.ts";
import { createCarriers, createOps, createRider, createStaff, createStranger } from "./people.ts";

export interface Simulation {
  days: number;
  stores: number;
  members: number;
  seed: number;
  faults: FaultLevel;
  parameters: Parameters;
  /** An empty folder; what the platform says is in its `platform.log`. */
  dataDir: string;
  assembly?: string | undefined;
  progress?: (line: string) => void;
}
/** What a simulation found. `answers`: how often each route gave each answer. */
export interface Outcome {
  operations: number;
  repetitions: number;
  faults: Record<string, number>;
  invariants: number;
  checks: number;
  violations: (Violation | { invariant: string; where: string; said: unknown; is: unknown })[];
  facts: string;
  answers: Record<string, number>;
  wallMs: number;
  cpuMs: number;
}

/** Monday 23 November 2026, 6:50 in Shanghai. */
const FIRST_MORNING = Date.UTC(2026, 10, 22, 22, 50);
/** So long is waited for what is under way, real ms: workers that are killed take their time. */
const LONGEST_CALL = 2_000;
/** So many act at the same instant under faults. */
const AT_ONCE = 8;
/** The steps of the day that follows a disturbed one: short at first, for what is asked again every minute. */
const REST = [1, 2, 3, 5, 10, 10, 15, 15, 30, 60, 60, 120, 240, 300, 120, 60, 60, 60, 60, 60, 60, 60, 15, 15].map(
  (m) => m * minute,
);

/** Who stands at a share (0 to 1) of all, each kind taking its part. */
function ofPart(kinds: readonly Temperament[], share: number): Temperament {
  let left = share * kinds.reduce((sum, { part }) => sum + part, 0);
  for (const kind of kinds) {
    left -= kind.part;
    if (left < 0) return kind;
  }
  return kinds[0]!;
}

/**
 * Days of a chain on the embedded default, in virtual time: everybody acts over HTTP when his time comes, the clock moves on once all
 * have. Without faults they act one after the other, so that a seed gives the same facts; under faults several at once. Then nothing
 * disturbs any more, a day passes, and everything is recounted.
 */
export async function simulate(options: Simulation): Promise<Outcome> {
  const { days, seed, faults: level, parameters, progress = () => {} } = options;
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  const said: string[] = [];
  const words = createWriteStream(join(options.dataDir, "platform.log"));
  const platform = await startPlatform({
    dataDir: options.dataDir,
    startAt: FIRST_MORNING,
    concurrency: level === "off" ? 2 : 4,
    faults: { level: "off", seed },
    log: (line) => {
      said.push(line);
      words.write(`${line}\n`);
      if (said.length > 200) said.shift();
    },
    ...(options.assembly !== undefined && { assembly: options.assembly }),
  });
  const wrong: Outcome["violations"] = [];
  const note = (invariant: string, where: string, what: string) =>
    void wrong.push({ invariant, where, said: what, is: "not so" });
  try {
    const { clock } = platform;
    const dice = (name: string) => createDice(seed, name);
    const client = createClient(platform, { repeats: parameters.repeatsRequest, dice: dice("requests"), wrong: note });
    const chain = await openChain(platform, client, options);
    const reader = await client.member("看客");
    const actors: Actor[] = [];
    const memberIds: string[] = [];
    for (let i = 0; i < options.members; i++) {
      const who = await client.member(`邻居${i + 1}`);
      memberIds.push(who.memberId);
      const temperament = ofPart(parameters.temperaments, (i + 0.5) / options.members);
      const home = i % chain.stores.length;
      actors.push(
        createMember({
          who,
          home,
          store: chain.stores[home]!,
          temperament,
          chain,
          client,
          dice: dice(who.name),
          wakingMs: (parameters.day.until - parameters.day.from) * hour,
          wrong: note,
        }),
      );
    }
    const parts = (name: string) => ({ chain, client, dice: dice(name), parameters });
    actors.unshift(createOps(parts("ops"), { memberIds, reader }), createCarriers(parts("carriers")));
    for (const store of chain.stores)
      actors.push(createStaff(store, parts(`staff ${store.name}`)), createRider(store, parts(`rider ${store.name}`)));
    actors.push(createStranger(parts("stranger"), (where, what) => note("API", where, what)));
    for (const [i, store] of chain.stores.entries()) {
      // each community has a leader, and one who invites for it
      const [leader, koc] = [memberIds[i], memberIds[i + chain.stores.length]];
      for (const number of [i + 1, i + 1 + chain.stores.length])
        await actors.find(({ name }) => name === `邻居${number}`)?.act(clock.now());
      for (const [memberId, role] of [
        [leader, "leader"],
        [koc, "koc"],
      ] as const)
        if (memberId !== undefined)
          await chain.ops.put(`/ops/v1/communities/${store.communityId}/members/${memberId}/role`, {
            role,
            reason: "群里推选",
          });
    }
    await platform.idle();

    const step = parameters.stepMinutes * minute;
    const start = Math.ceil(clock.now() / step) * step;
    const end = start + days * day - (24 - parameters.day.until) * hour;
    await platform.idle();
    const spread = dice("first visits");
    const plan = actors.map((actor, i) => ({ actor, i, at: start + (i < 2 ? 0 : step * spread.between(1, 12)) }));
    /** Nothing is in the middle of a call when the clock leaps: on no real day does one take a quarter of an hour. */
    const settle = async (): Promise<void> => {
      if (level === "off") return platform.idle();
      const until = performance.now() + LONGEST_CALL;
      while (platform.functions.busy > 0 && performance.now() < until) await sleep(5);
    };
    const act = async (one: (typeof plan)[number]): Promise<void> => {
      const wait = await one.actor.act(one.at);
      one.at = wait === undefined ? Number.POSITIVE_INFINITY : Math.ceil((one.at + Math.max(wait, step)) / step) * step;
      const hourOf = Math.floor(((one.at + 8 * hour) % day) / hour);
      // the night is for sleeping
      if (hourOf >= parameters.day.until || hourOf < parameters.day.from) {
        const morning = Math.floor((one.at + 8 * hour) / day) * day + parameters.day.from * hour - 8 * hour;
        one.at = (morning > one.at ? morning : morning + day) + (one.i < 2 ? 0 : step * (1 + (one.i % 12)));
      }
    };
    platform.faults.set(level, seed);
    let told = 0;
    for (let now = start; now < end; now = Math.min(...plan.map(({ at }) => at))) {
      if (now > clock.now()) clock.advance(now - clock.now());
      await settle();
      const ready = plan.filter(({ at }) => at <= now);
      if (level === "off")
        for (const one of ready) {
          await act(one);
          await settle();
        }
      else for (let i = 0; i < ready.length; i += AT_ONCE) await Promise.all(ready.slice(i, i + AT_ONCE).map(act));
      if (now - told >= hour) {
        told = now;
        const at = new Date(now + 8 * hour).toISOString().slice(0, 16).replace("T", " ");
        progress(`${at}  ${client.counted.requests} requests, ${((performance.now() - wall) / 1000).toFixed(0)} s`);
      }
    }
    const struck = Object.fromEntries(Object.entries(platform.faults.counts()).filter(([, times]) => times > 0));
    platform.faults.stop();
    progress("nothing disturbs any more; a day passes");
    await platform.idle();
    // whoever works goes on working, and carriers come when they are called
    for (const carrier of ["wechat", "dada"]) await client.local("carriers/plan", { carrier });
    const atWork = actors.filter(({ name }) => /^(staff|rider) of /.test(name));
    for (const ms of REST) {
      clock.advance(ms);
      await platform.idle();
      for (const actor of atWork) await actor.act(clock.now());
      await platform.idle();
    }
    await platform.idle();

    const facts = await readFacts({ dataDir: options.dataDir, endpoint: platform.engine.endpoint });
    const { violations, checks } = recount(facts, { rested: true });
    const dead = await client.local("dead-letters");
    for (const one of dead.deadLetters ?? [])
      note("L1", `dead letter in ${one.queue}`, JSON.stringify(one.body).slice(0, 500));
    // one that follows a claim waits for people, for days
    for (const status of ["RUNNING", "FAILED", "TIMED_OUT", "ABORTED"])
      for (const one of (await client.local(`executions?status=${status}`)).executions ?? [])
        if (one.machine !== "CompensationMachine" || status !== "RUNNING")
          note("L1", `execution ${one.name ?? ""}`, JSON.stringify(one).slice(0, 500));
    const used = process.cpuUsage(cpu);
    return {
      operations: client.counted.requests,
      repetitions: client.counted.repetitions,
      faults: struck,
      invariants: Object.keys(checks).length,
      checks: Object.values(checks).reduce((a, b) => a + b),
      violations: [...wrong, ...violations],
      facts: digestOf(facts),
      answers: client.counted.answers,
      wallMs: performance.now() - wall,
      cpuMs: (used.user + used.system) / 1000,
    };
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.stack : error}\nThe platform's last words:\n${said.slice(-15).join("\n")}`,
      {
        cause: error,
      },
    );
  } finally {
    await platform.stop();
    await new Promise<void>((done) => words.end(done));
  }
}
