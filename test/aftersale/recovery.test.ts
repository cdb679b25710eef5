import { expect, test } from "vitest";
import { decideRecovery } from "../../shared/aftersale/work.ts";
import { pairId } from "../../shared/kernel/ids.ts";
import { day } from "../../shared/kernel/time.ts";
import { claims, dispatches, orders, transfersOf } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();

/** A claim of an order that `by` brought, of which ¥2 were paid first. */
async function brought(by: { carrier?: "dada"; riderId?: string }): Promise<string> {
  const at = clock.now();
  const order = paidOrder(env, { handedOverAt: at, stage: "HANDED_OVER" });
  const { orderId, memberId, storeId, lines } = order;
  const [line] = lines;
  await table.commit([
    orders.create(order),
    dispatches.create({
      ...{ orderId, storeId, state: "DELIVERED", attempt: 1, ...by, readyAt: at, promisedUntil: at + day },
      ...{ offerFrom: at, offerUntil: at, heardAt: at, droppedAt: at },
    }),
    claims.create({
      ...{ orderId, memberId, storeId, state: "PAID_FIRST", wantedFen: 200, openedAt: at, answerBy: at + day },
      ...{ lines: [{ articleId: line!.articleId, units: 1, reason: "送到时已经碎了" }], photos: ["evidence/1.jpg"] },
      paid: { by: "clerk", float: `store:${storeId}`, refundId: pairId("RF", orderId, storeId), amountFen: 200, at },
    }),
  ]);
  return orderId;
}
const recover = (orderId: string) =>
  decideRecovery({ table, env }, { orderId, bearer: "carrier", reason: "骑手摔了一跤", by: "service", once: () => [] });

test("what a carrier broke on its way is recovered from that carrier, and from none where our own rider brought it", async () => {
  const orderId = await brought({ carrier: "dada" });
  expect(await recover(orderId)).toMatchObject({ state: "DECIDED", recovery: { account: "carrier:dada" } });
  await expect(recover(orderId)).rejects.toThrow("CLAIM_STATE");
  expect((await table.page(transfersOf(orderId), { limit: 5 })).items).toMatchObject([
    { kind: "recovery", debit: "carrier:dada", credit: "platform:advance", amountFen: 200 },
  ]);
  await expect(recover(await brought({ riderId: "rider-1" }))).rejects.toThrow("ORDER_STATE");
});
