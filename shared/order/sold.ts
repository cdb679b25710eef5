import { allocate, proportionOf } from "../kernel/money.ts";
import type { TemperatureZone } from "../kernel/zone.ts";
import type { Refund } from "../payment/index.ts";
import type { Order } from "./model.ts";

/** A component of a kit: `units` in one kit, `aloneFen` the price of one of its units alone. */
export interface KitPart {
  articleId: string;
  name: string;
  units: number;
  aloneFen: number;
  zone?: TemperatureZone | undefined;
}

/** The article that is sold: `units` of it, the price of one alone and as sold, fen. */
export interface Sold {
  articleId: string;
  name: string;
  units: number;
  aloneFen: number;
  unitFen: number;
  zone?: TemperatureZone | undefined;
  /** Of goods by weight: of one unit nominally, of all as packed, and what they then come to, fen. */
  grams?: number | undefined;
  packedGrams?: number | undefined;
  amountFen?: number | undefined;
}

type OfLines = Pick<Order, "units" | "lines" | "kit">;

/**
 * What an order of so many units says of its goods: one line, or of a kit a line a component. A component's part of the price is
 * in proportion to what its units cost alone; the parts sum to the price exactly.
 */
export function linesOf(sold: Sold, parts?: readonly KitPart[]): OfLines {
  const { articleId, name, units, aloneFen, unitFen } = sold;
  if (!parts) return { units, lines: [{ ...sold, amountFen: units * unitFen }] };
  const amounts = allocate(
    units * unitFen,
    parts.map((part) => part.units * part.aloneFen),
  );
  const lines = parts.map((part, i) => {
    const all = part.units * units;
    return { ...part, units: all, unitFen: Math.round(amounts[i]! / all), amountFen: amounts[i]! };
  });
  return { units, lines, kit: { articleId, name, aloneFen, unitFen } };
}

/** What an order was placed for: its kit, or the article of its line. */
export const soldOf = ({ units, lines, kit }: OfLines): Sold => ({ ...(kit ?? lines[0]!), units });

/** What an order is called: its kit or article, or the first of several. */
export const nameOf = ({ lines, kit }: Pick<Order, "lines" | "kit">): string =>
  kit?.name ?? (lines.length === 1 ? lines[0]!.name : `${lines[0]!.name}等${lines.length}种商品`);

/** The same order as so many units at a price, fen: a kit's components keep their parts of it. */
export function resold(order: OfLines, units: number, unitFen: number): OfLines {
  const parts = order.lines.map((line) => ({ ...line, units: line.units / order.units }));
  return linesOf({ ...soldOf(order), units, unitFen }, order.kit && parts);
}

/** What of an order's payment is for its goods as the lines say: without what went back of it, fen. */
export const keptFen = ({ lines, discounts = [] }: Pick<Order, "lines" | "discounts">): number =>
  lines.reduce((sum, line) => sum + line.amountFen, 0) - discounts.reduce((sum, one) => sum + one.amountFen, 0);

/** What of an order's payment in force has not gone back, fen. */
export const netPaidFen = ({ payableFen, refundedFen = 0 }: Pick<Order, "payableFen" | "refundedFen">): number =>
  payableFen - refundedFen;

/** What of an order's payment in force is not refunded nor on its way back, fen, by all the refunds of the order. */
export const notGoneBackFen = (
  { paymentNo, payableFen }: Pick<Order, "paymentNo" | "payableFen">,
  refunds: readonly Pick<Refund, "paymentNo" | "refundFen">[],
): number => refunds.reduce((left, one) => left - (one.paymentNo === paymentNo ? one.refundFen : 0), payableFen);

type Line = Order["lines"][number];

/** What takes the place of units that are missing: an article, the price of one alone and as sold, fen. */
type Instead = Pick<Line, "articleId" | "name" | "aloneFen" | "unitFen" | "zone">;

