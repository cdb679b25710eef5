import type { Env } from "../kernel/env.ts";
import { pairId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { afterSaleMs, type Order } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table } from "../table/entity.ts";
import { orders } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { accountOf, type Bearer, type Compensation, compensationOf } from "./compensation.ts";

/** What staff give without a claim; an order has it at most once. */
const compensationId = ({ orderId, memberId }: Order): string => pairId("RF", orderId, memberId);

/**
 * Pays a customer back first (先行赔付) for goods that were not right, out of what he paid for the order: the refund is begun at once, and
 * what it comes to is booked to who bears it in the same commit, so that the order's account keeps what was sold. Once an order, within
 * seven days of its hand-over. Throws ORDER_NOT_FOUND (or at another store), ORDER_STATE (too long ago), SUPPLIER_NOT_FOUND, what
 * `compensationOf` throws.
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
    if (order.handedOverAt !== undefined && env.clock.now() >= order.handedOverAt + afterSaleMs)
      throw new DomainError("ORDER_STATE", "it was collected more than seven days ago");
    const account = await accountOf(table, bearer, storeId);
    const { writes, made } = await compensationOf(deps, order, {
      refundId: compensationId(order),
      amountFen,
      account,
      actor: { kind: "staff", id: by },
    });
    await table.commit([
      ...writes,
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
