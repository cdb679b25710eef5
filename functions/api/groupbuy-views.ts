import * as z from "zod";
import { explainRoute, uncollectedText } from "../../shared/fulfilment/index.ts";
import {
  batchTeamId,
  type Campaign,
  campaignKind,
  clocks,
  kindOf,
  priceOf,
  refundableAsLate,
  sizeOf,
  type Team,
  type Terms,
  teamLifecycle,
  tierAt,
} from "../../shared/groupbuy/index.ts";
import { yuan } from "../../shared/kernel/money.ts";
import { hour, isoOutput, minute, toIso } from "../../shared/kernel/time.ts";
import {
  type Arrival,
  nameOf,
  type Order,
  orderLifecycle,
  type SeatState,
  seatLifecycle,
  seatShare,
  seatState,
} from "../../shared/order/index.ts";
import type { Refund } from "../../shared/payment/index.ts";
import { paymentLifecycle, refundCauses, refundLifecycle } from "../../shared/payment/index.ts";
import type { Store } from "../../shared/store/index.ts";
import { purchaseLineLifecycle } from "../../shared/supply/index.ts";
import type { Stored } from "../../shared/table/entity.ts";

const money = z.int().meta({ description: "Fen" });
const id = z.string();

export const tierView = z.object({
  fromUnits: z.int().min(1).max(1_000_000).meta({ description: "From this many paid units of the community on" }),
  unitFen: z.int().min(1).max(10_000_000_000).meta({ description: "Price of one unit, fen" }),
});

/** A component of a kit, and how many of it are in one. */
export const componentView = z.object({ articleId: id, name: z.string(), units: z.int() }).meta({ id: "Component" });

/** What a batch says beyond a team. */
const batchView = z
  .object({
    cutOff: isoOutput.meta({ description: "截单: paid before it counts; the same moment as hardEnd" }),
    minUnits: z.int().meta({ description: "Paid units without which everybody is refunded" }),
    casePack: z.int().optional().meta({ description: "Only whole cases of so many units are bought" }),
    sourced: z
      .enum(["stock", "to_order"])
      .meta({ description: "to_order: bought at the cut-off, given out in the order of payment as it arrives" }),
    tiers: z.array(tierView).meta({ description: "The price at the cut-off's quantity; the first one's is prepaid" }),
    text: z.string().meta({ description: "All of it in words, before paying" }),
  })
  .meta({ id: "Batch" });

/** What members are told of prices and of what becomes of their money, before they pay. */
const offer = {
  kind: campaignKind.meta({
    description: "neighbour: 拼团; batch: 截单团; ladder: a batch whose price falls by quantity",
  }),
  name: z.string(),
  articleId: id,
  articleName: z.string(),
  components: z.array(componentView).optional().meta({ description: "Of a kit (套装): what one is made of" }),
  aloneFen: money.meta({ description: "Price of one unit bought alone, fen" }),
  teamFen: money.meta({ description: "Price of one unit if the team succeeds, fen" }),
  reference: z
    .object({ fen: money, text: z.string() })
    .optional()
    .meta({ description: "划线价: the only price that may be shown struck through; absent, none may" }),
  pickupDiscountFen: money.optional().meta({ description: "自提优惠: off each order that is collected, fen" }),
  deliveryFeeFen: money.optional().meta({ description: "配送费, fen; where it is absent nothing is delivered" }),
  size: z.int().meta({ description: "Head count of a full team; of a batch, the orders it takes" }),
  admits: z.enum(["anyone", "community", "store", "new"]),
  perMemberLimit: z.int(),
  pickupFrom: isoOutput,
  pickupUntil: isoOutput,
  hardEnd: isoOutput.meta({ description: "No team lives longer" }),
  onFailure: z
    .object({ refund: z.literal("full"), text: z.string() })
    .meta({ description: "What happens when the team is not full, or the batch below its minimum, at its deadline" }),
  batch: batchView.optional().meta({ description: "Of a batch or ladder" }),
  weightNotice: z
    .string()
    .optional()
    .meta({ description: "Shown before paying, where the article is sold by weight: the price is estimated" }),
  perishableNotice: z.string().optional().meta({ description: "Shown before paying, where the article is perishable" }),
  afterSaleNotice: z
    .string()
    .meta({ description: "Shown before paying: who answers for goods that are not right, and until when" }),
  uncollectedNotice: z.string().meta({ description: "What becomes of goods that nobody collects" }),
};

