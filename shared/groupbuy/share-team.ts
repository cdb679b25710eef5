import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { randomText } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { decide, type Table } from "../table/entity.ts";
import { outbox, shares, teams, touches } from "../table/keys.ts";
import type { Share, Team } from "./model.ts";

type Deps = { table: Table; env: Env };

/** A link to a team that records who shared it. Throws TEAM_NOT_FOUND, TEAM_NOT_VISIBLE (not yet paid by its leader). */
export async function shareTeam(deps: Deps, input: { teamId: string; memberId: string }): Promise<Share> {
  const team = await deps.table.load(teams, { teamId: input.teamId });
  if (!team) throw new DomainError("TEAM_NOT_FOUND");
  if (team.state === "OPENING" || team.state === "ABANDONED") throw new DomainError("TEAM_NOT_VISIBLE");
  return share(deps, team, input.memberId, randomText(deps.env.rng.bytes(16)));
}

/**
 * A community leader's link to a team: made once, by a token that leader and team make, so that the text it stands in is the
 * same each time.
 */
export async function shareOfLeader(
  deps: Deps & { blindIndex(text: string): string },
  input: { team: Team; memberId: string },
): Promise<Share> {
  const hash = deps.blindIndex(`share ${input.memberId} ${input.team.teamId}`);
  const token = randomText(
    Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16)),
  );
  return decide(
    async () => (await deps.table.load(shares, { token })) ?? share(deps, input.team, input.memberId, token),
  );
}

async function share(deps: Deps, team: Team, memberId: string, token: string): Promise<Share> {
  const made: Share = {
    token,
    inviterId: memberId,
    teamId: team.teamId,
    campaignId: team.campaignId,
    ...(team.communityId !== undefined && { communityId: team.communityId }),
    at: deps.env.clock.now(),
  };
  await deps.table.commit([
    shares.create(made),
    outbox.create(
      makeEvent(deps.env, {
        type: "team.shared",
        actor: { kind: "member", id: memberId },
        origin: team.origin,
        data: { teamId: team.teamId, campaignId: team.campaignId, token },
      }),
    ),
  ]);
  return made;
}

/** Somebody opened a share link: the touch is kept with its first and last time. Throws SHARE_NOT_FOUND. */
export async function touchShare(
  deps: Deps,
  input: { token: string; memberId: string },
): Promise<{ share: Share; team: Team }> {
  const share = await deps.table.load(shares, { token: input.token });
  const team = share && (await deps.table.load(teams, { teamId: share.teamId }));
  if (!share || !team) throw new DomainError("SHARE_NOT_FOUND");
  const now = deps.env.clock.now();
  await decide(async () => {
    const before = await deps.table.load(touches, input);
    const touch = before
      ? touches.patch(input).set({ lastAt: now })
      : touches.create({ token: input.token, memberId: input.memberId, firstAt: now, lastAt: now });
    const touched = makeEvent(deps.env, {
      type: "share.touched",
      actor: { kind: "member", id: input.memberId },
      origin: { ...team.origin, inviterId: share.inviterId },
      data: { token: share.token, teamId: share.teamId, campaignId: share.campaignId, inviterId: share.inviterId },
    });
    await deps.table.commit(before ? [touch] : [touch, outbox.create(touched)]);
  });
  return { share, team };
}
