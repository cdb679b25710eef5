import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Vault } from "../kernel/vault.ts";
import { loadTeam, seatState, unsettledShare } from "../order/index.ts";
import { decide, type Table } from "../table/entity.ts";
import { members, orders, outbox, pickupCodes, stores } from "../table/keys.ts";
import { openingText } from "./route-texts.ts";

/** The code at the counter: 12 digits. */
export const pickupCodePattern = /^\d{12}$/;
const CODES = 10 ** 12;

/** 12 random digits, each code as likely as any other: draws beyond a whole multiple of 10^12 are drawn again. */
export function drawCode(rng: Env["rng"]): string {
  const whole = Math.floor(2 ** 48 / CODES) * CODES;
  for (;;) {
    const drawn = rng.bytes(6).reduce((sum, byte) => sum * 256 + byte, 0);
    if (drawn < whole) return String(drawn % CODES).padStart(12, "0");
  }
}

/** What a code is kept under: a keyed hash, apart from the hashes of phones. */
export const codeHashOf = (deps: { blindIndex(text: string): string }, code: string): string =>
  deps.blindIndex(`pickup#${code}`);

export interface IssuedCode {
  orderId: string;
  /** 12 digits. */
  code: string;
  store: { storeId: string; name: string; address: string; hours: string };
  /** Epoch ms. */
  pickupFrom: number;
  pickupUntil: number;
  /** Once it is ready: its number on the shelf, and the day (YYYY-MM-DD) the number is of. */
  shelfNo?: number;
  shelfDay?: string;
}

/**
 * The member's one-use code for an order whose team succeeded; asked again, the same code as long as it is unused. It exists
 * sealed under the member's key and as a keyed hash. Throws ORDER_NOT_FOUND, PICKUP_NOT_READY (team not SUCCEEDED, seat not
 * PAID, or a batch's share not settled yet: the counter hands over what the order's lines say), PICKUP_CODE_USED (handed over), ORDER_STATE (cancelled).
 */
export async function issuePickupCode(
  deps: {
    env: Pick<Env, "clock" | "rng" | "ids">;
    table: Table;
    vault: Pick<Vault, "seal" | "open">;
    blindIndex(text: string): string;
  },
  { orderId }: { orderId: string },
): Promise<IssuedCode> {
  const { env, table, vault } = deps;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    if (order.stage === "HANDED_OVER") throw new DomainError("PICKUP_CODE_USED", "this order was handed over");
    if (order.stage === "DISPOSED")
      throw new DomainError("ORDER_STATE", "nobody collected it in time: it was disposed of");
    if (order.stage === "CANCELLED") throw new DomainError("ORDER_STATE", "this order is cancelled");
    const team = await loadTeam(table, order);
    if (seatState(order, team) !== "CONFIRMED")
      throw new DomainError("PICKUP_NOT_READY", `${team ? `team ${team.state}, ` : ""}seat ${order.seat}`);
    if (team && unsettledShare(order, team))
      throw new DomainError("PICKUP_NOT_READY", "the batch's share is being settled: try again in a minute");
    const [member, store] = await Promise.all([
      table.load(members, { memberId: order.memberId }),
      table.load(stores, { storeId: order.storeId }),
    ]);
    invariant(member && store, `order ${orderId} has a member and a store`);
    const answer = (code: string): IssuedCode => ({
      orderId,
      code,
      store: {
        storeId: store.storeId,
        name: store.name,
        address: store.address,
        hours: openingText(store, { from: order.pickupFrom, until: order.pickupUntil }),
      },
      pickupFrom: order.pickupFrom,
      pickupUntil: order.pickupUntil,
      ...(order.shelfNo !== undefined && { shelfNo: order.shelfNo }),
      ...(order.shelfDay !== undefined && { shelfDay: order.shelfDay }),
    });
    if (order.pickupCode !== undefined)
      return answer(await vault.open(order.memberId, member.dataKey, "pickupCode", order.pickupCode));

    const code = drawCode(env.rng);
    const codeHash = codeHashOf(deps, code);
    // Two requests at once, a re-route, or a code that is taken: read and decide again.
    await table.commit([
      pickupCodes.create({ codeHash, orderId, storeId: order.storeId, state: "ISSUED", issuedAt: env.clock.now() }),
      orders
        .patch({ orderId })
        .set({ pickupHash: codeHash, pickupCode: await vault.seal(order.memberId, member.dataKey, "pickupCode", code) })
        .when("seat", "=", "PAID")
        .whenIn("stage", ["PLACED", "READY", "DISPATCHED"])
        .when("storeId", "=", order.storeId)
        .whenMissing("pickupHash"),
      outbox.create(
        makeEvent(env, {
          type: "order.pickup_code_issued",
          actor: { kind: "member", id: order.memberId },
          origin: order.origin,
          data: {
            orderId,
            ...(order.teamId && { teamId: order.teamId }),
            storeId: order.storeId,
            memberId: order.memberId,
          },
        }),
      ),
    ]);
    return answer(code);
  });
}
