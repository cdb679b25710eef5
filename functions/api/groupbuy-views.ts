import * as z from "zod";
import { explainRoute } from "../../shared/fulfilment/index.ts";
import { type Campaign, clocks, type Team, teamLifecycle } from "../../shared/groupbuy/index.ts";
import { yuan } from "../../shared/kernel/money.ts";
import { hour, isoOutput, minute, toIso } from "../../shared/kernel/time.ts";
import { type Order, orderLifecycle, type SeatState, seatLifecycle, seatState } from "../../shared/order/index.ts";
import type { Refund } from "../../shared/payment/index.ts";
import { paymentLifecycle, refundLifecycle } from "../../shared/payment/index.ts";
import type { Store } from "../../shared/store/index.ts";
import type { Stored } from "../../shared/table/entity.ts";

const money = z.int().meta({ description: "Fen" });
const id = z.string();

/** What members are told of prices and of what becomes of their money, before they pay. */
const offer = {
  name: z.string(),
  articleId: id,
  articleName: z.string(),
  aloneFen: money.meta({ description: "Price of one unit bought alone, fen" }),
  teamFen: money.meta({ description: "Price of one unit if the team succeeds, fen" }),
  size: z.int().meta({ description: "Head count of a full team" }),
  admits: z.enum(["anyone", "community", "store", "new"]),
  perMemberLimit: z.int(),
  pickupFrom: isoOutput,
  pickupUntil: isoOutput,
  hardEnd: isoOutput.meta({ description: "No team lives longer" }),
  onFailure: z
    .object({ refund: z.literal("full"), text: z.string() })
    .meta({ description: "What happens when the team is not full at its deadline" }),
  perishableNotice: z.string().optional().meta({ description: "Shown before paying, where the article is perishable" }),
};

interface Terms {
  name: string;
  articleId: string;
  articleName: string;
  perishable: boolean;
  invitesRequired: number;
  aloneFen: number;
  teamFen: number;
  admits: Team["terms"]["admits"];
  perMemberLimit: number;
  pickupFrom: number;
  pickupUntil: number;
  hardEnd: number;
}

const offerView = (terms: Terms) => ({
  name: terms.name,
  articleId: terms.articleId,
  articleName: terms.articleName,
  aloneFen: terms.aloneFen,
  teamFen: terms.teamFen,
  size: terms.invitesRequired + 1,
  admits: terms.admits,
  perMemberLimit: terms.perMemberLimit,
  pickupFrom: toIso(terms.pickupFrom),
  pickupUntil: toIso(terms.pickupUntil),
  hardEnd: toIso(terms.hardEnd),
  onFailure: {
    refund: "full" as const,
    text: `到截止时间未满${terms.invitesRequired + 1}人即不成团,已付款项自动全额原路退回,一般在截止后10分钟内发起,到账时间以银行为准。`,
  },
  ...(terms.perishable && {
    perishableNotice: "本商品为鲜活易腐品,不适用七日无理由退货;如有质量问题仍可退款。",
  }),
});

export const campaignView = z
  .object({
    campaignId: id,
    state: z.enum(["SCHEDULED", "OPEN", "SUSPENDED", "CUTOFF", "SETTLED", "CANCELLED"]),
    opensAt: isoOutput,
    closesAt: isoOutput,
    ...offer,
  })
  .meta({ id: "Campaign" });
export const toCampaign = (campaign: Campaign) => ({
  campaignId: campaign.campaignId,
  state: campaign.state as Exclude<Campaign["state"], "DRAFT">,
  opensAt: toIso(campaign.opensAt),
  closesAt: toIso(campaign.closesAt),
  ...offerView(campaign),
});

export const teamView = z
  .object({
    teamId: id,
    campaignId: id,
    state: z.enum(teamLifecycle.states),
    settling: z.boolean().meta({ description: "结算中: past its deadline, the last payments are being asked about" }),
    outcome: z.enum(["natural", "subsidised", "deadline", "leader_left", "ops", "stock"]).optional(),
    paid: z.int().meta({ description: "Members who paid" }),
    remainingInvites: z.int().meta({
      description: "Neighbours who may still join: seats nobody holds or has paid; 0 once the team is decided",
    }),
    subsidisedSeats: z.int().optional().meta({
      description: "Seats that nobody bought, where the platform completed the team at its own cost",
      example: 1,
    }),
    deadline: isoOutput.optional().meta({ description: "Set once the leader has paid" }),
    joinUntil: isoOutput.optional().meta({ description: "Joining ends this early, so that there is time to pay" }),
    openedAt: isoOutput,
    decidedAt: isoOutput.optional(),
    version: z.string().meta({ description: "Send it as ?after= to learn what changed" }),
    ...offer,
  })
  .meta({ id: "Team" });

