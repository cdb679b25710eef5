import { dispatchHandedOver } from "../dispatch/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { minute, second, toIso } from "../kernel/time.ts";
import { byZone, type TemperatureZone } from "../kernel/zone.ts";
import { arrivalOf, type Order, orderLifecycle, unweighed } from "../order/index.ts";
import { recallAt } from "../supply/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table } from "../table/entity.ts";
import { dues, orders, outbox, pickupCodes, pickupTriesRows, stores } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { type ConversationCard, conversationCard } from "./conversation-card.ts";
import { codeHashOf } from "./issue-pickup-code.ts";

/** So many wrong codes by one staff member at one store within ten minutes lock both for the rest of them. */
const MAX_WRONG = 5;
const LOCK_MS = 10 * minute;

type HandedLine = { articleId: string; name: string; units: number; packedGrams?: number | undefined };

/** What the staff member at the counter needs to hand over; nothing that names the member. */
export interface HandedOver {
  orderId: string;
  /** Day the order was placed, YYYY-MM-DD. */
  day: string;
  /** Where it waits on the shelf, where it was made ready before. */
  shelfNo?: number;
  shelfDay?: string;
  units: number;
  lines: HandedLine[];
  /** The same lines by where they are kept, so that nothing stays in the fridge. */
  zones: { zone: TemperatureZone; lines: HandedLine[] }[];
  card: ConversationCard;
  /** Epoch ms. */
  handedOverAt: number;
}

/**
 * Hands an order over for its code: one commit uses the code, closes the order and queues the shipping upload. Of two tills at
 * once, one succeeds. Throws PICKUP_LOCKED, PICKUP_CODE_INVALID (counted), PICKUP_CODE_USED, PICKUP_OTHER_STORE (facts: the
 * right store), PICKUP_NOT_READY (before `pickupFrom`), PICKUP_RECALLED, ARRIVAL_OUTSTANDING, PACKING_REQUIRED, ZONES_MISSING (facts: the zones not handed out), SEAT_STATE (a refund is under way, or nothing arrived), ORDER_STATE.
 */
export async function verifyPickup(
  deps: { env: Pick<Env, "clock" | "ids">; table: Table; blindIndex(text: string): string },
  input: {
    staffId: string;
    storeId: string;
    code: string;
    /** Whose code it must be. */
    orderId?: string;
    /** The zones whose goods are on the counter; left out, nobody looks. */
    zones?: readonly TemperatureZone[] | undefined;
    once: Once<HandedOver>;
  },
): Promise<HandedOver> {
  const { env, table } = deps;
  const { staffId, storeId } = input;
  await refuseLocked(deps, input);
  const codeHash = codeHashOf(deps, input.code);
  return decide(async () => {
    const code = await table.load(pickupCodes, { codeHash });
    if (!code) {
      await countWrong(deps, input);
      throw new DomainError("PICKUP_CODE_INVALID");
    }
    if (code.state === "VOID")
      throw new DomainError(
        "PICKUP_CODE_INVALID",
        "the order moved to another store: the member's order shows the new code",
      );
    if (code.state === "USED") throw new DomainError("PICKUP_CODE_USED");
    if (input.orderId !== undefined && code.orderId !== input.orderId)
      throw new DomainError("PICKUP_CODE_INVALID", "it is the code of another order");
    const order = await table.load(orders, { orderId: code.orderId });
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    if (order.storeId !== storeId) {
      const right = await table.load(stores, { storeId: order.storeId });
      throw new DomainError("PICKUP_OTHER_STORE", `the order is at store ${order.storeId}`, {
        facts: { storeId: order.storeId, name: right?.name ?? order.storeId },
      });
    }
    const now = env.clock.now();
    // brought early is welcome, collected early it may not be there
    if (!order.delivery && now < order.pickupFrom)
      throw new DomainError("PICKUP_NOT_READY", `pickup begins on ${toIso(order.pickupFrom)}`, {
        facts: { pickupFrom: toIso(order.pickupFrom) },
      });
    if (order.seat !== "PAID") throw new DomainError("SEAT_STATE", `the seat is ${order.seat}`);
    await refuseRecalled(deps, order);
    const { orderId, day } = order;
    const units = await unitsToHandOver(table, order);
    if (unweighed(order).length > 0)
      throw new DomainError("PACKING_REQUIRED", `weigh it: POST /ops/v1/stores/${storeId}/orders/${orderId}/packing`, {
        facts: { orderId },
      });
    // what is allotted by what arrived may not be in the lines yet; such an order has one
    const lines = order.lines.map(({ articleId, name, packedGrams, units: n, zone }) => ({
      articleId,
      name,
      packedGrams,
      units: order.sourced === "to_order" ? units : n,
      zone,
    }));
    const zones = byZone(lines);
    const missing = zones.filter(({ zone }) => input.zones && !input.zones.includes(zone));
    if (missing.length > 0)
      throw new DomainError(
        "ZONES_MISSING",
        `take out of the ${missing.map(({ zone }) => zone).join(" and the ")} zone`,
        {
          facts: {
            zones: missing.map(({ zone }) => zone).join(),
            names: missing.flatMap((one) => one.lines.map(({ name }) => name)).join(),
            ...(order.shelfNo !== undefined && { shelfNo: order.shelfNo }),
          },
        },
      );
    const result: HandedOver = {
      orderId,
      day,
      ...(order.shelfNo !== undefined && { shelfNo: order.shelfNo }),
      ...(order.shelfDay !== undefined && { shelfDay: order.shelfDay }),
      units,
      lines,
      zones,
      card: await conversationCard({ table }, order),
      handedOverAt: now,
    };
    // The team is not looked at: codes are issued for SUCCEEDED teams only, and a team's terminal state never changes.
    await table.commit([
      pickupCodes
        .patch({ codeHash })
        .when("state", "=", "ISSUED")
        .set({ state: "USED" })
        .or((current) => (current?.state === "USED" ? "PICKUP_CODE_USED" : "PICKUP_CODE_INVALID")),
      orders
        .patch({ orderId })
        .move("stage", orderLifecycle, "handedOver")
        .set({ handedOverAt: now })
        .when("seat", "=", "PAID")
        .when("storeId", "=", storeId)
        .when("pickupHash", "=", codeHash)
        .or((current) => (current?.seat === "PAID" ? "ORDER_STATE" : "SEAT_STATE")),
      ...(await dispatchHandedOver(deps, order, staffId)),
      dues.create({ kind: "shipping", id: orderId, at: now, since: now }),
      outbox.create(
        makeEvent(env, {
          type: "order.handed_over",
          actor: { kind: "staff", id: staffId },
          origin: order.origin,
          data: {
            orderId,
            ...(order.teamId && { teamId: order.teamId }),
            storeId,
            memberId: order.memberId,
            paymentNo: order.paymentNo,
            ...(order.profitSharing && { profitSharing: true }),
            ...(order.delivery && { lateMs: Math.max(0, now - order.delivery.until) }),
          },
        }),
      ),
      audited(env, { staffId, action: "order.hand_over", target: orderId, change: { storeId } }),
      ...input.once(result),
    ]);
    return result;
  });
}

