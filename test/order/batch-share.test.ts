import fc from "fast-check";
import { expect, test } from "vitest";
import { tierAt } from "../../shared/groupbuy/index.ts";
import {
  arrivedUnits,
  type BatchSeat,
  cutArrival,
  seatShare,
  splitCases,
  unitsAfter,
} from "../../shared/order/index.ts";
import { discounted } from "../../shared/pricing/index.ts";

const orderId = (i: number) => `OR${String(i).padStart(24, "0")}`;
/** Paid seats whose times meet often, so that the order id decides. */
const someSeats = fc
  .array(
    fc.record({ paidAt: fc.integer({ min: 1, max: 6 }), wanted: fc.integer({ min: 1, max: 6 }), more: fc.nat(4) }),
    {
      minLength: 1,
      maxLength: 25,
    },
  )
  .map((rows) =>
    rows.map(
      ({ paidAt, wanted, more }, i): BatchSeat => ({ orderId: orderId(i), paidAt, wanted, upTo: wanted + more }),
    ),
  );
const aCase = fc.integer({ min: 2, max: 12 });

const inOrder = (seats: readonly BatchSeat[]) =>
  [...seats].sort((a, b) => a.paidAt - b.paidAt || a.orderId.localeCompare(b.orderId));
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

test("a case of six: 2, up to 4 fills the last case; without a tolerance the last payer goes without", () => {
  const seats = [
    { orderId: orderId(1), paidAt: 1, wanted: 2, upTo: 4 },
    { orderId: orderId(2), paidAt: 2, wanted: 2, upTo: 4 },
    { orderId: orderId(3), paidAt: 3, wanted: 1, upTo: 1 },
  ];
  const got = (of: readonly BatchSeat[]) => of.map((seat) => unitsAfter(splitCases(of, 6), seat));
  expect(got(seats)).toEqual([3, 2, 1]);
  expect(
    got([...seats, { orderId: orderId(4), paidAt: 4, wanted: 2, upTo: 2 }].map((s) => ({ ...s, upTo: s.wanted }))),
  ).toEqual([2, 2, 1, 1]);
});

test("whole cases only, first paid first served, nobody above what it takes, the same however the seats come", () => {
  fc.assert(
    fc.property(someSeats, aCase, fc.integer(), (seats, casePack, seed) => {
      const split = splitCases(seats, casePack);
      const shuffled = [...seats].sort(
        (a, b) =>
          ((a.wanted * 31 + Number(a.orderId.slice(2))) ^ seed) - ((b.wanted * 31 + Number(b.orderId.slice(2))) ^ seed),
      );
      expect(splitCases(shuffled, casePack)).toEqual(split);

      const ordered = inOrder(seats);
      const got = ordered.map((seat) => unitsAfter(split, seat));
      const wanted = sum(seats.map((seat) => seat.wanted));
      const tolerance = sum(seats.map((seat) => seat.upTo - seat.wanted));
      const bought = sum(got);
      expect(bought % casePack).toBe(0);
      const missing = (casePack - (wanted % casePack)) % casePack;
      expect(bought).toBe(tolerance >= missing ? wanted + missing : wanted - (wanted % casePack));
      for (const [i, seat] of ordered.entries()) {
        expect(got[i]).toBeGreaterThanOrEqual(0);
        expect(got[i]).toBeLessThanOrEqual(seat.upTo);
        const later = ordered.slice(i + 1).map((other, k) => got[i + 1 + k]! - other.wanted);
        // a later payer has a unit more than wanted only when this one has all it takes, and any unit only when it has its want
        if (got[i]! < seat.upTo) expect(later.every((more) => more <= 0)).toBe(true);
        if (got[i]! < seat.wanted) expect(got.slice(i + 1).every((units) => units === 0)).toBe(true);
      }
    }),
  );
});

const ladders = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 200 })), { minLength: 1, maxLength: 5 })
  .map((steps) => {
    let [fromUnits, unitFen] = [0, 2000];
    return steps.map(([units, fen]) => {
      fromUnits += units;
      unitFen -= fen;
      return { fromUnits, unitFen };
    });
  });