export function toTeam(team: Stored<Team>, now: number): z.input<typeof teamView> {
  return {
    teamId: team.teamId,
    campaignId: team.campaignId,
    state: team.state,
    settling: team.state === "FORMING" && now >= (team.deadline ?? Number.POSITIVE_INFINITY),
    ...(team.outcome && { outcome: team.outcome }),
    paid: team.paid,
    remainingInvites: teamLifecycle.terminal(team.state) ? 0 : team.free,
    ...(team.outcome === "subsidised" && { subsidisedSeats: team.free }),
    ...(team.deadline !== undefined && {
      deadline: toIso(team.deadline),
      joinUntil: toIso(team.deadline - clocks.joinMargin),
    }),
    openedAt: toIso(team.openedAt),
    ...(team.decidedAt !== undefined && { decidedAt: toIso(team.decidedAt) }),
    version: String(team.version),
    ...offerView(team.terms),
  };
}

/** A team as staff see it. */
export const opsTeamView = teamView
  .extend({
    held: z.int().meta({ description: "Seats held and not yet paid" }),
    subsidyFen: money.optional().meta({ description: "What the platform bore to complete it, fen" }),
  })
  .meta({ id: "OpsTeam" });
export const toOpsTeam = (team: Stored<Team>, now: number): z.input<typeof opsTeamView> => ({
  ...toTeam(team, now),
  held: team.held,
  ...(team.subsidyFen !== undefined && { subsidyFen: team.subsidyFen }),
});

/** When a client should ask again, whole seconds; absent: nothing more will change. */
export function askAgainS(team: Pick<Team, "state" | "deadline">, now: number): number | undefined {
  if (teamLifecycle.terminal(team.state)) return undefined;
  const left = (team.deadline ?? now) - now;
  return left < 5 * minute ? 5 : left < hour ? 15 : 60;
}

export const changesQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,9})?$/, "the version of the last answer")
    .optional(),
});
export const changesOf = <S extends z.ZodType>(schema: S, name: string) =>
  z
    .object({
      version: z.string(),
      changed: z.boolean(),
      askAgainS: z.int().optional().meta({ description: "Seconds; absent: nothing more will change" }),
      current: schema.optional().meta({ description: "Only when it changed" }),
    })
    .meta({ id: name });

const lineView = z.object({
  articleId: id,
  name: z.string(),
  units: z.int(),
  aloneFen: money,
  unitFen: money,
  amountFen: money,
});

/** The answer of opening and joining: the member's seat and what to pay until when. */
export const seatView = z
  .object({
    orderId: id,
    teamId: id,
    campaignId: id,
    seat: z.enum(seatLifecycle.states),
    payableFen: money,
    lines: z.array(lineView),
    holdUntil: isoOutput.meta({ description: "Unpaid, the seat is given up after this" }),
    storeId: id,
    why: z.string().meta({ description: "Why this store, in words" }),
    onFailure: offer.onFailure,
    perishableNotice: offer.perishableNotice,
  })
  .meta({ id: "Seat" });
export function toSeat({ order, team, why }: { order: Order; team: Team; why: string }): z.input<typeof seatView> {
  const { onFailure, perishableNotice } = offerView(team.terms);
  return {
    orderId: order.orderId,
    teamId: team.teamId,
    campaignId: team.campaignId,
    seat: order.seat,
    payableFen: order.payableFen,
    lines: order.lines,
    holdUntil: toIso(order.holdUntil),
    storeId: order.storeId,
    why,
    onFailure,
    ...(perishableNotice !== undefined && { perishableNotice }),
  };
}

const refundView = z
  .object({
    refundId: id,
    refundNo: z.string(),
    state: z.enum(refundLifecycle.states),
    cause: z.enum(["team_failed", "left", "orphan"]),
    refundFen: money,
    requestedAt: isoOutput,
    settledAt: isoOutput.optional(),
  })
  .meta({ id: "Refund" });
