import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { shareOf } from "../kernel/money.ts";
import { DomainError } from "../kernel/problem.ts";
import { wholeSecond } from "../kernel/time.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { allotments, allotmentsOf, articles, campaigns, dues, outbox, stores, totalCaps } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { brokenRules } from "./campaign-rules.ts";
import { clocks } from "./clocks.ts";
import { campaignLifecycle } from "./lifecycle.ts";
import type { Allotment, Campaign } from "./model.ts";

type Deps = { table: Table; env: Env };
type By = { staffId: string };

/** What ops say of a campaign; article, prices and cost are read from the catalogue when it is made. */
export type CampaignDraft = Pick<
  Campaign,
  | "name"
  | "articleId"
  | "invitesRequired"
  | "shareBps"
  | "durationMs"
  | "holdMs"
  | "perMemberLimit"
  | "admits"
  | "leaderLeaves"
  | "opensAt"
  | "closesAt"
  | "hardEnd"
  | "pickupFrom"
  | "pickupUntil"
> & { totalCap?: number | undefined; subsidyBudgetFen?: number | undefined; originId?: string | undefined };

/** Makes a DRAFT. Throws ARTICLE_NOT_FOUND, CAMPAIGN_RULE (a kit, or the article is retired). */
export async function createCampaign(
  deps: Deps,
  input: CampaignDraft & By & { once: Once<Stored<Campaign>> },
): Promise<Stored<Campaign>> {
  const article = await deps.table.load(articles, { articleId: input.articleId });
  if (!article) throw new DomainError("ARTICLE_NOT_FOUND");
  const refused = article.retired
    ? "the article is retired: choose one on sale"
    : article.sale.by === "kit" && "a kit has no stock of its own: choose one of its components";
  if (refused)
    throw new DomainError("CAMPAIGN_RULE", undefined, { errors: [{ path: "body.articleId", message: refused }] });
  const { staffId, once, originId, totalCap, subsidyBudgetFen, ...draft } = input;
  const campaign: Stored<Campaign> = {
    ...draft,
    campaignId: deps.env.ids.next("CP"),
    kind: "neighbour",
    articleName: article.name,
    perishable: article.perishable,
    aloneFen: article.priceFen,
    teamFen: Math.max(1, shareOf(article.priceFen, draft.shareBps)),
    costFen: article.costFen,
    opensAt: wholeSecond(draft.opensAt),
    closesAt: wholeSecond(draft.closesAt),
    hardEnd: wholeSecond(draft.hardEnd),
    state: "DRAFT",
    ...(totalCap !== undefined && { totalCap }),
    ...(subsidyBudgetFen !== undefined && { subsidyBudgetFen }),
    origin: { channel: "mini", ...(originId !== undefined && { originId }) },
    createdAt: deps.env.clock.now(),
    version: 1,
  };
  await deps.table.commit([
    campaigns.create(campaign),
    told(deps.env, "campaign.created", campaign, staffId),
    audited(deps.env, { staffId, action: "campaign.create", target: campaign.campaignId, change: draft }),
    ...once(campaign),
  ]);
  return campaign;
}

/** Gives stores their units, at most 90 a call, while the campaign is a DRAFT; 0 units takes a store out. Answers the rows given. */
export async function allotUnits(
  deps: Deps,
  input: By & { campaignId: string; allotments: { storeId: string; units: number }[]; once: Once<Allotment[]> },
): Promise<Allotment[]> {
  return decide(async () => {
    const campaign = await draftOf(deps.table, input.campaignId);
    const keys = input.allotments.map(({ storeId }) => ({ storeId }));
    const known = new Set((await deps.table.loadMany(stores, keys)).map((s) => s.storeId));
    const missing = keys.filter((k) => !known.has(k.storeId));
    if (missing.length > 0)
      throw new DomainError("STORE_NOT_FOUND", undefined, {
        errors: missing.map((m) => ({ path: "body.allotments", message: m.storeId })),
      });
    const planned = input.allotments.map(({ storeId, units }) => ({
      campaignId: input.campaignId,
      storeId,
      articleId: campaign.articleId,
      units,
      left: 0,
      state: "PLANNED" as const,
    }));
    const before = new Map((await deps.table.loadMany(allotments, planned)).map((row) => [row.storeId, row]));
    const writes: Write[] = planned.flatMap((row) => {
      const known = before.get(row.storeId);
      if (row.units === 0) return known ? [allotments.remove(known).asRead(known)] : [];
      return [known ? allotments.replace({ ...known, ...row }) : allotments.create(row)];
    });
    const given = planned.filter((row) => row.units > 0);
    await deps.table.commit([
      campaigns.check({ campaignId: input.campaignId }).when("state", "=", "DRAFT"),
      ...writes,
      audited(deps.env, {
        staffId: input.staffId,
        action: "campaign.allot",
        target: input.campaignId,
        change: input.allotments,
      }),
      ...input.once(given),
    ]);
    return given;
  });
}

