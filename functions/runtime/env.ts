import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Env } from "../../shared/kernel/env.ts";
import { makeId } from "../../shared/kernel/ids.ts";

const clock = { now: () => Date.now() };
const rng = { bytes: (count: number): Uint8Array => randomBytes(count) };

let lastIdAt = 0;

/** Time, randomness and ids of a running function. */
export const systemEnv: Env = {
  clock,
  rng,
  ids: {
    next(prefix) {
      // ids made one after the other sort so, even within a millisecond: a reader sees a commit's events in their order
      lastIdAt = Math.max(clock.now(), lastIdAt + 1);
      return makeId(prefix, lastIdAt, rng.bytes(14));
    },
  },
  sleep: (ms) => wait(ms),
};
