import { dynamoTable } from "../functions/adapters/dynamo/table.ts";
import { systemEnv } from "../functions/runtime/env.ts";
import { ensureAssembly } from "../local/assembly.ts";
import { LOCAL_CREDENTIALS } from "../local/engine.ts";
import { REGION } from "../local/template.ts";
import type { PosFile } from "../shared/pos/index.ts";
import { onlineRetailIsHere, openOnlineRetail } from "../test/pos/online-retail.ts";
import type { Bench } from "./bench.ts";
import { startChild } from "./child.ts";
import type { PlatformFacts } from "./platform-process.ts";
import type { ImportAsked } from "./pos-importer.ts";

const allLines = 541_909;

/**
 * `pos_import.lines_per_s` and `pos_import.peak_mb`: the whole Online Retail data set into the table on the engine with its file,
 * through the mapping, with an article for each of its products; then again, which must change nothing. The peak is the most that the
 * importing process held, node itself included.
 */
export async function posFigures(bench: Bench): Promise<void> {
  if (!onlineRetailIsHere) {
    bench.progress("pos_import: ../shared/data/online-retail-lines.csv.gz is not here, NOT measured");
    return;
  }
  await ensureAssembly({ progress: bench.progress });
  const platform = startChild(bench, "./platform-process.ts", { DATA_DIR: bench.folder("pos") });
  const { endpoint, tableName } = await platform.ask<PlatformFacts>("facts");
  await platform.ask("endStreams");
  const connection = { endpoint, region: REGION, credentials: LOCAL_CREDENTIALS };
  const table = dynamoTable({ tableName, env: systemEnv, connection });
  const { storeId } = await openOnlineRetail({ table, env: systemEnv });

  const lines = bench.few(allLines);
  const importer = startChild(bench, "./pos-importer.ts");
  const asked: ImportAsked = { endpoint, tableName, storeId, lines };
  const run = () => importer.ask<{ file: PosFile; seconds: number; peakMb: number }>("import", asked);
  const first = await run();
  const { added, skipped } = first.file;
  bench.progress(`pos_import: ${added} lines are in, now the same file again`);
  const second = await run();
  const left = Object.values(skipped).reduce((sum, each) => sum + each, 0);
  if (first.file.lines !== lines || added + left !== lines)
    throw new Error(`some lines are not accounted for: ${JSON.stringify(first.file)}`);
  if (second.file.added !== 0 || second.file.already !== added)
    throw new Error(`the second import had an effect: ${JSON.stringify(second.file)}`);
  bench.tell({
    figure: "pos_import.lines_per_s",
    value: lines / first.seconds,
    unit: "lines/s",
    lines,
    added,
    ...skipped,
    seconds: bench.rounded(first.seconds),
    again_seconds: bench.rounded(second.seconds),
  });
  bench.tell({ figure: "pos_import.peak_mb", value: Math.max(first.peakMb, second.peakMb), unit: "MB", lines });
}
