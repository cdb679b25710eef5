import type { Env } from "../kernel/env.ts";
import { dayOf } from "../kernel/time.ts";
import type { Table, Write } from "../table/entity.ts";
import { shelfCounts } from "../table/keys.ts";

/** After 999 a day's numbers begin anew: by then the first ones are long collected. */
const MOST = 999;

/** The next number of a store's shelf today (day in Asia/Shanghai), and the write that takes it, on condition that nobody else did. */
export async function takeShelf(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  storeId: string,
): Promise<{ shelf: { shelfNo: number; shelfDay: string }; write: Write }> {
  const at = env.clock.now();
  const day = dayOf(at);
  const count = await table.load(shelfCounts, { storeId, day });
  const shelfNo = ((count?.last ?? 0) % MOST) + 1;
  const row = { storeId, day, last: shelfNo, at };
  return {
    shelf: { shelfNo, shelfDay: day },
    write: count ? shelfCounts.replace({ ...row, version: count.version }) : shelfCounts.create(row),
  };
}
