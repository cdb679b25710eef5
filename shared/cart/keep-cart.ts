import type { Env } from "../kernel/env.ts";
import { decide, type Table } from "../table/entity.ts";
import { carts } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { type Cart, type CartLine, MOST_LINES, MOST_UNITS } from "./model.ts";

/** A member's cart; empty where there is none. */
export async function loadCart({ table }: { table: Table }, memberId: string): Promise<Cart> {
  return (await table.load(carts, { memberId })) ?? { memberId, lines: [], changedAt: 0 };
}

/** Puts these lines in the place of a member's cart. Articles are looked at when it is priced, so that one that is gone stays to be seen. */
export async function keepCart(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  { memberId, lines }: { memberId: string; lines: CartLine[] },
): Promise<Cart> {
  return decide(async () => {
    const before = await table.load(carts, { memberId });
    const cart: Cart = { memberId, lines, changedAt: env.clock.now() };
    await table.write(before ? carts.replace({ ...cart, version: before.version }) : carts.create(cart));
    return cart;
  });
}

/**
 * Adds lines to a member's cart: units of an article that is in it come on top, up to the most that a line takes. `left` are the
 * articles that it has no room for, or not for all units.
 */
export async function addToCart(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  { memberId, lines, once }: { memberId: string; lines: CartLine[]; once: Once<{ lines: CartLine[]; left: string[] }> },
): Promise<{ lines: CartLine[]; left: string[] }> {
  return decide(async () => {
    const before = await table.load(carts, { memberId });
    const merged = [...(before?.lines ?? [])];
    const left: string[] = [];
    for (const line of lines) {
      const at = merged.findIndex(({ articleId }) => articleId === line.articleId);
      const units = (merged[at]?.units ?? 0) + line.units;
      if (units > MOST_UNITS || (at < 0 && merged.length >= MOST_LINES)) left.push(line.articleId);
      if (at >= 0) merged[at] = { ...merged[at]!, units: Math.min(units, MOST_UNITS) };
      else if (merged.length < MOST_LINES) merged.push({ ...line, units: Math.min(units, MOST_UNITS) });
    }
    const cart: Cart = { memberId, lines: merged, changedAt: env.clock.now() };
    const result = { lines: merged, left };
    await table.commit([
      before ? carts.replace({ ...cart, version: before.version }) : carts.create(cart),
      ...once(result),
    ]);
    return result;
  });
}