export const toRefund = (refund: Refund) => ({
  refundId: refund.refundId,
  refundNo: refund.refundNo,
  state: refund.state,
  cause: refund.cause,
  refundFen: refund.refundFen,
  requestedAt: toIso(refund.requestedAt),
  ...(refund.settledAt !== undefined && { settledAt: toIso(refund.settledAt) }),
});

const headline: Record<SeatState, string> = {
  HELD: "待支付",
  PAID: "已支付,等待成团",
  CONFIRMED: "已成团",
  RELEASED: "已取消",
  REFUND_DUE: "退款中",
  REFUNDED: "已退款",
  REFUND_ATTENTION: "退款需要处理",
};

export const orderView = z
  .object({
    orderId: id,
    teamId: id,
    campaignId: id.optional(),
    seat: z.enum(seatLifecycle.states),
    headline: z.string(),
    stage: z.enum(orderLifecycle.states),
    teamState: z.enum(teamLifecycle.states),
    leader: z.boolean(),
    placedBy: id.optional().meta({ description: "The community leader who placed it in the member's name" }),
    lines: z.array(lineView),
    payableFen: money,
    payment: z.object({
      paymentNo: z.string(),
      state: z.enum(paymentLifecycle.states),
      disposition: z.enum(["SEATED", "ORPHAN"]).optional(),
      paidAt: isoOutput.optional(),
    }),
    refunds: z.array(refundView),
    store: z.object({ storeId: id, name: z.string(), address: z.string() }),
    why: z.string(),
    createdAt: isoOutput,
    holdUntil: isoOutput,
    pickupFrom: isoOutput,
    pickupUntil: isoOutput,
    handedOverAt: isoOutput.optional(),
    version: z.string(),
  })
  .meta({ id: "Order" });

/** An order with everything a page about it shows. */
export interface OrderPage {
  order: Stored<Order>;
  team: Stored<Team>;
  store: Store | undefined;
  /** The stores that `why` names, by id. */
  named: ReadonlyMap<string, Store>;
  refunds: Refund[];
}
export const orderVersion = ({ order, team }: Pick<OrderPage, "order" | "team">) => `${order.version}.${team.version}`;

export function toOrder(page: OrderPage): z.input<typeof orderView> {
  const { order, team, store, named, refunds } = page;
  const seat = seatState(order, team);
  return {
    orderId: order.orderId,
    teamId: order.teamId,
    ...(order.campaignId !== undefined && { campaignId: order.campaignId }),
    seat,
    headline: order.stage === "HANDED_OVER" ? "已提货" : headline[seat],
    stage: order.stage,
    teamState: team.state,
    leader: team.leaderOrderId === order.orderId,
    ...(order.placedBy !== undefined && { placedBy: order.placedBy }),
    lines: order.lines,
    payableFen: order.payableFen,
    payment: {
      paymentNo: order.paymentNo,
      state: order.paymentState,
      ...(order.disposition && { disposition: order.disposition }),
      ...(order.paidAt !== undefined && { paidAt: toIso(order.paidAt) }),
    },
    refunds: refunds.map(toRefund),
    store: { storeId: order.storeId, name: store?.name ?? order.storeId, address: store?.address ?? "" },
    why: explainRoute(order, named),
    createdAt: toIso(order.createdAt),
    holdUntil: toIso(order.holdUntil),
    pickupFrom: toIso(order.pickupFrom),
    pickupUntil: toIso(order.pickupUntil),
    ...(order.handedOverAt !== undefined && { handedOverAt: toIso(order.handedOverAt) }),
    version: orderVersion(page),
  };
}

export const orderLine = z
  .object({
    orderId: id,
    teamId: id,
    seat: z
      .enum(seatLifecycle.states)
      .meta({ description: "As stored: whether the team succeeded or failed is in the order itself" }),
    stage: z.enum(orderLifecycle.states),
    name: z.string(),
    units: z.int(),
    payableFen: money,
    payable: z.string().meta({ description: "In yuan, to be read" }),
    createdAt: isoOutput,
  })
  .meta({ id: "OrderLine" });
export const toOrderLine = (order: Order) => ({
  orderId: order.orderId,
  teamId: order.teamId,
  seat: order.seat,
  stage: order.stage,
  name: order.lines[0]?.name ?? "",
  units: order.units,
  payableFen: order.payableFen,
  payable: yuan(order.payableFen),
  createdAt: toIso(order.createdAt),
});
