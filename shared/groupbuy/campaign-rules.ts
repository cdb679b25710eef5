import type { FieldError } from "../kernel/problem.ts";
import { hour, minute } from "../kernel/time.ts";
import { floorText, marginFloor } from "../pricing/index.ts";
import type { Allotment, BatchTerms, Campaign } from "./model.ts";
import { lowestFen } from "./terms.ts";

/** Who can serve a campaign: the stores' units, and for a batch its communities with their stores. */
interface Served {
  allotments: readonly Pick<Allotment, "storeId" | "units">[];
  communities: readonly { communityId: string; storeId: string }[];
}
type Rule = [holds: boolean, path: string, message: string];

/** What a unit comes to at least, an order's own discount taken off it, against the margin floor. */
export function marginOf(campaign: Campaign) {
  const floor = marginFloor(campaign);
  const leastFen = lowestFen(campaign) - (campaign.pickupDiscountFen ?? 0);
  return { floor, leastFen, holds: leastFen >= floor.floorFen };
}

/**
 * The rules a campaign must keep to be published: each with the figures and what would pass, or nothing. `now` is epoch ms;
 * `belowFloor`: somebody answers for a price below the margin floor.
 */
export function brokenRules(
  campaign: Campaign,
  served: Served,
  now: number,
  { belowFloor = false }: { belowFloor?: boolean } = {},
): FieldError[] {
  const rules = [
    ...rulesOfAll(campaign, served, now),
    ...rulesOfPrice(campaign, belowFloor),
    ...(campaign.batch ? rulesOfBatch : rulesOfTeams)(campaign, served),
  ];
  return rules.filter(([holds]) => !holds).map(([, path, message]) => ({ path, message }));
}

function rulesOfAll(campaign: Campaign, { allotments }: Served, now: number): Rule[] {
  const end = campaign.batch ? "cutOff" : "hardEnd";
  return [
    [campaign.closesAt > now, campaign.batch ? "cutOff" : "closesAt", "has passed: choose a later time"],
    [campaign.hardEnd - campaign.opensAt <= 60 * 24 * hour, end, "must be within 60 days of opensAt"],
    [campaign.pickupUntil > campaign.pickupFrom, "pickupUntil", "must be after pickupFrom"],
    [
      campaign.pickupUntil > campaign.hardEnd,
      "pickupUntil",
      `must be after ${end}, or the last team could not pick up`,
    ],
    [allotments.length > 0, "allotments", "at least one store must have units"],
  ];
}

function rulesOfPrice(campaign: Campaign, belowFloor: boolean): Rule[] {
  const { pickupDiscountFen: off = 0, kind } = campaign;
  const { floor, leastFen, holds } = marginOf(campaign);
  const after = off > 0 ? ` after ${off} off for pickup` : "";
  const needed = floor.floorFen + off;
  const remedy = `${needed} fen or more would pass, or an exception of the rule "margin"`;
  return [
    [
      holds || belowFloor,
      kind === "ladder" ? "tiers" : "shareBps",
      `${leastFen} fen${after} is below the margin floor of ${floorText(floor)}: ${remedy}`,
    ],
    [leastFen >= 1, "pickupDiscountFen", `must be below the price of one unit, ${lowestFen(campaign)} fen`],
  ];
}

function rulesOfTeams(campaign: Campaign, { allotments }: Served): Rule[] {
  const size = (campaign.invitesRequired ?? 0) + 1;
  const units = allotments.reduce((sum, row) => sum + row.units, 0);
  return [
    [campaign.closesAt > campaign.opensAt, "closesAt", "must be after opensAt"],
    [campaign.hardEnd >= campaign.closesAt, "hardEnd", "must be closesAt or later"],
    [
      campaign.holdMs + 5 * minute <= (campaign.durationMs ?? 0),
      "holdMs",
      "must be at least 5 minutes shorter than durationMs",
    ],
    [
      campaign.teamFen < campaign.aloneFen,
      "shareBps",
      `${campaign.teamFen} fen in a team must be below ${campaign.aloneFen} alone`,
    ],
    [units >= size, "allotments", `${units} units can't fill a team of ${size}`],
  ];
}

function rulesOfBatch(campaign: Campaign, { allotments, communities }: Served): Rule[] {
  const { minUnits, casePack, tiers, seats } = campaign.batch as BatchTerms;
  const { aloneFen, perMemberLimit, hardEnd, opensAt, pickupFrom, holdMs } = campaign;
  const price = campaign.kind === "ladder" ? "tiers" : "shareBps";
  const first = tiers[0]!;
  const unitsAt = new Map(allotments.map((row) => [row.storeId, row.units]));
  const wholeCases = (units: number, path: string): Rule[] => {
    if (casePack === undefined) return [];
    const more = Math.ceil(units / casePack) * casePack;
    const passes = more > casePack ? `${more - casePack} or ${more}` : String(more);
    return [[units % casePack === 0, path, `${units} units are no whole cases of ${casePack}: ${passes} would pass`]];
  };
  return [
    [hardEnd - opensAt >= holdMs + 5 * minute, "cutOff", "must be at least holdMinutes and 5 minutes after opensAt"],
    [pickupFrom >= hardEnd, "pickupFrom", "must be the cut-off or later: what is bought is known then"],
    [
      first.fromUnits === minUnits,
      "tiers",
      `the first begins at ${first.fromUnits}: it must begin at minUnits, ${minUnits}, as its price holds from there`,
    ],
    ...tiers.slice(1).flatMap((tier, i): Rule[] => {
      const below = tiers[i]!;
      return [
        [
          tier.fromUnits > below.fromUnits,
          "tiers",
          `${tier.fromUnits} units follow ${below.fromUnits}: quantities must rise`,
        ],
        [tier.unitFen < below.unitFen, "tiers", `${tier.unitFen} fen follow ${below.unitFen}: prices must fall`],
      ];
    }),
    [first.unitFen < aloneFen, price, `${first.unitFen} fen in the batch must be below ${aloneFen} alone`],
    ...wholeCases(minUnits, "minUnits"),
    ...tiers.slice(1).flatMap((tier) => wholeCases(tier.fromUnits, "tiers")),
    [
      minUnits <= seats * perMemberLimit,
      "minUnits",
      `${seats} orders of at most ${perMemberLimit} units can't reach ${minUnits}`,
    ],
    ...communities.map(({ communityId, storeId }): Rule => {
      const units = unitsAt.get(storeId) ?? 0;
      const message = `store ${storeId} of community ${communityId} has ${units} units: give it ${minUnits} or more`;
      return [units >= minUnits, "allotments", message];
    }),
  ];
}
