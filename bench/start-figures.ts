import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createMemberTokens } from "../functions/adapters/tokens/member-tokens.ts";
import { systemEnv } from "../functions/runtime/env.ts";
import { ensureAssembly } from "../local/assembly.ts";
import { freePort } from "../local/engine.ts";
import type { Bench } from "./bench.ts";
import { median } from "./bundle-figures.ts";

const starts = 5;

/** `start.first_answer_ms`: from `npm start`, on data and an assembly that are there, to the first answer that was read from the table. */
export async function startFigures(bench: Bench): Promise<void> {
  await ensureAssembly({ progress: bench.progress });
  const dataDir = bench.folder("start");
  const times: number[] = [];
  // The first start makes the data; it is not counted.
  for (let i = 0; i <= bench.few(starts); i++) times.push(await firstAnswer(bench, dataDir));
  const later = times.slice(1);
  bench.tell({
    figure: "start.first_answer_ms",
    value: median(later),
    unit: "ms",
    min: bench.rounded(Math.min(...later)),
    max: bench.rounded(Math.max(...later)),
    n: later.length,
  });
}

async function firstAnswer(bench: Bench, dataDir: string): Promise<number> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn("npm", ["start", "--", "--port", String(port), "--data", dataDir], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "ignore", "inherit"],
    // npm hands no signal on: the whole group is ended
    detached: true,
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGTERM");
    await gone;
  };
  bench.atEnd(end);
  try {
    for (;;) {
      if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
      if (performance.now() - began > 120_000) throw new Error("npm start gave no answer in two minutes");
      const status = await answers(port, dataDir);
      if (status === 200) return performance.now() - began;
      await sleep(10);
    }
  } finally {
    await end();
  }
}

/** Status of a list that is read from the table; undefined while nobody listens. */
async function answers(port: number, dataDir: string): Promise<number | undefined> {
  try {
    const { "member-token-keys": keys } = JSON.parse(readFileSync(join(dataDir, "secrets.json"), "utf8"));
    const claims = { memberId: systemEnv.ids.next("MB"), sessionId: systemEnv.ids.next("SE") };
    const { accessToken } = await createMemberTokens(JSON.parse(keys), systemEnv).issue(claims);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/campaigns`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return undefined;
  }
}