/** Who comes and goes: units wanted, a tolerance, paid before or after the cut-off at 100, left at some time or never. */
const comings = fc.array(
  fc.record({
    wanted: fc.integer({ min: 1, max: 5 }),
    more: fc.nat(3),
    paidAt: fc.integer({ min: 90, max: 104 }),
    leavesAt: fc.option(fc.integer({ min: 91, max: 110 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 30 },
);

test("under random joins and leaves around the cut-off everybody pays the lowest price reached, and gets the rest back", () => {
  const cutOff = 100;
  fc.assert(
    fc.property(ladders, comings, fc.option(aCase, { nil: undefined }), (tiers, people, casePack) => {
      const first = tiers[0]!;
      const paid = people
        .map((one, i) => ({
          ...one,
          orderId: orderId(i),
          upTo: casePack === undefined ? one.wanted : one.wanted + one.more,
        }))
        .filter(
          (one) =>
            one.paidAt < cutOff && !(one.leavesAt !== undefined && one.leavesAt > one.paidAt && one.leavesAt < cutOff),
        );
      const quantity = sum(paid.map((one) => one.wanted));
      if (quantity < first.fromUnits) return;
      const { unitFen } = tierAt(tiers, quantity);
      expect(unitFen).toBe(Math.min(...tiers.filter((tier) => tier.fromUnits <= quantity).map((tier) => tier.unitFen)));
      const split = casePack === undefined ? undefined : splitCases(paid, casePack);
      const team = { state: "SUCCEEDED", frozen: { unitFen, ...(split && { split }) } };
      const shares = paid.map(({ orderId: id, paidAt, wanted, upTo }) =>
        seatShare(
          {
            orderId: id,
            paidAt,
            wantedUnits: wanted,
            upToUnits: upTo,
            payableFen: upTo * first.unitFen,
            disposition: "SEATED",
          },
          team,
        ),
      );
      for (const [i, share] of shares.entries()) {
        expect(share!.keptFen).toBe(share!.units * unitFen);
        expect(share!.backFen).toBeGreaterThanOrEqual(0);
        expect(share!.keptFen + share!.backFen).toBe(paid[i]!.upTo * first.unitFen);
      }
      if (casePack === undefined) expect(sum(shares.map((share) => share!.units))).toBe(quantity);
      else expect(sum(shares.map((share) => share!.units)) % casePack).toBe(0);
    }),
  );
});

test("no share but of a paid seat of a batch that succeeded: not of one that left, of an orphan, of a failed or neighbour team", () => {
  const seat = {
    orderId: orderId(1),
    paidAt: 1,
    wantedUnits: 2,
    upToUnits: 2,
    payableFen: 4000,
    disposition: "SEATED" as const,
  };
  const team = { state: "SUCCEEDED", frozen: { unitFen: 1800 } };
  expect(seatShare(seat, team)).toEqual({ units: 2, unitFen: 1800, keptFen: 3600, backFen: 400 });
  expect(seatShare({ ...seat, leftAt: 2 }, team)).toBeUndefined();
  expect(seatShare({ ...seat, disposition: "ORPHAN" }, team)).toBeUndefined();
  expect(seatShare(seat, { ...team, state: "FAILED" })).toBeUndefined();
  expect(seatShare(seat, { state: "SUCCEEDED" })).toBeUndefined();
});

test("with discounts a seat keeps what it gets, less what was promised as far as the floor lets, and gets back what it loses", () => {
  const below = (most: number) => fc.integer({ min: 1, max: most });
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 50_000 }).chain((first) => fc.tuple(fc.constant(first), below(first), below(first))),
      fc.integer({ min: 1, max: 50 }).chain((wanted) => fc.tuple(fc.constant(wanted), fc.nat({ max: wanted }))),
      fc.array(fc.nat({ max: 60_000 }), { maxLength: 2 }),
      ([first, unitFen, floor], [wanted, units], faces) => {
        const floorFen = Math.min(floor, unitFen);
        const wishes = faces.map((faceFen) => ({ kind: "coupon" as const, faceFen }));
        const { payableFen, discounts } = discounted({ units: wanted, unitFen: first, floorFen }, wishes);
        const sold = { paidAt: 1, wantedUnits: wanted, upToUnits: wanted, payableFen, discounts, floorFen };
        const split = { how: "cut" as const, paidAt: 1, orderId: orderId(1), units };
        const share = seatShare(
          { orderId: orderId(1), ...sold, disposition: "SEATED" },
          { state: "SUCCEEDED", frozen: { unitFen, split } },
        )!;
        expect(share.keptFen + share.backFen).toBe(payableFen);
        expect(share.keptFen).toBeGreaterThanOrEqual(units * floorFen);
        expect(share.keptFen).toBeLessThanOrEqual(units * unitFen);
        expect(share.backFen).toBeGreaterThanOrEqual(0);
        // units that are not served always bring something back, so that their refund is made and they return to the store
        if (units < wanted) expect(share.backFen).toBeGreaterThan(0);
        const again = discounted(
          { units, unitFen, floorFen },
          discounts.map((one) => ({ ...one, faceFen: one.amountFen })),
        );
        if (units > 0) expect(again.payableFen).toBe(share.keptFen);
      },
    ),
  );
});

