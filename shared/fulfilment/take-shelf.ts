import type { Env } from "../kernel/env.ts";
import { dayOf } from "../kernel/time.ts";
import type { Order } from "../order/index.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { shelfCounts } from "../table/keys.ts";
import { awaitCollection } from "./uncollected.ts";

/** After 999 a day's numbers begin anew: by then the first ones are long collected. */
const MOST = 999;

/**
 * Where an order that is made ready now waits: the next number of its store's shelf today (day in Asia/Shanghai). `writes` take it, on
 * condition that nobody else did, and have its member reminded.
 */
export async function takeShelf(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  order: Stored<Order>,
): Promise<{ at: { shelfNo: number; shelfDay: string; readyAt: number }; writes: Write[] }> {
  const { storeId } = order;
  const readyAt = env.clock.now();
  const day = dayOf(readyAt);
  const count = await table.load(shelfCounts, { storeId, day });
  const shelfNo = ((count?.last ?? 0) % MOST) + 1;
  const row = { storeId, day, last: shelfNo, at: readyAt };
  return {
    at: { shelfNo, shelfDay: day, readyAt },
    writes: [
      count ? shelfCounts.replace({ ...row, version: count.version }) : shelfCounts.create(row),
      ...awaitCollection({ ...order, readyAt }, order.version),
    ],
  };
}
