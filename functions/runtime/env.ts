import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Env } from "../../shared/kernel/env.ts";
import { makeId } from "../../shared/kernel/ids.ts";

const clock = { now: () => Date.now() };
const rng = { bytes: (count: number): Uint8Array => randomBytes(count) };

/** Time, randomness and ids of a running function. */
export const systemEnv: Env = {
  clock,
  rng,
  ids: { next: (prefix) => makeId(prefix, clock.now(), rng.bytes(14)) },
  sleep: (ms) => wait(ms),
};
