import { closeDays } from "../../shared/ledger/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Closes the ledger's books of each day that is over, and adds the last closed one up anew. */
export const handler = jobHandler("books", composeDeps([]), async (deps, untilMs) => {
  let drifted = 0;
  const closed = await closeDays(deps, untilMs, (on, { lines, amountFen }) => {
    drifted += 1;
    logger.error("LEDGER_DRIFT", {
      place: on,
      count: lines,
      number: String(amountFen),
      impact: "已关账的一天有了变化",
    });
  });
  return { closed, drifted };
});
