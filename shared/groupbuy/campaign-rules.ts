import type { FieldError } from "../kernel/problem.ts";
import { hour, minute } from "../kernel/time.ts";
import type { Campaign } from "./model.ts";

/**
 * The rules a campaign must keep to be published: each with the figures and what would pass, or nothing. `now` is epoch ms.
 */
export function brokenRules(
  campaign: Campaign,
  allotted: { stores: number; units: number },
  now: number,
): FieldError[] {
  const size = campaign.invitesRequired + 1;
  const rules: [boolean, string, string][] = [
    [campaign.closesAt > campaign.opensAt, "closesAt", "must be after opensAt"],
    [campaign.closesAt > now, "closesAt", "has passed: choose a later time"],
    [campaign.hardEnd >= campaign.closesAt, "hardEnd", "must be closesAt or later"],
    [campaign.hardEnd - campaign.opensAt <= 60 * 24 * hour, "hardEnd", "must be within 60 days of opensAt"],
    [
      campaign.holdMs + 5 * minute <= campaign.durationMs,
      "holdMs",
      "must be at least 5 minutes shorter than durationMs",
    ],
    [campaign.pickupUntil > campaign.pickupFrom, "pickupUntil", "must be after pickupFrom"],
    [
      campaign.pickupUntil > campaign.hardEnd,
      "pickupUntil",
      "must be after hardEnd, or the last team could not pick up",
    ],
    [
      campaign.teamFen < campaign.aloneFen,
      "shareBps",
      `${campaign.teamFen} fen in a team must be below ${campaign.aloneFen} alone`,
    ],
    [
      campaign.teamFen > campaign.costFen,
      "shareBps",
      `${campaign.teamFen} fen in a team must be above the cost of ${campaign.costFen}`,
    ],
    [allotted.stores > 0, "allotments", "at least one store must have units"],
    [allotted.units >= size, "allotments", `${allotted.units} units can't fill a team of ${size}`],
  ];
  return rules.filter(([holds]) => !holds).map(([, path, message]) => ({ path, message }));
}
