import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { greatCircle } from "../kernel/geo.ts";
import { DomainError } from "../kernel/problem.ts";
import {
  arrivalOf,
  hasUnits,
  leaveLine,
  type Order,
  openAllotment,
  orderLifecycle,
  type Routed,
  returnUnits,
  takeUnits,
} from "../order/index.ts";
import { slotBack } from "../slot/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { allotments, orders, outbox, pickupCodes, stores, teams } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { reasonText } from "./route-texts.ts";
import { type Judged, judgeNearest, middleOf, straightLine, whyNot } from "./routing-rules.ts";
import { storeDirectory } from "./store-directory.ts";

export interface Rerouted {
  orderId: string;
  fromStoreId: string;
  storeId: string;
  routed: Routed;
}

/** Whether a store has an order's units, and the writes that take them. */
interface Supply {
  enough: boolean;
  take: Write[];
}

/**
 * Moves a paid order that is not handed over yet to another store, for one that closes: to `storeId` if given (its radius then
 * does not bind: staff have asked the member), else to the nearest able store in whose range the member's cell lies. Distance
 * is a straight line from the middle of that cell, for the address itself is not kept. One commit moves the units from store to
 * store, replaces the order, voids its pickup code (the member's next request issues a new one), and says so. Throws
 * ORDER_NOT_FOUND, ORDER_STATE, SEAT_STATE (no paid seat in a live or succeeded team), STORE_NOT_FOUND, STORE_NOT_ABLE (facts:
 * why), SOLD_OUT (the given store lacks the units), NO_STORE_IN_RANGE.
 */
export async function rerouteOrder(
  deps: { env: Pick<Env, "clock" | "ids">; table: Table },
  input: { orderId: string; storeId?: string | undefined; reason: string; staffId: string; once: Once<Rerouted> },
): Promise<Rerouted> {
  const { env, table } = deps;
  const { orderId, staffId } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    if (order.stage !== "PLACED" && order.stage !== "READY")
      throw new DomainError("ORDER_STATE", `the order is ${order.stage}`);
    if (order.seat !== "PAID") throw new DomainError("SEAT_STATE", `the seat is ${order.seat}`);

    if (order.delivery)
      throw new DomainError(
        "ORDER_STATE",
        "it is brought at a time that was promised from here: bring it, or cancel it",
      );

    // another store serves it from its stock, wherever its goods were to come from
    const {
      pickupHash,
      pickupCode: _sealed,
      sourced: _none,
      slotId,
      shelfNo: _no,
      shelfDay: _day,
      readyAt: _at,
      ...kept
    } = order;
    // there it is to be picked anew
    const stage = order.stage === "READY" ? orderLifecycle.to("rerouted") : order.stage;
    const { storeId, routed, take } = await anotherStore(deps, kept, input.storeId);
    const arrival = await arrivalOf(table, order);
    const result: Rerouted = { orderId, fromStoreId: order.storeId, storeId, routed };
    await table.commit([
      // A team that fails meanwhile refunds its seats and gives their units back to the store the order is at.
      ...(order.teamId === undefined
        ? []
        : [teams.check({ teamId: order.teamId }).whenIn("state", ["FORMING", "SUCCEEDED"]).or("SEAT_STATE")]),
      orders.replace({ ...kept, stage, storeId, routed }),
      ...take,
      ...(await returnUnits(deps, order, "reroute")),
      ...(slotId === undefined ? [] : [slotBack({ storeId: order.storeId, slotId })]),
      ...(arrival ? await leaveLine(deps, order, arrival, "reroute") : []),
      ...(pickupHash === undefined
        ? []
        : [pickupCodes.patch({ codeHash: pickupHash }).when("state", "=", "ISSUED").set({ state: "VOID" })]),
      outbox.create(
        makeEvent(env, {
          type: "order.rerouted",
          actor: { kind: "staff", id: staffId },
          origin: order.origin,
          data: {
            orderId,
            ...(order.teamId && { teamId: order.teamId }),
            memberId: order.memberId,
            fromStoreId: order.storeId,
            storeId,
          },
        }),
      ),
      audited(env, {
        staffId,
        action: "order.reroute",
        target: orderId,
        reason: input.reason,
        change: { from: order.storeId, to: storeId },
      }),
      ...input.once(result),
    ]);
    return result;
  });
}

