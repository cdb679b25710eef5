import * as z from "zod";
import { offerStores } from "../../shared/fulfilment/index.ts";
import {
  campaignOf,
  joinTeam,
  leaveTeam,
  openTeam,
  payOrder,
  quoteSeat,
  type Share,
  sharePath,
  shareShop,
  shareTeam,
  shareTitle,
  takeLateRefund,
  touchShare,
} from "../../shared/groupbuy/index.ts";
import { point } from "../../shared/kernel/geo.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { arrivalOf, loadTeam, seatState } from "../../shared/order/index.ts";
import {
  allCampaigns,
  allotments,
  campaigns,
  campaignsOfCommunity,
  communities,
  orders,
  refundsOf,
  stores,
  teams,
} from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import {
  askAgainS,
  campaignView,
  changesOf,
  changesQuery,
  type OrderPage,
  orderLine,
  orderVersion,
  orderView,
  quoteView,
  seatView,
  teamView,
  toCampaign,
  toOrder,
  toOrderLine,
  toSeat,
  toTeam,
} from "./groupbuy-views.ts";
import { listPage } from "./list-page.ts";

const campaignPath = z.strictObject({ campaignId: idOf("CP") });
const teamPath = z.strictObject({ teamId: idOf("TM") });
const orderPath = z.strictObject({ orderId: idOf("OR") });

export const place = z
  .union([point, z.strictObject({ address: typedText(4, 200) })])
  .meta({ description: "Where the member is: a point with its datum, or an address to be located" });
export const seatBody = {
  units: z.int().min(1).max(99).default(1),
  upToUnits: z.int().min(1).max(99).optional().meta({
    description: "In a batch with case packs: up to how many units you take to fill a case; so many are prepaid",
  }),
  place: place.optional().meta({
    description: "Where the member is: a point with its datum, or an address to be located. A batch does without",
  }),
  storeId: idOf("ST").optional().meta({ description: "One of the stores offered; the nearest able one where absent" }),
  fulfilment: z.enum(["pickup", "delivery"]).default("pickup").meta({ description: "Delivery is refused for now" }),
  shareToken: text(0, 32).optional().meta({ description: "Of the link the member came by" }),
};
export const couponGrantId = idOf("CG").optional().meta({ description: "One of your coupons (优惠券)" });
export const couponProblems = ["COUPON_NOT_FOUND", "COUPON_STATE", "COUPON_UNFIT"] as const;
/** Of a neighbour team, whose seats are routed. */
const { upToUnits: _, ...routedSeatBody } = { ...seatBody, couponGrantId, place };
export const routingProblems = [
  "NO_STORE_IN_RANGE",
  "STORE_NOT_ABLE",
  "STORE_NOT_FOUND",
  "ADDRESS_NOT_FOUND",
  "DELIVERY_NOT_OFFERED",
  "SOLD_OUT",
] as const;
const seatProblems = [
  ...routingProblems,
  "CAMPAIGN_SUSPENDED",
  "UNITS_LIMIT",
  "ORDER_UNPAID",
  "TEAM_OTHER_JOINED",
  "NOT_ADMITTED_COMMUNITY",
  "SHARE_NOT_FOUND",
  "MEMBER_NOT_FOUND",
] as const;

export const joinProblems = [
  "TEAM_NOT_FOUND",
  "TEAM_NOT_VISIBLE",
  "TEAM_FULL",
  "TEAM_CLOSED",
  "TEAM_CLOSING",
  "BATCH_CUT_OFF",
  "TEAM_OWN",
  "TEAM_ALREADY_JOINED",
  "NOT_ADMITTED_STORE",
  "NOT_ADMITTED_NEW",
  "CAMPAIGN_NOT_FOUND",
  ...seatProblems,
] as const;

export const shareView = z
  .object({
    token: z.string().meta({ description: "Fits the scene of a 小程序码" }),
    teamId: z.string().optional(),
    campaignId: z.string().optional(),
    title: z.string(),
    path: z.string(),
  })
  .meta({ id: "Share" });
