import { recountEvents } from "./events.ts";
import type { Facts } from "./facts.ts";
import { recountGoods } from "./goods.ts";
import { recountLiveness } from "./liveness.ts";
import { recountMoney } from "./money.ts";
import { recountFulfilment } from "./orders.ts";
import { recountReferences } from "./references.ts";
import { createTally, type Invariant, type Violation } from "./tally.ts";

/** What a recount found, and how many times each invariant was held against the facts. */
export interface Recount {
  violations: Violation[];
  checks: Record<Invariant, number>;
}

/**
 * Recomputes everything that is derived from the facts alone: rows that are never changed, the lines of orders, and the books of the
 * channel and of the carriers. It knows nothing of the code that wrote the rows. `rested` as in `recountLiveness`.
 */
export function recount(facts: Facts, { rested = false }: { rested?: boolean } = {}): Recount {
  const tally = createTally();
  recountMoney(facts, tally);
  recountGoods(facts, tally);
  recountFulfilment(facts, tally);
  recountEvents(facts, tally);
  recountReferences(facts, tally);
  recountLiveness(facts, tally, rested);
  return { violations: tally.violations, checks: tally.checks };
}