export const perishableText = "本商品为鲜活易腐品,不适用七日无理由退货;如有质量问题仍可退款。";
/** 首问负责 and 先行赔付, and what to do about goods that are not right. */
export const afterSaleText = (perishable: boolean): string =>
  `售后由门店与社群团长首问负责、先行赔付:提货或送达后7天内商品有质量问题,凭照片申请,核实后先退款,再由平台向责任方追偿。${perishable ? "鲜活易腐品请在48小时内拍照,以免难以核实。" : ""}`;
const refundText = "已付款项自动全额原路退回,一般在截止后10分钟内发起,到账时间以银行为准。";

/** A batch's terms in words. */
function batchText({ batch, hardEnd }: Terms): string {
  if (!batch) return "";
  const prices = batch.tiers.map((tier) => `满${tier.fromUnits}份${yuan(tier.unitFen)}元`).join(",");
  const cases =
    batch.casePack === undefined
      ? ""
      : `按整箱(每箱${batch.casePack}份)采购,可选"至多"份数帮忙凑箱,先付先得;凑不成整箱的部分不采购并退款。`;
  return `${toIso(hardEnd).slice(5, 16).replace("T", " ")}截单,以截单时本社群已付份数定价:${prices}。先按首档价预付,差额截单后逐单原路退回。${cases}${batch.sourced === "to_order" ? "截单后采购,到货不足时先付先得,不足部分原路退款。" : ""}`;
}

/** At most the price alone, and only where it is more than the team's. */
function referenceOf({ reference, aloneFen, teamFen }: Terms) {
  const fen = Math.min(reference?.fen ?? 0, aloneFen);
  if (fen <= teamFen) return {};
  return { reference: { fen, text: `${reference?.recent ? "近7日最低成交价" : "最近一次成交价"}${yuan(fen)}元` } };
}

const offerView = (terms: Terms) => ({
  kind: kindOf(terms),
  name: terms.name,
  articleId: terms.articleId,
  articleName: terms.articleName,
  ...(terms.components && { components: terms.components }),
  aloneFen: terms.aloneFen,
  teamFen: terms.teamFen,
  ...referenceOf(terms),
  ...(terms.pickupDiscountFen !== undefined && { pickupDiscountFen: terms.pickupDiscountFen }),
  ...(terms.deliveryFeeFen !== undefined && { deliveryFeeFen: terms.deliveryFeeFen }),
  size: sizeOf(terms),
  admits: terms.admits,
  perMemberLimit: terms.perMemberLimit,
  pickupFrom: toIso(terms.pickupFrom),
  pickupUntil: toIso(terms.pickupUntil),
  hardEnd: toIso(terms.hardEnd),
  onFailure: {
    refund: "full" as const,
    text: terms.batch
      ? `到截单时间本社群不足${terms.batch.minUnits}份即不成团,${refundText}`
      : `到截止时间未满${sizeOf(terms)}人即不成团,${refundText}`,
  },
  ...(terms.batch && {
    batch: {
      cutOff: toIso(terms.hardEnd),
      minUnits: terms.batch.minUnits,
      ...(terms.batch.casePack !== undefined && { casePack: terms.batch.casePack }),
      sourced: terms.batch.sourced,
      tiers: terms.batch.tiers,
      text: batchText(terms),
    },
  }),
  ...(terms.grams !== undefined && {
    weightNotice: `本商品按重量出售,每份约${terms.grams}克,先按标称重量付款,提货前按实称结算,多退少不补。`,
  }),
  ...(terms.perishable && {
    perishableNotice: perishableText,
  }),
  afterSaleNotice: afterSaleText(terms.perishable),
  uncollectedNotice: uncollectedText,
});

