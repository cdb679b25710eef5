import { DomainError } from "../kernel/problem.ts";
import { toIso } from "../kernel/time.ts";
import { arrivalAt, lineIdOf, seatShare } from "../order/index.ts";
import type { Table } from "../table/entity.ts";
import { communities, purchaseLines, teams } from "../table/keys.ts";
import { campaignOf } from "./keep-campaign.ts";
import { teamLifecycle } from "./lifecycle.ts";
import { batchTeamId, counts, seatsIn } from "./team-seats.ts";

/** What a store packs for a batch, community by community, in the order of payment. */
export interface PickingList {
  campaignId: string;
  storeId: string;
  articleId: string;
  articleName: string;
  casePack?: number;
  /** Of a kit: what goes into each. */
  components?: { articleId: string; name: string; units: number }[];
  communities: {
    communityId: string;
    name: string;
    teamId: string;
    /** All orders' units, and whole cases where the campaign has some. */
    units: number;
    cases?: number;
    orders: { orderId: string; units: number; paidAt: number }[];
  }[];
}

/**
 * A store's list of a batch, once each of its communities is decided (of goods bought to order, what has come once some has): failed ones are left out, and orders that were moved to
 * another store, which serves them from its own stock. Throws CAMPAIGN_NOT_FOUND, CAMPAIGN_STATE (no batch, or before its
 * cut-off is settled), TRY_AGAIN.
 */
export async function pickingList(
  deps: { table: Table },
  { campaignId, storeId }: { campaignId: string; storeId: string },
): Promise<PickingList> {
  const { table } = deps;
  const campaign = await campaignOf(table, campaignId);
  const { batch, communityIds, articleId, articleName, components, hardEnd } = campaign;
  if (!batch || !communityIds) throw new DomainError("CAMPAIGN_STATE", "only a batch has a picking list");
  const keys = communityIds.map((communityId) => ({ communityId, teamId: batchTeamId(campaignId, communityId) }));
  const [named, found] = await Promise.all([table.loadMany(communities, keys), table.loadMany(teams, keys)]);
  const names = new Map(named.map((one) => [one.communityId, one.name]));
  const here = found.filter((team) => team.storeId === storeId);
  if (
    campaign.state === "DRAFT" ||
    campaign.state === "SCHEDULED" ||
    here.some((t) => !teamLifecycle.terminal(t.state))
  )
    throw new DomainError("CAMPAIGN_STATE", `ask again some minutes after its cut-off, ${toIso(hardEnd)}`);
  const list: PickingList = { campaignId, storeId, articleId, articleName, communities: [] };
  if (batch.casePack !== undefined) list.casePack = batch.casePack;
  if (components) list.components = components;
  const line = await table.load(purchaseLines, { lineId: lineIdOf({ campaignId, storeId, articleId }) });
  for (const team of here) {
    if (team.state !== "SUCCEEDED" || team.communityId === undefined) continue;
    const orders: PickingList["communities"][number]["orders"] = [];
    let paid = 0;
    let bought = 0;
    for await (const seat of seatsIn(table, team.teamId)) {
      if (!counts(seat)) continue;
      paid += 1;
      const { orderId, paidAt = 0 } = seat;
      const sold = seatShare(seat, team)?.units ?? 0;
      bought += sold;
      // of what has begun to come, only what is there for it
      const units = line && line.state !== "EXPECTED" ? (arrivalAt(seat, team, line).units ?? 0) : sold;
      if (units > 0 && seat.seat === "PAID" && seat.storeId === storeId) orders.push({ orderId, units, paidAt });
    }
    if (paid !== team.paid) throw new DomainError("TRY_AGAIN", "the batch's orders are still being indexed");
    list.communities.push({
      communityId: team.communityId,
      name: names.get(team.communityId) ?? team.communityId,
      teamId: team.teamId,
      units: orders.reduce((sum, one) => sum + one.units, 0),
      ...(batch.casePack !== undefined && { cases: bought / batch.casePack }),
      orders: orders.sort((a, b) => a.paidAt - b.paidAt || (a.orderId < b.orderId ? -1 : 1)),
    });
  }
  return list;
}
