import type { Query, Stored } from "../../shared/table/entity.ts";
import type { Deps } from "../runtime/deps.ts";

/** So often the table is asked at most for a page of which only some rows are shown. */
const MOST_READS = 5;

/**
 * A page of those rows of `query` that `sift` makes something of, at most one of each. Never more is read than may still be shown, so that the
 * cursor stands behind the last row looked at and none is passed over; where rows that are shown lie far apart, a page holds fewer, or none.
 */
export async function siftedPage<T, R>(
  deps: Pick<Deps, "table" | "cursors">,
  query: Query<T>,
  scope: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  sift: (rows: Stored<T>[]) => Promise<R[]>,
): Promise<{ items: R[]; nextCursor: string | undefined }> {
  const items: R[] = [];
  let after = deps.cursors.open(cursor, scope);
  for (let reads = 0; reads < MOST_READS && items.length < limit; reads++) {
    const page = await deps.table.page(query, { limit: limit - items.length, after, eventually: true });
    items.push(...(await sift(page.items)));
    after = page.next;
    if (!after) break;
  }
  return { items, nextCursor: deps.cursors.seal(after, scope) };
}

/** A page of a list route: rows of `query`, and the cursor of what follows, which `scope` binds to this very list. Read eventually. */
export async function listPage<T>(
  deps: Pick<Deps, "table" | "cursors">,
  query: Query<T>,
  scope: string,
  asked: { limit: number; cursor?: string | undefined },
): Promise<{ items: Stored<T>[]; nextCursor: string | undefined }> {
  const after = deps.cursors.open(asked.cursor, scope);
  const { items, next } = await deps.table.page(query, { limit: asked.limit, after, eventually: true });
  return { items, nextCursor: deps.cursors.seal(next, scope) };
}
