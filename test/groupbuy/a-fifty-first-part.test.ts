import { expect, test } from "vitest";
import { approveResolution, proposeResolution, requestRefund } from "../../shared/groupbuy/index.ts";
import { providerNumber } from "../../shared/kernel/ids.ts";
import type { PaymentChannel, Refund } from "../../shared/payment/index.ts";
import { orders, paymentCases, refunds, transfersOf } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();
const asked: string[] = [];
const channel = {
  refund: async ({ refundNo }: { refundNo: string }) => {
    asked.push(refundNo);
    return { kind: "unknown" as const, reason: "not of interest" };
  },
} as unknown as PaymentChannel;
const deps = { table, env, channel };

/** A paid order of which so many parts of one fen went back, and a part that nobody asked for yet. */
async function withParts(count: number): Promise<Refund> {
  const now = clock.now();
  const order = paidOrder(env, { paymentState: "PARTIALLY_REFUNDED", refundedFen: count });
  const { orderId } = order;
  const part = (state: Refund["state"]): Refund => {
    const refundId = env.ids.next("RF");
    return {
      refundId,
      orderId,
      memberId: order.memberId,
      paymentNo: order.paymentNo,
      cause: "weight_difference",
      refundFen: 1,
      totalFen: 800,
      attempt: 1,
      refundNo: providerNumber(refundId, 1),
      state,
      requestedAt: now,
    };
  };
  const last = part("REQUESTED");
  await table.commit([
    orders.create(order),
    ...Array.from({ length: count }, () => refunds.create(part("SUCCESS"))),
    refunds.create(last),
  ]);
  return last;
}

test("the fiftieth part of a payment is asked for, the fifty-first is not: staff are told to pay it another way, and record it with four eyes", async () => {
  const fiftieth = await withParts(49);
  await requestRefund(deps, { ...fiftieth, round: 0 });
  expect(asked).toEqual([fiftieth.refundNo]);

  const last = await withParts(50);
  expect(await requestRefund(deps, { ...last, round: 0 })).toMatchObject({ outcome: "done" });
  expect(asked).toEqual([fiftieth.refundNo]);
  expect(await table.load(refunds, last)).toMatchObject({ state: "ABNORMAL", trouble: "PARTS_USED_UP" });
  const told = await table.load(paymentCases, { caseKey: `refund_abnormal#${last.refundNo}` });
  expect(told?.detail).toMatch(/at most 50 parts.*pay 0\.01 yuan another way/);

  const once = () => [];
  const { proposal } = await proposeResolution(deps, { ...last, note: "现金退一分", staffId: "one", once });
  await approveResolution(deps, { ...last, proposalId: proposal!.proposalId, staffId: "two", once });
  expect(await table.load(refunds, last)).toMatchObject({ state: "SUCCESS" });
  expect(await table.load(orders, last)).toMatchObject({ refundedFen: 51 });
  expect((await table.page(transfersOf(last.orderId), { limit: 5 })).items).toMatchObject([
    { kind: "refund", amountFen: 1 },
  ]);
});
