import { expect, test } from "vitest";
import { recount } from "../../local/recount/recount.ts";
import { invariants } from "../../local/recount/tally.ts";
import { corruptions } from "./corruptions.ts";
import { openSmallChain } from "./small-chain.ts";

const chain = await openSmallChain();
const facts = await chain.world.facts();

test("of a chain where all is well nothing is told, and every invariant was looked at", () => {
  const { violations, checks } = recount(facts);
  expect(violations).toEqual([]);
  expect(Object.entries(checks).filter(([, times]) => times === 0)).toEqual([]);
});

test("every invariant has somebody who breaks it", () => {
  expect(new Set(corruptions.map(({ invariant }) => invariant))).toEqual(new Set(Object.keys(invariants)));
  expect(corruptions.length).toBeGreaterThanOrEqual(40);
});

test.each(corruptions)("$what ($invariant)", ({ invariant, corrupt }) => {
  const bent = structuredClone(facts);
  corrupt(bent);
  expect(recount(bent).violations.map((violation) => violation.invariant)).toContain(invariant);
});

test("what is left going on is well while it goes on, and not once everything has had its turn", () => {
  expect(recount(facts, { rested: true }).violations).toEqual([]);
  const later = { ...facts, now: facts.now + 2 * chain.world.times.day };
  const left = recount(later, { rested: true }).violations.filter(({ invariant }) => invariant === "L1");
  expect(left.map(({ where }) => where)).toContain(chain.held);
});
