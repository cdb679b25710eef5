import { uploadShipping } from "../../shared/fulfilment/index.ts";
import { reconcilePayment, reconcileRefund, sweep } from "../../shared/groupbuy/index.ts";
import type { Due } from "../../shared/table/rows.ts";
import { composeDeps } from "../runtime/composition.ts";
import type { Deps } from "../runtime/deps.ts";
import { jobHandler } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

const looks: Record<"refund" | "payment" | "shipping", (deps: Deps, due: Due) => Promise<boolean>> = {
  refund: (deps, due) => reconcileRefund(deps, due.id),
  payment: (deps, due) => reconcilePayment(deps, due.id),
  shipping: async (deps, due) => (await uploadShipping(deps, due.id, due.at)).kind === "sent",
};

/** Finds what nobody finished: refunds, payments that raced a close, shipping uploads. */
export const handler = jobHandler("reconcile", composeDeps(["wechat"]), async (deps, untilMs) => {
  const tally: Record<string, number> = {};
  for (const kind of ["refund", "payment", "shipping"] as const) {
    const failed = (due: Due, error: unknown) =>
      logger.unexpected("RECONCILE_FAILED", error, { outcome: kind, number: due.id });
    const { decided, again } = await sweep(deps, kind, (due) => looks[kind](deps, due), { untilMs, failed });
    tally[`${kind}.decided`] = decided;
    tally[`${kind}.again`] = again;
  }
  return tally;
});
