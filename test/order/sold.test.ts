import fc from "fast-check";
import { expect, test } from "vitest";
import type { Order } from "../../shared/order/index.ts";
import {
  type KitPart,
  keptFen,
  linesOf,
  resold,
  soldOf,
  unweighed,
  weighed,
  without,
} from "../../shared/order/index.ts";
import { discounted, priceLines } from "../../shared/pricing/index.ts";

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

/** An order by weight with what was taken off it, and what was paid for it. */
const byWeight = fc
  .record({
    units: someUnits,
    unitFen: price,
    grams: fc.integer({ min: 1, max: 100_000 }),
    off: fc.tuple(fc.nat(500_000), fc.nat(500_000)),
  })
  .map(({ units, unitFen, grams, off: [pickup, coupon] }) => {
    const { payableFen, discounts } = discounted({ units, unitFen }, [
      { kind: "pickup" as const, faceFen: pickup },
      { kind: "coupon" as const, faceFen: coupon },
    ]);
    return { ...linesOf({ ...kitOf(units, unitFen), grams }), discounts, payableFen, nominal: units * grams };
  });
const anyGrams = fc.integer({ min: 1, max: 9_900_000 });

test("0.93 kg of 1 kg: seven hundredths of what was paid go back", () => {
  const order = linesOf({ ...kitOf(2, 1999), grams: 500 });
  expect(weighed(order, order.lines[0]!.articleId, 930)).toEqual({
    lines: [{ ...kitOf(2, 1999), grams: 500, amountFen: 3718, packedGrams: 930 }],
    backFen: 280, // 279.86
  });
  expect(
    weighed({ ...order, discounts: [{ kind: "pickup", faceFen: 50, amountFen: 50 }] }, order.lines[0]!.articleId, 930)
      .backFen,
  ).toBe(276); // 276.36
});

test("what went back for weight and what is kept are what was paid; a full refund after it gives back the rest", () => {
  fc.assert(
    fc.property(byWeight, anyGrams, (order, grams) => {
      expect(keptFen(order)).toBe(order.payableFen);
      const { lines, backFen } = weighed(order, order.lines[0]!.articleId, grams);
      const packed = { ...order, lines };
      expect(backFen).toBeGreaterThanOrEqual(0);
      expect(keptFen(packed)).toBeGreaterThanOrEqual(1);
      expect(keptFen(packed) + backFen).toBe(order.payableFen);
      const priced = priceLines({ ...soldOf(packed), batch: false }, order.discounts);
      expect(sum(priced.map((line) => line.amountFen))).toBe(keptFen(packed));
    }),
  );
});

test("too much weight gives nothing back; the less was packed, the more goes back, within half a fen of its part", () => {
  fc.assert(
    fc.property(byWeight, anyGrams, anyGrams, (order, one, other) => {
      const back = (grams: number) => weighed(order, order.lines[0]!.articleId, grams).backFen;
      expect(back(Math.max(one, order.nominal))).toBe(0);
      expect(back(Math.min(one, other))).toBeGreaterThanOrEqual(back(Math.max(one, other)));
      const exact = order.payableFen * Math.max(0, 1 - one / order.nominal);
      if (back(one) < order.payableFen - 1) expect(Math.abs(back(one) - exact)).toBeLessThanOrEqual(0.5001);
    }),
  );
});

test("several articles weighed one after the other, in any order: each gives back its own part, and with what is kept it is what was paid", () => {
  const line = fc.record({
    units: fc.integer({ min: 1, max: 9 }),
    unitFen: fc.integer({ min: 1, max: 20_000 }),
    grams: fc.integer({ min: 1, max: 2000 }),
    packed: fc.integer({ min: 1, max: 18_000 }),
  });
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), fc.nat(), fc.nat(), (drawn, face, turn) => {
      const lines = drawn.map(({ units, unitFen, grams }, i) => ({
        articleId: `AR${i}`,
        name: `第${i}种`,
        units,
        aloneFen: unitFen,
        unitFen,
        grams,
        amountFen: units * unitFen,
      }));
      const goodsFen = sum(lines.map((one) => one.amountFen));
      const off = face % goodsFen;
      const order: Pick<Order, "lines" | "discounts"> = {
        lines,
        discounts: off > 0 ? [{ kind: "coupon", faceFen: off, amountFen: off }] : [],
      };
      const first = turn % drawn.length;
      const turns = [...drawn.keys()].map((i) => (i + first) % drawn.length);
      const after = turns.reduce(
        ({ order: now, backFen }, i) => {
          const one = weighed(now, `AR${i}`, drawn[i]!.packed);
          expect(one.backFen).toBeGreaterThanOrEqual(0);
          // what one article gives back does not depend on which were weighed before it
          expect(one.backFen).toBe(weighed(order, `AR${i}`, drawn[i]!.packed).backFen);
          return { order: { ...now, lines: one.lines }, backFen: backFen + one.backFen };
        },
        { order, backFen: 0 },
      );
      expect(unweighed(after.order)).toEqual([]);
      expect(keptFen(after.order) + after.backFen).toBe(goodsFen - off);
      expect(keptFen(after.order)).toBeGreaterThanOrEqual(0);
    }),
  );
});

/** An order from the cart with what is taken off it, one line of which lacks some units. */
const lacking = fc
  .record({
    lines: fc.array(fc.record({ units: someUnits, unitFen: price }), { minLength: 1, maxLength: 20 }),
    off: fc.tuple(fc.nat(500_000), fc.nat(500_000)),
    which: fc.nat(),
    part: fc.nat(),
    instead: fc.option(price, { nil: undefined }),
  })
  .map(({ lines: rows, off, which, part, instead }) => {
    const lines = rows.map((row, i) => ({
      articleId: `AR${i}`,
      name: `单品${i}`,
      aloneFen: row.unitFen,
      ...row,
      amountFen: row.units * row.unitFen,
    }));
    const goodsFen = sum(lines.map((line) => line.amountFen));
    const { discounts } = discounted({ units: 1, unitFen: goodsFen }, [
      { kind: "pickup" as const, faceFen: off[0] },
      { kind: "coupon" as const, faceFen: off[1] },
    ]);
    const line = lines[which % lines.length]!;
    return {
      order: { units: sum(rows.map((row) => row.units)), lines, discounts },
      line,
      lacks: 1 + (part % line.units),
      instead,
    };
  });

test("what an order goes without goes back in its part of what was paid, and lines and discounts say the rest exactly", () => {
  fc.assert(
    fc.property(lacking, ({ order, line, lacks, instead }) => {
      const other = instead && {
        articleId: "AR",
        name: "替代",
        aloneFen: instead,
        unitFen: Math.min(instead, line.unitFen),
      };
      const { backFen, ...cut } = without(order, line.articleId, lacks, other || undefined);
      expect(keptFen(cut)).toBe(keptFen(order) - backFen);
      const goodsFen = lacks * (line.unitFen - (other ? other.unitFen : 0));
      expect(backFen).toBeGreaterThanOrEqual(0);
      expect(backFen).toBeLessThanOrEqual(goodsFen);
      if (order.discounts.length === 0) expect(backFen).toBe(goodsFen);
      for (const [i, { amountFen }] of (cut.discounts ?? []).entries()) {
        expect(amountFen).toBeGreaterThanOrEqual(0);
        expect(amountFen).toBeLessThanOrEqual(order.discounts[i]!.amountFen);
      }
      expect(cut.units).toBe(sum(cut.lines.map((one) => one.units)));
      expect(cut.lines.every((one) => one.units > 0)).toBe(true);
    }),
  );
});
