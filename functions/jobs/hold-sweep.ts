import { alarmUndecided, settleHold, sweep } from "../../shared/groupbuy/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Decides held seats whose hold and grace have run out: paid after all, or released. */
export const handler = jobHandler("hold-sweep", composeDeps(["wechat"]), (deps, untilMs) =>
  sweep(
    deps,
    "hold",
    async (due) => {
      const outcome = await settleHold(deps, due.id);
      if (outcome !== "undecided") return true;
      await alarmUndecided(deps, due);
      return false;
    },
    { untilMs, failed: (due, error) => logger.unexpected("HOLD_FAILED", error, { orderId: due.id }), late: lateWork },
  ),
);
