import { yuan } from "../kernel/money.ts";

/** What is taken off an order beside its team price. `faceFen` is what was promised, `amountFen` what the floor let through. */
export interface Discount {
  kind: "pickup" | "coupon";
  faceFen: number;
  amountFen: number;
}

/** Units of one article at a price; prices of one unit, fen. `floorFen` is the least a unit may be sold for. */
export interface Priced {
  units: number;
  aloneFen: number;
  unitFen: number;
  floorFen?: number | undefined;
}

/** Of goods by weight: of one unit nominally, of all units as packed, and what they then come to before discounts, fen. */
interface Weight {
  grams?: number | undefined;
  packedGrams?: number | undefined;
  amountFen?: number | undefined;
}

/** What may be taken off: never below the floor, and never all, as a fen at least is paid. */
export const discountRoom = ({ units, unitFen, floorFen = 0 }: Omit<Priced, "aloneFen">): number =>
  Math.max(0, Math.min((unitFen - floorFen) * units, unitFen * units - 1));

/** The discounts as they are given, in this order, each what the floor leaves of it. Together with `payableFen` they sum to the price. */
export function discounted<D extends Pick<Discount, "kind" | "faceFen">>(
  priced: Omit<Priced, "aloneFen">,
  wanted: readonly D[],
): { payableFen: number; discounts: (D & { amountFen: number })[] } {
  let room = discountRoom(priced);
  const discounts = wanted.map((one) => {
    const amountFen = Math.min(one.faceFen, room);
    room -= amountFen;
    return { ...one, amountFen };
  });
  const off = discounts.reduce((sum, { amountFen }) => sum + amountFen, 0);
  return { payableFen: priced.units * priced.unitFen - off, discounts };
}

/** One line of a price: fen with their sign, and how they came about, in Chinese. The lines sum to what is paid. */
export interface PriceLine {
  kind: "goods" | "alone" | "team" | "weight" | "pickup" | "coupon" | "delivery";
  amountFen: number;
  text: string;
}

const discountText = ({ kind, faceFen, amountFen }: Discount): string => {
  const name = kind === "pickup" ? "到店自提优惠" : "优惠券";
  return amountFen === faceFen
    ? `${name}${yuan(faceFen)}元`
    : `${name}${yuan(faceFen)}元,因保本价只减${yuan(amountFen)}元`;
};

/** How goods by weight came to their price: nominal grams of a unit, units, grams packed, and what went back, fen. */
export function weightText(grams: number, units: number, packedGrams: number | undefined, backFen: number): string {
  if (packedGrams === undefined) return `每份约${grams}克,按实称结算,多退少不补`;
  const weights = `实称${packedGrams}克,标称${grams * units}克`;
  return packedGrams < grams * units ? `${weights},退${yuan(backFen)}元` : `${weights},多出不补款`;
}

/** What a discount takes off, as a line. */
export const discountLine = (one: Discount): PriceLine => ({
  kind: one.kind,
  amountFen: -one.amountFen,
  text: discountText(one),
});

/** A seat's price line by line. `batch`: the team price is the tier's, prepaid at the first. */
export function priceLines(
  { units, aloneFen, unitFen, batch, grams, packedGrams, amountFen }: Priced & Weight & { batch: boolean },
  discounts: readonly Discount[],
  deliveryFeeFen = 0,
): PriceLine[] {
  const backFen = grams === undefined || amountFen === undefined ? 0 : unitFen * units - amountFen;
  const team = `${batch ? "团购价" : "成团价"}${yuan(unitFen)}元,每份省${yuan(aloneFen - unitFen)}元`;
  return [
    { kind: "alone", amountFen: aloneFen * units, text: `单独购买价${yuan(aloneFen)}元×${units}` },
    { kind: "team", amountFen: (unitFen - aloneFen) * units, text: team },
    ...(grams === undefined
      ? []
      : [{ kind: "weight" as const, amountFen: 0 - backFen, text: weightText(grams, units, packedGrams, backFen) }]),
    ...discounts.filter(({ faceFen }) => faceFen > 0).map(discountLine),
    ...(deliveryFeeFen > 0
      ? [{ kind: "delivery" as const, amountFen: deliveryFeeFen, text: `配送费${yuan(deliveryFeeFen)}元` }]
      : []),
  ];
}
