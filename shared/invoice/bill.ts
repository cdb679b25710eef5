import { allocate, proportionOf } from "../kernel/money.ts";
import type { Invoice, InvoiceLine } from "./model.ts";
import { taxRates } from "./tax-rates.ts";

/** The tax in an amount that includes it, fen, rounded half up: of 10900 at 9 % 900. */
export const taxIn = (amountFen: number, taxBps: number): number =>
  taxBps === 0 ? 0 : proportionOf(amountFen, taxBps, 10_000 + taxBps);

/** The rate of an article as it is now: its own, its category's, or that of everything else. */
export const taxBpsOf = (article: { category: string; taxBps?: number | undefined } | undefined): number =>
  article?.taxBps ?? taxRates.byCategory[article?.category ?? ""] ?? taxRates.otherBps;

/**
 * The lines of an invoice over `amountFen`: the delivery fee as it was charged, the rest over the goods in proportion to what each
 * comes to, so that all sum to the amount exactly. A line that comes to nothing is left out.
 */
export function billOf(
  amountFen: number,
  goods: readonly { name: string; units: number; amountFen: number; taxBps: number }[],
  deliveryFen: number,
): InvoiceLine[] {
  const delivery = Math.min(deliveryFen, amountFen);
  const parts = allocate(
    amountFen - delivery,
    goods.map((line) => line.amountFen),
  );
  const line = (of: Omit<InvoiceLine, "taxFen">): InvoiceLine => ({ ...of, taxFen: taxIn(of.amountFen, of.taxBps) });
  return [
    ...goods.map(({ name, units, taxBps }, i) => line({ kind: "goods", name, units, amountFen: parts[i]!, taxBps })),
    line({ kind: "delivery", name: "配送费", units: 1, amountFen: delivery, taxBps: taxRates.deliveryBps }),
  ].filter((one) => one.amountFen > 0);
}

/**
 * Takes `amountFen`, which is at most what is left, from an invoice's lines in proportion to what is left of each: the lines of the red
 * letter, and the invoice's lines after it. Taxes of all red letters of a line sum to the line's own once nothing is left of it.
 */
export function reddened(
  lines: NonNullable<Invoice["lines"]>,
  amountFen: number,
): { red: InvoiceLine[]; after: NonNullable<Invoice["lines"]> } {
  const left = lines.map((line) => line.amountFen - line.redFen);
  const parts = allocate(amountFen, left);
  const red = lines.map(({ redFen: _, ...line }, i) => ({
    ...line,
    amountFen: parts[i]!,
    taxFen: taxIn(left[i]!, line.taxBps) - taxIn(left[i]! - parts[i]!, line.taxBps),
  }));
  return {
    red: red.filter((line) => line.amountFen > 0),
    after: lines.map((line, i) => ({ ...line, redFen: line.redFen + parts[i]! })),
  };
}
