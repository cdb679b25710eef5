import fc from "fast-check";
import { expect, test } from "vitest";
import { aftersalePolicy, workingDaysAfter } from "../../shared/aftersale/policy.ts";
import { payClaim } from "../../shared/aftersale/work.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { day, dayOf, toIso, weekMinute } from "../../shared/kernel/time.ts";
import { claims, floatDays, orders } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();
const { orderFen, dayFen } = aftersalePolicy.float.store;

/** An order that was collected at a store, and what is claimed of it: all of its ¥300. */
async function claimed(storeId: string): Promise<string> {
  const handedOverAt = clock.now();
  const order = paidOrder(env, { storeId, payableFen: 30_000, handedOverAt, stage: "HANDED_OVER" });
  const { orderId, memberId, lines } = order;
  await table.commit([
    orders.create({ ...order, teamId: undefined }),
    claims.create({
      ...{ orderId, memberId, storeId, state: "OPEN", wantedFen: 30_000 },
      ...{ lines: [{ articleId: lines[0]!.articleId, units: 1, reason: "压坏三分之一" }], photos: ["evidence/1.jpg"] },
      ...{ openedAt: handedOverAt, answerBy: handedOverAt + day },
    }),
  ]);
  return orderId;
}
/** What became of it: undefined where it was paid. */
const pay = async (storeId: string, orderId: string, amountFen: number): Promise<string | undefined> => {
  try {
    const payer = { kind: "store", storeId, staffId: "clerk" } as const;
    await payClaim({ table, env }, { orderId, amountFen, payer, once: () => [] });
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
};

test("twenty at once who would pay twice what a store may in a day pay exactly what it may", async () => {
  const storeId = env.ids.next("ST");
  const open = await Promise.all(Array.from({ length: 20 }, () => claimed(storeId)));
  const codes = await Promise.all(open.map((orderId) => pay(storeId, orderId, orderFen)));
  expect(codes.filter((code) => code === undefined)).toHaveLength(dayFen / orderFen);
  expect([...new Set(codes)].sort()).toEqual(["FLOAT_EXHAUSTED", undefined]);
  expect(await table.load(floatDays, { payer: `store:${storeId}`, day: dayOf(clock.now()) })).toMatchObject({
    spentFen: dayFen,
  });
});

test("whatever is paid at once and one after another, a day's float holds the sum of it, and never more than there is", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 25_000 }), { maxLength: 4 }), { maxLength: 6 }),
      async (rounds) => {
        const storeId = env.ids.next("ST");
        let paid = 0;
        for (const round of rounds)
          await Promise.all(
            round.map(async (amountFen) => {
              const code = await pay(storeId, await claimed(storeId), amountFen);
              expect(code === "FLOAT_LIMIT").toBe(amountFen > orderFen);
              if (code === undefined) paid += amountFen;
            }),
          );
        const row = await table.load(floatDays, { payer: `store:${storeId}`, day: dayOf(clock.now()) });
        expect(row?.spentFen ?? 0).toBe(paid);
        expect(paid).toBeLessThanOrEqual(dayFen);
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
}, 60_000);

test.each([
  ["2026-11-23T10:00:00+08:00", 10, "2026-12-07T10:00:00+08:00"],
  ["2026-11-28T23:30:00+08:00", 10, "2026-12-11T23:30:00+08:00"],
  ["2026-11-27T00:10:00+08:00", 1, "2026-11-30T00:10:00+08:00"],
  ["2026-11-23T10:00:00+08:00", 15, "2026-12-14T10:00:00+08:00"],
])("from %s on, %i working days end at %s", (from, count, end) => {
  expect(toIso(workingDaysAfter(Date.parse(from), count))).toBe(end);
});

test("working days end on a working day, and ten of them take twelve to fourteen days", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_000 * day }), (from) => {
      const end = workingDaysAfter(from, 10);
      expect(weekMinute(end).weekday).toBeLessThan(5);
      expect([12, 13, 14]).toContain((end - from) / day);
    }),
  );
});
