import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { shareOf } from "../kernel/money.ts";
import { booked } from "../ledger/index.ts";
import { netPaidFen } from "../order/index.ts";
import { decide, type Table } from "../table/entity.ts";
import { commissions, commissionsOfOrder, orders, outbox } from "../table/keys.ts";
import { accountChanged, accountOf, readAccount } from "./account.ts";
import { commissionLifecycle } from "./lifecycle.ts";

type Deps = { table: Table; env: Env };

/**
 * Takes back of an order's commissions what no longer is earned, in proportion to what of the payment went back: what was frozen first
 * of all of this very commission; once it was released of what is available, which may fall below zero. May be told again, and told of
 * several refunds at once: it looks at what the order kept.
 */
export async function takeBack(deps: Deps, orderId: string): Promise<void> {
  const { env, table } = deps;
  await decide(async () => {
    const { items } = await table.page(commissionsOfOrder(orderId), { limit: 10 });
    const order = items.length > 0 && (await table.load(orders, { orderId }));
    if (!order) return;
    for (const one of items) {
      const left = one.amountFen - one.returnedFen;
      const backFen = left - shareOf(netPaidFen(order), one.bps);
      if (backFen <= 0) continue;
      const returnedFen = one.returnedFen + backFen;
      const change = commissions.patch(one).asRead(one).set({ returnedFen });
      if (returnedFen === one.amountFen) change.move("state", commissionLifecycle, "returned");
      const account = await readAccount(deps, one.memberId);
      await table.commit([
        change,
        accountChanged(account, one.state === "FROZEN" ? { frozenFen: -backFen } : { availableFen: -backFen }),
        booked(env, {
          subject: orderId,
          kind: "commission_return",
          // by how much had gone back, which only grows
          reference: `${one.memberId}#${order.refundedFen}`,
          party: accountOf(one.memberId),
          amountFen: backFen,
          at: env.clock.now(),
          storeId: order.storeId,
        }),
        outbox.create(
          makeEvent(env, {
            type: "commission.taken_back",
            actor: { kind: "system" },
            data: { memberId: one.memberId, orderId, amountFen: backFen },
          }),
        ),
      ]);
    }
  });
}
