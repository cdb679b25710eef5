import { uploadShipping } from "../../shared/fulfilment/index.ts";
import { clocks, counts, runCampaign, seatsIn } from "../../shared/groupbuy/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import { siblingId } from "../../shared/kernel/ids.ts";
import { minute, second } from "../../shared/kernel/time.ts";
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
  "campaign.published": (deps, event) => runAWhile(deps, text(event, "campaignId")),
  "campaign.cancelled": (deps, event) => runAWhile(deps, text(event, "campaignId")),
  "order.handed_over": (deps, event) => tellHandOver(deps, text(event, "orderId")),
  "payment.case_opened": async (_deps, event) =>
    logger.error("PAYMENT_CASE", {
      caseKey: text(event, "caseKey"),
      number: text(event, "number"),
      impact: "会员的钱需要人工处理",
    }),
};

/** How long the stream may wait for one event's work that a due row would finish as well, ms. */
const A_WHILE = 8 * second;

/** What a campaign's moment asks for, as far as it goes quickly; its due row does the rest. */
async function runAWhile(deps: Deps, campaignId: string): Promise<void> {
  await runCampaign(deps, campaignId, deps.env.clock.now() + A_WHILE);
}

let tellAgainAt = 0;

/**
 * Tells the channel at once where that works; else the reconciliation does, from the due row, and for a minute nobody else
 * waits here for a channel that does not answer.
 */
async function tellHandOver(deps: Deps, orderId: string): Promise<void> {
  if (deps.env.clock.now() < tellAgainAt) return;
  const outcome = await uploadShipping(deps, orderId);
  if (outcome.kind === "sent") return;
  logger.warn("SHIPPING_UPLOAD", { orderId, outcome: outcome.kind });
  tellAgainAt = deps.env.clock.now() + minute;
}

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

/** Starts what the event starts; may be called again with the same event. */
export async function effect(deps: Deps, event: DomainEvent): Promise<void> {
  await effects[event.type]?.(deps, event);
}

export const handler = eventHandler(composeDeps(["wechat"]), effect);
