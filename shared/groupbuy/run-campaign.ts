import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { referencePrice } from "../pricing/index.ts";
import { decide, Stale, type Stored, type Table, type Write } from "../table/entity.ts";
import {
  allotments,
  campaigns,
  communities,
  communityCampaigns,
  dues,
  outbox,
  stockMovements,
  stocks,
  TEAM_BUCKETS,
  teams,
  teamsOf,
} from "../table/keys.ts";
import { clocks } from "./clocks.ts";
import { recallOf, takenByUnit } from "./goods.ts";
import { allotmentRows, steerCampaign } from "./keep-campaign.ts";
import { campaignLifecycle, teamLifecycle } from "./lifecycle.ts";
import type { Allotment, Campaign, Team } from "./model.ts";
import { orderGoods } from "./order-goods.ts";
import { batchTeamId, teamFailed } from "./team-seats.ts";
import { termsOf } from "./terms.ts";

type Deps = { table: Table; env: Env };

/**
 * Moves a campaign through its window as far as the time allows: opens it (each store's units leave its online stock; a batch
 * gets its team in each community),
 * closes it, and once its last team is decided orders what is bought to order, gives what is left back and settles it; a cancelled one has its live teams
 * stopped and its units returned. Store by store and team by team, until `untilMs` (epoch ms): whoever comes again goes on
 * with what is left. Answers whether nothing remains to be done now.
 */
export async function runCampaign(deps: Deps, campaignId: string, untilMs: number): Promise<boolean> {
  for (;;) {
    const campaign = await deps.table.load(campaigns, { campaignId });
    if (!campaign) return true;
    const now = deps.env.clock.now();
    switch (campaign.state) {
      case "SCHEDULED":
        if (now < campaign.opensAt) return true;
        if (!campaign.reference) {
          await rememberReference(deps, campaign);
          continue;
        }
        if (!(await eachAllotment(deps, campaign, "PLANNED", openAllotment, untilMs))) return false;
        for (const communityId of campaign.communityIds ?? []) {
          if (deps.env.clock.now() >= untilMs) return false;
          await openBatchTeam(deps, campaignId, communityId);
        }
        await move(deps, campaign, "opened");
        continue;
      case "OPEN":
      case "SUSPENDED":
        // stores that the index had not shown yet when it opened
        if (!(await eachAllotment(deps, campaign, "PLANNED", openAllotment, untilMs))) return false;
        if (campaign.state === "OPEN") await stopRecalled(deps, campaign);
        if (now < campaign.closesAt) return true;
        await move(deps, campaign, "closed");
        continue;
      case "CUTOFF":
        if (now < campaign.hardEnd) return true;
        if (await anyLive(deps, campaignId)) return false;
        if (!(await orderGoods(deps, campaign))) return false;
        if (!(await eachAllotment(deps, campaign, "OPEN", returnAllotment, untilMs))) return false;
        await move(deps, campaign, "settled");
        continue;
      case "CANCELLED":
        if (!(await stopTeams(deps, campaignId, untilMs)) || (await anyLive(deps, campaignId))) return false;
        // one that was cancelled past its cut-off may have teams that had succeeded
        if (!(await orderGoods(deps, campaign))) return false;
        return eachAllotment(deps, campaign, "OPEN", returnAllotment, untilMs);
      default:
        return true;
    }
  }
}

/** Keeps what may be struck through, before anybody can buy: later deals don't change it. */
async function rememberReference(deps: Deps, campaign: Stored<Campaign>): Promise<void> {
  const reference = await referencePrice(deps, { articleId: campaign.articleId, at: campaign.opensAt });
  try {
    await deps.table.write(campaigns.patch(campaign).asRead(campaign).set({ reference }));
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
  }
}

/** Suspends an open campaign whose goods are called back; whoever has just changed it otherwise is not disturbed. */
export async function stopRecalled(deps: Deps, campaign: Campaign): Promise<void> {
  const recallId = await recallOf(deps, campaign);
  if (!recallId) return;
  const { campaignId } = campaign;
  try {
    const reason = `商品召回 ${recallId}`;
    await steerCampaign(deps, { campaignId, event: "suspended", reason, staffId: "system", once: () => [] });
  } catch (error) {
    if (!(error instanceof DomainError && error.code === "CAMPAIGN_STATE")) throw error;
  }
}

/** Does what is left to do of the allotments in a state; false when the time ran out before the last. */
async function eachAllotment(
  deps: Deps,
  campaign: Campaign,
  state: Allotment["state"],
  one: (deps: Deps, campaign: Campaign, row: Allotment) => Promise<void>,
  untilMs: number,
): Promise<boolean> {
  for (const row of await allotmentRows(deps.table, campaign.campaignId)) {
    if (row.state !== state) continue;
    if (deps.env.clock.now() >= untilMs) return false;
    await one(deps, campaign, row);
  }
  return true;
}

