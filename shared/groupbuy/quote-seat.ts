import { DomainError } from "../kernel/problem.ts";
import type { Order } from "../order/index.ts";
import { discounted, type PriceLine, priceLines } from "../pricing/index.ts";
import type { Table } from "../table/entity.ts";
import { campaigns } from "../table/keys.ts";
import type { Terms } from "./model.ts";

/** A price with what it is made of: the lines sum to `payableFen`. */
export interface Quote {
  payableFen: number;
  lines: PriceLine[];
}

/** What a seat that is collected takes off beside the team price. */
export const discountsOf = ({ pickupDiscountFen = 0 }: Pick<Terms, "pickupDiscountFen">) =>
  pickupDiscountFen > 0 ? [{ kind: "pickup" as const, faceFen: pickupDiscountFen }] : [];

/**
 * What so many units would come to in a team of the campaign, a batch at its first tier. Nothing of the member goes into it: the
 * same question has one answer (电子商务法 18, 个人信息保护法 24). Throws CAMPAIGN_NOT_FOUND, UNITS_LIMIT, DELIVERY_NOT_OFFERED.
 */
export async function quoteSeat(
  { table }: { table: Table },
  input: { campaignId: string; units: number; fulfilment: "pickup" | "delivery" },
): Promise<Quote> {
  const campaign = await table.load(campaigns, input, { eventually: true });
  if (!campaign || campaign.state === "DRAFT") throw new DomainError("CAMPAIGN_NOT_FOUND");
  const { aloneFen, teamFen: unitFen, floorFen, perMemberLimit, deliveryFeeFen, batch } = campaign;
  const { units, fulfilment } = input;
  if (units > perMemberLimit)
    throw new DomainError("UNITS_LIMIT", undefined, { facts: { limit: perMemberLimit, counted: 0 } });
  const delivers = fulfilment === "delivery";
  if (delivers && (deliveryFeeFen === undefined || batch)) throw new DomainError("DELIVERY_NOT_OFFERED");
  const feeFen = delivers ? (deliveryFeeFen ?? 0) : 0;
  const priced = { units, aloneFen, unitFen, floorFen };
  const { payableFen, discounts } = discounted(priced, delivers ? [] : discountsOf(campaign));
  return {
    payableFen: payableFen + feeFen,
    lines: priceLines({ ...priced, batch: batch !== undefined }, discounts, feeFen),
  };
}

/** What an order comes to line by line, as it stands: what was paid, or of a settled batch what is kept of it. */
export const priceOf = ({ lines, discounts = [], wantedUnits }: Order): PriceLine[] =>
  lines.flatMap((line, i) => priceLines({ ...line, batch: wantedUnits !== undefined }, i === 0 ? discounts : []));
