import { workerData } from "node:worker_threads";

// Loaded before the bundle: moves `Date` by the platform clock's offset. Timers, `performance` and the dates that `Intl`
// takes by itself stay in real time.
const { clock, skewMs } = workerData as { clock: SharedArrayBuffer; skewMs: number };
const cell = new BigInt64Array(clock);
const realNow = Date.now;
const now = () => realNow() + Number(Atomics.load(cell, 0)) + skewMs;
const RealDate = Date;

RealDate.now = now;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: (target) => new target(now()).toString(),
});
RealDate.prototype.constructor = globalThis.Date;