/** One made while the campaign is being cancelled is stopped by the look that follows a cancellation. */
async function openBatchTeam(deps: Deps, campaignId: string, communityId: string): Promise<void> {
  const teamId = batchTeamId(campaignId, communityId);
  await decide(async () => {
    const campaign = await deps.table.load(campaigns, { campaignId });
    if (campaign?.state !== "SCHEDULED" || (await deps.table.load(teams, { teamId }))) return;
    const community = await deps.table.load(communities, { communityId });
    invariant(campaign.batch && community, `batch ${campaignId} has its terms and community ${communityId}`);
    const { seats } = campaign.batch;
    const { hardEnd } = campaign;
    const looksAt = hardEnd + clocks.grace + clocks.lostTimer;
    const origin = { originId: campaignId, channel: "batch" as const, communityId };
    await deps.table.commit([
      teams.create({
        teamId,
        campaignId,
        state: "FORMING",
        size: seats,
        held: 0,
        paid: 0,
        free: seats,
        paidUnits: 0,
        storeId: community.storeId,
        communityId,
        openedAt: deps.env.clock.now(),
        deadline: hardEnd,
        terms: termsOf(campaign),
        origin,
      }),
      communityCampaigns.create({ communityId, campaignId, teamId }),
      dues.create({ kind: "deadline", id: teamId, at: looksAt, since: looksAt }),
      outbox.create(
        makeEvent(deps.env, {
          type: "team.formed",
          actor: { kind: "system" },
          origin,
          data: { teamId, campaignId, communityId, deadline: hardEnd },
        }),
      ),
    ]);
  });
}

/** One step of the campaign as it was read: whoever took it first, or edited the campaign meanwhile, is read again. */
async function move(deps: Deps, campaign: Stored<Campaign>, event: "opened" | "closed" | "settled"): Promise<void> {
  try {
    await deps.table.commit([
      campaigns.patch(campaign).asRead(campaign).move("state", campaignLifecycle, event),
      outbox.create(
        makeEvent(deps.env, {
          type: `campaign.${event}`,
          actor: { kind: "system" },
          origin: campaign.origin,
          data: { campaignId: campaign.campaignId },
        }),
      ),
    ]);
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
  }
}

/**
 * Moves a store's units from its online stock to the campaign: what it has, at most what was planned; of a kit, as many as each of
 * its components suffices for. What is bought to order takes nothing from stock, and gives nothing back to it.
 */
async function openAllotment(deps: Deps, goods: Campaign, planned: Allotment): Promise<void> {
  await decide(async () => {
    const row = await deps.table.load(allotments, planned);
    if (row?.state !== "PLANNED") return;
    const opened = allotments.patch(row).asRead(row);
    const campaign = await deps.table.load(campaigns, row);
    if (campaign?.batch?.sourced === "to_order") {
      await deps.table.commit([opened.set({ state: "OPEN", left: row.units, sourced: "to_order" })]);
      return;
    }
    const enough = await Promise.all(
      takenByUnit(goods).map(async ({ articleId, units }) => {
        const stock = await deps.table.load(stocks, { storeId: row.storeId, articleId });
        return Math.floor((stock?.online ?? 0) / units);
      }),
    );
    const units = Math.min(row.units, ...enough);
    opened.set({ state: "OPEN", left: units });
    await deps.table.commit([opened, ...moved(deps, goods, row, `open#${row.campaignId}`, -units)]);
  });
}

async function returnAllotment(deps: Deps, goods: Campaign, open: Allotment): Promise<void> {
  await decide(async () => {
    const row = await deps.table.load(allotments, open);
    if (row?.state !== "OPEN") return;
    const returned = allotments.patch(row).asRead(row).set({ state: "RETURNED", left: 0 });
    await deps.table.commit([
      returned,
      ...(row.sourced ? [] : moved(deps, goods, row, `return#${row.campaignId}`, row.left)),
    ]);
  });
}

/** What so many units of a campaign put into a store's online stock, or take out of it. */
const moved = (deps: Deps, goods: Campaign, { storeId }: Allotment, cause: string, units: number): Write[] =>
  (units === 0 ? [] : takenByUnit(goods)).flatMap((part) => {
    const key = { storeId, articleId: part.articleId };
    const delta = units * part.units;
    const patch = stocks.patch(key).add({ online: delta });
    return [
      delta < 0 ? patch.when("online", ">=", -delta) : patch,
      stockMovements.create({ ...key, cause, delta, at: deps.env.clock.now() }),
    ];
  });

/** The campaign's teams, bucket by bucket. */
export async function* teamsIn(table: Table, campaignId: string): AsyncGenerator<Stored<Team>> {
  for (let bucket = 0; bucket < TEAM_BUCKETS; bucket++) {
    let after: Record<string, string> | undefined;
    do {
      const page = await table.page(teamsOf(campaignId, bucket), { limit: 50, after });
      yield* page.items;
      after = page.next;
    } while (after);
  }
}

async function anyLive(deps: Deps, campaignId: string): Promise<boolean> {
  for await (const team of teamsIn(deps.table, campaignId)) if (!teamLifecycle.terminal(team.state)) return true;
  return false;
}

/** Fails every forming team and abandons every opening one; their held seats run out by themselves. False: out of time. */
async function stopTeams(deps: Deps, campaignId: string, untilMs: number): Promise<boolean> {
  for await (const found of teamsIn(deps.table, campaignId)) {
    if (teamLifecycle.terminal(found.state)) continue;
    if (deps.env.clock.now() >= untilMs) return false;
    await decide(async () => {
      const team = await deps.table.load(teams, found);
      if (!team || teamLifecycle.terminal(team.state)) return;
      const event = team.state === "FORMING" ? "stopped" : "leaderLapsed";
      const decidedAt = deps.env.clock.now();
      const stopped = teams
        .patch(team)
        .asRead(team)
        .move("state", teamLifecycle, event)
        .set({ outcome: "ops", decidedAt });
      await deps.table.commit([stopped, ...(event === "stopped" ? teamFailed(deps.env, team, "ops") : [])]);
    });
  }
  return true;
}
