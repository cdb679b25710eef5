import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PlatformClock } from "./parts.ts";

/** Timers are armed for an hour at most: `setTimeout` overflows at 24.8 days, and a suspended machine makes them late. */
const LONGEST_TIMER = 3_600_000;

export interface MovableClock extends PlatformClock {
  /** One BigInt64 cell with the offset in ms; the workers read it on every `Date`. */
  readonly sharedBuffer: SharedArrayBuffer;
  /** Forgets everything planned with `at`. */
  stop(): void;
}

interface Appointment {
  at: number;
  run: () => void;
}

/**
 * Platform time: real time plus an offset that only grows, kept in `<dataDir>/clock.json`. `startAt` (epoch ms) is where
 * time begins in a folder that has no clock yet.
 */
export function createClock({ dataDir, startAt }: { dataDir: string; startAt?: number }): MovableClock {
  const file = join(dataDir, "clock.json");
  const sharedBuffer = new SharedArrayBuffer(8);
  const cell = new BigInt64Array(sharedBuffer);
  const appointments = new Set<Appointment>();
  let timer: NodeJS.Timeout | undefined;
  let armedFor = Number.POSITIVE_INFINITY;

  const offset = () => Number(Atomics.load(cell, 0));
  const now = () => Date.now() + offset();

  const setOffset = (ms: number) => {
    Atomics.store(cell, 0, BigInt(ms));
    writeFileSync(`${file}.new`, JSON.stringify({ offset: ms }));
    renameSync(`${file}.new`, file);
  };

  mkdirSync(dataDir, { recursive: true });
  const stored = readStored(file);
  if (stored !== undefined) Atomics.store(cell, 0, BigInt(stored));
  else setOffset(startAt === undefined ? 0 : Math.trunc(startAt) - Date.now());

  const arm = (at: number) => {
    if (at >= armedFor) return;
    clearTimeout(timer);
    armedFor = at;
    timer = setTimeout(startDue, Math.min(Math.max(at - now(), 0), LONGEST_TIMER));
    timer.unref();
  };

  const startDue = () => {
    clearTimeout(timer);
    armedFor = Number.POSITIVE_INFINITY;
    const time = now();
    const due = [...appointments].filter((each) => each.at <= time).sort((a, b) => a.at - b.at);
    for (const each of due) {
      // A microtask each: one that throws must not keep the others from starting.
      queueMicrotask(() => {
        if (appointments.delete(each)) each.run();
      });
    }
    let next = Number.POSITIVE_INFINITY;
    for (const each of appointments) if (each.at > time && each.at < next) next = each.at;
    if (next < Number.POSITIVE_INFINITY) arm(next);
  };

  return {
    sharedBuffer,
    now,
    get offset() {
      return offset();
    },
    advance(ms) {
      if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`The clock moves forward only; got ${ms} ms.`);
      setOffset(offset() + Math.trunc(ms));
      startDue();
    },
    at(at, run) {
      const appointment = { at, run };
      appointments.add(appointment);
      arm(at);
      return { cancel: () => void appointments.delete(appointment) };
    },
    stop() {
      clearTimeout(timer);
      armedFor = Number.POSITIVE_INFINITY;
      appointments.clear();
    },
  };
}

function readStored(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { offset } = JSON.parse(text) as { offset?: unknown };
  if (!Number.isSafeInteger(offset))
    throw new Error(`${file} holds no offset in ms: delete it to return to real time.`);
  return offset as number;
}