export const campaignView = z
  .object({
    campaignId: id,
    state: z.enum(["SCHEDULED", "OPEN", "SUSPENDED", "CUTOFF", "SETTLED", "CANCELLED"]),
    opensAt: isoOutput,
    closesAt: isoOutput,
    communities: z
      .array(z.object({ communityId: id, teamId: id }))
      .optional()
      .meta({ description: "Of a batch: the team of each community, there once the campaign is open" }),
    ...offer,
  })
  .meta({ id: "Campaign" });
export const toCampaign = (campaign: Campaign) => ({
  campaignId: campaign.campaignId,
  state: campaign.state as Exclude<Campaign["state"], "DRAFT">,
  opensAt: toIso(campaign.opensAt),
  closesAt: toIso(campaign.closesAt),
  ...(campaign.communityIds && {
    communities: campaign.communityIds.map((communityId) => ({
      communityId,
      teamId: batchTeamId(campaign.campaignId, communityId),
    })),
  }),
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
    subsidisedUnits: z.int().optional().meta({
      description: "Units that a batch lacked of its minimum, where the platform completed it at its own cost",
      example: 3,
    }),
    communityId: id.optional().meta({ description: "The leader's community, or the batch's" }),
    quantity: z
      .object({
        units: z.int().meta({ description: "Paid so far, or counted at the cut-off" }),
        unitFen: money.meta({ description: "The price this quantity has reached" }),
        next: tierView.optional().meta({ description: "The next price, and from which quantity on" }),
        frozen: z.boolean().meta({ description: "The cut-off has passed: it changes no more" }),
      })
      .optional()
      .meta({ description: "Of a batch or ladder" }),
    deadline: isoOutput.optional().meta({ description: "Set once the leader has paid; a batch's cut-off" }),
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
    ...(team.communityId !== undefined && { communityId: team.communityId }),
    ...(team.terms.batch && { quantity: quantityOf(team, team.terms.batch.tiers) }),
    remainingInvites: teamLifecycle.terminal(team.state) ? 0 : team.free,
    ...(team.outcome === "subsidised" && subsidised(team)),
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

const subsidised = ({ free, frozen, terms: { batch } }: Team) =>
  batch && frozen ? { subsidisedUnits: batch.minUnits - frozen.units } : { subsidisedSeats: free };

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
function quantityOf(team: Team, tiers: readonly { fromUnits: number; unitFen: number }[]) {
  const units = team.frozen?.units ?? team.paidUnits ?? 0;
  const next = team.frozen ? undefined : tiers.find((tier) => tier.fromUnits > units);
  const unitFen = team.frozen?.unitFen ?? tierAt(tiers, units).unitFen;
  return { units, unitFen, ...(next && { next }), frozen: teamLifecycle.terminal(team.state) };
}

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
  unitFen: money.meta({ description: "Price of one unit, fen; of a kit's component its part of the kit's, rounded" }),
  amountFen: money.meta({ description: "Fen; of goods by weight, what they come to as packed" }),
  grams: z.int().optional().meta({ description: "Of goods by weight: of one unit nominally" }),
  packedGrams: z.int().optional().meta({ description: "Of goods by weight: of all units, once they are packed" }),
});
/** What was bought: the goods line by line, and the kit that they make. */
export const boughtView = {
  units: z.int().meta({ description: "Of the article; of a kit, kits" }),
  lines: z.array(lineView).meta({ description: "Of a kit a line a component; they sum to the price before discounts" }),
  kit: z.object({ articleId: id, name: z.string() }).optional().meta({ description: "Of a kit (套装)" }),
};
export const toBought = ({ units, lines, kit }: Order) => ({
  units,
  lines,
  ...(kit && { kit: { articleId: kit.articleId, name: kit.name } }),
});

