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

test("docs/units.md is what a run of today writes", () => {
  expect(unitsPage(measured), "run npm run units").toBe(
    readFileSync(join(import.meta.dirname, "../docs/units.md"), "utf8"),
  );
});
