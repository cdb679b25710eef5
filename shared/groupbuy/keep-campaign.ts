import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { shareOf } from "../kernel/money.ts";
import { DomainError } from "../kernel/problem.ts";
import { wholeSecond } from "../kernel/time.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import {
  allotments,
  allotmentsOf,
  articles,
  campaigns,
  communities,
  dues,
  outbox,
  stores,
  totalCaps,
} from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { brokenRules, marginOf } from "./campaign-rules.ts";
import { clocks } from "./clocks.ts";
import { goodsOf, judgeCampaign, recallOf } from "./goods.ts";
import { campaignLifecycle } from "./lifecycle.ts";
import type { Allotment, BatchTerms, Campaign } from "./model.ts";

type Deps = { table: Table; env: Env };
type By = { staffId: string };

type Figures =
  | "name"
  | "articleId"
  | "holdMs"
  | "perMemberLimit"
  | "opensAt"
  | "hardEnd"
  | "pickupFrom"
  | "pickupUntil";
type Draft<Own extends keyof Campaign> = { [F in Figures | Own]-?: NonNullable<Campaign[F]> } & {
  totalCap?: number | undefined;
  pickupDiscountFen?: number | undefined;
  deliveryFeeFen?: number | undefined;
  profitSharing?: boolean | undefined;
  subsidyBudgetFen?: number | undefined;
  originId?: string | undefined;
};
type BatchDraft<Own extends keyof Campaign = never> = Draft<"communityIds" | Own> &
  Pick<BatchTerms, "minUnits" | "seats" | "sourced"> & { casePack?: number | undefined };

/**
 * What ops say of a campaign; article, price alone and cost are read from the catalogue when it is made. A batch's `hardEnd`
 * is its cut-off.
 */
export type CampaignDraft =
  | ({ kind: "neighbour" } & Draft<
      "invitesRequired" | "shareBps" | "durationMs" | "admits" | "leaderLeaves" | "closesAt"
    >)
  | ({ kind: "batch" } & BatchDraft<"shareBps">)
  | ({ kind: "ladder" } & BatchDraft & Pick<BatchTerms, "tiers">);

/** Why a kit is not bought at the cut-off, and what to do. */
export const kitToOrder =
  "a kit is sold from the stock of its components: source it from stock, or sell its components to order one by one";