export const toShare = (share: Share, title: string) => ({
  token: share.token,
  ...(share.teamId !== undefined && { teamId: share.teamId }),
  ...(share.campaignId !== undefined && { campaignId: share.campaignId }),
  title,
  path: sharePath(share),
});

/** A team as this member may see it: while the leader has not paid, only the leader may. */
async function visibleTeam(deps: Deps, teamId: string, memberId: string) {
  const team = await deps.table.load(teams, { teamId }, { eventually: true });
  if (!team) throw new DomainError("TEAM_NOT_FOUND");
  if ((team.state === "OPENING" || team.state === "ABANDONED") && team.leaderId !== memberId)
    throw new DomainError("TEAM_NOT_VISIBLE");
  return team;
}

async function orderPage(deps: Deps, orderId: string): Promise<OrderPage> {
  const order = await deps.table.load(orders, { orderId });
  if (!order) throw new DomainError("ORDER_NOT_FOUND");
  const team = await loadTeam(deps.table, order);
  const named = new Set([order.storeId, ...order.routed.passed.map(({ storeId }) => storeId)]);
  const [found, refunds, arrival] = await Promise.all([
    deps.table.loadMany(
      stores,
      [...named].map((storeId) => ({ storeId })),
    ),
    deps.table.page(refundsOf(orderId), { limit: 50 }),
    arrivalOf(deps.table, order),
  ]);
  const byId = new Map(found.map((store) => [store.storeId, store]));
  return { order, team, store: byId.get(order.storeId), named: byId, refunds: refunds.items, arrival };
}

