import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Bench } from "./bench.ts";

/** A process of its own that does what it is asked, one answer a question. */
export interface Child {
  ask<T>(question: string, given?: unknown): Promise<T>;
  stop(): Promise<void>;
}

type Asked = { id: number; question: string; given: unknown };
type Answered = { id: number; answer?: unknown; error?: string };

/** Starts a module of this folder with nothing but the environment given, and ends it with the bench at the latest. */
export function startChild(bench: Bench, module: string, env: Record<string, string> = {}): Child {
  const child = fork(new URL(module, import.meta.url), {
    env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", TZ: "UTC", ...env },
    // What functions log is not ours to show; what breaks is.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  const gone = Promise.withResolvers<void>();
  child.on("message", ({ id, answer, error }: Answered) => {
    const one = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) one?.resolve(answer);
    else one?.reject(new Error(`${module}: ${error}`));
  });
  child.once("exit", (code, signal) => {
    for (const one of waiting.values()) one.reject(new Error(`${module} ended (${signal ?? code}).`));
    waiting.clear();
    gone.resolve();
  });
  const stop = async () => {
    if (child.connected) child.disconnect();
    await gone.promise;
  };
  bench.atEnd(stop);
  return {
    ask<T>(question: string, given?: unknown) {
      const id = ++asked;
      return new Promise<T>((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
        child.send({ id, question, given } satisfies Asked, (error) => error && reject(error));
      });
    },
    stop,
  };
}

/** The other side: answers questions until the parent lets go, or is gone; then does `end` and exits. */
export function answerParent(
  answers: Record<string, (given: never) => unknown>,
  end: () => Promise<void> = async () => {},
): void {
  process.on("message", async ({ id, question, given }: Asked) => {
    const answer = await Promise.resolve()
      .then(() => answers[question]!(given as never))
      .then(
        (value): Answered => ({ id, answer: value }),
        (error: unknown): Answered => ({
          id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
      );
    if (process.connected) process.send!(answer);
  });
  // Ctrl-C reaches every process of the terminal; the parent ends us in its order.
  process.on("SIGINT", () => {});
  process.on("disconnect", () => void end().finally(() => process.exit(0)));
}

/** CPU this process has used, all threads, ms. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** CPU another process has used, ms, to the kernel's tick of 10 ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}
