import type { Stored, Table } from "../table/entity.ts";
import { storeCodes, stores } from "../table/keys.ts";
import type { Store } from "./model.ts";

/** Stores by what they are called, id or code, as many as are there; reads in batches. */
export async function findStores(
  table: Table,
  called: readonly string[],
): Promise<(idOrCode: string) => Stored<Store> | undefined> {
  const isId = (name: string) => /^ST[0-9A-HJKMNP-TV-Z]{24}$/.test(name);
  const codes = called.filter((name) => name !== "" && !isId(name)).map((code) => ({ code }));
  const links = await table.loadMany(storeCodes, codes);
  const ids = called.filter(isId).map((storeId) => ({ storeId }));
  const found = await table.loadMany(stores, [...ids, ...links]);
  const byId = new Map(found.map((store) => [store.storeId, store]));
  const idOf = new Map(links.map(({ code, storeId }) => [code, storeId]));
  return (name) => byId.get(idOf.get(name) ?? name);
}
