import { isMemberOf } from "../community/index.ts";
import { DomainError } from "../kernel/problem.ts";
import { teams } from "../table/keys.ts";
import { joinTeam, openTeam, type Seat, type SeatDeps, type SeatRequest } from "./take-seat.ts";

/**
 * 代客下单: a community's leader takes a seat in the name of one of its members, who then pays or refuses by leaving it. Limits
 * and admission are the member's, as if the member had asked; the order says who placed it. Joins the community's team named,
 * or opens one in it. Throws MEMBERSHIP_NOT_FOUND, TEAM_NOT_FOUND (no team of this community), INPUT_INVALID (the leader
 * himself; neither or both of team and campaign), what opening and joining throw.
 */
export async function placeForMember(
  deps: SeatDeps,
  input: SeatRequest & {
    leaderId: string;
    communityId: string;
    teamId?: string | undefined;
    campaignId?: string | undefined;
  },
): Promise<Seat> {
  const { leaderId, communityId, teamId, campaignId, ...request } = input;
  const invalid = (path: string, message: string) =>
    new DomainError("INPUT_INVALID", undefined, { errors: [{ path, message }] });
  if (request.memberId === leaderId) throw invalid("body.memberId", "is yourself: open or join as a member does");
  if (!(await isMemberOf(deps, communityId, request.memberId))) throw new DomainError("MEMBERSHIP_NOT_FOUND");
  const seat = { ...request, placedBy: leaderId };
  if (teamId !== undefined && campaignId === undefined) {
    const team = await deps.table.load(teams, { teamId });
    if (team?.communityId !== communityId) throw new DomainError("TEAM_NOT_FOUND");
    return joinTeam(deps, { ...seat, teamId });
  }
  if (campaignId !== undefined && teamId === undefined) return openTeam(deps, { ...seat, campaignId, communityId });
  throw invalid("body.teamId", "give the team to join, or campaignId to open one");
}