/** Throws PICKUP_RECALLED where an article of the order is called back at its store. */
async function refuseRecalled({ env, table }: { env: Pick<Env, "clock">; table: Table }, order: Order): Promise<void> {
  for (const { articleId, name } of order.kit ? [order.kit, ...order.lines] : order.lines) {
    const recallId = await recallAt({ env, table }, articleId, order.storeId);
    if (recallId)
      throw new DomainError("PICKUP_RECALLED", `${name} is under recall ${recallId}: keep it back`, {
        facts: { recallId, articleId },
      });
  }
}

/** Throws ARRIVAL_OUTSTANDING, and SEAT_STATE where nothing came for the order. */
async function unitsToHandOver(table: Table, order: Order): Promise<number> {
  const arrival = await arrivalOf(table, order);
  if (!arrival) return order.units;
  if (arrival.units === undefined)
    throw new DomainError("ARRIVAL_OUTSTANDING", "give it out once its units have been received");
  if (arrival.units === 0) throw new DomainError("SEAT_STATE", "nothing arrived for this order: it is refunded");
  return arrival.units;
}

type Till = { staffId: string; storeId: string };

/** Throws PICKUP_LOCKED with the seconds until enough of the wrong tries are ten minutes old. */
async function refuseLocked(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  { staffId, storeId }: Till,
): Promise<void> {
  const now = env.clock.now();
  const since = pickupTriesRows.key({ staffId, storeId, window: now - LOCK_MS + 1 });
  const { items } = await table.page(pickupTriesRows.query({ pk: since.pk, from: since.sk }), { limit: 20 });
  let wrong = items.reduce((sum, row) => sum + row.wrong, 0);
  if (wrong < MAX_WRONG) return;
  let free = now;
  for (const row of items) {
    if (wrong < MAX_WRONG) break;
    wrong -= row.wrong;
    free = row.window + LOCK_MS;
  }
  throw new DomainError("PICKUP_LOCKED", undefined, { retryAfter: Math.max(1, Math.ceil((free - now) / second)) });
}

/** A commit of its own: the request fails, the count stays. */
async function countWrong(
  { env, table }: { env: Pick<Env, "clock">; table: Table },
  { staffId, storeId }: Till,
): Promise<void> {
  const now = env.clock.now();
  const key = { staffId, storeId, window: now - (now % minute) };
  await decide(async () => {
    const row = await table.load(pickupTriesRows, key);
    await table.commit([
      row ? pickupTriesRows.patch(key).add({ wrong: 1 }) : pickupTriesRows.create({ ...key, wrong: 1 }),
    ]);
  });
}
