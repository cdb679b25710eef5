import { allocate } from "../kernel/money.ts";
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
