import type { Env } from "../kernel/env.ts";
import { decide, type Table } from "../table/entity.ts";
import { carts } from "../table/keys.ts";
import type { Cart, CartLine } from "./model.ts";

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