/** Makes a DRAFT. Throws ARTICLE_NOT_FOUND, COMMUNITY_NOT_FOUND, CAMPAIGN_RULE (retired, or a kit that can't be sold so). */
export async function createCampaign(
  deps: Deps,
  input: { draft: CampaignDraft } & By & { once: Once<Stored<Campaign>> },
): Promise<Stored<Campaign>> {
  const { draft, staffId, once } = input;
  const article = await deps.table.load(articles, { articleId: draft.articleId });
  if (!article) throw new DomainError("ARTICLE_NOT_FOUND");
  const { refused, ...goods } = await goodsOf(deps.table, article);
  if (refused)
    throw new DomainError("CAMPAIGN_RULE", undefined, { errors: [{ path: "body.articleId", message: refused }] });
  if (goods.components && draft.kind !== "neighbour" && draft.sourced === "to_order")
    throw new DomainError("CAMPAIGN_RULE", undefined, { errors: [{ path: "body.sourced", message: kitToOrder }] });
  if (draft.kind !== "neighbour") await refuseUnknown(deps.table, draft.communityIds);
  const { originId, totalCap, pickupDiscountFen, deliveryFeeFen, subsidyBudgetFen, profitSharing } = draft;
  const campaign: Stored<Campaign> = {
    name: draft.name,
    articleId: article.articleId,
    holdMs: draft.holdMs,
    perMemberLimit: draft.perMemberLimit,
    campaignId: deps.env.ids.next("CP"),
    articleName: article.name,
    aloneFen: article.priceFen,
    ...goods,
    opensAt: wholeSecond(draft.opensAt),
    hardEnd: wholeSecond(draft.hardEnd),
    pickupFrom: draft.pickupFrom,
    pickupUntil: draft.pickupUntil,
    state: "DRAFT",
    ...(totalCap !== undefined && { totalCap }),
    ...(pickupDiscountFen !== undefined && { pickupDiscountFen }),
    ...(deliveryFeeFen !== undefined && { deliveryFeeFen }),
    ...(subsidyBudgetFen !== undefined && { subsidyBudgetFen }),
    ...(profitSharing && { profitSharing }),
    origin: { channel: draft.kind === "neighbour" ? "mini" : "batch", ...(originId !== undefined && { originId }) },
    createdAt: deps.env.clock.now(),
    ...ownFigures(draft, article.priceFen),
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

/** The figures of a campaign's own kind. */
function ownFigures(draft: CampaignDraft, aloneFen: number) {
  const teamFen = (shareBps: number) => Math.max(1, shareOf(aloneFen, shareBps));
  if (draft.kind === "neighbour") {
    const { kind, invitesRequired, shareBps, durationMs, admits, leaderLeaves } = draft;
    return {
      kind,
      invitesRequired,
      shareBps,
      durationMs,
      admits,
      leaderLeaves,
      closesAt: wholeSecond(draft.closesAt),
      teamFen: teamFen(shareBps),
    };
  }
  const { kind, communityIds, minUnits, casePack, seats, sourced } = draft;
  const tiers = kind === "ladder" ? draft.tiers : [{ fromUnits: minUnits, unitFen: teamFen(draft.shareBps) }];
  return {
    kind,
    communityIds,
    admits: "community" as const,
    closesAt: wholeSecond(draft.hardEnd),
    teamFen: tiers[0]?.unitFen ?? aloneFen,
    ...(kind === "batch" && { shareBps: draft.shareBps }),
    batch: { minUnits, tiers, seats, sourced, ...(casePack !== undefined && { casePack }) },
  };
}

/** Throws COMMUNITY_NOT_FOUND, with those there are not. */
export async function refuseUnknown(table: Table, communityIds: readonly string[]): Promise<void> {
  const keys = communityIds.map((communityId) => ({ communityId }));
  const known = new Set((await table.loadMany(communities, keys)).map((c) => c.communityId));
  const errors = communityIds
    .filter((communityId) => !known.has(communityId))
    .map((communityId) => ({ path: "body.communityIds", message: communityId }));
  if (errors.length > 0) throw new DomainError("COMMUNITY_NOT_FOUND", undefined, { errors });
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

/** The floor of its units: of a price that somebody answers for the price itself, so that no coupon goes below that. */
export function floorOf(campaign: Campaign): number {
  const { floor, leastFen } = marginOf(campaign);
  return Math.max(1, Math.min(floor.floorFen, leastFen));
}

/** Publishes a DRAFT: it opens at `opensAt` by itself. Throws CAMPAIGN_RULE with every rule it breaks. */
export async function publishCampaign(
  deps: Deps,
  input: By & { campaignId: string; once: Once<Stored<Campaign>> },
): Promise<Stored<Campaign>> {
  return decide(async () => {
    const campaign = await draftOf(deps.table, input.campaignId);
    const rows = await allotmentRows(deps.table, input.campaignId);
    const now = deps.env.clock.now();
    const served = await deps.table.loadMany(
      communities,
      (campaign.communityIds ?? []).map((communityId) => ({ communityId })),
    );
    const { broken, article, notes, exceptions, margin } = await judgeCampaign(deps, campaign);
    const belowFloor = margin !== undefined;
    const errors = [
      ...brokenRules(campaign, { allotments: rows, communities: served }, now, { belowFloor }),
      ...broken,
    ];
    if (errors.length > 0) throw new DomainError("CAMPAIGN_RULE", undefined, { errors });
    const floorFen = floorOf(campaign);
    const excepted = margin && !marginOf(campaign).holds ? [...exceptions, margin] : exceptions;
    const goods = { ...(article.score !== undefined && { score: article.score }), notes, exceptions: excepted };
    const state = campaignLifecycle.to("published");
    const published: Stored<Campaign> = { ...campaign, state, goods, floorFen, version: campaign.version + 1 };
    const at = (time: number) => dues.create({ kind: "campaign", id: campaign.campaignId, at: time, since: time });
    await deps.table.commit([
      campaigns.patch(campaign).asRead(campaign).move("state", campaignLifecycle, "published").set({ goods, floorFen }),
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
 * refunded, succeeded ones stand). Throws CAMPAIGN_STATE, CAMPAIGN_RULE (resumed while a recall of its goods stands).
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
    const recallId = input.event === "resumed" ? await recallOf(deps, campaign) : undefined;
    if (recallId)
      throw new DomainError("CAMPAIGN_RULE", undefined, {
        errors: [{ path: "goods.recall", message: `recall ${recallId} stands: close it when the goods are safe` }],
      });
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
