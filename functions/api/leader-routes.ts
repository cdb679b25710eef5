import * as z from "zod";
import { listMembers, loadCommunity } from "../../shared/community/index.ts";
import {
  type CommunityTeam,
  chainText,
  communityTeams,
  placeForMember,
  shareOnce,
  sharePath,
  shareTitle,
  teamLifecycle,
} from "../../shared/groupbuy/index.ts";
import { shortNames } from "../../shared/identity/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { unitsByArticle } from "../../shared/order/index.ts";
import { purchaseLine } from "../../shared/supply/index.ts";
import type { Deps } from "../runtime/deps.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { joinProblems, seatBody } from "./groupbuy-routes.ts";
import { seatView, toSeat } from "./groupbuy-views.ts";

const work = () => import("../../shared/groupbuy/work.ts");
const led = { actor: "member", owns: "community" } as const;
const communityPath = z.strictObject({ communityId: idOf("CM") });
const campaignPath = z.strictObject({ communityId: idOf("CM"), campaignId: idOf("CP") });
const teamsQuery = listQuery.extend({
  limit: z.coerce.number().int().min(1).max(20).default(10).meta({ description: "Teams a page, 1 to 20" }),
});
const name = z.string().meta({ description: "Shortened", example: "王**" });

/** A page of the community's teams in the campaign, with the names of those who have a part in `whose`. */
async function teamsWithNames(
  deps: Deps,
  params: z.infer<typeof campaignPath>,
  query: z.infer<typeof teamsQuery>,
  whose: (team: CommunityTeam) => { memberId: string }[],
) {
  const scope = `teams of ${params.communityId} ${params.campaignId}`;
  const after = deps.cursors.open(query.cursor, scope);
  const { campaign, items, next } = await communityTeams(deps, { ...params, limit: query.limit, after });
  const nameOf = await shortNames(
    deps,
    items.flatMap(whose).map(({ memberId }) => memberId),
  );
  return { campaign, items, nameOf, nextCursor: deps.cursors.seal(next, scope) };
}

const teamFacts = { teamId: z.string(), state: z.enum(teamLifecycle.states) };

