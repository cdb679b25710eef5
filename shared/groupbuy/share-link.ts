import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { randomText } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { campaigns, outbox, shares, teams, touches } from "../table/keys.ts";
import type { Campaign, Share, Team } from "./model.ts";

type Deps = { table: Table; env: Env };
type Hash = { blindIndex(text: string): string };

/** A member's link to a team, the same each time. Throws TEAM_NOT_FOUND, TEAM_NOT_VISIBLE (not yet paid by its leader). */
export async function shareTeam(deps: Deps & Hash, input: { teamId: string; memberId: string }): Promise<Share> {
  const team = await deps.table.load(teams, { teamId: input.teamId });
  if (!team) throw new DomainError("TEAM_NOT_FOUND");
  if (team.state === "OPENING" || team.state === "ABANDONED") throw new DomainError("TEAM_NOT_VISIBLE");
  return shareOnce(deps, { object: team, memberId: input.memberId });
}

/** The links that a member has to these teams already, by team. */
export async function sharesOf(
  { table, blindIndex }: Pick<Deps, "table"> & Hash,
  memberId: string,
  teamIds: readonly string[],
): Promise<Map<string, Share>> {
  const tokens = [...new Set(teamIds)].map((teamId) => ({ token: tokenOf(blindIndex, { teamId }, memberId) }));
  const found = await table.loadMany(shares, tokens, { eventually: true });
  return new Map(found.flatMap((share) => (share.teamId === undefined ? [] : [[share.teamId, share]])));
}

/** A link to a campaign, or to the shop where none is named. Throws CAMPAIGN_NOT_FOUND. */
export async function shareShop(
  deps: Deps,
  { campaignId, memberId }: { campaignId?: string | undefined; memberId: string },
): Promise<Share> {
  const campaign = campaignId === undefined ? undefined : await shownCampaign(deps, campaignId);
  return share(
    deps,
    { ...(campaign && { campaignId: campaign.campaignId }) },
    memberId,
    randomText(deps.env.rng.bytes(16)),
  );
}

async function shownCampaign({ table }: Deps, campaignId: string): Promise<Campaign> {
  const campaign = await table.load(campaigns, { campaignId }, { eventually: true });
  if (!campaign || campaign.state === "DRAFT") throw new DomainError("CAMPAIGN_NOT_FOUND");
  return campaign;
}

/** What a link leads to. */
type Shared = Pick<Share, "teamId" | "campaignId" | "communityId"> & Partial<Pick<Team, "origin">>;

/**
 * A member's link to a team or, for a community's leader, to a campaign to open one's own team in: made once, by a token that member
 * and object make, so that the text it stands in is the same each time.
 */
export async function shareOnce(
  deps: Deps & Hash,
  { object, memberId }: { object: Shared; memberId: string },
): Promise<Share> {
  const token = tokenOf(deps.blindIndex, object, memberId);
  return decide(async () => (await deps.table.load(shares, { token })) ?? share(deps, object, memberId, token));
}

/** Nobody's guess: of a keyed hash. */
function tokenOf(blindIndex: Hash["blindIndex"], object: Shared, memberId: string): string {
  const hash = blindIndex(`share ${memberId} ${object.teamId ?? `${object.campaignId} ${object.communityId}`}`);
  return randomText(Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16)));
}

async function share(
  deps: Deps,
  { teamId, campaignId, communityId, origin }: Shared,
  memberId: string,
  token: string,
): Promise<Share> {
  const object = {
    ...(teamId !== undefined && { teamId }),
    ...(campaignId !== undefined && { campaignId }),
    ...(communityId !== undefined && { communityId }),
  };
  const made: Share = { token, inviterId: memberId, ...object, at: deps.env.clock.now() };
  await deps.table.commit([
    shares.create(made),
    outbox.create(
      makeEvent(deps.env, {
        type: "link.shared",
        actor: { kind: "member", id: memberId },
        origin,
        data: { ...object, token },
      }),
    ),
  ]);
  return made;
}

/**
 * Somebody opened a share link: the touch is kept with its first and last time. Answers what it leads to; nothing of both is the
 * shop. Throws SHARE_NOT_FOUND.
 */
export async function touchShare(
  deps: Deps,
  input: { token: string; memberId: string },
): Promise<{ share: Share; team?: Stored<Team> | undefined; campaign?: Campaign | undefined }> {
  const share = await deps.table.load(shares, { token: input.token });
  if (!share) throw new DomainError("SHARE_NOT_FOUND");
  const { teamId, campaignId, inviterId } = share;
  const team = teamId === undefined ? undefined : await deps.table.load(teams, { teamId });
  if (teamId !== undefined && !team) throw new DomainError("SHARE_NOT_FOUND");
  const campaign = team || campaignId === undefined ? undefined : await shownCampaign(deps, campaignId);
  const now = deps.env.clock.now();
  await decide(async () => {
    const before = await deps.table.load(touches, input);
    const touch = before
      ? touches.patch(input).set({ lastAt: now })
      : touches.create({ token: input.token, memberId: input.memberId, inviterId, firstAt: now, lastAt: now });
    const touched = makeEvent(deps.env, {
      type: "share.touched",
      actor: { kind: "member", id: input.memberId },
      origin: { channel: "mini", ...team?.origin, inviterId },
      data: {
        token: share.token,
        ...(teamId !== undefined && { teamId }),
        ...(campaignId !== undefined && { campaignId }),
        inviterId,
      },
    });
    await deps.table.commit(before ? [touch] : [touch, outbox.create(touched)]);
  });
  return { share, team, campaign };
}
