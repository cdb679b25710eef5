import { runCampaign, sweep } from "../../shared/groupbuy/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Opens, closes and settles campaigns as their moments come. */
export const handler = jobHandler("campaign-window", composeDeps([]), (deps, untilMs) =>
  sweep(deps, "campaign", (due) => runCampaign(deps, due.id, untilMs), {
    untilMs,
    late: lateWork,
    failed: (due, error) => logger.unexpected("CAMPAIGN_FAILED", error, { campaignId: due.id }),
  }),
);
