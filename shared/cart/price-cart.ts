import { type Article, findArticles } from "../catalog/index.ts";
import { type CouponGrant, couponFor, funderAccount } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { yuan } from "../kernel/money.ts";
import { DomainError, type FieldError } from "../kernel/problem.ts";
import { type Order, weightOf } from "../order/index.ts";
import { discounted, discountLine, marginFloor, type PriceLine, weightText } from "../pricing/index.ts";
import type { Stored, Table } from "../table/entity.ts";
import type { CartLine } from "./model.ts";

/** A cart at today's prices, fen: the goods with what is taken off them, and what the rest comes to. */
export interface PricedCart {
  lines: Order["lines"];
  discounts: NonNullable<Order["discounts"]>;
  /** What the goods come to, before and after discounts. */
  goodsFen: number;
  payableFen: number;
  /** The coupon among the discounts, as it was read, and the account that bears it. */
  coupon: { grant: Stored<CouponGrant>; funder: string } | undefined;
  /** What it weighs, grams: nominally what is sold by weight, the rest by the piece. */
  grams: number;
  perishable: boolean;
}

/** The articles of a cart's lines, in their order. Throws INPUT_INVALID naming each line that can't be ordered. */
export async function articlesOf({ table }: { table: Table }, wanted: readonly CartLine[]): Promise<Article[]> {
  const articleOf = await findArticles(
    table,
    wanted.map(({ articleId }) => articleId),
  );
  const articles = wanted.map(({ articleId }) => articleOf(articleId));
  const errors = articles.flatMap((article, i): FieldError[] => {
    const message = whyNotSold(article);
    return message === undefined ? [] : [{ path: `body.lines[${i}].articleId`, message }];
  });
  if (errors.length > 0) throw new DomainError("INPUT_INVALID", undefined, { errors });
  return articles as Article[];
}

/**
 * Prices the lines of a cart. Every article at its own price, alone: what takes off is a coupon, down to the margin floor of all its
 * goods together. Nothing else of the member goes into it. Throws COUPON_….
 */
export async function priceCart(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  { lines: wanted, articles: sold }: { lines: readonly CartLine[]; articles: readonly Article[] },
  use: { memberId: string; couponGrantId?: string | undefined; storeId?: string | undefined },
): Promise<PricedCart> {
  const lines = sold.map(({ articleId, name, priceFen, sale, temperatureZone }, i) => ({
    articleId,
    name,
    units: wanted[i]!.units,
    aloneFen: priceFen,
    unitFen: priceFen,
    amountFen: priceFen * wanted[i]!.units,
    ...(sale.by === "weight" && { grams: sale.grams }),
    ...(temperatureZone !== undefined && { zone: temperatureZone }),
  }));
  const goodsFen = lines.reduce((sum, line) => sum + line.amountFen, 0);
  // an article that is sold below its floor leaves no room, and takes none from the others
  const floorFen = sold.reduce(
    (sum, article, i) => sum + Math.min(article.priceFen, marginFloor(article).floorFen) * wanted[i]!.units,
    0,
  );
  const { memberId, couponGrantId: grantId, storeId } = use;
  const coupon =
    grantId === undefined
      ? undefined
      : await couponFor({ table }, { memberId, grantId }, { lines, channel: "mini", storeId }, env.clock.now());
  const { payableFen, discounts } = discounted(
    { units: 1, unitFen: goodsFen, floorFen },
    coupon ? [{ kind: "coupon" as const, faceFen: Math.min(coupon.faceFen, coupon.eligibleFen) }] : [],
  );
  if (discounts.some(({ amountFen }) => amountFen === 0))
    throw new DomainError("COUPON_UNFIT", "已是保本价: the price is at its floor, nothing more can be taken off");
  return {
    lines,
    discounts,
    goodsFen,
    payableFen,
    coupon: coupon && { grant: coupon.grant, funder: funderAccount(coupon.grant.terms) },
    grams: weightOf(lines),
    perishable: sold.some(({ perishable }) => perishable),
  };
}

/** Undefined: it is sold by itself. */
function whyNotSold(article: Article | undefined): string | undefined {
  if (!article) return "no such article";
  if (article.retired) return "已下架: it is not sold any more, take it out of the cart";
  if (article.sale.by === "kit") return "a kit (套装) is sold in its campaign: put its articles into the cart";
  return undefined;
}

/** What an order from the cart comes to line by line, as it stands; the lines sum to it. */
export function cartPriceOf({
  lines,
  discounts = [],
  delivery,
}: Pick<Order, "lines" | "discounts"> & { delivery?: Pick<NonNullable<Order["delivery"]>, "fees"> | undefined }) {
  return [
    ...lines.flatMap((line): PriceLine[] => [
      {
        kind: "goods",
        amountFen: line.unitFen * line.units,
        text: `${line.name} ${yuan(line.unitFen)}元×${line.units}`,
      },
      ...(line.grams === undefined
        ? []
        : [
            {
              kind: "weight" as const,
              amountFen: line.amountFen - line.unitFen * line.units,
              text: weightText(line.grams, line.units, line.packedGrams, line.unitFen * line.units - line.amountFen),
            },
          ]),
    ]),
    ...discounts.map(discountLine),
    ...(delivery?.fees ?? []).map((fee): PriceLine => ({ kind: "delivery", ...fee })),
  ];
}
