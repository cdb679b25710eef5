import * as z from "zod";
import { checkRefund, requestRefund } from "../../../shared/groupbuy/index.ts";
import { toUtc } from "../../../shared/kernel/time.ts";
import { composeDeps } from "../../runtime/composition.ts";
import { taskHandler } from "../../runtime/handler.ts";

const input = z.object({
  task: z.enum(["request", "check"]),
  refund: z.looseObject({ orderId: z.string(), refundId: z.string(), round: z.int().min(0).default(0) }),
});

/**
 * Request and Check: the refund machine's tasks. They need no undo: the number is fixed before the channel is asked, each
 * repetition asks under it, and a refund that was given is never taken back.
 */
export const handler = taskHandler(input, composeDeps(["wechat"]), async (deps, { task, refund }) => {
  const { at, ...step } = await (task === "request" ? requestRefund : checkRefund)(deps, refund);
  const next = { ...step, waitUntil: toUtc(at) };
  return { ...next, unfinished: step.outcome === "done" ? [] : [next] };
});
