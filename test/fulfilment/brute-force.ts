import type { Placed, Seen } from "../../shared/fulfilment/nearest-stores.ts";
import { greatCircle, type Point } from "../../shared/kernel/geo.ts";

/** All stores as seen from a place, measured and sorted one and all: what the index must say. */
export const inOrder = <S extends Placed>(stores: readonly S[], from: Point): Seen<S>[] =>
  stores
    .map((store) => ({ store, straightM: greatCircle(from, store.wgs84) }))
    .sort((a, b) => a.straightM - b.straightM || (a.store.storeId < b.store.storeId ? -1 : 1));
