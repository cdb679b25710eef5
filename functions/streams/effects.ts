import { uploadShipping } from "../../shared/fulfilment/index.ts";
import { clocks, counts, runCampaign, seatsIn } from "../../shared/groupbuy/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import { siblingId } from "../../shared/kernel/ids.ts";
import { composeDeps } from "../runtime/composition.ts";
import type { Deps } from "../runtime/deps.ts";
import { eventHandler } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

const text = (event: DomainEvent, name: string): string => {
  const value = event.data[name];
  if (typeof value !== "string") throw new Error(`${event.type} v${event.v} has no ${name}`);
  return value;
};

/**
 * What an event starts in the world. Every effect is idempotent by a natural key (an execution's name, a number at the
 * channel), so that an event may come again.
 */
const effects: Record<string, (deps: Deps, event: DomainEvent) => Promise<void>> = {
  "team.formed": (deps, event) =>
    deps.workflows.startDeadline(text(event, "teamId"), Number(event.data.deadline) + clocks.grace),
  "team.failed": (deps, event) => refundSeats(deps, text(event, "teamId"), Number(event.data.paid)),
  "seat.left": (deps, event) => deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId")),
  "payment.orphaned": (deps, event) => deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId")),
  "campaign.published": async (deps, event) => void (await runCampaign(deps, text(event, "campaignId"))),
  "campaign.cancelled": async (deps, event) => void (await runCampaign(deps, text(event, "campaignId"))),
  "order.handed_over": async (deps, event) => {
    // what does not work now is tried again by the reconciliation, from the due row
    const outcome = await uploadShipping(deps, text(event, "orderId"));
    if (outcome.kind !== "sent")
      logger.warn("SHIPPING_UPLOAD", { orderId: text(event, "orderId"), outcome: outcome.kind });
  },
  "payment.case_opened": async (_deps, event) =>
    logger.error("PAYMENT_CASE", {
      caseKey: text(event, "caseKey"),
      number: text(event, "number"),
      impact: "会员的钱需要人工处理",
    }),
};

/** One refund a paid seat; the seats found must be as many as the team counted, else the index is behind: come again. */
async function refundSeats(deps: Deps, teamId: string, paid: number): Promise<void> {
  let found = 0;
  for await (const seat of seatsIn(deps.table, teamId)) {
    if (!counts(seat)) continue;
    found += 1;
    if (seat.seat === "PAID") await deps.workflows.startRefund(seat.orderId, siblingId("RF", seat.orderId));
  }
  if (found !== paid) throw new Error(`team ${teamId} counts ${paid} paid seats, ${found} are indexed yet`);
}

export const handler = eventHandler(composeDeps(["wechat"]), async (deps, event) => {
  await effects[event.type]?.(deps, event);
});