async function anotherStore(
  deps: { env: Pick<Env, "clock">; table: Table },
  order: Stored<Order>,
  given: string | undefined,
): Promise<{ storeId: string; routed: Routed; take: Write[] }> {
  const { env, table } = deps;
  const from = middleOf(order.routed.cell);
  const window = { from: Math.max(order.pickupFrom, env.clock.now()), until: order.pickupUntil };
  const routedTo = (storeId: string, straightM: number, by: Routed["by"], passed: Routed["passed"]): Routed => {
    const { method, distanceM } = straightLine(storeId, straightM);
    return { by, method, cell: order.routed.cell, distanceM, passed };
  };

  if (given !== undefined) {
    const store = await table.load(stores, { storeId: given });
    if (!store) throw new DomainError("STORE_NOT_FOUND");
    const unable = (why: string, reason: string) =>
      new DomainError("STORE_NOT_ABLE", `store ${given}: ${why}`, { facts: { storeId: given, why, reason } });
    if (given === order.storeId) throw unable("same_store", "订单已在该门店");
    const why = whyNot(store, from, window);
    if (why !== undefined && why !== "out_of_range") throw unable(why, reasonText(why));
    const supply = await supplyOf(deps, order, given);
    if (!supply.enough) throw new DomainError("SOLD_OUT", `store ${given} lacks the units`);
    return { storeId: given, routed: routedTo(given, greatCircle(from, store.wgs84), "picked", []), take: supply.take };
  }

  // Stores are changed by hand and seldom: what is read here is fresh, and the chosen one is the next to be asked for its units.
  const directory = await storeDirectory(deps, 0);
  const passed: Routed["passed"] = [];
  let nearest: Judged | undefined;
  for (const judged of judgeNearest(directory.index, from, window)) {
    const { store, straightM, why } = judged;
    if (store.storeId === order.storeId) continue;
    if (nearest && straightM > directory.reachM) break;
    nearest ??= judged;
    const supply = why === undefined ? await supplyOf(deps, order, store.storeId) : undefined;
    if (supply?.enough)
      return {
        storeId: store.storeId,
        routed: routedTo(store.storeId, straightM, "nearest", passed.slice(0, 8)),
        take: supply.take,
      };
    passed.push({ storeId: store.storeId, why: why ?? "no_stock" });
  }
  const why = passed[0]?.why ?? "no_stock";
  throw new DomainError("NO_STORE_IN_RANGE", "no other able store: name one the member agrees to, or refund", {
    ...(nearest && {
      facts: {
        storeId: nearest.store.storeId,
        name: nearest.store.name,
        distanceM: Math.round(nearest.straightM),
        why,
        reason: reasonText(why),
      },
    }),
  });
}

/** From the campaign's allotment while it is open, else from the store's online stock, with its movement. */
async function supplyOf(
  deps: { env: Pick<Env, "clock">; table: Table },
  order: Stored<Order>,
  storeId: string,
): Promise<Supply> {
  const { table } = deps;
  const { units: whole } = order;
  const allotment = await openAllotment(table, order, storeId);
  if (allotment && allotment.left < whole) return { enough: false, take: [] };
  if (allotment) {
    const taken = allotments.patch(allotment).add({ left: -whole }).when("left", ">=", whole);
    return { enough: true, take: [taken.when("state", "=", "OPEN")] };
  }
  if (!(await hasUnits(table, order, storeId))) return { enough: false, take: [] };
  // an order may come back to a store it left: its version, which no two commits share, keeps the causes apart
  return { enough: true, take: takeUnits(deps, order, storeId, `reroute#${order.orderId}#${order.version}`) };
}
