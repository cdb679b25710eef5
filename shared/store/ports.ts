import type { Point } from "../kernel/geo.ts";

/** Finds the place of an address; `relevance` is 0 to 1. Undefined: nothing found. */
export interface AddressFinder {
  geocode(text: string): Promise<{ point: Point; relevance: number } | undefined>;
}
