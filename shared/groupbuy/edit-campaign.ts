import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { shareOf } from "../kernel/money.ts";
import { DomainError, type FieldError } from "../kernel/problem.ts";
import { wholeSecond } from "../kernel/time.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { campaigns, communities, dues, outbox, totalCaps } from "../table/keys.ts";
import { brokenRules } from "./campaign-rules.ts";
import { judgeCampaign } from "./goods.ts";
import { allotmentRows, campaignMoments, campaignOf, floorOf, kitToOrder, refuseUnknown } from "./keep-campaign.ts";
import type { BatchTerms, Campaign } from "./model.ts";

type Deps = { table: Table; env: Env };

/** What may be said anew of a campaign of any kind, and of each alone. `cutOff` is a batch's close and end. */
const changeable = {
  all: [
    "name",
    "holdMs",
    "perMemberLimit",
    "opensAt",
    "pickupFrom",
    "pickupUntil",
    "totalCap",
    "pickupDiscountFen",
    "subsidyBudgetFen",
  ],
  neighbour: [
    ...["invitesRequired", "shareBps", "durationMs", "admits", "leaderLeaves", "deliveryFeeFen"],
    ...["closesAt", "hardEnd"],
  ],
  batch: ["shareBps", "communityIds", "minUnits", "casePack", "seats", "sourced", "cutOff"],
  ladder: ["tiers", "communityIds", "minUnits", "casePack", "seats", "sourced", "cutOff"],
} as const satisfies Record<string, readonly string[]>;

/**
 * What is said of a campaign anew; what is absent stays. Durations in ms, times as epoch ms; a `casePack` of 1 takes the cases
 * away.
 */
export type CampaignChange = {
  [F in keyof Campaign | keyof BatchTerms | "cutOff"]?: F extends keyof Campaign
    ? Campaign[F] | undefined
    : F extends keyof BatchTerms
      ? BatchTerms[F] | undefined
      : number | undefined;
};

const beforeOrders: readonly Campaign["state"][] = ["DRAFT", "SCHEDULED"];
const editable: readonly Campaign["state"][] = [...beforeOrders, "OPEN", "SUSPENDED"];

/**
 * Changes a campaign until it closes, a batch until it opens: then its communities order under its terms. Neighbour teams that
 * live keep the terms they were opened under; those opened from now on get the new ones. The rules of publishing are checked
 * again, and the moments at which the campaign moves are set anew. `version` is the one that the change was made from; `fixed`
 * holds what was sent of what can't change, to be refused where it differs. Throws CAMPAIGN_NOT_FOUND, COMMUNITY_NOT_FOUND,
 * VERSION_CONFLICT, CAMPAIGN_STATE, CAMPAIGN_RULE with every rule it breaks.
 */
export async function editCampaign(
  deps: Deps,
  input: {
    campaignId: string;
    version: number;
    change: CampaignChange;
    fixed: { articleId?: string | undefined; kind?: string | undefined };
    reason: string;
    staffId: string;
  },
): Promise<Stored<Campaign>> {
  return decide(async () => {
    const campaign = await campaignOf(deps.table, input.campaignId);
    if (campaign.version !== input.version) throw new DomainError("VERSION_CONFLICT");
    if (!(campaign.batch ? beforeOrders : editable).includes(campaign.state))
      throw new DomainError("CAMPAIGN_STATE", `it is ${campaign.state}`);
    if (input.change.communityIds) await refuseUnknown(deps.table, input.change.communityIds);
    const changed = changedFields(campaign, input.change);
    const next: Campaign = { ...campaign, ...changed };
    if (campaign.floorFen !== undefined && floorOf(next) !== campaign.floorFen) {
      changed.floorFen = floorOf(next);
      next.floorFen = changed.floorFen;
    }
    const errors = [
      ...ofAnotherKind(campaign, input.change),
      ...unchangeable(campaign, next, input.fixed),
      ...(campaign.state === "DRAFT" ? [] : await rulesBroken(deps, next)),
    ];
    if (errors.length > 0) throw new DomainError("CAMPAIGN_RULE", undefined, { errors });
    const fields = Object.keys(changed) as (keyof Campaign)[];
    if (fields.length === 0) return campaign;
    const of = (row: Campaign) => Object.fromEntries(fields.map((field) => [field, row[field]]));
    await deps.table.commit([
      campaigns.patch(campaign).asRead(campaign).set(changed).or("VERSION_CONFLICT"),
      ...(campaign.state === "DRAFT"
        ? []
        : [...(await newMoments(deps, campaign, next)), ...capWrites(campaign, next)]),
      outbox.create(
        makeEvent(deps.env, {
          type: "campaign.edited",
          actor: { kind: "staff", id: input.staffId },
          origin: campaign.origin,
          data: { campaignId: campaign.campaignId, articleId: campaign.articleId, fields },
        }),
      ),
      audited(deps.env, {
        staffId: input.staffId,
        action: "campaign.edit",
        target: campaign.campaignId,
        reason: input.reason,
        change: { before: of(campaign), after: of(next) },
      }),
    ]);
    return { ...next, version: campaign.version + 1 };
  });
}

