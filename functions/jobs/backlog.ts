import { carryCompensation, remindClaim } from "../../shared/aftersale/index.ts";
import { accrueCommissions, releaseCommissions } from "../../shared/commission/index.ts";
import { askForTaste, lookAtUncollected } from "../../shared/fulfilment/index.ts";
import { bookSubsidies, carryPromise, carryRecall, sweep } from "../../shared/groupbuy/index.ts";
import { applyImport } from "../../shared/masterdata/work.ts";
import { shareOut } from "../../shared/payout/index.ts";
import { rewardReferral } from "../../shared/referral/work.ts";
import type { Due } from "../../shared/table/rows.ts";
import { composeDeps } from "../runtime/composition.ts";
import type { Deps } from "../runtime/deps.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

const kinds = [
  "recall",
  "compensation",
  "promise",
  "subsidy",
  "referral",
  "commission",
  "claim",
  "import",
  "uncollected",
  "tasting",
] as const;
const works: Record<(typeof kinds)[number], (deps: Deps, due: Due, untilMs: number) => Promise<boolean | number>> = {
  recall: (deps, due, untilMs) => carryRecall(deps, due.id, untilMs),
  compensation: (deps, due, untilMs) => carryCompensation(deps, due.id, untilMs),
  promise: (deps, due, untilMs) => carryPromise(deps, due.id, untilMs),
  subsidy: (deps, due, untilMs) => bookSubsidies(deps, due.id, untilMs),
  referral: (deps, due) => rewardReferral(deps, due.id),
  // of a team what it earns, of an order what is no longer frozen
  commission: async (deps, due, untilMs) => {
    if (due.id.startsWith("TM")) return accrueCommissions(deps, due.id, untilMs);
    const released = await releaseCommissions(deps, due.id);
    if (released === true) await shareOut(deps, due.id);
    return released;
  },
  claim: (deps, due) => remindClaim(deps, due.id),
  import: (deps, due, untilMs) => applyImport(deps, due.id, untilMs),
  uncollected: (deps, due) => lookAtUncollected(deps, due.id),
  tasting: (deps, due) => askForTaste(deps, due),
};

/** Goes on with long lists of work that were decided and are not done yet: recalls first, then what is given for them, arrivals that were put off, subsidies of a batch, referrals whose reward is due, commissions, claims that nobody answered, imports, what nobody collects, then how goods tasted. */
export const handler = jobHandler("backlog", composeDeps([]), async (deps, untilMs) => {
  const tally: Record<string, number> = {};
  const began = deps.env.clock.now();
  for (const [turn, kind] of kinds.entries()) {
    const share = began + ((untilMs - began) * (turn + 1)) / kinds.length;
    const { decided, again } = await sweep(deps, kind, (due) => works[kind](deps, due, share), {
      untilMs: share,
      late: lateWork,
      failed: (due, error) => logger.unexpected("BACKLOG_FAILED", error, { outcome: kind, number: due.id }),
    });
    tally[`${kind}.decided`] = decided;
    tally[`${kind}.again`] = again;
  }
  return tally;
});
