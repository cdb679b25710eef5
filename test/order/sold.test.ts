import fc from "fast-check";
import { expect, test } from "vitest";
import { type KitPart, linesOf, resold, soldOf } from "../../shared/order/index.ts";

const price = fc.integer({ min: 1, max: 1_000_000 });
const someParts = fc
  .array(fc.record({ units: fc.integer({ min: 1, max: 99 }), aloneFen: price }), { minLength: 1, maxLength: 20 })
  .map((rows) => rows.map((row, i): KitPart => ({ articleId: `AR${i}`, name: `单品${i}`, ...row })));
const someUnits = fc.integer({ min: 1, max: 99 });
const kitOf = (units: number, unitFen: number) => ({
  articleId: "AR",
  name: "套装",
  units,
  aloneFen: unitFen,
  unitFen,
});
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

test("a kit's lines sum to its price, whatever the prices; each within a fen of its part", () => {
  fc.assert(
    fc.property(someParts, someUnits, price, (parts, units, unitFen) => {
      const { lines, kit } = linesOf(kitOf(units, unitFen), parts);
      expect(sum(lines.map((line) => line.amountFen))).toBe(units * unitFen);
      expect(kit).toEqual({ articleId: "AR", name: "套装", aloneFen: unitFen, unitFen });
      const alone = sum(parts.map((part) => part.units * part.aloneFen));
      for (const [i, part] of parts.entries()) {
        expect(lines[i]).toMatchObject({ articleId: part.articleId, units: part.units * units });
        const exact = (units * unitFen * part.units * part.aloneFen) / alone;
        expect(Math.abs(lines[i]!.amountFen - exact)).toBeLessThan(1.001);
      }
    }),
  );
});

test("a kit's order that comes to fewer units at another price says what it would, had it been placed so", () => {
  fc.assert(
    fc.property(someParts, someUnits, price, someUnits, price, (parts, units, unitFen, fewer, lower) => {
      const sold = kitOf(units, unitFen);
      const order = linesOf(sold, parts);
      expect(soldOf(order)).toEqual(sold);
      expect(resold(order, fewer, lower)).toEqual(linesOf({ ...sold, units: fewer, unitFen: lower }, parts));
    }),
  );
});

test("what is no kit has one line, of what was sold", () => {
  const order = linesOf(kitOf(3, 799));
  expect(order).toEqual({ units: 3, lines: [{ ...kitOf(3, 799), amountFen: 2397 }] });
  expect(resold(order, 2, 700)).toEqual({ units: 2, lines: [{ ...kitOf(2, 700), aloneFen: 799, amountFen: 1400 }] });
});
