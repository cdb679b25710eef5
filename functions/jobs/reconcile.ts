import { followSettlement, uploadShipping } from "../../shared/fulfilment/index.ts";
import { reconcilePayment, reconcileRefund, sweep } from "../../shared/groupbuy/index.ts";
import { hour } from "../../shared/kernel/time.ts";
import { openCase } from "../../shared/payment/index.ts";
import { bringPayout, bringShare } from "../../shared/payout/index.ts";
import type { Due } from "../../shared/table/rows.ts";
import { composeDeps } from "../runtime/composition.ts";
import type { Deps } from "../runtime/deps.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

const looks: Record<
  "refund" | "payment" | "shipping" | "payout" | "share" | "settlement",
  (deps: Deps, due: Due) => Promise<boolean | number>
> = {
  refund: (deps, due) => reconcileRefund(deps, due.id, due.since),
  payment: (deps, due) => reconcilePayment(deps, due.id),
  settlement: (deps, due) => followSettlement(deps, due.id),
  payout: (deps, due) => bringPayout(deps, due.id),
  share: (deps, due) => bringShare(deps, due.id),
  shipping: async (deps, due) => {
    const outcome = await uploadShipping(deps, due.id, due.at);
    if (outcome.kind !== "refused") return outcome.kind === "sent";
    await openCase(deps, {
      reason: "shipping_refused",
      number: due.id,
      orderId: due.id,
      detail: `the channel refuses the shipping information, the money stays frozen: ${outcome.code}`,
    });
    return deps.env.clock.now() + 6 * hour;
  },
};

/** Finds what nobody finished: refunds, payments that raced a close, shipping uploads, payouts and shares, money that the channel keeps. */
export const handler = jobHandler("reconcile", composeDeps(["wechat"]), async (deps, untilMs) => {
  const tally: Record<string, number> = {};
  const kinds = ["refund", "payment", "shipping", "payout", "share", "settlement"] as const;
  const began = deps.env.clock.now();
  for (const [turn, kind] of kinds.entries()) {
    // each has its share of the time, so that one that is slow does not keep the others from being looked at
    const share = began + ((untilMs - began) * (turn + 1)) / kinds.length;
    const failed = (due: Due, error: unknown) =>
      logger.unexpected("RECONCILE_FAILED", error, { outcome: kind, number: due.id });
    const { decided, again } = await sweep(deps, kind, (due) => looks[kind](deps, due), {
      untilMs: share,
      failed,
      late: lateWork,
    });
    tally[`${kind}.decided`] = decided;
    tally[`${kind}.again`] = again;
  }
  return tally;
});