export const leaderShop: Route[] = [
  route({
    ...led,
    method: "get",
    path: "/v1/leader/communities/{communityId}/members",
    summary: "社群成员(团长)",
    description: "Names are shortened; nothing else of a member is shown.",
    params: communityPath,
    query: listQuery,
    ok: listOf(
      z
        .object({
          memberId: z.string(),
          name,
          role: z.enum(["member", "koc", "leader", "manager"]),
          joinedAt: isoOutput,
        })
        .meta({ id: "CommunityMember" }),
    ),
    problems: ["CURSOR_INVALID"],
    run: async (deps, { params: { communityId }, query }) => {
      const scope = `members of ${communityId}`;
      const after = deps.cursors.open(query.cursor, scope);
      const { items, next } = await listMembers(deps, { communityId, limit: query.limit, after });
      const nameOf = await shortNames(
        deps,
        items.map(({ memberId }) => memberId),
      );
      return { items, nameOf, nextCursor: deps.cursors.seal(next, scope) };
    },
    view: ({ items, nameOf, nextCursor }) => ({
      items: items.map(({ memberId, role, joinedAt }) => ({
        memberId,
        name: nameOf(memberId),
        role,
        joinedAt: toIso(joinedAt),
      })),
      nextCursor,
    }),
  }),
  route({
    ...led,
    method: "post",
    path: "/v1/leader/communities/{communityId}/campaigns/{campaignId}/chain",
    summary: "接龙文案与分享卡片(团长)",
    description:
      "Plain text ready to paste, and a share card a team, for the teams that the community's members opened, the oldest first. Who has paid stands in it by a shortened name. The leader's share tokens, of each team and, in a campaign of neighbour teams, for opening one's own, are made at the first time and stay the same.",
    params: campaignPath,
    query: teamsQuery,
    ok: z
      .object({
        text: z.string(),
        open: z
          .object({ token: z.string(), path: z.string() })
          .optional()
          .meta({ description: "To open a team of one's own" }),
        cards: z.array(
          z.object({
            ...teamFacts,
            title: z.string(),
            aloneFen: z.int(),
            teamFen: z.int(),
            remainingInvites: z.int(),
            deadline: isoOutput.optional(),
            joined: z.array(z.object({ name, units: z.int() })),
            token: z.string().optional().meta({ description: "While the team forms" }),
            path: z.string().optional(),
          }),
        ),
        nextCursor: z.string().optional(),
      })
      .meta({ id: "Chain" }),
    problems: ["CAMPAIGN_NOT_FOUND", "CURSOR_INVALID"],
    run: async (deps, { params, query, actor }) => {
      const { campaign, items, nameOf, nextCursor } = await teamsWithNames(deps, params, query, ({ paid }) => paid);
      const { memberId } = actor;
      const visible = items.filter(({ team }) => team.state !== "OPENING");
      const teams = await Promise.all(
        visible.map(async ({ team, paid }) => {
          const share = team.state === "FORMING" ? await shareOnce(deps, { object: team, memberId }) : undefined;
          const joined = paid.map(({ memberId, units }) => ({ name: nameOf(memberId), units }));
          return { team, joined, token: share?.token, path: share && sharePath(share) };
        }),
      );
      const own =
        campaign.batch || campaign.state !== "OPEN"
          ? undefined
          : await shareOnce(deps, { object: { ...params, origin: campaign.origin }, memberId });
      return { text: chainText(campaign, teams, own && sharePath(own)), own, teams, nextCursor };
    },
    view: ({ text, own, teams, nextCursor }) => ({
      text,
      ...(own && { open: { token: own.token, path: sharePath(own) } }),
      cards: teams.map(({ team, joined, token, path }) => ({
        teamId: team.teamId,
        state: team.state,
        title: shareTitle(team),
        aloneFen: team.terms.aloneFen,
        teamFen: team.terms.teamFen,
        remainingInvites: teamLifecycle.terminal(team.state) ? 0 : team.free,
        ...(team.deadline !== undefined && { deadline: toIso(team.deadline) }),
        joined,
        token,
        path,
      })),
      nextCursor,
    }),
  }),
  route({
    ...led,
    method: "get",
    path: "/v1/leader/communities/{communityId}/campaigns/{campaignId}/pending",
    summary: "未支付与未提货(团长)",
    description: "Of each team of the community: who holds a seat and has not paid, and who has not collected.",
    params: campaignPath,
    query: teamsQuery,
    ok: listOf(
      z
        .object({
          ...teamFacts,
          unpaid: z.array(z.object({ name, units: z.int(), holdUntil: isoOutput })),
          uncollected: z.array(
            z.object({ name, units: z.int(), storeId: z.string(), pickupFrom: isoOutput, pickupUntil: isoOutput }),
          ),
        })
        .meta({ id: "PendingTeam" }),
    ),
    problems: ["CAMPAIGN_NOT_FOUND", "CURSOR_INVALID"],
    run: (deps, { params, query }) => teamsWithNames(deps, params, query, ({ held, paid }) => [...held, ...paid]),
    view: ({ items, nameOf, nextCursor }) => ({
      items: items.map(({ team, held, paid }) => ({
        teamId: team.teamId,
        state: team.state,
        unpaid: held.map(({ memberId, units, holdUntil }) => ({
          name: nameOf(memberId),
          units,
          holdUntil: toIso(holdUntil),
        })),
        uncollected: paid
          .filter(({ stage }) => team.state === "SUCCEEDED" && stage !== "HANDED_OVER" && stage !== "DISPOSED")
          .map(({ memberId, units, storeId, pickupFrom, pickupUntil }) => ({
            name: nameOf(memberId),
            units,
            storeId,
            pickupFrom: toIso(pickupFrom),
            pickupUntil: toIso(pickupUntil),
          })),
      })),
      nextCursor,
    }),
  }),
  route({
    ...led,
    method: "get",
    path: "/v1/leader/communities/{communityId}/campaigns/{campaignId}/hand-over",
    summary: "交付汇总(团长)",
    description: "Units a team and article: paid, collected, and still open.",
    params: campaignPath,
    query: teamsQuery,
    ok: listOf(
      z
        .object({
          ...teamFacts,
          articles: z.array(
            z.object({ articleId: z.string(), name: z.string(), paid: z.int(), collected: z.int(), open: z.int() }),
          ),
        })
        .meta({ id: "TeamHandOver" }),
    ),
    problems: ["CAMPAIGN_NOT_FOUND", "CURSOR_INVALID"],
    run: (deps, { params, query }) => teamsWithNames(deps, params, query, () => []),
    view: ({ items, nextCursor }) => ({
      items: items.map((one) => ({ teamId: one.team.teamId, state: one.team.state, articles: handOverOf(one) })),
      nextCursor,
    }),
  }),
  route({
    ...led,
    method: "get",
    path: "/v1/leader/communities/{communityId}/campaigns/{campaignId}/purchase",
    summary: "采购汇总(团长)",
    description:
      "Of a batch that is bought to order, once it is cut off: what was ordered for the community, and what came to its store for all of its communities so far.",
    params: campaignPath,
    ok: z
      .object({
        articleId: z.string(),
        articleName: z.string(),
        state: purchaseLine.shape.state,
        ordered: z.int().meta({ description: "Units ordered for the community" }),
        cases: z.int().optional(),
        storeOrdered: z.int().meta({ description: "Units ordered for the store, over all its communities" }),
        storeArrived: z.int().meta({ description: "Good units that came to it so far" }),
        damaged: z.int(),
        pickupFrom: isoOutput.meta({ description: "When it is promised for" }),
        pickupUntil: isoOutput,
        movedAt: isoOutput.optional().meta({ description: "When that was put off last" }),
      })
      .meta({ id: "CommunityPurchase" }),
    problems: ["CAMPAIGN_NOT_FOUND", "PURCHASE_NOT_FOUND"],
    run: async (deps, { params }) => {
      const { storeId } = await loadCommunity(deps, params.communityId);
      const line = await (await work()).lineOf(deps, { ...params, storeId });
      const own = line.communities.find(({ communityId }) => communityId === params.communityId);
      if (!own) throw new DomainError("PURCHASE_NOT_FOUND");
      return { line, own };
    },
    view: ({ line, own }) => ({
      articleId: line.articleId,
      articleName: line.articleName,
      state: line.state,
      ordered: own.units,
      ...(own.cases !== undefined && { cases: own.cases }),
      storeOrdered: line.units,
      storeArrived: line.good,
      damaged: line.damaged,
      pickupFrom: toIso(line.pickupFrom),
      pickupUntil: toIso(line.pickupUntil),
      ...(line.movedAt !== undefined && { movedAt: toIso(line.movedAt) }),
    }),
  }),
  route({
    ...led,
    method: "post",
    path: "/v1/leader/communities/{communityId}/orders",
    summary: "代客下单(团长)",
    description:
      "Takes a seat in the name of a member of the community, in one of its teams or in a new one. The member is told, and pays or refuses (by leaving the seat); limits count for the member. The leader can neither pay nor read the order.",
    idempotent: true,
    limit: "join",
    params: communityPath,
    body: z.strictObject({
      memberId: idOf("MB"),
      teamId: idOf("TM").optional().meta({ description: "A team of this community to join" }),
      campaignId: idOf("CP").optional().meta({ description: "Or the campaign to open a team in" }),
      units: seatBody.units,
      upToUnits: seatBody.upToUnits,
      place: seatBody.place,
      storeId: seatBody.storeId,
      fulfilment: seatBody.fulfilment,
    }),
    status: 201,
    ok: seatView,
    problems: ["MEMBERSHIP_NOT_FOUND", "CAMPAIGN_NOT_OPEN", "CAMPAIGN_KIND", ...joinProblems],
    run: (deps, { params, body, actor, once }) =>
      placeForMember(deps, { ...params, ...body, leaderId: actor.memberId, once }),
    view: (result) => toSeat(result),
  }),
];

function handOverOf({ paid }: CommunityTeam) {
  const articles = new Map<
    string,
    { articleId: string; name: string; paid: number; collected: number; open: number }
  >();
  for (const order of paid)
    for (const [articleId, units] of unitsByArticle(order)) {
      const name = order.lines.find((line) => line.articleId === articleId)?.name ?? articleId;
      const row = articles.get(articleId) ?? { articleId, name, paid: 0, collected: 0, open: 0 };
      row.paid += units;
      row[order.stage === "HANDED_OVER" ? "collected" : "open"] += units;
      articles.set(articleId, row);
    }
  return [...articles.values()];
}
