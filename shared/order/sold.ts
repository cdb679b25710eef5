import { allocate, proportionOf } from "../kernel/money.ts";
import type { Order } from "./model.ts";

/** A component of a kit: `units` in one kit, `aloneFen` the price of one of its units alone. */
export interface KitPart {
  articleId: string;
  name: string;
  units: number;
  aloneFen: number;
}

/** The article that is sold: `units` of it, the price of one alone and as sold, fen. */
export interface Sold {
  articleId: string;
  name: string;
  units: number;
  aloneFen: number;
  unitFen: number;
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

/** The nominal grams of all units of an order by weight; undefined of any other. */
export const nominalGrams = ({ lines: [line] }: Pick<Order, "lines">): number | undefined =>
  line?.grams === undefined ? undefined : line.units * line.grams;

/**
 * An order by weight of which so many grams were packed. For what lacks of the nominal weight the same part goes back of what is
 * kept of the payment, rounded half up, but never all of it: a fen stays. So a discount stays whole, and the part that goes back is
 * of the price after it. What is too much costs nothing.
 */
export function weighed(order: Pick<Order, "lines" | "discounts">, grams: number) {
  const nominal = nominalGrams(order) ?? grams;
  const kept = keptFen(order);
  const backFen = Math.min(kept - 1, proportionOf(kept, Math.max(0, nominal - grams), nominal));
  const lines = order.lines.map((line) => ({ ...line, amountFen: line.amountFen - backFen, packedGrams: grams }));
  return { lines, backFen };
}
