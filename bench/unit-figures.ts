import { startPlatform } from "../local/platform.ts";
import { hour, startOfDay } from "../shared/kernel/time.ts";
import type { Bench } from "./bench.ts";
import { measureUnits } from "./units.ts";

/** `units.<operation>.read|write`, and `.consumers` with both in its parameters; on an embedded default of its own. */
export async function unitFigures(bench: Bench): Promise<void> {
  const platform = await startPlatform({
    dataDir: bench.folder("units"),
    // Ten in the morning: every store is open.
    startAt: startOfDay(Date.now()) + 10 * hour,
    progress: bench.progress,
  });
  bench.atEnd(platform.stop);
  for (const { operation, read, write, consumers } of await measureUnits(platform)) {
    bench.tell({ figure: `units.${operation}.read`, value: read, unit: "RRU" });
    bench.tell({ figure: `units.${operation}.write`, value: write, unit: "WRU" });
    bench.tell({
      figure: `units.${operation}.consumers`,
      value: consumers.read + consumers.write,
      unit: "RRU+WRU",
      ...consumers,
    });
  }
  await platform.stop();
}
