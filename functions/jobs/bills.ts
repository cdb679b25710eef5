import { reconcileDay, reconcileDays } from "../../shared/bills/index.ts";
import { sweep } from "../../shared/groupbuy/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Holds the channel's daily bills against the books, day by day, until each of the last ones is reconciled; and those that staff want looked at again. */
export const handler = jobHandler("bills", composeDeps(["wechat"]), async (deps, untilMs) => {
  const days = await reconcileDays(deps, untilMs);
  const asked = await sweep(deps, "bill", async (due) => (await reconcileDay(deps, due.id)).state !== "WAITING", {
    untilMs,
    late: lateWork,
    failed: (due, error) => logger.unexpected("BILL_FAILED", error, { place: due.id }),
  });
  return { days, again: asked.decided };
});
