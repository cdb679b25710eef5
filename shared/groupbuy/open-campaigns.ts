import type { Env } from "../kernel/env.ts";
import type { Table } from "../table/entity.ts";
import { allCampaigns, allotments, campaigns, totalCaps } from "../table/keys.ts";
import type { Campaign } from "./model.ts";

/** So many of the newest campaigns are looked through for those that are open. */
const LOOKED_THROUGH = 50;

/**
 * Campaigns in which a store still takes orders: open, with units left at it and in all. `named`: of these ids; `current`: of the newest
 * 50, the newest first, where they are asked for. At most 4 requests, read eventually.
 */
export async function campaignsOpenAt(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  given: { storeId: string; campaignIds: readonly string[]; current: boolean },
): Promise<{ named: ReadonlyMap<string, Campaign>; current: Campaign[] }> {
  const how = { eventually: true };
  const newest = given.current
    ? (await table.page(allCampaigns(), { limit: LOOKED_THROUGH, eventually: true })).items
    : [];
  const ids = [...new Set(given.campaignIds)].map((campaignId) => ({ campaignId }));
  const named = await table.loadMany(campaigns, ids, how);
  const now = env.clock.now();
  const open = new Map(
    [...newest, ...named]
      .filter(({ state, opensAt, closesAt }) => state === "OPEN" && opensAt <= now && now < closesAt)
      .map((campaign) => [campaign.campaignId, campaign]),
  );
  const rows = await table.loadMany(
    allotments,
    [...open.values()].map(({ campaignId, articleId }) => ({ campaignId, articleId, storeId: given.storeId })),
    how,
  );
  const capped = [...open.values()].filter(({ totalCap }) => totalCap !== undefined);
  const full = new Set(
    (await table.loadMany(totalCaps, capped, how)).filter(({ left }) => left === 0).map(({ campaignId }) => campaignId),
  );
  const here = new Set(
    rows
      .filter(({ state, left, campaignId }) => state === "OPEN" && left > 0 && !full.has(campaignId))
      .map(({ campaignId }) => campaignId),
  );
  for (const campaignId of open.keys()) if (!here.has(campaignId)) open.delete(campaignId);
  return { named: open, current: newest.filter(({ campaignId }) => open.has(campaignId)) };
}