/** A price line by line. */
export const priceView = z
  .array(
    z
      .object({
        kind: z.enum(["goods", "alone", "team", "weight", "pickup", "coupon", "delivery"]),
        amountFen: z.int().meta({ description: "Fen, below zero where it is taken off" }),
        text: z.string().meta({ description: "How it came about" }),
      })
      .meta({ id: "PriceLine" }),
  )
  .meta({ description: "How the price is made, line by line: they sum to it" });
export const quoteView = z.object({ payableFen: money, lines: priceView }).meta({ id: "Quote" });

/** The answer of opening and joining: the member's seat and what to pay until when. */
export const seatView = z
  .object({
    orderId: id,
    teamId: id,
    campaignId: id,
    seat: z.enum(seatLifecycle.states),
    payableFen: money,
    ...boughtView,
    price: priceView,
    holdUntil: isoOutput.meta({ description: "Unpaid, the seat is given up after this" }),
    storeId: id,
    why: z.string().meta({ description: "Why this store, in words" }),
    onFailure: offer.onFailure,
    weightNotice: offer.weightNotice,
    perishableNotice: offer.perishableNotice,
  })
  .meta({ id: "Seat" });
export function toSeat({ order, team, why }: { order: Order; team: Team; why: string }): z.input<typeof seatView> {
  const { onFailure, weightNotice, perishableNotice } = offerView(team.terms);
  return {
    orderId: order.orderId,
    teamId: team.teamId,
    campaignId: team.campaignId,
    seat: order.seat,
    payableFen: order.payableFen,
    ...toBought(order),
    price: priceOf(order),
    holdUntil: toIso(order.holdUntil),
    storeId: order.storeId,
    why,
    onFailure,
    ...(weightNotice !== undefined && { weightNotice }),
    ...(perishableNotice !== undefined && { perishableNotice }),
  };
}

