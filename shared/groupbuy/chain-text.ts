import { yuan } from "../kernel/money.ts";
import { clockText } from "../kernel/time.ts";
import type { Campaign, Share, Team } from "./model.ts";

/** What a 接龙 tells of one team: shortened names with their units, and where to join while that is possible. */
export interface ChainTeam {
  team: Team;
  joined: { name: string; units: number }[];
  path?: string | undefined;
}

/** The title of a team's share card. */
export function shareTitle({ state, free, paidUnits = 0, terms: { name, batch } }: Team): string {
  if (!batch) return state === "FORMING" ? `还差${free}人成团:${name}` : `已成团:${name}`;
  const short = batch.minUnits - paidUnits;
  return state === "FORMING" && short > 0 ? `还差${short}份成团:${name}` : `已订${paidUnits}份:${name}`;
}

/** Where a share link leads in the mini-program: to its team, its campaign, or the shop. */
export function sharePath({ token, teamId, campaignId }: Pick<Share, "token" | "teamId" | "campaignId">): string {
  const page = teamId !== undefined ? "team" : campaignId !== undefined ? "campaign" : "index";
  return `pages/${page}/${page}?scene=${token}`;
}

/**
 * The 接龙 of a campaign in a community, ready to paste; the same facts give the same text. `path`: where a team of one's own is
 * opened, while that is possible.
 */
export function chainText(campaign: Campaign, teams: readonly ChainTeam[], path?: string): string {
  const lines = [
    `【${campaign.name}】${campaign.articleName}${campaign.grams === undefined ? "" : `(每份约${campaign.grams}克,按实称多退少不补)`}`,
    campaign.batch
      ? `单买${yuan(campaign.aloneFen)}元,社区团${campaign.batch.tiers.map((tier) => `满${tier.fromUnits}份${yuan(tier.unitFen)}元`).join("、")}`
      : `成团价${yuan(campaign.teamFen)}元(单买${yuan(campaign.aloneFen)}元),邀请${campaign.invitesRequired}位邻居成团`,
    `${campaign.batch ? "截单" : "开团截止"}:${clockText(campaign.closesAt)}  提货:${clockText(campaign.pickupFrom)}至${clockText(campaign.pickupUntil)}`,
  ];
  for (const [i, { team, joined, path }] of teams.entries()) {
    lines.push("", `第${i + 1}团 ${standing(team)}`);
    if (team.terms.teamFen !== campaign.teamFen) lines.push(`本团成团价${yuan(team.terms.teamFen)}元`);
    lines.push(...joined.map(({ name, units }, place) => `${place + 1}. ${name} ×${units}`));
    if (path !== undefined) lines.push(`参团:${path}`);
  }
  if (path !== undefined) lines.push("", `开团:${path}`);
  return lines.join("\n");
}

function standing(team: Team): string {
  if (team.state === "SUCCEEDED") return "已成团";
  if (team.terms.batch) return `已订${team.paidUnits ?? 0}份,满${team.terms.batch.minUnits}份成团`;
  return `还差${team.free}人,截止${clockText(team.deadline ?? team.terms.hardEnd)}`;
}
