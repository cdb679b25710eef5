import * as z from "zod";
import { carryCompensation, followClaim } from "../../../shared/aftersale/index.ts";
import { second, toUtc } from "../../../shared/kernel/time.ts";
import { composeDeps } from "../../runtime/composition.ts";
import type { Deps } from "../../runtime/deps.ts";
import { taskHandler } from "../../runtime/handler.ts";

const input = z.object({ task: z.enum(["claim", "recall"]), id: z.string() });

/** So long one task compensates buyers before the machine begins another, ms; the function's time is longer. */
const AT_A_TIME = 40 * second;

async function compensate(deps: Deps, recallId: string) {
  const now = deps.env.clock.now();
  const found = await carryCompensation(deps, recallId, now + AT_A_TIME);
  const at = typeof found === "number" ? found : deps.env.clock.now() + (found ? 0 : second);
  return { outcome: found === true ? "done" : "again", at };
}

/**
 * The compensation machine's task: the next step of a claim (task claim, the order as id) until somebody bears it, and of what is given to
 * everybody who has goods of a recall (task recall). It needs no undo: what was given is never taken back, and each order is given it once.
 */
export const handler = taskHandler(input, composeDeps([]), async (deps, { task, id }) => {
  const { outcome, at } = await (task === "claim" ? followClaim(deps, id) : compensate(deps, id));
  return { task, id, outcome, waitUntil: toUtc(at) };
});
