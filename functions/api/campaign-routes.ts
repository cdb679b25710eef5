import * as z from "zod";
import {
  admission,
  allotmentRows,
  allotUnits,
  type Campaign,
  type CampaignDraft,
  campaignKind,
  campaignLifecycle,
  campaignOf,
  createCampaign,
  editCampaign,
  pickingList,
  publishCampaign,
  steerCampaign,
  subsidiseTeam,
} from "../../shared/groupbuy/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { basisPoints, fen } from "../../shared/kernel/money.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoInput, isoOutput, minute, toIso } from "../../shared/kernel/time.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { allCampaigns, teams } from "../../shared/table/keys.ts";
import { writeCsv } from "../runtime/csv.ts";
import { formatQuery, listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { componentView, opsTeamView, tierView, toOpsTeam } from "./groupbuy-views.ts";
import { listPage } from "./list-page.ts";

const campaignPath = z.strictObject({ campaignId: idOf("CP") });
const teamPath = z.strictObject({ teamId: idOf("TM") });

const durationMinutes = z
  .int()
  .min(10)
  .max(30 * 24 * 60);
const shareBps = basisPoints
  .min(1)
  .meta({ description: "Team price as a share of the price alone: 8000 is 80 %", example: 8000 });
const draftOfAll = {
  name: typedText(1, 40).meta({ example: "本地有机蔬菜邻里团" }),
  articleId: idOf("AR"),
  holdMinutes: z.int().min(5).max(60).default(15).meta({ description: "How long a seat is held unpaid" }),
  opensAt: isoInput,
  pickupFrom: isoInput,
  pickupUntil: isoInput,
  totalCap: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .meta({ description: "Units over all stores, where it is limited beyond the allotments" }),
  pickupDiscountFen: fen
    .optional()
    .meta({ description: "自提优惠: off each order that is collected, fen", example: 50 }),
  subsidyBudgetFen: fen.optional().meta({ description: "What completing teams may cost the platform in all, fen" }),
  profitSharing: z.boolean().optional().meta({
    description:
      "分账: the channel keeps the campaign's payments until the after-sale time is over, so that commissions of those who chose so are shared out of them",
  }),
  originId: text(0, 64).optional().meta({ description: "What it came from: a demand item's id" }),
};
const neighbourDraft = z.strictObject({
  kind: z.literal("neighbour").optional().meta({ description: "拼团; also where it is left out" }),
  ...draftOfAll,
  invitesRequired: z.int().min(1).max(99).meta({ description: "邀请几位邻居成团: 3 makes teams of 4", example: 3 }),
  shareBps,
  durationMinutes: durationMinutes.meta({ description: "From the leader's payment to the deadline", example: 1440 }),
  perMemberLimit: z.int().min(1).max(99).default(1).meta({ description: "Units a member, over all teams" }),
  admits: admission.default("anyone"),
  leaderLeaves: z.enum(["transfer", "dissolve"]).default("transfer"),
  deliveryFeeFen: fen.optional().meta({ description: "配送费: on each order that is delivered, fen", example: 500 }),
  closesAt: isoInput.meta({ description: "No teams are opened after it" }),
  hardEnd: isoInput.meta({ description: "Nothing lives longer" }),
});
const batchDraft = z.strictObject({
  kind: z.literal("batch").meta({ description: "截单团: one price, a minimum a community" }),
  ...draftOfAll,
  shareBps,
  communityIds: z
    .array(idOf("CM"))
    .min(1)
    .max(50)
    .refine((ids) => new Set(ids).size === ids.length, "each community once")
    .meta({ description: "Each has a batch of its own, served by its store" }),
  minUnits: z
    .int()
    .min(1)
    .max(1_000_000)
    .meta({ description: "Paid units a community, as wanted, without which its batch fails", example: 10 }),
  casePack: z
    .int()
    .min(2)
    .max(999)
    .optional()
    .meta({ description: "Units of a case: only whole ones are bought; minimum and tiers must be whole cases" }),
  perMemberLimit: z.int().min(1).max(99).default(99).meta({ description: "Units a member" }),
  seats: z.int().min(2).max(10_000).default(10_000).meta({ description: "Orders a community may place" }),
  sourced: z.enum(["stock", "to_order"]).default("stock").meta({
    description:
      "stock: the allotments leave the stores' online stock when it opens. to_order: the goods are bought at the cut-off; an allotment is only how much a store may take orders for",
  }),
  cutOff: isoInput.meta({ description: "截单: paid before it counts; the price is frozen by it" }),
});
const ladderDraft = batchDraft.omit({ shareBps: true }).extend({
  kind: z.literal("ladder").meta({ description: "阶梯团: a batch whose price falls by quantity" }),
  tiers: z
    .array(tierView)
    .min(2)
    .max(10)
    .meta({ description: "Quantities rise, prices fall; the first begins at minUnits, and its price is prepaid" }),
});
const draftBody = z.discriminatedUnion("kind", [neighbourDraft, batchDraft, ladderDraft]);

/** A draft as the use case takes it. */
function toDraft(body: z.output<typeof draftBody>): CampaignDraft {
  const holdMs = body.holdMinutes * minute;
  if (body.kind === "batch" || body.kind === "ladder") return { ...body, holdMs, hardEnd: body.cutOff };
  return { ...body, kind: "neighbour", holdMs, durationMs: body.durationMinutes * minute };
}

const opsCampaign = z
  .object({
    campaignId: z.string(),
    kind: campaignKind,
    state: z.enum(campaignLifecycle.states),
    reason: z.string().optional(),
    name: z.string(),
    articleId: z.string(),
    articleName: z.string(),
    aloneFen: z.int(),
    teamFen: z.int(),
    costFen: z.int(),
    components: z
      .array(componentView.extend({ aloneFen: z.int() }))
      .optional()
      .meta({
        description: "Of a kit, as it was when the campaign was made; its price is parted by what they cost alone",
      }),
    grams: z.int().optional().meta({ description: "Of an article by weight: of one unit nominally" }),
    floorFen: z.int().optional().meta({ description: "保本价: the least a unit is sold for after discounts, fen" }),
    pickupDiscountFen: z.int().optional(),
    deliveryFeeFen: z.int().optional(),
    profitSharing: z.boolean().optional(),
    shareBps: z.int().optional(),
    holdMinutes: z.int(),
    perMemberLimit: z.int(),
    admits: admission,
    invitesRequired: z.int().optional(),
    durationMinutes: z.int().optional(),
    leaderLeaves: z.enum(["transfer", "dissolve"]).optional(),
    communityIds: z.array(z.string()).optional(),
    batch: z
      .object({
        minUnits: z.int(),
        casePack: z.int().optional(),
        tiers: z.array(tierView),
        seats: z.int(),
        sourced: z.enum(["stock", "to_order"]),
      })
      .optional(),
    opensAt: isoOutput,
    closesAt: isoOutput,
    hardEnd: isoOutput,
    pickupFrom: isoOutput,
    pickupUntil: isoOutput,
    totalCap: z.int().optional(),
    subsidyBudgetFen: z.int().optional(),
    subsidySpentFen: z.int().optional().meta({ description: "What subsidised completions have cost, fen" }),
    version: z.int().meta({ description: "Send it with a change made from this answer" }),
    goods: z
      .object({
        score: z
          .int()
          .optional()
          .meta({ description: "Quality score of the article, 0 to 100; absent: nothing known" }),
        notes: z.array(z.string()).meta({ description: "What is not known of the goods" }),
        exceptions: z
          .array(z.object({ rule: z.string(), reasonCode: z.string(), approver: z.string(), expiresAt: isoOutput }))
          .meta({ description: "Rules that were not kept, and who answers for it" }),
      })
      .optional()
      .meta({ description: "The goods as they were judged at publishing" }),
  })
  .meta({ id: "OpsCampaign" });
const toOps = (c: Stored<Campaign>) => ({
  ...c,
  ...(c.durationMs !== undefined && { durationMinutes: c.durationMs / minute }),
  holdMinutes: c.holdMs / minute,
  opensAt: toIso(c.opensAt),
  closesAt: toIso(c.closesAt),
  hardEnd: toIso(c.hardEnd),
  pickupFrom: toIso(c.pickupFrom),
  pickupUntil: toIso(c.pickupUntil),
  goods: c.goods && {
    ...c.goods,
    exceptions: c.goods.exceptions.map((one) => ({ ...one, expiresAt: toIso(one.expiresAt) })),
  },
});
const allotmentView = z.object({
  storeId: z.string(),
  units: z.int(),
  left: z.int(),
  state: z.enum(["PLANNED", "OPEN", "RETURNED"]),
});
const opsOnly = { actor: "staff", owns: "none", roles: ["ops", "admin"], scope: "chain" } as const;
const reasonBody = z.strictObject({ reason: typedText(1, 200) });

const changeBody = z.strictObject({
  ...ladderDraft.omit({ originId: true }).partial().shape,
  ...neighbourDraft.omit({ originId: true }).partial().shape,
  // defaults are for drafts: here what is absent stays
  holdMinutes: neighbourDraft.shape.holdMinutes.unwrap().optional(),
  perMemberLimit: neighbourDraft.shape.perMemberLimit.unwrap().optional(),
  admits: admission.optional(),
  leaderLeaves: neighbourDraft.shape.leaderLeaves.unwrap().optional(),
  seats: batchDraft.shape.seats.unwrap().optional(),
  sourced: batchDraft.shape.sourced.unwrap().optional(),
  casePack: z.int().min(1).max(999).optional().meta({ description: "1: no cases any more" }),
  articleId: idOf("AR").optional().meta({ description: "Refused where it differs" }),
  kind: text(0, 20).optional().meta({ description: "Refused where it differs" }),
  version: z.int().min(1).meta({ description: "Of the answer that the change was made from" }),
  reason: reasonBody.shape.reason,
});

const steering = (
  event: "suspended" | "resumed" | "cancelled",
  path: "suspension" | "resumption" | "cancellation",
  summary: string,
  description: string,
) =>
  route({
    ...opsOnly,
    method: "post",
    path: `/ops/v1/campaigns/{campaignId}/${path}`,
    summary,
    description,
    idempotent: true,
    params: campaignPath,
    body: reasonBody,
    ok: opsCampaign,
    problems: ["CAMPAIGN_NOT_FOUND", "CAMPAIGN_STATE", ...(event === "resumed" ? (["CAMPAIGN_RULE"] as const) : [])],
    run: (deps, { params, body, actor, once }) =>
      steerCampaign(deps, { ...params, ...body, event, staffId: actor.staffId, once }),
    view: (result) => toOps(result),
  });

export const campaignOps: Route[] = [
  route({
    ...opsOnly,
    method: "post",
    path: "/ops/v1/campaigns",
    summary: "新建团购活动",
    description: "A draft: give stores their units next, then publish it.",
    idempotent: true,
    body: draftBody,
    status: 201,
    ok: opsCampaign,
    problems: ["ARTICLE_NOT_FOUND", "COMMUNITY_NOT_FOUND", "CAMPAIGN_RULE"],
    run: (deps, { body, actor, once }) => createCampaign(deps, { draft: toDraft(body), staffId: actor.staffId, once }),
    view: (result) => toOps(result),
  }),
  route({
    ...opsOnly,
    method: "get",
    path: "/ops/v1/campaigns",
    summary: "团购活动列表(含草稿)",
    roles: ["ops", "admin", "finance", "analyst", "executive", "store_manager"],
    query: listQuery,
    ok: listOf(opsCampaign),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allCampaigns(), "ops campaigns", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toOps), nextCursor }),
  }),
  route({
    ...opsOnly,
    method: "get",
    path: "/ops/v1/campaigns/{campaignId}",
    summary: "团购活动与门店配额",
    roles: ["ops", "admin", "finance", "analyst", "executive", "store_manager"],
    params: campaignPath,
    ok: z.object({ campaign: opsCampaign, allotments: z.array(allotmentView) }),
    problems: ["CAMPAIGN_NOT_FOUND"],
    run: async (deps, { params }) => ({
      campaign: await campaignOf(deps.table, params.campaignId),
      allotments: await allotmentRows(deps.table, params.campaignId),
    }),
    view: ({ campaign, allotments: rows }) => ({ campaign: toOps(campaign), allotments: rows }),
  }),
  route({
    ...opsOnly,
    method: "put",
    path: "/ops/v1/campaigns/{campaignId}",
    summary: "修改团购活动",
    description:
      "Until it closes. What is absent stays. Live teams keep the price, size, deadline and limit they were opened under; teams opened from now on get the new terms, by the rules of publishing. hardEnd may only be put off; totalCap and subsidyBudgetFen not fall below what is taken or spent. The article and the kind can't change. A batch or a ladder may be changed until it opens: then its communities order under its terms.",
    params: campaignPath,
    body: changeBody,
    ok: opsCampaign,
    problems: ["CAMPAIGN_NOT_FOUND", "COMMUNITY_NOT_FOUND", "CAMPAIGN_STATE", "CAMPAIGN_RULE", "VERSION_CONFLICT"],
    run: (
      deps,
      { params, body: { version, reason, articleId, kind, durationMinutes, holdMinutes, ...change }, actor },
    ) =>
      editCampaign(deps, {
        ...params,
        version,
        reason,
        staffId: actor.staffId,
        fixed: { articleId, kind },
        change: {
          ...change,
          durationMs: durationMinutes === undefined ? undefined : durationMinutes * minute,
          holdMs: holdMinutes === undefined ? undefined : holdMinutes * minute,
        },
      }),
    view: (result) => toOps(result),
  }),
  route({
    ...opsOnly,
    method: "post",
    path: "/ops/v1/campaigns/{campaignId}/allotments",
    summary: "分配门店数量",
    description:
      "Units per store of a draft, at most 90 stores a call; 0 takes a store out. They leave the store's online stock when the campaign opens; sourced to_order they are only how much it may take orders for.",
    idempotent: true,
    params: campaignPath,
    body: z.strictObject({
      allotments: z
        .array(z.strictObject({ storeId: idOf("ST"), units: z.int().min(0).max(1_000_000) }))
        .min(1)
        .max(90)
        .refine((rows) => new Set(rows.map((r) => r.storeId)).size === rows.length, "each store once"),
    }),
    ok: z.object({ allotments: z.array(allotmentView) }),
    problems: ["CAMPAIGN_NOT_FOUND", "CAMPAIGN_STATE", "STORE_NOT_FOUND"],
    run: (deps, { params, body, actor, once }) =>
      allotUnits(deps, { ...params, ...body, staffId: actor.staffId, once }),
    view: (rows) => ({ allotments: rows }),
  }),
  route({
    ...opsOnly,
    method: "post",
    path: "/ops/v1/campaigns/{campaignId}/publication",
    summary: "发布团购活动",
    description: "Opens by itself at opensAt. Refused with every rule it breaks, the figures, and what would pass.",
    idempotent: true,
    params: campaignPath,
    ok: opsCampaign,
    problems: ["CAMPAIGN_NOT_FOUND", "CAMPAIGN_STATE", "CAMPAIGN_RULE"],
    run: (deps, { params, actor, once }) => publishCampaign(deps, { ...params, staffId: actor.staffId, once }),
    view: (result) => toOps(result),
  }),
  steering("suspended", "suspension", "暂停团购活动", "No new teams and no joins; live teams run on."),
  steering("resumed", "resumption", "恢复团购活动", "Teams can be opened and joined again."),
  steering(
    "cancelled",
    "cancellation",
    "取消团购活动",
    "Forming teams fail and are refunded in full; succeeded ones stand.",
  ),
  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/campaigns/{campaignId}/picking-list",
    summary: "截单分拣单",
    description: "What a store packs for a batch, community by community in the order of payment, once it is cut off.",
    actor: "staff",
    owns: "none",
    roles: ["store_staff", "store_manager", "customer_service", "ops", "admin"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    params: z.strictObject({ storeId: idOf("ST"), campaignId: idOf("CP") }),
    query: formatQuery,
    ok: z
      .object({
        campaignId: z.string(),
        storeId: z.string(),
        articleId: z.string(),
        articleName: z.string(),
        casePack: z.int().optional(),
        components: z
          .array(componentView)
          .optional()
          .meta({ description: "Of a kit: what goes into each unit below; as CSV a row each" }),
        communities: z.array(
          z.object({
            communityId: z.string(),
            name: z.string(),
            teamId: z.string(),
            units: z.int().meta({ description: "Of the orders below" }),
            cases: z.int().optional().meta({ description: "Whole cases bought for the community" }),
            orders: z.array(z.object({ orderId: z.string(), units: z.int(), paidAt: isoOutput })),
          }),
        ),
      })
      .meta({ id: "PickingList" }),
    problems: ["CAMPAIGN_NOT_FOUND", "CAMPAIGN_STATE"],
    run: (deps, { params }) => pickingList(deps, params),
    view: (list) => ({
      ...list,
      communities: list.communities.map((one) => ({
        ...one,
        orders: one.orders.map((order) => ({ ...order, paidAt: toIso(order.paidAt) })),
      })),
    }),
    csv: async ({ campaignId, storeId, communities: packed, articleName, components }) => ({
      fileName: `picking-list-${campaignId}-${storeId}.csv`,
      text: await writeCsv(
        [
          ["社群", "订单号", "商品", "份数", "付款时间"],
          ...packed.flatMap(({ name, orders: rows }) =>
            rows.flatMap(({ orderId, units, paidAt }) =>
              (components ?? [{ name: articleName, units: 1 }]).map((part) => [
                ...[name, orderId, part.name],
                ...[units * part.units, toIso(paidAt)],
              ]),
            ),
          ),
        ],
        { bom: true },
      ),
    }),
  }),
  route({
    ...opsOnly,
    method: "get",
    path: "/ops/v1/teams/{teamId}",
    summary: "拼团详情(员工)",
    roles: ["ops", "admin", "customer_service", "finance", "analyst"],
    params: teamPath,
    ok: opsTeamView,
    problems: ["TEAM_NOT_FOUND"],
    run: async (deps, { params }) => {
      const team = await deps.table.load(teams, params);
      if (!team) throw new DomainError("TEAM_NOT_FOUND");
      return team;
    },
    view: (team, deps) => toOpsTeam(team, deps.env.clock.now()),
  }),
  route({
    ...opsOnly,
    method: "post",
    path: "/ops/v1/teams/{teamId}/subsidised-completion",
    summary: "平台补贴成团",
    description:
      "Completes a forming team before its deadline at the platform's cost. Nobody is invented: the team counts who paid, and never counts as a natural success. The cost, booked to each paid order in the same commit, is Σ (aloneFen − teamFen) × units, within the campaign's subsidyBudgetFen where it has one. Refused while neighbours hold seats that they may still pay: wait until they have, or their time and the grace are over. Whoever pays for a seat given up before is refunded in full. A batch or ladder below its minimum is completed at the price of its first tier, in whole cases where it has them, and takes no more orders: until three minutes after its cut-off; the cost of its units is booked to its orders within minutes.",
    idempotent: true,
    params: teamPath,
    body: reasonBody,
    ok: opsTeamView,
    problems: ["TEAM_NOT_FOUND", "TEAM_STATE", "TEAM_SEATS_HELD", "SUBSIDY_BUDGET"],
    run: (deps, { params, body, actor, once }) =>
      subsidiseTeam(deps, { ...params, ...body, staffId: actor.staffId, once }),
    view: (team, deps) => toOpsTeam(team, deps.env.clock.now()),
  }),
];
