import type { Env } from "../kernel/env.ts";
import { second } from "../kernel/time.ts";
import { reachOf, type Store } from "../store/index.ts";
import type { Table } from "../table/entity.ts";
import { allStores } from "../table/keys.ts";
import { indexStores, type StoreIndex } from "./nearest-stores.ts";

/** A running function keeps the chain's stores this long; what rests on a store is checked on the row itself. */
const KEPT_MS = 30 * second;

/** The chain's stores as they were read at one time, found by id and by place. */
export interface Directory {
  stores: readonly Store[];
  byId: ReadonlyMap<string, Store>;
  index: StoreIndex<Store>;
  /** Farther than so many metres away no store serves anybody. */
  reachM: number;
}

const kept = new WeakMap<Table, { at: number; directory: Directory }>();

/** All stores, up to `maxAgeMs` old (30 s unless told, 0 for now); indexed once for as long as they are kept. */
export async function storeDirectory(
  deps: { env: Pick<Env, "clock">; table: Table },
  maxAgeMs = KEPT_MS,
): Promise<Directory> {
  const now = deps.env.clock.now();
  const known = kept.get(deps.table);
  if (known && known.at <= now && now - known.at < maxAgeMs) return known.directory;
  const stores: Store[] = [];
  let after: Record<string, string> | undefined;
  do {
    const page = await deps.table.page(allStores(), { limit: 100, after, eventually: maxAgeMs > 0 });
    stores.push(...page.items);
    after = page.next;
  } while (after);
  const directory: Directory = {
    stores,
    byId: new Map(stores.map((store) => [store.storeId, store])),
    index: indexStores(stores),
    reachM: stores.reduce((reachM, store) => Math.max(reachM, reachOf(store)), 0),
  };
  kept.set(deps.table, { at: now, directory });
  return directory;
}