/**
 * An order that goes without some units of a line, and what goes back for them, fen: their part of what is kept of the payment for
 * the line, rounded half up, or, where another article takes their place, of what that is cheaper by. A discount's share of what goes back
 * goes with it. A line without units is gone; the order must keep one.
 */
export function without(
  order: Pick<Order, "units" | "lines" | "discounts" | "kit">,
  articleId: string,
  units: number,
  instead?: Instead,
): Pick<Order, "units" | "lines" | "discounts"> & { backFen: number } {
  const { lines, discounts = [], kit } = order;
  const off = sharedOff({ lines, discounts });
  const at = lines.findIndex((line) => line.articleId === articleId);
  const line = lines[at]!;
  const lostFen = proportionOf(line.amountFen, units, line.units);
  const insteadFen = instead ? Math.min(lostFen, instead.unitFen * units) : 0;
  const cutFen = lostFen - insteadFen;
  const offFen = cutFen === 0 ? 0 : Math.min(cutFen, proportionOf(off[at]!, cutFen, line.amountFen));
  const offBack = allocate(
    offFen,
    discounts.map(({ amountFen }) => amountFen),
  );
  const rest = line.units - units;
  const kept = rest === 0 ? [] : [{ ...line, units: rest, amountFen: line.amountFen - lostFen }];
  const added = instead ? [{ ...instead, units, amountFen: insteadFen }] : [];
  return {
    units: kit ? order.units : order.units - (instead ? 0 : units),
    lines: lines.toSpliced(at, 1, ...kept, ...added),
    ...(order.discounts && {
      discounts: discounts.map((one, i) => ({ ...one, amountFen: one.amountFen - offBack[i]! })),
    }),
    backFen: cutFen - offFen,
  };
}

/** What is taken off an order, shared out over its lines by what they were sold for. */
const sharedOff = ({ lines, discounts = [] }: Pick<Order, "lines" | "discounts">): number[] =>
  allocate(
    discounts.reduce((sum, one) => sum + one.amountFen, 0),
    lines.map((line) => line.unitFen * line.units),
  );

/** The nominal grams of all units of a line by weight; undefined of any other. */
export const nominalGrams = ({ grams, units }: Pick<Line, "grams" | "units">): number | undefined =>
  grams === undefined ? undefined : units * grams;

/** What a piece of goods that are not sold by weight is taken to weigh, grams. */
const PIECE_GRAMS = 500;

/** What lines come to for whoever carries them, grams. */
export const weightOf = (lines: readonly Pick<Line, "grams" | "packedGrams" | "units">[]): number =>
  lines.reduce((sum, { grams = PIECE_GRAMS, packedGrams, units }) => sum + (packedGrams ?? grams * units), 0);

/** The lines by weight that the store has not weighed yet. */
export const unweighed = <L extends Pick<Line, "grams" | "packedGrams">>({ lines }: { lines: readonly L[] }): L[] =>
  lines.filter(({ grams, packedGrams }) => grams !== undefined && packedGrams === undefined);

/**
 * An order of which so many grams of an article by weight were packed. For what lacks of its nominal weight the same part goes back
 * of what is kept of the payment for it, rounded half up, but never all of it: a fen stays. So discounts, which are shared out over
 * the lines by what they were sold for, stay whole, and the part that goes back is of the price after them. What is too much costs
 * nothing.
 */
export function weighed(order: Pick<Order, "lines" | "discounts">, articleId: string, grams: number) {
  const { lines } = order;
  const off = sharedOff(order);
  const at = lines.findIndex((line) => line.articleId === articleId);
  const line = lines[at]!;
  const nominal = nominalGrams(line) ?? grams;
  const kept = line.amountFen - off[at]!;
  const backFen = Math.max(0, Math.min(kept - 1, proportionOf(kept, Math.max(0, nominal - grams), nominal)));
  const packed = { ...line, amountFen: line.amountFen - backFen, packedGrams: grams };
  return { lines: lines.with(at, packed), backFen };
}
