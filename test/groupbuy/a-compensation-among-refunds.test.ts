import fc from "fast-check";
import { expect, test } from "vitest";
import { applyRefund } from "../../shared/groupbuy/index.ts";
import { compensateOrder } from "../../shared/groupbuy/work.ts";
import { siblingId } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import type { Order } from "../../shared/order/index.ts";
import { orders, refunds, refundsOf, transfersOf } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();
const deps = { table, env };

/** An order that was collected, of which a part is on its way back already. */
async function collected(payableFen: number, backFen: number): Promise<Order> {
  const order = paidOrder(env, { payableFen, handedOverAt: clock.now(), stage: "HANDED_OVER", seat: "PAID" });
  const refundId = siblingId("RF", order.orderId);
  await table.commit([
    orders.create(order),
    ...(backFen > 0
      ? [
          refunds.create({
            ...{ refundId, orderId: order.orderId, memberId: order.memberId, paymentNo: order.paymentNo },
            ...{ cause: "weight_difference", refundFen: backFen, totalFen: payableFen, attempt: 1 },
            ...{ refundNo: `${refundId}01`, state: "REQUESTED", requestedAt: clock.now() },
          }),
        ]
      : []),
  ]);
  return order;
}

test("whoever compensates, how much, how often and at once, while refunds arrive twice: no more goes back than was paid, and each compensation has its bearer", async () => {
  const step = fc.oneof(
    fc.record({
      does: fc.constant("compensate" as const),
      amountFen: fc.integer({ min: 1, max: 1_200 }),
      bearer: fc.constantFrom("platform" as const, "store" as const),
    }),
    fc.record({ does: fc.constant("arrives" as const) }),
  );
  let compensated = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 1_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
      async (payableFen, part, rounds) => {
        const { orderId, storeId, paymentNo } = await collected(payableFen, Math.floor(payableFen * part));
        const all = async () => (await table.page(refundsOf(orderId), { limit: 10 })).items;
        const arrive = async () => {
          for (const refund of await all()) {
            const { refundNo, refundFen, totalFen, refundId } = refund;
            const said = { refundNo, paymentNo, refundFen, totalFen, channelRefundId: refundId };
            const success = { ...said, status: "SUCCESS" as const, successTime: clock.now() };
            await Promise.all([applyRefund(deps, refund, success), applyRefund(deps, refund, success)]);
          }
        };
        for (const round of rounds)
          await Promise.all(
            round.map(async (one) => {
              if (one.does === "arrives") return arrive();
              try {
                await compensateOrder(deps, {
                  ...{ storeId, orderId, amountFen: one.amountFen, bearer: one.bearer },
                  ...{ reason: "压坏三分之一", by: "clerk", once: () => [] },
                });
                compensated += 1;
              } catch (error) {
                if (!(error instanceof DomainError)) throw error;
                expect(error.code).toMatch(/COMPENSATION_LIMIT|ORDER_STATE|TRY_AGAIN/);
              }
            }),
          );
        await arrive();
        const back = await all();
        const sum = back.reduce((fen, { refundFen }) => fen + refundFen, 0);
        expect(sum).toBeLessThanOrEqual(payableFen);
        expect(back.every(({ state }) => state === "SUCCESS")).toBe(true);
        expect((await table.load(orders, { orderId }))?.refundedFen ?? 0).toBe(sum);
        const paidFirst = back.filter(({ cause }) => cause === "compensation");
        expect(paidFirst.length).toBeLessThanOrEqual(1);
        const lines = (await table.page(transfersOf(orderId), { limit: 20 })).items;
        expect(lines.filter(({ kind }) => kind === "compensation").map(({ amountFen }) => amountFen)).toEqual(
          paidFirst.map(({ refundFen }) => refundFen),
        );
        expect(lines.filter(({ kind }) => kind === "refund")).toHaveLength(back.length);
      },
    ),
    { numRuns: 100, endOnFailure: true },
  );
  expect(compensated).toBeGreaterThan(20);
}, 120_000);
