import * as z from "zod";
import {
  type Community,
  createCommunity,
  giveRole,
  joinCommunity,
  leaveCommunity,
  listMemberships,
  loadCommunity,
  type Membership,
} from "../../shared/community/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { loadStore } from "../../shared/store/index.ts";
import { communitiesOfStore } from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const storePath = z.strictObject({ storeId: idOf("ST") });
const communityPath = z.strictObject({ communityId: idOf("CM") });
const name = typedText(1, 40).meta({ example: "淮海坊邻居群" });
const kind = z
  .enum(["neighbourhood", "interest"])
  .meta({ description: "neighbourhood: 小区; interest: 育儿, 烘焙 …", example: "neighbourhood" });

const communityView = z
  .object({ communityId: idOf("CM"), storeId: idOf("ST"), name, kind, createdAt: isoOutput })
  .meta({ id: "Community" });
const toCommunity = (community: Community) => ({ ...community, createdAt: toIso(community.createdAt) });

const membershipView = z
  .object({
    community: communityView,
    role: z.enum(["member", "koc", "leader", "manager"]).meta({ description: "leader: 团长", example: "member" }),
    joinedAt: isoOutput,
  })
  .meta({ id: "Membership" });
const toMembership = (m: Membership & { community: Community }) => ({
  community: toCommunity(m.community),
  role: m.role,
  joinedAt: toIso(m.joinedAt),
});

const ofStore = async (deps: Deps, storeId: string, query: z.infer<typeof listQuery>) => {
  await loadStore(deps, storeId);
  return listPage(deps, communitiesOfStore(storeId), `communities ${storeId}`, query);
};

export const communityShop: Route[] = [
  route({
    method: "get",
    path: "/v1/stores/{storeId}/communities",
    summary: "门店的社群",
    actor: "member",
    owns: "none",
    params: storePath,
    query: listQuery,
    ok: listOf(communityView),
    problems: ["STORE_NOT_FOUND", "CURSOR_INVALID"],
    run: (deps, { params, query }) => ofStore(deps, params.storeId, query),
    view: ({ items, nextCursor }) => ({ items: items.map(toCommunity), nextCursor }),
  }),
  route({
    method: "post",
    path: "/v1/communities/{communityId}/membership",
    summary: "加入社群",
    actor: "member",
    owns: "self",
    params: communityPath,
    status: 201,
    ok: membershipView,
    problems: ["COMMUNITY_NOT_FOUND", "ALREADY_MEMBER"],
    run: (deps, { actor, params }) => joinCommunity(deps, { memberId: actor.memberId, ...params }),
    view: (joined) => toMembership(joined),
  }),
  route({
    method: "delete",
    path: "/v1/communities/{communityId}/membership",
    summary: "退出社群",
    description: "Who is not in the community has left it already: 204 as well.",
    actor: "member",
    owns: "self",
    params: communityPath,
    status: 204,
    ok: z.undefined(),
    problems: [],
    run: (deps, { actor, params }) => leaveCommunity(deps, { memberId: actor.memberId, ...params }),
  }),
  route({
    method: "get",
    path: "/v1/me/communities",
    summary: "我的社群",
    actor: "member",
    owns: "self",
    query: listQuery,
    ok: listOf(membershipView),
    problems: ["CURSOR_INVALID"],
    run: async (deps, { actor: { memberId }, query }) => {
      const scope = `communities of ${memberId}`;
      const after = deps.cursors.open(query.cursor, scope);
      const { items, next } = await listMemberships(deps, { memberId, limit: query.limit, after });
      return { items, nextCursor: deps.cursors.seal(next, scope) };
    },
    view: ({ items, nextCursor }) => ({ items: items.map(toMembership), nextCursor }),
  }),
];

export const communityOps: Route[] = [
  route({
    method: "post",
    path: "/ops/v1/communities",
    summary: "新建社群",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "community_operator", "store_manager"],
    scope: "store",
    storeOf: (_deps, { body }) => body.storeId,
    idempotent: true,
    body: z.strictObject({ storeId: idOf("ST"), name, kind }),
    status: 201,
    ok: communityView,
    problems: ["STORE_NOT_FOUND"],
    run: (deps, { actor, body, once }) => createCommunity(deps, { by: actor.staffId, community: body, once }),
    view: (community) => toCommunity(community),
  }),
  route({
    method: "put",
    path: "/ops/v1/communities/{communityId}/members/{memberId}/role",
    summary: "任命或撤销社群团长",
    description: "A leader has the tools below /v1/leader for this community, from the next call on.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "community_operator", "store_manager"],
    scope: "store",
    storeOf: async (deps, { params }) => (await loadCommunity(deps, params.communityId)).storeId,
    params: z.strictObject({ communityId: idOf("CM"), memberId: idOf("MB") }),
    body: z.strictObject({ role: z.enum(["member", "koc", "leader"]), reason: typedText(1, 200) }),
    ok: z
      .object({ communityId: idOf("CM"), memberId: idOf("MB"), role: membershipView.shape.role, joinedAt: isoOutput })
      .meta({ id: "MembershipRole" }),
    problems: ["COMMUNITY_NOT_FOUND", "MEMBERSHIP_NOT_FOUND"],
    run: (deps, { params, body, actor }) => giveRole(deps, { ...params, ...body, by: actor.staffId }),
    view: (result) => ({ ...result, joinedAt: toIso(result.joinedAt) }),
  }),
  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/communities",
    summary: "门店的社群",
    actor: "staff",
    owns: "none",
    roles: [
      "admin",
      "ops",
      "customer_service",
      "analyst",
      "executive",
      "community_operator",
      "store_manager",
      "store_staff",
      "live_host",
    ],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    params: storePath,
    query: listQuery,
    ok: listOf(communityView),
    problems: ["STORE_NOT_FOUND", "CURSOR_INVALID"],
    run: (deps, { params, query }) => ofStore(deps, params.storeId, query),
    view: ({ items, nextCursor }) => ({ items: items.map(toCommunity), nextCursor }),
  }),
];
