import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { pairId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { booked } from "../ledger/index.ts";
import {
  afterSaleMs,
  arrivalOf,
  loadTeam,
  nameOf,
  notGoneBackFen,
  type Order,
  orderFacts,
  requestedRefund,
} from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table } from "../table/entity.ts";
import { orders, outbox, refunds, refundsOf, suppliers } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { dueRefund, shortOf } from "./team-seats.ts";

/** Who bears what a customer was compensated: the chain, the store that served the order, or a supplier. */
export type Bearer = "platform" | "store" | `SP${string}`;

/** What went back to the customer first, fen, and the account that bears it. */
export interface Compensation {
  orderId: string;
  refundId: string;
  refundFen: number;
  bearer: string;
}

/** An order's compensation; it has at most one. */
const compensationId = ({ orderId, memberId }: Order): string => pairId("RF", orderId, memberId);

/**
 * Pays a customer back first (先行赔付) for goods that were not right, out of what he paid for the order: the refund is begun at once, and
 * what it comes to is booked to who bears it in the same commit, so that the order's account keeps what was sold. Once an order, within
 * seven days of its hand-over. Throws ORDER_NOT_FOUND (or at another store), ORDER_STATE (not collected, too long ago, compensated
 * already), TRY_AGAIN (its cut-off or arrival is
 * still being settled), COMPENSATION_LIMIT (facts: fen that are left of the payment), SUPPLIER_NOT_FOUND.
 */
export async function compensateOrder(
  deps: { table: Table; env: Env },
  input: {
    storeId: string;
    orderId: string;
    amountFen: number;
    bearer: Bearer;
    /** What was not right, for the books; not shown to the customer. */
    reason: string;
    by: string;
    once: Once<Compensation>;
  },
): Promise<Compensation> {
  const { env, table } = deps;
  const { storeId, orderId, amountFen, bearer, reason, by, once } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (order?.storeId !== storeId) throw new DomainError("ORDER_NOT_FOUND");
    const now = env.clock.now();
    if (order.handedOverAt === undefined || order.seat !== "PAID")
      throw new DomainError("ORDER_STATE", "its goods are not with the customer: refund what is missing instead");
    if (now >= order.handedOverAt + afterSaleMs)
      throw new DomainError("ORDER_STATE", "it was collected more than seven days ago");
    // what is owed already must be a refund's row before it is counted
    const team = await loadTeam(table, order);
    const arrival = await arrivalOf(table, order);
    if ((team && dueRefund(order, team)) || (arrival && shortOf(order, arrival)))
      throw new DomainError("TRY_AGAIN", "what its cut-off or arrival left over is being refunded first");
    const refundId = compensationId(order);
    const { items } = await table.page(refundsOf(orderId), { limit: 100 });
    if (items.some((one) => one.refundId === refundId))
      throw new DomainError("ORDER_STATE", "it was compensated already");
    const leftFen = notGoneBackFen(order, items);
    if (amountFen > leftFen) throw new DomainError("COMPENSATION_LIMIT", undefined, { facts: { amountFen, leftFen } });
    if (bearer !== "platform" && bearer !== "store" && !(await table.load(suppliers, { supplierId: bearer })))
      throw new DomainError("SUPPLIER_NOT_FOUND");
    const account =
      bearer === "platform" ? "platform:compensation" : bearer === "store" ? `store:${storeId}` : `supplier:${bearer}`;
    const made: Compensation = { orderId, refundId, refundFen: amountFen, bearer: account };
    await table.commit([
      orders.check(order).asRead(order),
      refunds.create(requestedRefund(order, { refundId, cause: "compensation", refundFen: amountFen }, now)),
      reconcileRefundOf(env, `${orderId}#${refundId}`),
      booked(env, {
        subject: orderId,
        kind: "compensation",
        reference: refundId,
        party: account,
        amountFen,
        at: now,
        storeId,
      }),
      outbox.create(
        makeEvent(env, {
          type: "order.compensated",
          actor: { kind: "staff", id: by },
          origin: order.origin,
          data: {
            ...orderFacts(order),
            refundId,
            refundFen: amountFen,
            articleName: nameOf(order),
          },
        }),
      ),
      audited(env, {
        staffId: by,
        action: "order.compensate",
        target: orderId,
        reason,
        change: { refundFen: amountFen, bearer: account },
      }),
      ...once(made),
    ]);
    return made;
  });
}
