import type { Query, Stored } from "../../shared/table/entity.ts";
import type { Deps } from "../runtime/deps.ts";

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