/** All stores' units of a campaign. */
export async function allotmentRows(table: Table, campaignId: string): Promise<Stored<Allotment>[]> {
  const rows: Stored<Allotment>[] = [];
  let after: Record<string, string> | undefined;
  do {
    const page = await table.page(allotmentsOf(campaignId), { limit: 100, after });
    rows.push(...page.items);
    after = page.next;
  } while (after);
  return rows;
}

async function draftOf(table: Table, campaignId: string): Promise<Stored<Campaign>> {
  const campaign = await campaignOf(table, campaignId);
  if (campaign.state !== "DRAFT") throw new DomainError("CAMPAIGN_STATE", `it is ${campaign.state}, not DRAFT`);
  return campaign;
}

/** Throws CAMPAIGN_NOT_FOUND. */
export async function campaignOf(table: Table, campaignId: string): Promise<Stored<Campaign>> {
  const campaign = await table.load(campaigns, { campaignId });
  if (!campaign) throw new DomainError("CAMPAIGN_NOT_FOUND");
  return campaign;
}

/** The moments (epoch ms) at which a published campaign is looked at: it opens, closes and settles by them. */
export const campaignMoments = (campaign: Pick<Campaign, "opensAt" | "closesAt" | "hardEnd">): number[] => [
  ...new Set([
    campaign.opensAt,
    campaign.opensAt + 2 * clocks.again,
    campaign.closesAt,
    campaign.hardEnd + clocks.grace + clocks.lostTimer,
  ]),
];

/** Publishes a DRAFT: it opens at `opensAt` by itself. Throws CAMPAIGN_RULE with every rule it breaks. */
export async function publishCampaign(
  deps: Deps,
  input: By & { campaignId: string; once: Once<Stored<Campaign>> },
): Promise<Stored<Campaign>> {
  return decide(async () => {
    const campaign = await draftOf(deps.table, input.campaignId);
    const rows = await allotmentRows(deps.table, input.campaignId);
    const now = deps.env.clock.now();
    const errors = brokenRules(
      campaign,
      { stores: rows.length, units: rows.reduce((sum, r) => sum + r.units, 0) },
      now,
    );
    if (errors.length > 0) throw new DomainError("CAMPAIGN_RULE", undefined, { errors });
    const state = campaignLifecycle.to("published");
    const published: Stored<Campaign> = { ...campaign, state, version: campaign.version + 1 };
    const at = (time: number) => dues.create({ kind: "campaign", id: campaign.campaignId, at: time, since: time });
    await deps.table.commit([
      campaigns.patch(campaign).asRead(campaign).move("state", campaignLifecycle, "published"),
      ...(campaign.totalCap === undefined
        ? []
        : [totalCaps.create({ campaignId: campaign.campaignId, left: campaign.totalCap })]),
      ...campaignMoments(campaign).map(at),
      told(deps.env, "campaign.published", campaign, input.staffId),
      audited(deps.env, { staffId: input.staffId, action: "campaign.publish", target: campaign.campaignId }),
      ...input.once(published),
    ]);
    return published;
  });
}

/**
 * Suspends (no new teams, no joins; live teams run on), resumes or cancels a campaign (its forming teams fail and are
 * refunded, succeeded ones stand). Throws CAMPAIGN_STATE.
 */
export async function steerCampaign(
  deps: Deps,
  input: By & {
    campaignId: string;
    event: "suspended" | "resumed" | "cancelled";
    reason: string;
    once: Once<Stored<Campaign>>;
  },
): Promise<Stored<Campaign>> {
  return decide(async () => {
    const campaign = await campaignOf(deps.table, input.campaignId);
    if (!campaignLifecycle.allows(campaign.state, input.event))
      throw new DomainError("CAMPAIGN_STATE", `it is ${campaign.state}`);
    const state = campaignLifecycle.to(input.event);
    const steered: Stored<Campaign> = { ...campaign, state, reason: input.reason, version: campaign.version + 1 };
    const now = deps.env.clock.now();
    // teams whose opening was under way when it was cancelled are found a while later
    const later = now + 2 * clocks.again;
    await deps.table.commit([
      campaigns
        .patch(campaign)
        .asRead(campaign)
        .move("state", campaignLifecycle, input.event)
        .set({ reason: input.reason }),
      ...(input.event === "cancelled"
        ? [dues.create({ kind: "campaign", id: campaign.campaignId, at: later, since: later })]
        : []),
      told(deps.env, `campaign.${input.event}`, campaign, input.staffId),
      audited(deps.env, {
        staffId: input.staffId,
        action: `campaign.${input.event}`,
        target: campaign.campaignId,
        reason: input.reason,
      }),
      ...input.once(steered),
    ]);
    return steered;
  });
}

const told = (env: Env, type: string, campaign: Campaign, staffId: string): Write =>
  outbox.create(
    makeEvent(env, {
      type,
      actor: { kind: "staff", id: staffId },
      origin: campaign.origin,
      data: { campaignId: campaign.campaignId, articleId: campaign.articleId },
    }),
  );
