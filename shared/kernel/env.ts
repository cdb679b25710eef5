import type { IdPrefix } from "./ids.ts";

/** Everything that is not a function of its input: given to use cases, never reached for. */
export interface Env {
  /** Epoch ms. Read per call: "today" is never computed at load. */
  clock: { now(): number };
  /** Cryptographically strong random bytes. */
  rng: { bytes(count: number): Uint8Array };
  /** A fresh, sortable id: see ids.ts. */
  ids: { next(prefix: IdPrefix): string };
  /** Waits `ms` of real time; used for back-off only. */
  sleep(ms: number): Promise<void>;
}
