import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stackName } from "../local/assembly.ts";
import { createClock } from "../local/clock.ts";
import { loadTemplate } from "../local/template.ts";
import type { Place, WorldPlatform } from "./stories/world.ts";

/** `npm start` in a process of its own, seen from outside. */
export interface PlatformProcess extends WorldPlatform {
  /** Ends it with SIGKILL; the engine that it started lives on until the next start, or `stop`. */
  kill(): Promise<void>;
  /** Resolves when it has ended, by whatever. */
  readonly ended: Promise<unknown>;
}

/** Starts `local/main.ts` on the place; resolves when it serves. */
export async function startPlatformProcess({ dataDir, port, startAt, assembly, log }: Place): Promise<PlatformProcess> {
  const args = ["--data", dataDir, "--port", String(port), "--assembly", assembly];
  createClock({ dataDir, startAt }).stop(); // keeps the moment at which time begins, in a folder that has none
  const child = spawn(process.execPath, ["local/main.ts", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const url = await served(child, log);
  const kept = (file: string): { offset: number; port: number; pid: number } =>
    JSON.parse(readFileSync(join(dataDir, file), "utf8"));
  const control = async (path: string, body?: object) => {
    const response = await fetch(`${url}/_local/${path}`, {
      ...(body && {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
    if (!response.ok) throw new Error(`/_local/${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  let moving: Promise<unknown> = Promise.resolve();
  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    child.kill(signal);
    await ended;
  };
  return {
    url,
    ended,
    template: loadTemplate(assembly, stackName),
    engine: { endpoint: `http://127.0.0.1:${kept("engine.json").port}` },
    clock: {
      now: () => Date.now() + kept("clock.json").offset,
      advance(advanceMs) {
        moving = control("clock", { advanceMs });
        moving.catch(() => {}); // told by idle
      },
    },
    cognito: {
      adminFile: join(dataDir, "admin.json"),
      createUser: (user) => control("cognito/users", user) as Promise<{ sub: string }>,
      signIn: (username, password) =>
        control("cognito/oauth2/token", { grant_type: "password", username, password }) as Promise<{
          access_token: string;
        }>,
    },
    async idle(timeoutMs = 60_000) {
      await moving;
      await control(`idle?timeoutMs=${timeoutMs}`);
    },
    kill: () => end("SIGKILL"),
    async stop() {
      await end("SIGTERM");
      if (child.signalCode !== "SIGKILL") return;
      try {
        process.kill(kept("engine.json").pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    },
  };
}

/** The address that it tells once it is ready; rejects, with what it said, where it ends before. */
function served(child: ChildProcess, log: (line: string) => void): Promise<string> {
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on("line", (line) => {
        log(line);
        said.push(line);
        const [, url] = /^ {2}API {7}(http:\/\/127\.0\.0\.1:\d+)\/v1\//.exec(line) ?? [];
        if (url) resolve(url);
      });
    child.once("exit", (code, signal) => reject(new Error(`it ended with ${signal ?? code}:\n${said.join("\n")}`)));
  });
}
