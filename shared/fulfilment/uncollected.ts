import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, hour, toIso } from "../kernel/time.ts";
import { nameOf, type Order, orderFacts, orderLifecycle } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table, type Write } from "../table/entity.ts";
import { dues, orders, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table };

/** The member is reminded so long before the end of pickup, and what is not collected then is kept so much longer, ms. */
export const uncollectedPolicy = { remindMs: 2 * hour, keptMs: day } as const;
/** Goods that wait to be disposed of are looked at so often, ms. */
const AGAIN = hour;

/** What becomes of goods that nobody collects, as it is shown before buying. */
export const uncollectedText = "提货截止后为您保留24小时,逾期未提的商品由门店处理,不再退款。";

/** Until when an order that is ready is to be collected, and until when it is kept, epoch ms: who made it ready late leaves the member time. */
export function collectionOf({ pickupUntil, readyAt = 0 }: Pick<Order, "pickupUntil" | "readyAt">) {
  const until = Math.max(pickupUntil, readyAt + uncollectedPolicy.remindMs);
  return { remindAt: until - uncollectedPolicy.remindMs, until, keptUntil: until + uncollectedPolicy.keptMs };
}

/** The part of a commit that has an order looked at which waits for its member; none of one that is brought. `at` is the version it was read at. */
export function awaitCollection(order: Order & { readyAt: number }, at: number): Write[] {
  if (order.delivery) return [];
  const { remindAt } = collectionOf(order);
  return [dues.create({ kind: "uncollected", id: `${order.orderId}#${at}`, at: remindAt, since: remindAt })];
}

/**
 * Looks at an order that waits for its member, by its due row's id: reminds before the end of pickup and at it, each once. True when nothing is left to
 * do (it was collected, cancelled, moved or disposed of), else when to look again (epoch ms): beyond its time until staff dispose of it.
 */
export async function lookAtUncollected({ env, table }: Deps, dueId: string): Promise<true | number> {
  const orderId = dueId.split("#")[0]!;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (order?.stage !== "READY" || order.seat !== "PAID" || order.delivery) return true;
    const now = env.clock.now();
    const { remindAt, until, keptUntil } = collectionOf(order);
    if (now < remindAt) return remindAt;
    const told = now < until ? "soon" : "over";
    if (order.reminded !== told && order.reminded !== "over")
      await table.commit([
        orders.patch(order).asRead(order).set({ reminded: told }),
        outbox.create(
          makeEvent(env, {
            type: told === "soon" ? "order.pickup_ends" : "order.pickup_over",
            actor: { kind: "system" },
            origin: order.origin,
            data: {
              ...orderFacts(order),
              articleName: nameOf(order),
              until,
              keptUntil,
              ...(order.shelfNo !== undefined && { shelfNo: order.shelfNo }),
            },
          }),
        ),
      ]);
    return now < until ? until : Math.max(keptUntil, now + AGAIN);
  });
}

/**
 * Disposes of what nobody collected, once it was kept as long as the rule says: nothing goes back, and the channel is told so that
 * the money is let go. Throws ORDER_NOT_FOUND (or at another store), SEAT_STATE, ORDER_STATE (not waiting to be collected, or kept still; facts: until when).
 */
export async function disposeOrder(
  { env, table }: Deps,
  input: {
    storeId: string;
    orderId: string;
    staffId: string;
    note: string;
    photo?: string | undefined;
    once: Once<Order>;
  },
): Promise<Order> {
  const { storeId, orderId, staffId, note, photo, once } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (order?.storeId !== storeId) throw new DomainError("ORDER_NOT_FOUND");
    if (order.seat !== "PAID") throw new DomainError("SEAT_STATE", `the seat is ${order.seat}`);
    if (order.delivery || !orderLifecycle.allows(order.stage, "disposed"))
      throw new DomainError("ORDER_STATE", "it is not waiting to be collected");
    const now = env.clock.now();
    const { keptUntil } = collectionOf(order);
    if (now < keptUntil)
      throw new DomainError("ORDER_STATE", `it is kept until ${toIso(keptUntil)}`, {
        facts: { keptUntil: toIso(keptUntil) },
      });
    const disposed: Order = { ...order, stage: orderLifecycle.to("disposed"), disposedAt: now };
    await table.commit([
      orders
        .patch(order)
        .asRead(order)
        .move("stage", orderLifecycle, "disposed")
        .when("seat", "=", "PAID")
        .set({ disposedAt: now }),
      dues.create({ kind: "shipping", id: orderId, at: now, since: now }),
      outbox.create(
        makeEvent(env, {
          type: "order.disposed",
          actor: { kind: "staff", id: staffId },
          origin: order.origin,
          data: {
            ...orderFacts(order),
            articleName: nameOf(order),
            ...(order.profitSharing && { profitSharing: true }),
          },
        }),
      ),
      audited(env, { staffId, action: "order.dispose", target: orderId, reason: note, change: { photo } }),
      ...once(disposed),
    ]);
    return disposed;
  });
}
