import { settleTeam, sweep } from "../../shared/groupbuy/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Settles teams whose timer was lost: an execution that never started, or died. Beside a living one it changes nothing. */
export const handler = jobHandler("deadline-sweep", composeDeps(["wechat"]), (deps, untilMs) =>
  sweep(deps, "deadline", async (due) => (await settleTeam(deps, due.id)).outcome === "done", {
    untilMs,
    late: lateWork,
    failed: (due, error) => logger.unexpected("DEADLINE_FAILED", error, { teamId: due.id }),
  }),
);
