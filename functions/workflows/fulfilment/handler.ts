import * as z from "zod";
import { carryDelivery, watchPreparation } from "../../../shared/dispatch/index.ts";
import { toUtc } from "../../../shared/kernel/time.ts";
import { composeDeps } from "../../runtime/composition.ts";
import { taskHandler } from "../../runtime/handler.ts";

const input = z.object({ task: z.enum(["prepare", "bring"]), orderId: z.string() });

/**
 * The fulfilment machine's task: the next step of an order that is to be brought, until it is packed (prepare) and until it is with its
 * member, or comes back (bring). It needs no undo: what is asked of a carrier is written down before, under a number of its own.
 */
export const handler = taskHandler(input, composeDeps(["wechat", "carriers"]), async (deps, { task, orderId }) => {
  const { outcome, at } = await (task === "prepare" ? watchPreparation : carryDelivery)(deps, orderId);
  return { task, orderId, outcome, waitUntil: toUtc(at) };
});
