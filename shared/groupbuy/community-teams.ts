import type { Order } from "../order/index.ts";
import type { Stored, Table } from "../table/entity.ts";
import { teamsOfCommunity } from "../table/keys.ts";
import { campaignOf } from "./keep-campaign.ts";
import type { Campaign, Team } from "./model.ts";
import { seatsIn } from "./team-seats.ts";

/** A team that a community's member opened, with its seats that are held or paid, the earliest first. */
export interface CommunityTeam {
  team: Stored<Team>;
  held: Order[];
  paid: Order[];
}

/**
 * A page of the teams that members of a community opened in a campaign, the oldest first, each with its seats; failed and
 * abandoned ones are left out, so that a page may hold fewer than `limit`. Throws CAMPAIGN_NOT_FOUND.
 */
export async function communityTeams(
  deps: { table: Table },
  input: { communityId: string; campaignId: string; limit: number; after?: Record<string, string> | undefined },
): Promise<{ campaign: Stored<Campaign>; items: CommunityTeam[]; next: Record<string, string> | undefined }> {
  const campaign = await campaignOf(deps.table, input.campaignId);
  const page = await deps.table.page(teamsOfCommunity(input.communityId, input.campaignId), {
    limit: input.limit,
    after: input.after,
    eventually: true,
  });
  const items: CommunityTeam[] = [];
  for (const team of page.items) {
    if (team.state === "FAILED" || team.state === "ABANDONED") continue;
    const seats: Order[] = [];
    for await (const seat of seatsIn(deps.table, team.teamId)) seats.push(seat);
    items.push({
      team,
      held: seats.filter((seat) => seat.seat === "HELD"),
      paid: seats.filter((seat) => seat.seat === "PAID"),
    });
  }
  return { campaign, items, next: page.next };
}
