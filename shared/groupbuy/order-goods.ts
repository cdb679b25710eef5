import { loadArticle } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { pairId } from "../kernel/ids.ts";
import { lineIdOf, seatShare } from "../order/index.ts";
import type { PurchaseLine, PurchaseOrder } from "../supply/index.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { outbox, purchaseLines, purchaseOrders, teams } from "../table/keys.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Campaign, Team } from "./model.ts";
import { batchTeamId, counts, onLine, seatsIn } from "./team-seats.ts";

type Deps = { table: Table; env: Env };
type Bought = PurchaseLine["communities"][number];

/**
 * Writes the purchase order of a campaign that is bought to order, once all its teams are decided: one a supplier, with a line a
 * store and in it a part a community, in one commit and once. Stores whose teams all failed are not in it; where all did, there is
 * none. Answers whether it is done; false: a team lives on, or the index has not shown every paid seat yet.
 */
export async function orderGoods(deps: Deps, campaign: Stored<Campaign>): Promise<boolean> {
  const { batch, communityIds = [], campaignId, articleId } = campaign;
  if (batch?.sourced !== "to_order") return true;
  const { table, env } = deps;
  const found = await table.loadMany(
    teams,
    communityIds.map((communityId) => ({ teamId: batchTeamId(campaignId, communityId) })),
  );
  if (found.some(({ state }) => !teamLifecycle.terminal(state))) return false;
  const lineId = (storeId: string) => lineIdOf({ campaignId, storeId, articleId });
  return decide(async () => {
    // a line that is there came with its order; the article may have another supplier by now
    if (
      (
        await table.loadMany(
          purchaseLines,
          found.map(({ storeId }) => ({ lineId: lineId(storeId) })),
        )
      ).length > 0
    )
      return true;
    const parts = new Map<string, Bought[]>();
    for (const team of found) {
      const bought = await boughtBy(table, team, campaign);
      if (bought === undefined) return false;
      if (bought.units > 0) parts.set(team.storeId, [...(parts.get(team.storeId) ?? []), bought]);
    }
    if (parts.size === 0) return true;
    const { supplierId } = await loadArticle(deps, articleId);
    const purchaseOrderId = pairId("PO", campaignId, supplierId ?? articleId);
    const lines = [...parts].map(([storeId, ofCommunities]): PurchaseLine => {
      const { units, costFen } = sumOf(ofCommunities);
      return {
        lineId: lineId(storeId),
        purchaseOrderId,
        campaignId,
        storeId,
        articleId,
        articleName: campaign.articleName,
        state: "EXPECTED",
        ...(batch.casePack !== undefined && { casePack: batch.casePack }),
        unitCostFen: campaign.costFen,
        communities: ofCommunities,
        units,
        costFen,
        pickupFrom: campaign.pickupFrom,
        pickupUntil: campaign.pickupUntil,
        arrivals: 0,
        good: 0,
        damaged: 0,
        withdrawn: 0,
      };
    });
    const order: PurchaseOrder = {
      purchaseOrderId,
      campaignId,
      campaignName: campaign.name,
      ...(supplierId !== undefined && { supplierId }),
      state: "OPEN",
      lineIds: lines.map((line) => line.lineId),
      closed: 0,
      ...sumOf(lines),
      orderedAt: env.clock.now(),
    };
    await table.commit([
      purchaseOrders.create(order),
      ...lines.map((line) => purchaseLines.create(line)),
      outbox.create(
        makeEvent(env, {
          type: "purchase.ordered",
          actor: { kind: "system" },
          origin: campaign.origin,
          data: { purchaseOrderId, campaignId, articleId, units: order.units, costFen: order.costFen },
        }),
      ),
    ]);
    return true;
  });
}

const sumOf = (parts: readonly { units: number; costFen: number }[]) => ({
  units: parts.reduce((sum, { units }) => sum + units, 0),
  costFen: parts.reduce((sum, { costFen }) => sum + costFen, 0),
});

/** What a community's seats come to, in whole cases; without those that another store serves. Undefined: not all are indexed. */
async function boughtBy(table: Table, team: Stored<Team>, campaign: Campaign): Promise<Bought | undefined> {
  const casePack = campaign.batch?.casePack;
  let paid = 0;
  let sold = 0;
  for await (const seat of seatsIn(table, team.teamId)) {
    if (!counts(seat)) continue;
    paid += 1;
    if (onLine(seat)) sold += seatShare(seat, team)?.units ?? 0;
  }
  if (paid !== team.paid) return undefined;
  const cases = casePack === undefined ? undefined : Math.ceil(sold / casePack);
  const units = cases === undefined || casePack === undefined ? sold : cases * casePack;
  return {
    communityId: team.communityId ?? "",
    teamId: team.teamId,
    units,
    ...(cases !== undefined && { cases }),
    costFen: units * campaign.costFen,
  };
}
