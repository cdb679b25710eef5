import type { Campaign, Terms, Tier } from "./model.ts";

/** The terms a team opened now keeps. */
export const termsOf = (campaign: Campaign): Terms => ({
  name: campaign.name,
  articleId: campaign.articleId,
  articleName: campaign.articleName,
  perishable: campaign.perishable,
  ...(campaign.components && { components: campaign.components }),
  ...(campaign.grams !== undefined && { grams: campaign.grams }),
  ...(campaign.zone !== undefined && { zone: campaign.zone }),
  aloneFen: campaign.aloneFen,
  teamFen: campaign.teamFen,
  costFen: campaign.costFen,
  ...(campaign.floorFen !== undefined && { floorFen: campaign.floorFen }),
  ...(campaign.reference && { reference: campaign.reference }),
  ...(campaign.pickupDiscountFen !== undefined && { pickupDiscountFen: campaign.pickupDiscountFen }),
  ...(campaign.deliveryFeeFen !== undefined && { deliveryFeeFen: campaign.deliveryFeeFen }),
  ...(campaign.profitSharing && { profitSharing: true }),
  holdMs: campaign.holdMs,
  perMemberLimit: campaign.perMemberLimit,
  admits: campaign.admits,
  hardEnd: campaign.hardEnd,
  pickupFrom: campaign.pickupFrom,
  pickupUntil: campaign.pickupUntil,
  ...(campaign.batch
    ? { batch: campaign.batch }
    : {
        invitesRequired: campaign.invitesRequired,
        durationMs: campaign.durationMs,
        leaderLeaves: campaign.leaderLeaves,
      }),
});

/** The lowest price of a unit that the terms can come to, fen, before what is taken off an order. */
export const lowestFen = ({ teamFen, batch }: Pick<Terms, "teamFen" | "batch">): number =>
  batch?.tiers.at(-1)?.unitFen ?? teamFen;

/** Seats of a full team. */
export const sizeOf = (terms: Pick<Terms, "invitesRequired" | "batch">): number =>
  terms.batch ? terms.batch.seats : (terms.invitesRequired ?? 0) + 1;

/** Which of the three kinds the terms are. */
export const kindOf = (terms: Pick<Terms, "batch">): Campaign["kind"] =>
  !terms.batch ? "neighbour" : terms.batch.tiers.length > 1 ? "ladder" : "batch";

/** The last tier that a quantity reaches; the first below all of them. `tiers` rise. */
export const tierAt = (tiers: readonly Tier[], units: number): Tier =>
  tiers.findLast((tier) => tier.fromUnits <= units) ?? tiers[0]!;