/** The fields that differ, times cut to whole seconds, and the prices that follow from a new share. */
function changedFields(campaign: Campaign, change: CampaignChange): Partial<Campaign> {
  const { cutOff, minUnits, casePack, seats, sourced, tiers, ...own } = change;
  const said = defined(campaign.batch ? { ...own, closesAt: cutOff, hardEnd: cutOff } : own);
  const given: Partial<Campaign> = Object.fromEntries(
    Object.entries(said).map(([field, value]) => [
      field,
      /At$|End$|From$|Until$/.test(field) ? wholeSecond(value as number) : value,
    ]),
  );
  if (given.shareBps !== undefined) given.teamFen = Math.max(1, shareOf(campaign.aloneFen, given.shareBps));
  if (campaign.batch) {
    const { casePack: cases, ...batch } = {
      ...campaign.batch,
      ...defined({ minUnits, casePack, seats, sourced, tiers }),
    };
    if (campaign.kind === "batch")
      batch.tiers = [{ fromUnits: batch.minUnits, unitFen: given.teamFen ?? campaign.teamFen }];
    given.batch = (cases ?? 1) > 1 ? { ...batch, casePack: cases } : batch;
    given.teamFen = batch.tiers[0]!.unitFen;
  }
  return Object.fromEntries(
    Object.entries(given).filter(
      ([field, value]) => JSON.stringify(campaign[field as keyof Campaign]) !== JSON.stringify(value),
    ),
  );
}

const defined = <T extends object>(fields: T): { [F in keyof T]: Exclude<T[F], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

/** What was said that a campaign of this kind does not have. */
function ofAnotherKind({ kind }: Campaign, change: CampaignChange): FieldError[] {
  const own: readonly string[] = [...changeable.all, ...changeable[kind]];
  return Object.keys(defined(change))
    .filter((path) => !own.includes(path))
    .map((path) => ({ path, message: `is nothing of a campaign of the kind ${kind}: leave it out` }));
}

/** What of a campaign stays as it was published, with the reason. */
function unchangeable(
  campaign: Campaign,
  next: Campaign,
  fixed: { articleId?: string | undefined; kind?: string | undefined },
): FieldError[] {
  const published = campaign.state !== "DRAFT";
  const ordered = !beforeOrders.includes(campaign.state);
  const spentFen = campaign.subsidySpentFen ?? 0;
  const rules: [boolean, string, string][] = [
    [
      (fixed.articleId ?? campaign.articleId) === campaign.articleId,
      "articleId",
      "can't change: stores and prices rest on it; make another campaign",
    ],
    [(fixed.kind ?? campaign.kind) === campaign.kind, "kind", "can't change: make another campaign"],
    [!next.components || next.batch?.sourced !== "to_order", "sourced", kitToOrder],
    [!ordered || next.opensAt === campaign.opensAt, "opensAt", "can't change: it has opened"],
    [!ordered || next.hardEnd >= campaign.hardEnd, "hardEnd", "may only be put off: teams may live until then"],
    [
      !published || (next.totalCap === undefined) === (campaign.totalCap === undefined),
      "totalCap",
      "was not set when it was published: limit the stores' allotments",
    ],
    [
      (next.subsidyBudgetFen ?? Number.POSITIVE_INFINITY) >= spentFen,
      "subsidyBudgetFen",
      `${spentFen} fen are spent: it must be at least that`,
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, path, message]) => ({ path, message }));
}

async function rulesBroken(deps: Deps, next: Campaign): Promise<FieldError[]> {
  const rows = await allotmentRows(deps.table, next.campaignId);
  const ids = (next.communityIds ?? []).map((communityId) => ({ communityId }));
  const served = { allotments: rows, communities: await deps.table.loadMany(communities, ids) };
  const { broken, margin } = await judgeCampaign(deps, next);
  const excused = { belowFloor: margin !== undefined };
  return [...brokenRules(next, served, deps.env.clock.now(), excused), ...broken];
}

/** Due rows for the moments that are new; those of moments given up find nothing to do and go. */
async function newMoments(deps: Deps, campaign: Campaign, next: Campaign): Promise<Write[]> {
  const known = new Set(campaignMoments(campaign));
  const due = (at: number) => ({ kind: "campaign" as const, id: campaign.campaignId, at });
  const wanted = campaignMoments(next).filter((at) => !known.has(at));
  // one that an earlier edit gave up may lie there still
  const there = new Set((await deps.table.loadMany(dues, wanted.map(due))).map((row) => row.at));
  return wanted.filter((at) => !there.has(at)).map((at) => dues.create({ ...due(at), since: at }));
}

/** The counter of a total cap moves with it, never below what is held or sold. */
function capWrites(campaign: Campaign, next: Campaign): Write[] {
  const delta = (next.totalCap ?? 0) - (campaign.totalCap ?? 0);
  if (delta === 0) return [];
  return [
    totalCaps
      .patch({ campaignId: campaign.campaignId })
      .add({ left: delta })
      .when("left", ">=", -delta)
      .or((cap) => {
        const taken = (campaign.totalCap ?? 0) - (cap?.left ?? 0);
        return new DomainError("CAMPAIGN_RULE", undefined, {
          errors: [{ path: "totalCap", message: `${taken} units are held or sold: it must be at least that` }],
        });
      }),
  ];
}
