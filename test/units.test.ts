import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import budgets from "../bench/unit-budgets.json" with { type: "json" };
import { operations } from "../bench/units.ts";
import { runOperations, unitsPage } from "../docs/write-units.ts";

const measured = await runOperations({ assembly: inject("assembly") });

test("no operation consumes 5 % more than what was reached", () => {
  expect(Object.keys(budgets)).toEqual([...operations]);
  const over = measured.flatMap(({ operation, read, write, consumers }) => {
    const reached = budgets[operation];
    const now = { read, write, readAfter: consumers.read, writeAfter: consumers.write };
    return (Object.keys(now) as (keyof typeof now)[])
      .filter((kind) => now[kind] > reached[kind] * 1.05)
      .map((kind) => `${operation}.${kind}: ${now[kind]} where ${reached[kind]} was reached`);
  });
  expect(over).toEqual([]);
});

/** The page without what is read: a notification that meets the refund's own look reads again, and may or may not. */
function withoutReads(page: string): string[] {
  let reads = false;
  return page.split("\n").flatMap((line) => {
    if (line.startsWith("| reads |")) reads = true;
    else if (line === "") reads = false;
    return reads ? [] : [line.replace(/^(\| [^|]+) \| [\d.]+ \| ([\d.]+) \| [\d.]+ \| ([\d.]+) \|$/, "$1 | $2 | $3 |")];
  });
}

test("docs/units.md tells of every row that a run of today writes", () => {
  const page = readFileSync(join(import.meta.dirname, "../docs/units.md"), "utf8");
  expect(page).toContain("| reads |");
  expect(withoutReads(unitsPage(measured)), "run npm run units").toEqual(withoutReads(page));
});
