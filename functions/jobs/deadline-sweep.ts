import { settleTeam, sweep } from "../../shared/groupbuy/index.ts";
import { checkPost } from "../../shared/ugc/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/**
 * Settles teams whose timer was lost: an execution that never started, or died. Beside a living one it changes nothing. Then,
 * in what time is left, has posts checked that WeChat did not answer for.
 */
export const handler = jobHandler("deadline-sweep", composeDeps(["wechat"]), async (deps, untilMs) => {
  const { decided, again, failed } = await sweep(
    deps,
    "deadline",
    async (due) => (await settleTeam(deps, due.id)).outcome === "done",
    {
      untilMs,
      late: lateWork,
      failed: (due, error) => logger.unexpected("DEADLINE_FAILED", error, { teamId: due.id }),
    },
  );
  const checks = await sweep(deps, "moderation", (due) => checkPost(deps, due.id), {
    untilMs,
    late: lateWork,
    failed: (due, error) => logger.unexpected("MODERATION_FAILED", error, { number: due.id }),
  });
  return { decided, again, failed, "posts.decided": checks.decided, "posts.again": checks.again };
});
