import * as z from "zod";
import { settleTeam } from "../../../shared/groupbuy/index.ts";
import { toUtc } from "../../../shared/kernel/time.ts";
import { composeDeps } from "../../runtime/composition.ts";
import { taskHandler } from "../../runtime/handler.ts";

const input = z.looseObject({ teamId: z.string() });

/**
 * Settle: the deadline machine's only task. It needs no undo: it writes a terminal state on condition, which never has to be
 * taken back, and is a no-op when it is early, late or repeated. Where it is not done the sweep goes on: `waitUntil` is for
 * executions that began when the machine itself came again.
 */
export const handler = taskHandler(input, composeDeps(["wechat"]), async (deps, { teamId }) => {
  const settled = await settleTeam(deps, teamId);
  return settled.outcome === "done"
    ? { teamId, outcome: "done" }
    : { teamId, outcome: settled.outcome, waitUntil: toUtc(settled.at) };
});
