import type { Env } from "../kernel/env.ts";
import { type Actor, makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { booked } from "../ledger/index.ts";
import {
  arrivalOf,
  loadTeam,
  nameOf,
  notGoneBackFen,
  type Order,
  orderFacts,
  requestedRefund,
} from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { orders, outbox, refunds, refundsOf, suppliers } from "../table/keys.ts";
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

/** The ledger's account of who bears what an order of this store was compensated. Throws SUPPLIER_NOT_FOUND. */
export async function accountOf(table: Pick<Table, "load">, bearer: Bearer, storeId: string): Promise<string> {
  if (bearer === "platform") return "platform:compensation";
  if (bearer === "store") return `store:${storeId}`;
  if (!(await table.load(suppliers, { supplierId: bearer }))) throw new DomainError("SUPPLIER_NOT_FOUND");
  return `supplier:${bearer}`;
}

/**
 * The part of a commit that pays a customer back out of what he paid for an order whose goods he has: the refund, the ledger line
 * from the account that bears it, and the event that starts the one and tells the other. `refundId` is the compensation's natural
 * key. The order's version moves on, so that two compensations of one order never count what is left of it alike. Throws
 * ORDER_STATE (not handed over, compensated under this id already), TRY_AGAIN (its cut-off or arrival is still being settled),
 * COMPENSATION_LIMIT (facts: fen that are left of the payment).
 */
export async function compensationOf(
  { env, table }: { env: Env; table: Table },
  order: Stored<Order>,
  what: { refundId: string; amountFen: number; account: string; actor: Actor },
): Promise<{ writes: Write[]; made: Compensation }> {
  const { refundId, amountFen, account, actor } = what;
  const { orderId, storeId } = order;
  if (order.handedOverAt === undefined || order.seat !== "PAID")
    throw new DomainError("ORDER_STATE", "its goods are not with the customer: refund what is missing instead");
  // what is owed already must be a refund's row before it is counted
  const team = await loadTeam(table, order);
  const arrival = await arrivalOf(table, order);
  if ((team && dueRefund(order, team)) || (arrival && shortOf(order, arrival)))
    throw new DomainError("TRY_AGAIN", "what its cut-off or arrival left over is being refunded first");
  const { items } = await table.page(refundsOf(orderId), { limit: 100 });
  if (items.some((one) => one.refundId === refundId))
    throw new DomainError("ORDER_STATE", "it was compensated already");
  const leftFen = notGoneBackFen(order, items);
  if (amountFen > leftFen) throw new DomainError("COMPENSATION_LIMIT", undefined, { facts: { amountFen, leftFen } });
  const at = env.clock.now();
  return {
    made: { orderId, refundId, refundFen: amountFen, bearer: account },
    writes: [
      orders.patch(order).asRead(order),
      refunds.create(requestedRefund(order, { refundId, cause: "compensation", refundFen: amountFen }, at)),
      reconcileRefundOf(env, `${orderId}#${refundId}`),
      booked(env, {
        subject: orderId,
        kind: "compensation",
        reference: refundId,
        party: account,
        amountFen,
        at,
        storeId,
      }),
      outbox.create(
        makeEvent(env, {
          type: "order.compensated",
          actor,
          origin: order.origin,
          data: { ...orderFacts(order), refundId, refundFen: amountFen, articleName: nameOf(order) },
        }),
      ),
    ],
  };
}
