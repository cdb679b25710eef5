import type { Env } from "../kernel/env.ts";
import { second } from "../kernel/time.ts";
import type { Store } from "../store/index.ts";
import type { Table } from "../table/entity.ts";
import { allStores } from "../table/keys.ts";

/** A running function keeps the chain's stores this long; what rests on a store is checked on the row itself. */
const KEPT_MS = 30 * second;

const kept = new WeakMap<Table, { at: number; stores: readonly Store[] }>();

/** All stores, up to `maxAgeMs` old (30 s unless told, 0 for now). */
export async function storeDirectory(
  deps: { env: Pick<Env, "clock">; table: Table },
  maxAgeMs = KEPT_MS,
): Promise<readonly Store[]> {
  const now = deps.env.clock.now();
  const known = kept.get(deps.table);
  if (known && known.at <= now && now - known.at < maxAgeMs) return known.stores;
  const stores: Store[] = [];
  let after: Record<string, string> | undefined;
  do {
    const page = await deps.table.page(allStores(), { limit: 100, after, eventually: maxAgeMs > 0 });
    stores.push(...page.items);
    after = page.next;
  } while (after);
  kept.set(deps.table, { at: now, stores });
  return stores;
}
