import { cartPriceOf } from "../cart/index.ts";
import { couponFor } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { DomainError } from "../kernel/problem.ts";
import { type Order, soldOf } from "../order/index.ts";
import { type Discount, discounted, type Priced, type PriceLine, priceLines } from "../pricing/index.ts";
import type { Table } from "../table/entity.ts";
import { campaigns } from "../table/keys.ts";
import type { Terms } from "./model.ts";

/** A price with what it is made of: the lines sum to `payableFen`. */
export interface Quote {
  payableFen: number;
  lines: PriceLine[];
}

/**
 * A seat's price with what is taken off beside the team price: the campaign's own for who collects, then the coupon. Throws
 * COUPON_UNFIT where the floor leaves nothing for it: it would be lost.
 */
export function priceWith(
  priced: Omit<Priced, "aloneFen">,
  { pickupDiscountFen = 0 }: Pick<Terms, "pickupDiscountFen">,
  couponFen?: number | undefined,
): ReturnType<typeof discounted<Pick<Discount, "kind" | "faceFen">>> {
  const price = discounted(priced, [
    ...(pickupDiscountFen > 0 ? [{ kind: "pickup" as const, faceFen: pickupDiscountFen }] : []),
    ...(couponFen === undefined ? [] : [{ kind: "coupon" as const, faceFen: couponFen }]),
  ]);
  if (price.discounts.some(({ kind, amountFen }) => kind === "coupon" && amountFen === 0))
    throw new DomainError("COUPON_UNFIT", "已是保本价: the price is at its floor, nothing more can be taken off");
  return price;
}

/**
 * What so many units would come to in a team of the campaign, a batch at its first tier. Nothing of the member goes into it: the
 * same question has one answer (电子商务法 18, 个人信息保护法 24), but for a coupon that is named. Throws CAMPAIGN_NOT_FOUND,
 * UNITS_LIMIT, DELIVERY_NOT_OFFERED, COUPON_….
 */
export async function quoteSeat(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  input: {
    campaignId: string;
    units: number;
    fulfilment: "pickup" | "delivery";
    memberId: string;
    couponGrantId?: string | undefined;
  },
): Promise<Quote> {
  const campaign = await table.load(campaigns, input, { eventually: true });
  if (!campaign || campaign.state === "DRAFT") throw new DomainError("CAMPAIGN_NOT_FOUND");
  const { aloneFen, teamFen: unitFen, floorFen, perMemberLimit, deliveryFeeFen, batch, grams } = campaign;
  const { units, fulfilment } = input;
  if (units > perMemberLimit)
    throw new DomainError("UNITS_LIMIT", undefined, { facts: { limit: perMemberLimit, counted: 0 } });
  const delivers = fulfilment === "delivery";
  if (delivers && (deliveryFeeFen === undefined || batch)) throw new DomainError("DELIVERY_NOT_OFFERED");
  const feeFen = delivers ? (deliveryFeeFen ?? 0) : 0;
  const priced = { units, aloneFen, unitFen, floorFen };
  const sold = [{ articleId: campaign.articleId, amountFen: unitFen * units }];
  const use = { lines: sold, channel: batch ? "batch" : "mini" } as const;
  const { memberId, couponGrantId: grantId } = input;
  const key = grantId === undefined ? undefined : { memberId, grantId };
  const coupon = key && (await couponFor({ table }, key, use, env.clock.now()));
  const { payableFen, discounts } = priceWith(priced, delivers ? {} : campaign, coupon?.faceFen);
  return {
    payableFen: payableFen + feeFen,
    lines: priceLines({ ...priced, grams, batch: batch !== undefined }, discounts, feeFen),
  };
}

/** What an order comes to line by line, as it stands: what was paid, or of a settled batch what is kept of it. */
export const priceOf = (order: Order): PriceLine[] =>
  order.teamId === undefined
    ? cartPriceOf(order)
    : priceLines({ ...soldOf(order), batch: order.wantedUnits !== undefined }, order.discounts ?? []);
