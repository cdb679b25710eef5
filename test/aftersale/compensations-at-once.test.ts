import fc from "fast-check";
import { expect, test } from "vitest";
import { carryCompensation } from "../../shared/aftersale/index.ts";
import { payClaim } from "../../shared/aftersale/work.ts";
import { compensateOrder } from "../../shared/groupbuy/work.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { day } from "../../shared/kernel/time.ts";
import {
  claims,
  orders,
  recallBuyers,
  recallCompensations,
  recalls,
  refundsOf,
  transfersOf,
} from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();
const deps = { table, env };

/** So many orders that were collected, each with a claim of all of it, and a recall of what was in them that is to be compensated. */
async function sold(payableFen: number, percent: number, count: number) {
  const at = clock.now();
  const [recallId, storeId, articleId] = [env.ids.next("RC"), env.ids.next("ST"), env.ids.next("AR")];
  const made = Array.from({ length: count }, () => {
    const { teamId: _, ...order } = paidOrder(env, { storeId, payableFen, handedOverAt: at, stage: "HANDED_OVER" });
    return { ...order, lines: order.lines.map((line) => ({ ...line, articleId })) };
  });
  for (const order of made) {
    const { orderId, memberId } = order;
    await table.commit([
      orders.create(order),
      claims.create({
        ...{ orderId, memberId, storeId, state: "OPEN", wantedFen: payableFen, openedAt: at, answerBy: at + day },
        ...{ lines: [{ articleId, units: 1, reason: "压坏三分之一" }], photos: ["evidence/1.jpg"] },
      }),
      recallBuyers.create({ recallId, orderId, memberId, storeId, units: 1, toldAt: at }),
    ]);
  }
  const common = { recallId, reason: "整批胀包", by: "root", at };
  await table.commit([
    recalls.create({ ...common, articleId, state: "OPEN", buyers: count, listedAt: at }),
    recallCompensations.create({
      ...common,
      ...{ rule: { by: "percent", percent }, bearer: "platform", given: 0, givenFen: 0, passed: 0 },
    }),
  ]);
  return { recallId, storeId, orderIds: made.map(({ orderId }) => orderId) };
}

/** The codes of refusals that may come of it. */
async function tried(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toMatch(/COMPENSATION_LIMIT|ORDER_STATE|CLAIM_STATE|FLOAT_EXHAUSTED|TRY_AGAIN/);
  }
}
const back = async (orderId: string) => (await table.page(refundsOf(orderId), { limit: 20 })).items;

test("a claim that is paid, a compensation without one and a recall's at once, each by two: none twice, and never more than was paid", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 1, max: 1_000 }),
      async (payableFen, percent, claimFen, withoutFen) => {
        const { recallId, storeId, orderIds } = await sold(payableFen, percent, 1);
        const [orderId = ""] = orderIds;
        const payer = { kind: "store", storeId, staffId: "clerk" } as const;
        const twice = <T>(work: () => Promise<T>) => [tried(work()), tried(work())];
        await Promise.all([
          ...twice(() => payClaim(deps, { orderId, amountFen: claimFen, payer, once: () => [] })),
          ...twice(() =>
            compensateOrder(deps, {
              ...{ storeId, orderId, amountFen: withoutFen, bearer: "store" },
              ...{ reason: "压坏三分之一", by: "clerk", once: () => [] },
            }),
          ),
          ...twice(() => carryCompensation(deps, recallId, Number.POSITIVE_INFINITY)),
        ]);
        for (let run = 0; run < 5; run++) await carryCompensation(deps, recallId, Number.POSITIVE_INFINITY);
        const refunds = await back(orderId);
        expect(new Set(refunds.map(({ refundId }) => refundId)).size).toBe(refunds.length);
        expect(refunds.length).toBeLessThanOrEqual(3);
        const sum = refunds.reduce((all, { refundFen }) => all + refundFen, 0);
        expect(sum).toBeLessThanOrEqual(payableFen);
        const { items } = await table.page(transfersOf(orderId), { limit: 20 });
        expect(items.reduce((all, { amountFen }) => all + amountFen, 0)).toBe(sum);
        const outcome = (await table.load(recallBuyers, { recallId, orderId }))?.outcome;
        expect((outcome?.givenFen ?? 0) > 0).toBe(outcome?.passed === undefined);
        expect(await table.load(recallCompensations, { recallId })).toMatchObject({
          given: outcome?.passed ? 0 : 1,
          passed: outcome?.passed ? 1 : 0,
        });
      },
    ),
    { numRuns: 60, endOnFailure: true },
  );
}, 120_000);

test("a run that has no time left goes on where it stopped, and a hundred and fifty buyers have theirs once", async () => {
  const { recallId, orderIds } = await sold(1_000, 30, 150);
  expect(await carryCompensation(deps, recallId, clock.now())).toBe(false);
  const [first] = orderIds.toSorted();
  expect((await table.load(recallCompensations, { recallId }))?.next).toBe(first);
  let left = 40;
  const cutShort = { ...deps, env: { ...env, clock: { now: () => (left-- > 0 ? clock.now() : clock.now() + day) } } };
  expect(await carryCompensation(cutShort, recallId, clock.now() + 1)).toBe(false);
  const reached = await table.load(recallCompensations, { recallId });
  expect(reached?.given).toBeGreaterThan(0);
  expect(reached?.given).toBeLessThan(100);
  await Promise.all([1, 2].map(() => carryCompensation(deps, recallId, Number.POSITIVE_INFINITY)));
  expect(await carryCompensation(deps, recallId, Number.POSITIVE_INFINITY)).toBe(true);
  expect(await table.load(recallCompensations, { recallId })).toMatchObject({
    given: 150,
    givenFen: 45_000,
    passed: 0,
  });
  for (const orderId of orderIds) expect((await back(orderId)).map(({ refundFen }) => refundFen)).toEqual([300]);
}, 60_000);
