import { createHash } from "node:crypto";

/** Somebody's own dice, by a seed and his name, so that what one does throws nobody else's. */
export interface Dice {
  /** From 0 up to, not including, 1. */
  next(): number;
  hits(chance: number): boolean;
  /** A whole number, both bounds included. */
  between(least: number, most: number): number;
  pick<T>(list: readonly T[]): T | undefined;
  /** A name by its weight. */
  weighed(weights: Readonly<Record<string, number>>): string;
}

export function createDice(seed: number, name: string): Dice {
  let state = createHash("sha256").update(`${seed} ${name}`).digest().readInt32LE(0);
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    hits: (chance) => next() < chance,
    between,
    pick: (list) => (list.length === 0 ? undefined : list[between(0, list.length - 1)]),
    weighed(weights) {
      const names = Object.keys(weights);
      let left = next() * names.reduce((sum, name) => sum + weights[name]!, 0);
      for (const name of names) {
        left -= weights[name]!;
        if (left < 0) return name;
      }
      return names[0]!;
    },
  };
}
