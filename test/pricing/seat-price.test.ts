import fc from "fast-check";
import { expect, test } from "vitest";
import { type Discount, discounted, marginFloor, type Priced, priceLines } from "../../shared/pricing/index.ts";

const price = fc.integer({ min: 1, max: 100_000 });
const priced = fc
  .record({
    units: fc.integer({ min: 1, max: 99 }),
    prices: fc.tuple(price, price),
    floorFen: fc.option(price, { nil: undefined }),
  })
  .map(
    ({ units, prices, floorFen }): Priced => ({
      units,
      aloneFen: Math.max(...prices),
      unitFen: Math.min(...prices),
      floorFen,
    }),
  );
const wanted = fc
  .tuple(fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 0, max: 50_000 }))
  .map(([pickup, coupon]): Pick<Discount, "kind" | "faceFen">[] => [
    { kind: "pickup", faceFen: pickup },
    { kind: "coupon", faceFen: coupon },
  ]);

test("lines sum to what is paid, delivery fee and all", () => {
  fc.assert(
    fc.property(priced, wanted, fc.integer({ min: 0, max: 2000 }), fc.boolean(), (one, off, feeFen, batch) => {
      const { payableFen, discounts } = discounted(one, off);
      const sum = priceLines({ ...one, batch }, discounts, feeFen).reduce((total, line) => total + line.amountFen, 0);
      expect(sum).toBe(payableFen + feeFen);
    }),
  );
});

test("no discount takes a price below the floor, or to nothing, or gives more than it promises", () => {
  fc.assert(
    fc.property(priced, wanted, (one, off) => {
      const { payableFen, discounts } = discounted(one, off);
      const full = one.unitFen * one.units;
      expect(payableFen).toBeGreaterThanOrEqual(Math.min(full, Math.max(1, (one.floorFen ?? 0) * one.units)));
      for (const { amountFen, faceFen } of discounts) {
        expect(amountFen).toBeGreaterThanOrEqual(0);
        expect(amountFen).toBeLessThanOrEqual(faceFen);
      }
      // what is held back is held back for the floor alone
      const kept = off.reduce((sum, { faceFen }) => sum + faceFen, 0) - (full - payableFen);
      if (kept > 0) expect(payableFen).toBe(Math.min(full, Math.max(1, (one.floorFen ?? 0) * one.units)));
    }),
  );
});

test("a coupon that the floor cuts says so", () => {
  const one = { units: 1, aloneFen: 1000, unitFen: 800, floorFen: 620 };
  const { payableFen, discounts } = discounted(one, [
    { kind: "pickup" as const, faceFen: 50 },
    { kind: "coupon" as const, faceFen: 500 },
  ]);
  expect(payableFen).toBe(620);
  expect(priceLines({ ...one, batch: false }, discounts)).toEqual([
    { kind: "alone", amountFen: 1000, text: "单独购买价10.00元×1" },
    { kind: "team", amountFen: -200, text: "成团价8.00元,每份省2.00元" },
    { kind: "pickup", amountFen: -50, text: "到店自提优惠0.50元" },
    { kind: "coupon", amountFen: -130, text: "优惠券5.00元,因保本价只减1.30元" },
  ]);
});

test("the floor holds cost, delivery, loss and the commission of itself", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.boolean(), (costFen, perishable) => {
      const { floorFen, deliveryFen, lossFen, commissionFen } = marginFloor({ costFen, perishable });
      expect(floorFen).toBe(costFen + deliveryFen + lossFen + commissionFen);
      expect(commissionFen).toBeGreaterThanOrEqual(Math.floor((floorFen * 300) / 10_000));
      expect(marginFloor({ costFen: costFen + 100, perishable }).floorFen).toBeGreaterThan(floorFen);
    }),
  );
  expect(marginFloor({ costFen: 500, perishable: true })).toEqual({
    floorFen: 552,
    costFen: 500,
    deliveryFen: 15,
    lossFen: 20,
    commissionFen: 17,
  });
});