export const groupbuyShop: Route[] = [
  route({
    method: "get",
    path: "/v1/campaigns",
    summary: "团购活动列表",
    description: "Newest first; drafts are not shown, so a page may hold fewer than its limit.",
    actor: "member",
    owns: "none",
    query: listQuery,
    ok: listOf(campaignView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allCampaigns(), "campaigns", query),
    view: ({ items, nextCursor }) => ({ items: items.filter((c) => c.state !== "DRAFT").map(toCampaign), nextCursor }),
  }),
  route({
    method: "get",
    path: "/v1/campaigns/{campaignId}",
    summary: "团购活动详情",
    actor: "member",
    owns: "none",
    params: campaignPath,
    ok: campaignView,
    problems: ["CAMPAIGN_NOT_FOUND"],
    run: async (deps, { params }) => {
      const campaign = await deps.table.load(campaigns, params, { eventually: true });
      if (!campaign || campaign.state === "DRAFT") throw new DomainError("CAMPAIGN_NOT_FOUND");
      return campaign;
    },
    view: (result) => toCampaign(result),
  }),
  route({
    method: "get",
    path: "/v1/campaigns/{campaignId}/quote",
    summary: "价格试算",
    description:
      "What so many units come to, line by line; the same for every member, a coupon aside. A batch is prepaid at its first tier.",
    actor: "member",
    owns: "none",
    params: campaignPath,
    query: z.strictObject({
      units: z.coerce.number().int().min(1).max(99).default(1),
      fulfilment: z.enum(["pickup", "delivery"]).default("pickup"),
      couponGrantId,
    }),
    ok: quoteView,
    problems: ["CAMPAIGN_NOT_FOUND", "UNITS_LIMIT", "DELIVERY_NOT_OFFERED", ...couponProblems],
    run: (deps, { actor, params, query }) => quoteSeat(deps, { ...params, ...query, memberId: actor.memberId }),
  }),
  route({
    method: "post",
    path: "/v1/store-offers",
    summary: "可选自提门店",
    description: "Up to five able stores for a place and a campaign, the nearest first, each with its reason.",
    actor: "member",
    owns: "none",
    body: z.strictObject({ campaignId: idOf("CP"), units: z.int().min(1).max(99).default(1), place }),
    ok: z.object({
      items: z.array(
        z.object({
          storeId: z.string(),
          name: z.string(),
          address: z.string(),
          distanceM: z.int(),
          durationS: z.int().optional(),
          why: z.string(),
          hours: z.string(),
        }),
      ),
    }),
    problems: ["CAMPAIGN_NOT_FOUND", "NO_STORE_IN_RANGE", "ADDRESS_NOT_FOUND"],
    run: async (deps, { body }) => {
      const campaign = await campaignOf(deps.table, body.campaignId);
      if (campaign.state === "DRAFT") throw new DomainError("CAMPAIGN_NOT_FOUND");
      const { campaignId, articleId } = campaign;
      const items = await offerStores(deps, {
        place: body.place,
        articleId,
        units: body.units,
        window: { from: Math.max(campaign.pickupFrom, deps.env.clock.now()), until: campaign.pickupUntil },
        allotmentLeft: async (storeIds) => {
          const rows = await deps.table.loadMany(
            allotments,
            storeIds.map((storeId) => ({ campaignId, storeId, articleId })),
          );
          return new Map(rows.filter((r) => r.state === "OPEN").map((r) => [r.storeId, r.left]));
        },
      });
      return { items };
    },
  }),
  route({
    method: "post",
    path: "/v1/campaigns/{campaignId}/teams",
    summary: "开团",
    description: "Opens a team with the member's own seat, held until paid; others see the team once it is paid.",
    actor: "member",
    owns: "none",
    idempotent: true,
    limit: "open",
    params: campaignPath,
    body: z.strictObject({
      ...routedSeatBody,
      communityId: idOf("CM").optional().meta({ description: "One of the member's communities" }),
    }),
    status: 201,
    ok: seatView,
    problems: ["CAMPAIGN_NOT_FOUND", "CAMPAIGN_NOT_OPEN", "CAMPAIGN_KIND", ...seatProblems, ...couponProblems],
    run: (deps, { params, body, actor, once }) =>
      openTeam(deps, { ...body, ...params, memberId: actor.memberId, once }),
    view: (result) => toSeat(result),
  }),
  route({
    method: "get",
    path: "/v1/communities/{communityId}/campaigns",
    summary: "社群的截单团",
    description: "The community's batches and ladders with their quantity so far, the newest campaign first.",
    actor: "member",
    owns: "none",
    params: z.strictObject({ communityId: idOf("CM") }),
    query: listQuery,
    ok: listOf(teamView),
    problems: ["COMMUNITY_NOT_FOUND", "CURSOR_INVALID"],
    run: async (deps, { params: { communityId }, query }) => {
      if (!(await deps.table.load(communities, { communityId }, { eventually: true })))
        throw new DomainError("COMMUNITY_NOT_FOUND");
      const page = await listPage(deps, campaignsOfCommunity(communityId), `campaigns of ${communityId}`, query);
      const byId = new Map((await deps.table.loadMany(teams, page.items)).map((team) => [team.teamId, team]));
      return { ...page, items: page.items.flatMap(({ teamId }) => byId.get(teamId) ?? []) };
    },
    view: ({ items, nextCursor }, deps) => ({
      items: items.map((team) => toTeam(team, deps.env.clock.now())),
      nextCursor,
    }),
  }),
  route({
    method: "get",
    path: "/v1/teams/{teamId}",
    summary: "拼团详情",
    actor: "member",
    owns: "none",
    params: teamPath,
    ok: teamView,
    problems: ["TEAM_NOT_FOUND", "TEAM_NOT_VISIBLE"],
    run: (deps, { params, actor }) => visibleTeam(deps, params.teamId, actor.memberId),
    view: (team, deps) => toTeam(team, deps.env.clock.now()),
  }),
  route({
    method: "get",
    path: "/v1/teams/{teamId}/changes",
    summary: "拼团变化",
    description: "Cheap to ask: answers what changed since `after`, and when to ask again; honours If-None-Match.",
    actor: "member",
    owns: "none",
    params: teamPath,
    query: changesQuery,
    ok: changesOf(teamView, "TeamChanges"),
    problems: ["TEAM_NOT_FOUND", "TEAM_NOT_VISIBLE"],
    run: async (deps, { params, query, actor }) => ({
      team: await visibleTeam(deps, params.teamId, actor.memberId),
      after: query.after,
    }),
    etag: ({ team }) => String(team.version),
    view: ({ team, after }, deps) => {
      const now = deps.env.clock.now();
      const changed = after !== String(team.version);
      const again = askAgainS(team, now);
      return {
        version: String(team.version),
        changed,
        ...(again !== undefined && { askAgainS: again }),
        ...(changed && { current: toTeam(team, now) }),
      };
    },
  }),
  route({
    method: "post",
    path: "/v1/teams/{teamId}/seats",
    summary: "参团 / 社区团下单",
    description: "Takes a seat, or orders in the batch of one of the member's communities, and holds it until paid.",
    actor: "member",
    owns: "none",
    idempotent: true,
    limit: "join",
    params: teamPath,
    body: z.strictObject({ ...seatBody, couponGrantId }),
    status: 201,
    ok: seatView,
    problems: [...joinProblems, ...couponProblems],
    run: (deps, { params, body, actor, once }) =>
      joinTeam(deps, { ...body, ...params, memberId: actor.memberId, once }),
    view: (result) => toSeat(result),
  }),
  route({
    method: "post",
    path: "/v1/teams/{teamId}/shares",
    summary: "分享拼团",
    description:
      "The token of your link to the team, the same each time; it fits the scene of a 小程序码 and records who shared.",
    actor: "member",
    owns: "none",
    params: teamPath,
    status: 201,
    ok: shareView,
    problems: ["TEAM_NOT_FOUND", "TEAM_NOT_VISIBLE"],
    run: async (deps, { params, actor }) => {
      const team = await visibleTeam(deps, params.teamId, actor.memberId);
      return { share: await shareTeam(deps, { ...params, memberId: actor.memberId }), team };
    },
    view: ({ share, team }) => toShare(share, shareTitle(team)),
  }),
  route({
    method: "post",
    path: "/v1/shares",
    summary: "分享活动或店铺",
    description: "A token for a link to a campaign, or to the shop where none is named; it records who shared.",
    actor: "member",
    owns: "none",
    body: z.strictObject({ campaignId: idOf("CP").optional() }),
    status: 201,
    ok: shareView,
    problems: ["CAMPAIGN_NOT_FOUND"],
    run: (deps, { body, actor }) => shareShop(deps, { ...body, memberId: actor.memberId }),
    view: (share) => toShare(share, share.campaignId === undefined ? "和邻居一起,买好一点" : "邀您一起拼团"),
  }),
  route({
    method: "post",
    path: "/v1/shares/{token}/touches",
    summary: "打开分享链接",
    description:
      "Records who came by the link, and answers what it leads to: a team, a campaign, or, with neither, the shop.",
    actor: "member",
    owns: "none",
    params: z.strictObject({ token: z.string().regex(/^[0-9A-HJKMNP-TV-Z]{16}$/, "16 characters") }),
    ok: z.object({ team: teamView.optional(), campaign: campaignView.optional() }).meta({ id: "Shared" }),
    problems: ["SHARE_NOT_FOUND", "CAMPAIGN_NOT_FOUND"],
    run: (deps, { params, actor }) => touchShare(deps, { ...params, memberId: actor.memberId }),
    view: ({ team, campaign }, deps) => ({
      ...(team && { team: toTeam(team, deps.env.clock.now()) }),
      ...(campaign && { campaign: toCampaign(campaign) }),
    }),
  }),
  route({
    method: "get",
    path: "/v1/orders/{orderId}",
    summary: "订单详情",
    actor: "member",
    owns: "order",
    params: orderPath,
    ok: orderView,
    problems: [],
    run: (deps, { params }) => orderPage(deps, params.orderId),
    view: (result) => toOrder(result),
  }),
  route({
    method: "get",
    path: "/v1/orders/{orderId}/changes",
    summary: "订单变化",
    description: "Cheap to ask: answers what changed since `after`, and when to ask again; honours If-None-Match.",
    actor: "member",
    owns: "order",
    params: orderPath,
    query: changesQuery,
    ok: changesOf(orderView, "OrderChanges"),
    problems: [],
    run: async (deps, { params, query }) => {
      const order = await deps.table.load(orders, params, { eventually: true });
      if (!order) throw new DomainError("ORDER_NOT_FOUND");
      const team = await loadTeam(deps.table, order, { eventually: true });
      const arrival = await arrivalOf(deps.table, order);
      const changed = query.after !== orderVersion({ order, team, arrival });
      return { order, team, arrival, changed, page: changed ? await orderPage(deps, params.orderId) : undefined };
    },
    etag: (found) => orderVersion(found),
    view: ({ order, team, arrival, changed, page }, deps) => {
      const waiting =
        ["HELD", "PAID", "REFUND_DUE"].includes(seatState(order, team)) ||
        (order.seat === "PAID" && order.stage !== "HANDED_OVER" && order.stage !== "DISPOSED");
      const again = (team && askAgainS(team, deps.env.clock.now())) ?? (waiting ? 60 : undefined);
      return {
        version: page ? orderVersion(page) : orderVersion({ order, team, arrival }),
        changed,
        ...(again !== undefined && { askAgainS: again }),
        ...(page && { current: toOrder(page) }),
      };
    },
  }),
  route({
    method: "post",
    path: "/v1/orders/{orderId}/payment",
    summary: "发起支付",
    description: "Gives the parameters of wx.requestPayment. Asking again gives them again, under the same number.",
    actor: "member",
    owns: "order",
    limit: "pay",
    params: orderPath,
    ok: z
      .object({
        orderId: z.string(),
        paymentNo: z.string(),
        payableFen: z.int(),
        expiresAt: isoOutput,
        parameters: z.object({
          timeStamp: z.string(),
          nonceStr: z.string(),
          package: z.string(),
          signType: z.literal("RSA"),
          paySign: z.string(),
        }),
      })
      .meta({ id: "PaymentRequest" }),
    problems: ["PAYMENT_PAID", "HOLD_EXPIRED", "TEAM_CLOSED", "PAYMENT_UNKNOWN", "PAYMENT_REFUSED"],
    run: (deps, { params }) => payOrder(deps, params.orderId),
    view: ({ order, parameters, expiresAt }) => ({
      orderId: order.orderId,
      paymentNo: order.paymentNo,
      payableFen: order.payableFen,
      expiresAt: toIso(expiresAt),
      parameters,
    }),
  }),
  route({
    method: "post",
    path: "/v1/orders/{orderId}/departure",
    summary: "退出拼团",
    description: "Free while the team forms, in a batch until its cut-off: what was paid is refunded in full.",
    actor: "member",
    owns: "order",
    idempotent: true,
    params: orderPath,
    ok: orderLine,
    problems: ["LEAVE_CLOSED", "SEAT_STATE", "PAYMENT_UNKNOWN"],
    run: (deps, { params, once }) => leaveTeam(deps, { ...params, once }),
    view: (result) => toOrderLine(result),
  }),
  route({
    method: "post",
    path: "/v1/orders/{orderId}/late-refund",
    summary: "到货延期退款",
    description:
      "Gives back an order whose goods were put off, until they are there for it: all that was paid and not refunded yet.",
    actor: "member",
    owns: "order",
    idempotent: true,
    params: orderPath,
    ok: orderLine,
    problems: ["LATE_REFUND_CLOSED", "SEAT_STATE"],
    run: (deps, { params, once }) => takeLateRefund(deps, { ...params, once }),
    view: (result) => toOrderLine(result),
  }),
];
