import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { afterSaleMs } from "../order/index.ts";
import { decide, Stale, type Table } from "../table/entity.ts";
import { commissions, commissionsOfOrder, dues, orders, outbox } from "../table/keys.ts";
import { accountChanged, readAccount } from "./account.ts";
import { commissionLifecycle } from "./lifecycle.ts";

type Deps = { table: Table; env: Env };

/**
 * The order was handed over, or disposed of: from then on its after-sale time runs. May be told again; nothing where it earns nobody anything and its
 * payment is not kept for 分账.
 */
export async function awaitRelease({ table }: Deps, orderId: string, profitSharing?: boolean): Promise<void> {
  if (!profitSharing && (await table.page(commissionsOfOrder(orderId), { limit: 1 })).items.length === 0) return;
  const order = await table.load(orders, { orderId });
  const ended = order?.handedOverAt ?? order?.disposedAt;
  if (ended === undefined) return;
  const at = ended + afterSaleMs;
  try {
    await table.write(dues.create({ kind: "commission", id: orderId, at, since: at }));
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // it is there
  }
}

/** Makes available what an order's commissions still hold, once its after-sale time is over: true when that is done, else when (epoch ms). */
export async function releaseCommissions(deps: Deps, orderId: string): Promise<boolean | number> {
  const { env, table } = deps;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    const ended = order?.handedOverAt ?? order?.disposedAt;
    if (ended === undefined) return true;
    const over = ended + afterSaleMs;
    const now = env.clock.now();
    if (now < over) return over;
    const { items } = await table.page(commissionsOfOrder(orderId), { limit: 10 });
    for (const one of items) {
      if (one.state !== "FROZEN") continue;
      const { memberId } = one;
      const amountFen = one.amountFen - one.returnedFen;
      await table.commit([
        commissions.patch(one).asRead(one).move("state", commissionLifecycle, "released").set({ releasedAt: now }),
        accountChanged(await readAccount(deps, memberId), { frozenFen: -amountFen, availableFen: amountFen }),
        outbox.create(
          makeEvent(env, {
            type: "commission.released",
            actor: { kind: "system" },
            data: { memberId, orderId, amountFen },
          }),
        ),
      ]);
    }
    return true;
  });
}
