import { accrueCommissions, awaitRelease, takeBack } from "../../shared/commission/index.ts";
import { awaitTasting, uploadShipping } from "../../shared/fulfilment/index.ts";
import {
  arrivalRefundId,
  bookSubsidies,
  carryPromise,
  carryRecall,
  clocks,
  counts,
  dueRefund,
  eachShort,
  runCampaign,
  seatPagesIn,
} from "../../shared/groupbuy/index.ts";
import { awaitRedLetter } from "../../shared/invoice/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import { siblingId } from "../../shared/kernel/ids.ts";
import { minute, second } from "../../shared/kernel/time.ts";
import type { Order } from "../../shared/order/index.ts";
import { attributeOrder, awaitReward, reverseAcquisition } from "../../shared/referral/index.ts";
import { countRating } from "../../shared/supply/index.ts";
import { Stale } from "../../shared/table/entity.ts";
import { dues, teams } from "../../shared/table/keys.ts";
import { checkPost } from "../../shared/ugc/index.ts";
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
  "team.failed": (deps, event) =>
    refundSeats(deps, text(event, "teamId"), Number(event.data.paid), { state: "FAILED" }),
  "team.succeeded": async (deps, event) => {
    const teamId = text(event, "teamId");
    if (event.data.outcome === "natural") await commissionsOfTeam(deps, teamId);
    // only a batch's success owes its members money: a lower tier's difference, and what made no whole case
    if (event.data.kind === undefined) return;
    if (event.data.outcome === "subsidised") await bookSubsidies(deps, teamId, deps.env.clock.now() + A_WHILE);
    const team = await deps.table.load(teams, { teamId });
    if (team) await refundSeats(deps, teamId, Number(event.data.size), team);
  },
  "seat.paid": (deps, event) => attributeOrder(deps, text(event, "orderId")),
  "refund.succeeded": async (deps, event) => {
    const orderId = text(event, "orderId");
    // nobody has an invoice before the hand-over, and one that is asked for later counts this refund
    const invoiced = event.data.handedOverAt !== undefined;
    await Promise.all([
      reverseAcquisition(deps, orderId),
      takeBack(deps, orderId),
      invoiced && awaitRedLetter(deps, orderId, text(event, "refundId")),
    ]);
  },
  "order.paid": async (deps, event) => {
    const orderId = text(event, "orderId");
    await Promise.all([
      attributeOrder(deps, orderId),
      event.data.delivers === true && deps.workflows.startPreparation(orderId),
    ]);
  },
  "claim.opened": (deps, event) => deps.workflows.startCompensation("claim", text(event, "orderId")),
  "recall.compensated": (deps, event) => deps.workflows.startCompensation("recall", text(event, "recallId")),
  "order.ready": async (deps, event) => {
    if (event.data.delivers === true) await deps.workflows.startDelivery(text(event, "orderId"), 1);
  },
  "dispatch.sent_again": (deps, event) =>
    deps.workflows.startDelivery(text(event, "orderId"), Number(event.data.attempt)),
  "order.cancelled": (deps, event) => deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId")),
  "seat.left": (deps, event) => deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId")),
  "seat.withdrawn": (deps, event) => deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId")),
  "order.compensated": (deps, event) => deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId")),
  "order.short_picked": startPart,
  "order.packed": startPart,
  "order.disposed": async (deps, event) => {
    const orderId = text(event, "orderId");
    await Promise.all([awaitRelease(deps, orderId, event.data.profitSharing === true), tellHandOver(deps, orderId)]);
  },
  "arrival.closed": (deps, event) => refundShort(deps, text(event, "lineId")),
  "arrival.moved": async (deps, event) => {
    await carryPromise(deps, text(event, "lineId"), deps.env.clock.now() + A_WHILE);
  },
  "payment.orphaned": (deps, event) => deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId")),
  "campaign.published": (deps, event) => runAWhile(deps, text(event, "campaignId")),
  "campaign.cancelled": (deps, event) => runAWhile(deps, text(event, "campaignId")),
  "import.planned": async (deps, event) => {
    const { applyImport } = await import("../../shared/masterdata/work.ts");
    await applyImport(deps, text(event, "importId"), deps.env.clock.now() + A_WHILE);
  },
  "recall.opened": async (deps, event) => {
    await carryRecall(deps, text(event, "recallId"), deps.env.clock.now() + A_WHILE);
  },
  "order.handed_over": async (deps, event) => {
    const orderId = text(event, "orderId");
    await Promise.all([
      awaitReward(deps, orderId),
      awaitRelease(deps, orderId, event.data.profitSharing === true),
      tellHandOver(deps, orderId),
      awaitTasting(deps, orderId, event.at),
    ]);
  },
  "order.rated": (deps, event) =>
    countRating(deps, { orderId: text(event, "orderId"), articleId: text(event, "articleId") }),
  "post.submitted": (deps, event) => checkAtOnce(deps, text(event, "postId")),
  "payment.case_opened": async (_deps, event) =>
    logger.error("PAYMENT_CASE", {
      caseKey: text(event, "caseKey"),
      number: text(event, "number"),
      impact: "会员的钱需要人工处理",
    }),
};