const refundView = z
  .object({
    refundId: id,
    refundNo: z.string(),
    state: z.enum(refundLifecycle.states),
    cause: z.enum(refundCauses).meta({
      description:
        "settled_difference: 截单结算, what a batch's share leaves over of what was paid; short_arrival: 到货不足; late_arrival: 到货延期, at the member's wish; weight_difference: 称重结算, what lacked of the nominal weight; compensation: 售后先行赔付; cancelled: 取消订单; short_pick: 缺货",
    }),
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

/** What an order from the cart, which stands once it is paid, is waiting for. */
const stageLine: Partial<Record<Order["stage"], string>> = { PLACED: "备货中", READY: "待提货", DISPATCHED: "配送中" };
export function headlineOf({ stage, teamId, delivery }: Order, seat: SeatState): string {
  if (stage === "DISPOSED") return "逾期未提,已由门店处理";
  if (stage === "HANDED_OVER") return delivery ? "已送达" : "已提货";
  if (teamId !== undefined || seat !== "CONFIRMED") return headline[seat];
  return (delivery && stage === "READY" ? "待配送" : stageLine[stage]) ?? headline[seat];
}

export const orderView = z
  .object({
    orderId: id,
    teamId: id.optional().meta({ description: "Absent where it was ordered from the cart, without a team" }),
    campaignId: id.optional(),
    seat: z.enum(seatLifecycle.states),
    headline: z.string(),
    stage: z.enum(orderLifecycle.states),
    teamState: z.enum(teamLifecycle.states).optional(),
    leader: z.boolean(),
    placedBy: id.optional().meta({ description: "The community leader who placed it in the member's name" }),
    ...boughtView,
    price: priceView,
    payableFen: money.meta({ description: "Fen, as it was paid; of a settled batch the price is what is kept of it" }),
    batch: z
      .object({
        wantedUnits: z.int(),
        upToUnits: z.int(),
        share: z
          .object({ units: z.int(), unitFen: money, keptFen: money, backFen: money })
          .optional()
          .meta({ description: "Known from the cut-off's settling on: what the order came to, and what goes back" }),
        arrival: z
          .object({
            state: z.enum(purchaseLineLifecycle.states),
            units: z.int().optional().meta({ description: "What came for the order; absent while that is open" }),
            lateRefund: z.boolean().meta({
              description: "The goods were put off and have not come: POST …/late-refund gives the money back",
            }),
          })
          .optional()
          .meta({ description: "Of goods bought at the cut-off, once they are ordered" }),
      })
      .optional()
      .meta({ description: "Of an order in a batch; its lines become the share" }),
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
    delivery: z
      .object({ from: isoOutput, until: isoOutput, feeFen: money })
      .optional()
      .meta({ description: "It is brought to you between these times" }),
    missing: z
      .array(z.object({ articleId: id, name: z.string(), units: z.int(), instead: z.string().optional() }))
      .optional()
      .meta({ description: "What the store turned out not to have: refunded, or given as another article" }),
    handedOverAt: isoOutput.optional(),
    disposedAt: isoOutput.optional(),
    version: z.string(),
  })
  .meta({ id: "Order" });

/** An order with everything a page about it shows. */
export interface OrderPage {
  order: Stored<Order>;
  /** None: ordered from the cart. */
  team: Stored<Team> | undefined;
  store: Store | undefined;
  /** The stores that `why` names, by id. */
  named: ReadonlyMap<string, Store>;
  refunds: Refund[];
  /** Of goods bought at the cut-off. */
  arrival: Arrival | undefined;
}
/** Each of these rows only counts up, so that their sum tells of a change in any of the latter two. */
export const orderVersion = ({ order, team, arrival }: Pick<OrderPage, "order" | "team" | "arrival">) =>
  `${order.version}.${(team?.version ?? 0) + (arrival?.line?.version ?? 0)}`;

const arrivalView = (order: Order, arrival: Arrival | undefined) =>
  arrival?.line && {
    arrival: {
      state: arrival.line.state,
      ...(arrival.units !== undefined && { units: arrival.units }),
      lateRefund: refundableAsLate(order, arrival),
    },
  };

export function toOrder(page: OrderPage): z.input<typeof orderView> {
  const { order, team, store, named, refunds, arrival } = page;
  const seat = seatState(order, team);
  const share = team && seatShare(order, team);
  return {
    orderId: order.orderId,
    ...(order.teamId !== undefined && { teamId: order.teamId }),
    ...(order.campaignId !== undefined && { campaignId: order.campaignId }),
    seat,
    headline: headlineOf(order, seat),
    stage: order.stage,
    ...(team && { teamState: team.state }),
    leader: team?.leaderOrderId === order.orderId,
    ...(order.placedBy !== undefined && { placedBy: order.placedBy }),
    ...toBought(order),
    price: priceOf(order),
    payableFen: order.payableFen,
    ...(order.wantedUnits !== undefined &&
      order.upToUnits !== undefined && {
        batch: {
          wantedUnits: order.wantedUnits,
          upToUnits: order.upToUnits,
          ...(share && { share }),
          ...arrivalView(order, arrival),
        },
      }),
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
    ...(order.delivery && {
      delivery: {
        from: toIso(order.delivery.from),
        until: toIso(order.delivery.until),
        feeFen: order.delivery.feeFen,
      },
    }),
    ...(order.missing && { missing: order.missing }),
    ...(order.handedOverAt !== undefined && { handedOverAt: toIso(order.handedOverAt) }),
    ...(order.disposedAt !== undefined && { disposedAt: toIso(order.disposedAt) }),
    version: orderVersion(page),
  };
}

export const orderLine = z
  .object({
    orderId: id,
    teamId: id.optional(),
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
  ...(order.teamId !== undefined && { teamId: order.teamId }),
  seat: order.seat,
  stage: order.stage,
  name: nameOf(order),
  units: order.units,
  payableFen: order.payableFen,
  payable: yuan(order.payableFen),
  createdAt: toIso(order.createdAt),
});