/** Arrivals at a store one after the other, the last one included. */
const someArrivals = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 4 });

test("what arrives is allotted by payment time: all of it, nobody who paid earlier is served worse, and no arrival takes back", () => {
  fc.assert(
    fc.property(someSeats, fc.option(aCase, { nil: undefined }), someArrivals, (seats, casePack, arrivals) => {
      const split = casePack === undefined ? undefined : splitCases(seats, casePack);
      const sold = inOrder(seats).map((seat) => ({ ...seat, units: unitsAfter(split, seat) }));
      const owed = sold.filter(({ units }) => units > 0);
      let good = 0;
      let before: (number | undefined)[] = owed.map((seat) => arrivedUnits({ state: "EXPECTED" }, seat));
      expect(new Set(before)).toEqual(new Set(owed.length === 0 ? [] : [undefined]));
      for (const [i, came] of arrivals.entries()) {
        good += came;
        const last = i === arrivals.length - 1;
        const cut = cutArrival([...owed].reverse(), good);
        const got = owed.map((seat) => arrivedUnits({ state: last ? "RECEIVED" : "PARTLY_RECEIVED", cut }, seat));
        for (const [k, was] of before.entries()) if (was !== undefined) expect(got[k]).toBe(was);
        // who knows what he gets before the end gets all he was sold
        if (!last) for (const [k, units] of got.entries()) expect([undefined, owed[k]!.units]).toContain(units);
        before = got;
      }
      const got = before.map((units) => units ?? Number.NaN);
      expect(sum(got)).toBe(Math.min(good, sum(owed.map(({ units }) => units))));
      for (const [k, units] of got.entries()) {
        expect(units).toBeLessThanOrEqual(owed[k]!.units);
        if (units < owed[k]!.units) expect(sum(got.slice(k + 1))).toBe(0);
      }
    }),
  );
});

test("what a seat keeps, its difference and what did not arrive come to what it paid, at any tier and last case", () => {
  fc.assert(
    fc.property(
      ladders,
      someSeats,
      fc.option(aCase, { nil: undefined }),
      fc.nat(80),
      (tiers, seats, casePack, good) => {
        const firstFen = tiers[0]!.unitFen;
        const { unitFen } = tierAt(tiers, sum(seats.map(({ wanted }) => wanted)));
        const split = casePack === undefined ? undefined : splitCases(seats, casePack);
        const shares = seats.map(({ orderId, paidAt, wanted, upTo }) => ({
          orderId,
          paidAt,
          payableFen: upTo * firstFen,
          share: seatShare(
            {
              orderId,
              paidAt,
              wantedUnits: wanted,
              upToUnits: upTo,
              payableFen: upTo * firstFen,
              disposition: "SEATED",
            },
            { state: "SUCCEEDED", frozen: { unitFen, ...(split && { split }) } },
          )!,
        }));
        const owed = shares.filter(({ share }) => share.units > 0);
        const cut = cutArrival(
          owed.map(({ share, ...seat }) => ({ ...seat, units: share.units })),
          good,
        );
        let kept = 0;
        for (const { share, payableFen, ...seat } of owed) {
          const units = arrivedUnits({ state: "RECEIVED", cut }, { ...seat, units: share.units })!;
          const shortFen = (share.units - units) * share.unitFen;
          expect(shortFen).toBeGreaterThanOrEqual(0);
          expect(units * unitFen + share.backFen + shortFen).toBe(payableFen);
          kept += units;
        }
        expect(kept).toBe(Math.min(good, sum(owed.map(({ share }) => share.units))));
      },
    ),
  );
});
