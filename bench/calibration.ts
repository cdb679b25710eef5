import { cpus, loadavg } from "node:os";
import type { Bench } from "./bench.ts";
import { startChild } from "./child.ts";
import { createHttpClient, drive } from "./load.ts";
import type { Cpu } from "./world.ts";

/**
 * `calibration.*`, printed with every run: the CPU of a hono answer that does nothing, and of one that sends a transaction of
 * four rows (two counters, two new rows, one index) to the engine. A figure of another machine, or another hour, is compared
 * by its ratio to these.
 */
export async function calibrate(bench: Bench): Promise<void> {
  const child = startChild(bench, "./calibration-server.ts", { DATA_DIR: bench.folder("calibration") });
  const http = createHttpClient(await child.ask<string>("url"));
  for (const [what, method, count] of [
    ["noop", "GET", 2000],
    ["transaction", "POST", 500],
  ] as const) {
    const one = async () => {
      const { status } = await http.send(method, `/${what}`);
      if (status >= 300) throw new Error(`calibration: ${what} answered ${status}`);
    };
    const operations = (n: number) => Array.from({ length: n }, () => one);
    await drive(operations(bench.few(count / 4)), 16, 5_000);
    const before = await child.ask<Cpu>("cpu");
    const { count: n, seconds } = await drive(operations(bench.few(count)), 16, 10_000);
    const after = await child.ask<Cpu>("cpu");
    const [node, engine] = [(after.node - before.node) / n, (after.engine - before.engine) / n];
    bench.tell({
      figure: `calibration.${what}_cpu_ms`,
      value: node + engine,
      unit: "ms",
      c: 16,
      n,
      node: bench.rounded(node),
      engine: bench.rounded(engine),
      per_s: bench.rounded(n / seconds),
      cores: cpus().length,
      load: bench.rounded(loadavg()[0]!),
    });
  }
  http.close();
  await child.stop();
}
