import * as z from "zod";

/** Integer fen (1/100 yuan), 0 to 100 million yuan. */
export const fen = z
  .int()
  .min(0)
  .max(10_000_000_000)
  .meta({ description: "Amount in fen (1/100 yuan)", example: 1280 });

/** A share in basis points (1/10,000): 80 % is 8000. */
export const basisPoints = z.int().min(0).max(10_000).meta({ description: "Basis points: 8000 is 80 %" });

/** `amount` × `bps` / 10,000, rounded half up to whole fen, for one line: 999 fen at 8000 is 799. */
export const shareOf = (amountFen: number, bps: number): number => proportionOf(amountFen, bps, 10_000);

/** `amount` × `part` / `whole`, rounded half up to whole fen; `whole` is above zero. */
export function proportionOf(amountFen: number, part: number, whole: number): number {
  const [product, by] = [BigInt(amountFen) * BigInt(part), BigInt(whole)];
  return Number((2n * product + by) / (2n * by));
}

/**
 * Divides `totalFen` over lines in proportion to `weights`, so that the parts sum to it exactly: largest remainder,
 * the earlier line first on a tie. All weights zero gives everything to the first line.
 */
export function allocate(totalFen: number, weights: readonly number[]): number[] {
  if (weights.length === 0) return [];
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) return weights.map((_, i) => (i === 0 ? totalFen : 0));
  const exact = weights.map((w) => ({
    part: Number((BigInt(totalFen) * BigInt(w)) / BigInt(sum)),
    rest: Number((BigInt(totalFen) * BigInt(w)) % BigInt(sum)),
  }));
  let left = totalFen - exact.reduce((a, e) => a + e.part, 0);
  const order = exact.map((_, i) => i).sort((a, b) => exact[b]!.rest - exact[a]!.rest || a - b);
  const parts = exact.map((e) => e.part);
  for (const i of order) {
    if (left === 0) break;
    parts[i]! += 1;
    left -= 1;
  }
  return parts;
}

/** "12.80" for 1280 fen: for people to read, never to compute with. */
export const yuan = (amountFen: number): string =>
  `${amountFen < 0 ? "-" : ""}${Math.trunc(Math.abs(amountFen) / 100)}.${String(Math.abs(amountFen) % 100).padStart(2, "0")}`;
