import { dispatchBegun, dispatchTaken } from "../dispatch/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Vault } from "../kernel/vault.ts";
import {
  loadTeam,
  type Order,
  openRecipient,
  orderFacts,
  orderLifecycle,
  type Recipient,
  seatState,
} from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { dispatches, orders, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { takeShelf } from "./take-shelf.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table };
type Input = { storeId: string; orderId: string; staffId: string; once: Once<Order> };

/** ready: picked and packed, waiting on its shelf. dispatched: on its way to the member. */
const steps = {
  ready: { event: "order.ready", action: "order.make_ready" },
  dispatched: { event: "order.dispatched", action: "order.dispatch" },
} as const;

/** An order is packed and waits for its member or for whoever brings it, who is sought from now on. Throws ORDER_NOT_FOUND, ORDER_STATE, SEAT_STATE. */
export const makeReady = (deps: Deps, input: Input): Promise<Order> => step(deps, "ready", input);

/**
 * One of the store's people leaves with an order that is ready and is to be brought. Throws as `makeReady` does, and ORDER_STATE where a
 * rider or a carrier has it.
 */
export const dispatchOrder = (deps: Deps, input: Input): Promise<Order> => step(deps, "dispatched", input);

async function step(
  { env, table }: Deps,
  name: keyof typeof steps,
  { storeId, orderId, staffId, once }: Input,
): Promise<Order> {
  return decide(async () => {
    const order = await orderAt(table, storeId, orderId);
    const team = await loadTeam(table, order);
    if (seatState(order, team) !== "CONFIRMED")
      throw new DomainError(
        "SEAT_STATE",
        `it is not to be served: ${team ? `team ${team.state}, ` : ""}seat ${order.seat}`,
      );
    if (name === "dispatched" && !order.delivery)
      throw new DomainError("ORDER_STATE", "its member collects it: hand it over for the pickup code");
    if (!orderLifecycle.allows(order.stage, name)) throw new DomainError("ORDER_STATE", `the order is ${order.stage}`);
    // what comes back to the store keeps its number
    const taken = name === "ready" ? await takeShelf({ env, table }, order) : undefined;
    const next: Order = { ...order, ...taken?.at, stage: orderLifecycle.to(name) };
    const brought =
      name === "ready"
        ? dispatchBegun(env, order)
        : dispatchTaken(env, await table.load(dispatches, { orderId }), staffId);
    const { event, action } = steps[name];
    await table.commit([
      orders
        .patch(order)
        .asRead(order)
        .move("stage", orderLifecycle, name)
        .set(taken?.at ?? {}),
      ...(taken?.writes ?? []),
      ...brought,
      outbox.create(
        makeEvent(env, {
          type: event,
          actor: { kind: "staff", id: staffId },
          origin: order.origin,
          data: { ...orderFacts(order), delivers: order.delivery !== undefined, ...taken?.at },
        }),
      ),
      audited(env, { staffId, action, target: orderId }),
      ...once(next),
    ]);
    return next;
  });
}

/**
 * Opens to whom and where an order is brought, for whoever brings it, until it is there; each look is on record. Throws ORDER_NOT_FOUND,
 * ORDER_STATE (it is collected, handed over or cancelled).
 */
export async function readRecipient(
  { env, table, vault }: Deps & { vault: Pick<Vault, "open"> },
  { storeId, orderId, staffId }: Omit<Input, "once">,
): Promise<Recipient> {
  const order = await orderAt(table, storeId, orderId);
  if (!order.deliverTo || order.seat !== "PAID" || order.stage === "HANDED_OVER")
    throw new DomainError("ORDER_STATE", "there is nothing to bring for this order");
  const opened = await openRecipient({ table, vault }, order);
  if (!opened) throw new DomainError("ORDER_STATE", "its member is gone");
  await table.commit([audited(env, { staffId, action: "order.read_recipient", target: orderId })]);
  const { openid: _, ...recipient } = opened;
  return recipient;
}

async function orderAt(table: Table, storeId: string, orderId: string): Promise<Stored<Order>> {
  const order = await table.load(orders, { orderId });
  if (order?.storeId !== storeId) throw new DomainError("ORDER_NOT_FOUND");
  return order;
}