/** Begins the refund of a part of an order, where one came of it. */
async function startPart(deps: Deps, event: DomainEvent): Promise<void> {
  if (event.data.refundId !== undefined)
    await deps.workflows.startRefund(text(event, "orderId"), text(event, "refundId"));
}

/** How long the stream may wait for one event's work that a due row would finish as well, ms. */
const A_WHILE = 8 * second;

/** What a campaign's moment asks for, as far as it goes quickly; its due row does the rest. */
async function runAWhile(deps: Deps, campaignId: string): Promise<void> {
  await runCampaign(deps, campaignId, deps.env.clock.now() + A_WHILE);
}

/** What a team's success earns, as far as it goes quickly; a due row does the rest, or what the index does not show yet. */
async function commissionsOfTeam(deps: Deps, teamId: string): Promise<void> {
  const now = deps.env.clock.now();
  if (await accrueCommissions(deps, teamId, now + A_WHILE)) return;
  try {
    await deps.table.write(dues.create({ kind: "commission", id: teamId, at: now, since: now }));
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // it is there
  }
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

let checkAgainAt = 0;

/** Has a post checked at once where WeChat answers; else the backlog does, from the due row, and for a minute nobody else waits here. */
async function checkAtOnce(deps: Deps, postId: string): Promise<void> {
  if (deps.env.clock.now() < checkAgainAt) return;
  if (!(await checkPost(deps, postId))) checkAgainAt = deps.env.clock.now() + minute;
}

/**
 * One execution for each refund that the team's end owes, a page of seats at a time; who comes again goes on with those that
 * have not begun. The seats found must be as many as the team counted, else the index is behind: come again.
 */
async function refundSeats(
  deps: Deps,
  teamId: string,
  paid: number,
  end: Parameters<typeof dueRefund>[1],
): Promise<void> {
  let found = 0;
  for await (const page of seatPagesIn(deps.table, teamId)) {
    found += page.filter(counts).length;
    const owed = page.filter((seat) => counts(seat) && dueRefund(seat, end));
    await Promise.all(owed.map(({ orderId }) => deps.workflows.startRefund(orderId, siblingId("RF", orderId))));
  }
  if (found !== paid) throw new Error(`team ${teamId} counts ${paid} paid seats, ${found} are indexed yet`);
}

/** The same for a store's line that came short: over the seats of all its communities. */
async function refundShort(deps: Deps, lineId: string): Promise<void> {
  const start = (seat: Order) => deps.workflows.startRefund(seat.orderId, arrivalRefundId(seat));
  if (!(await eachShort(deps.table, lineId, start))) throw new Error(`not every seat of line ${lineId} is indexed yet`);
}

/** Starts what the event starts; may be called again with the same event. */
export async function effect(deps: Deps, event: DomainEvent): Promise<void> {
  await effects[event.type]?.(deps, event);
}

export const handler = eventHandler(composeDeps(["wechat"]), effect);
