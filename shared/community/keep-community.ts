import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { loadStore } from "../store/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Page, type Stored, type Table, type Write } from "../table/entity.ts";
import { communities, memberships, membershipsOf, membersOfCommunity, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Community, Membership } from "./model.ts";

/** Founds a community around a store. Throws STORE_NOT_FOUND. */
export async function createCommunity(
  deps: { env: Env; table: Table },
  input: { by: string; community: Pick<Community, "storeId" | "name" | "kind">; once: Once<Community> },
): Promise<Community> {
  const { env, table } = deps;
  const { storeId } = await loadStore(deps, input.community.storeId);
  const communityId = env.ids.next("CM");
  const community: Community = { communityId, ...input.community, createdAt: env.clock.now() };
  await table.commit([
    communities.create(community),
    audited(env, { staffId: input.by, action: "community.create", target: communityId, change: input.community }),
    outbox.create(
      makeEvent(env, {
        type: "community.created",
        actor: { kind: "staff", id: input.by },
        data: { communityId, storeId },
      }),
    ),
    ...input.once(community),
  ]);
  return community;
}

/** Throws COMMUNITY_NOT_FOUND. */
export async function loadCommunity(deps: { table: Pick<Table, "load"> }, communityId: string): Promise<Community> {
  const community = await deps.table.load(communities, { communityId });
  if (!community) throw new DomainError("COMMUNITY_NOT_FOUND");
  return community;
}

/** The write that puts a member last among the community's leaders, or takes him out; none where it is so. */
async function ledBy(
  { table }: { table: Table },
  { communityId, memberId }: Pick<Membership, "communityId" | "memberId">,
  leads: boolean,
): Promise<Write[]> {
  const community = await table.load(communities, { communityId });
  const { leaders = [] } = community ?? {};
  if (!community || leaders.includes(memberId) === leads) return [];
  const others = leaders.filter((id) => id !== memberId);
  return [
    communities
      .patch(community)
      .asRead(community)
      .set({ leaders: leads ? [...others, memberId] : others }),
  ];
}

/** Staff make a member of the community its leader or a KOC, or take that back. Throws MEMBERSHIP_NOT_FOUND. */
export async function giveRole(
  deps: { env: Env; table: Table },
  input: { communityId: string; memberId: string; role: "member" | "koc" | "leader"; reason: string; by: string },
): Promise<Membership> {
  const { communityId, memberId, role } = input;
  return decide(async () => {
    const membership = await deps.table.load(memberships, { communityId, memberId });
    if (!membership) throw new DomainError("MEMBERSHIP_NOT_FOUND");
    if (membership.role === role) return membership;
    await deps.table.commit([
      memberships.patch(membership).asRead(membership).set({ role }),
      ...(await ledBy(deps, input, role === "leader")),
      audited(deps.env, {
        staffId: input.by,
        action: "community.role",
        target: communityId,
        reason: input.reason,
        change: { memberId, before: membership.role, after: role },
      }),
      outbox.create(
        makeEvent(deps.env, {
          type: "community.role_given",
          actor: { kind: "staff", id: input.by },
          data: { communityId, memberId, role },
        }),
      ),
    ]);
    return { ...membership, role };
  });
}

/** Throws NOT_LEADER unless the member leads the community now. */
export async function requireLeader(
  deps: { table: Pick<Table, "load"> },
  key: { communityId: string; memberId: string },
): Promise<void> {
  if ((await deps.table.load(memberships, key))?.role !== "leader") throw new DomainError("NOT_LEADER");
}

/** The member's membership. Throws COMMUNITY_NOT_FOUND, NOT_COMMUNITY_MEMBER. */
export async function requireMember(
  deps: { table: Pick<Table, "load"> },
  key: { communityId: string; memberId: string },
): Promise<Membership> {
  const membership = await deps.table.load(memberships, key);
  if (membership) return membership;
  await loadCommunity(deps, key.communityId);
  throw new DomainError("NOT_COMMUNITY_MEMBER");
}

/** A page of a community's members. */
export const listMembers = (
  deps: { table: Pick<Table, "page"> },
  input: { communityId: string; limit: number; after?: Record<string, string> | undefined },
): Promise<Page<Membership>> => deps.table.page(membersOfCommunity(input.communityId), { ...input, eventually: true });

/** Lets a member join; a member may be in several communities. Throws COMMUNITY_NOT_FOUND, ALREADY_MEMBER. */
export async function joinCommunity(
  deps: { env: Env; table: Table },
  input: { communityId: string; memberId: string },
): Promise<Membership & { community: Community }> {
  const { env, table } = deps;
  const { communityId, memberId } = input;
  // Read, not checked in the commit: communities are never removed, and a check would make the neighbours' joins collide.
  const community = await loadCommunity(deps, communityId);
  const membership: Membership = { communityId, memberId, role: "member", joinedAt: env.clock.now() };
  await table.commit([
    memberships.create(membership).or("ALREADY_MEMBER"),
    outbox.create(
      makeEvent(env, {
        type: "community.joined",
        actor: { kind: "member", id: memberId },
        data: { communityId, memberId, storeId: community.storeId },
      }),
    ),
  ]);
  return { ...membership, community };
}

/** Lets a member leave; who is not in the community has left it already. */
export async function leaveCommunity(
  deps: { env: Env; table: Table },
  input: { communityId: string; memberId: string },
): Promise<void> {
  const { env, table } = deps;
  const { communityId, memberId } = input;
  await decide(async () => {
    const membership = await table.load(memberships, { communityId, memberId });
    if (!membership) return;
    await table.commit([
      memberships.remove({ communityId, memberId }).asRead(membership),
      ...(membership.role === "leader" ? await ledBy(deps, membership, false) : []),
      outbox.create(
        makeEvent(env, {
          type: "community.left",
          actor: { kind: "member", id: memberId },
          data: { communityId, memberId },
        }),
      ),
    ]);
  });
}

/** Whether the member is in the community now. */
export async function isMemberOf(
  deps: { table: Pick<Table, "load"> },
  communityId: string,
  memberId: string,
): Promise<boolean> {
  return (await deps.table.load(memberships, { communityId, memberId })) !== undefined;
}

/** A page of the member's memberships, the oldest community first, each with its community. */
export async function listMemberships(
  deps: { table: Pick<Table, "page" | "loadMany"> },
  input: { memberId: string; limit: number; after?: Record<string, string> | undefined },
): Promise<{ items: (Stored<Membership> & { community: Community })[]; next?: Record<string, string> }> {
  const { items, next } = await deps.table.page(membershipsOf(input.memberId), input);
  const found = new Map((await deps.table.loadMany(communities, items)).map((c) => [c.communityId, c]));
  const joined = items.flatMap((membership) => {
    const community = found.get(membership.communityId);
    return community ? [{ ...membership, community }] : [];
  });
  return next ? { items: joined, next } : { items: joined };
}
