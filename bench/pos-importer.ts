import { performance } from "node:perf_hooks";
import { dynamoTable } from "../functions/adapters/dynamo/table.ts";
import { systemEnv } from "../functions/runtime/env.ts";
import { LOCAL_CREDENTIALS } from "../local/engine.ts";
import { REGION } from "../local/template.ts";
import { importPosFile } from "../shared/pos/work.ts";
import { onlineRetail } from "../test/pos/online-retail.ts";
import { answerParent } from "./child.ts";

/** Where to import, and how many lines of the data set. */
export interface ImportAsked {
  endpoint: string;
  tableName: string;
  storeId: string;
  lines: number;
}

// A process of its own, so that its memory is the import's.
answerParent({
  import: async ({ endpoint, tableName, storeId, lines }: ImportAsked) => {
    const connection = { endpoint, region: REGION, credentials: LOCAL_CREDENTIALS };
    const table = dynamoTable({ tableName, env: systemEnv, connection });
    const began = performance.now();
    const file = await importPosFile(
      { table, env: systemEnv, blindIndex: (text) => text },
      {
        ...{ by: "bench", storeId, layout: "online-retail", cutHour: 4 },
        open: () => onlineRetail(lines),
        progress(done, of) {
          if (done % 50_000 < 2_000 || done === of) process.stderr.write(`pos_import: ${done} of ${of} lines\n`);
        },
      },
    );
    // in kilobytes, of the whole process since it began
    return {
      file,
      seconds: (performance.now() - began) / 1_000,
      peakMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
    };
  },
});
