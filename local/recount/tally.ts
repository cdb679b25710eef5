import { isDeepStrictEqual } from "node:util";
import type { Facts } from "./facts.ts";

/** What must hold, in words: the names under which a violation is told. docs/simulation.md explains each. */
export const invariants = {
  M1: "each ledger line moves a whole amount between the accounts of its kind once, and the closed books are their sum",
  M2: "what an order costs, was paid and holds in the ledger is what its lines, discounts, fee and refunds come to",
  M3: "payments, refunds and payouts in the ledger are those in the channel's own book",
  M4: "everybody in a team that succeeded has its price",
  M5: "whoever is owed all of a payment has exactly one refund of all of it",
  M6: "no more goes back than was paid, and a coupon is used by one order at a time, within its budget",
  M7: "a commission is its rate of what the order kept, once a beneficiary, and the account is their sum",
  M8: "what a customer is paid back first is borne by somebody, each of them once",
  S1: "units at a store, in campaigns and in orders are what came in, and none is below zero",
  S2: "a team's counters are its seats, and it ended for the reason it says",
  S3: "an order is at the store it was last sent to, within its reach",
  S4: "an order, a refund and a campaign say the same as the facts that belong to their state",
  S5: "an order is brought by one at a time, paid for once, and its code is good once",
  E1: "what a request was answered is there",
  E3: "each change that must be told is told once, and nothing that did not happen",
  A1: "what staff did is in the audit, once",
  A2: "what belongs to a member or a store refers to nothing of another one",
  A4: "nothing refers to what is not there, and what is kept for a while has an end",
  L1: "nothing that must go on is without somebody who looks at it again",
} as const;
export type Invariant = keyof typeof invariants;

/** Something that does not hold: what the rows say of it, and what it is by the facts. */
export interface Violation {
  invariant: Invariant;
  where: string;
  said: unknown;
  is: unknown;
}

/** Holds what is said against what is; both are counted. */
export interface Tally {
  same(invariant: Invariant, where: string, said: unknown, is: unknown): void;
  /** Something that must be so, in words of what was found where it is not. */
  holds(invariant: Invariant, where: string, what: string, so: boolean): void;
}

export function createTally() {
  const violations: Violation[] = [];
  const checks = Object.fromEntries(Object.keys(invariants).map((name) => [name, 0])) as Record<Invariant, number>;
  const tally: Tally = {
    same(invariant, where, said, is) {
      checks[invariant]++;
      if (!isDeepStrictEqual(said, is)) violations.push({ invariant, where, said, is });
    },
    holds(invariant, where, what, so) {
      checks[invariant]++;
      if (!so) violations.push({ invariant, where, said: what, is: "not so" });
    },
  };
  return { ...tally, violations, checks };
}

/** The rows of an entity, typed as the reader knows them. */
export const rowsOf = <T>({ rows }: Pick<Facts, "rows">, entity: string): (T & { version: number })[] =>
  (rows.get(entity) ?? []) as unknown as (T & { version: number })[];

export const sum = <T>(list: readonly T[], amount: (one: T) => number): number =>
  list.reduce((total, one) => total + amount(one), 0);

/** How often each text is there, in order: two lists are equal as bags where these are. */
export const bag = (list: readonly string[]): string[] => [...list].sort();
