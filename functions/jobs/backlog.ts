import { sweep } from "../../shared/groupbuy/index.ts";
import { applyImport } from "../../shared/masterdata/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Goes on with long lists of work that were decided and are not done yet: imports. */
export const handler = jobHandler("backlog", composeDeps([]), (deps, untilMs) =>
  sweep(deps, "import", (due) => applyImport(deps, due.id, untilMs), {
    untilMs,
    late: lateWork,
    failed: (due, error) => logger.unexpected("IMPORT_FAILED", error, { importId: due.id }),
  }),
);
