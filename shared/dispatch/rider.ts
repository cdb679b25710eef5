import type { Staff } from "../identity/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { toIso } from "../kernel/time.ts";
import { type Order, orderFacts, orderLifecycle } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { dispatches, dispatchesOfStore, dues, orders, outbox, riderShifts, stores } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { dispatchHandedOver, trackOf, withoutJob } from "./by-hand.ts";
import { codeUsed } from "./dispatch-writes.ts";
import { dispatchLifecycle } from "./lifecycle.ts";
import type { Dispatch, RiderShift } from "./model.ts";
import { bestSequence, fitsOnRound, stopsOf } from "./rounds.ts";
import { dispatchClocks, mayTryAgain } from "./rules.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table };

/** Begins, changes or ends a rider's shift. Throws STORE_OUT_OF_SCOPE, RIDER_BUSY (he has orders with him). */
export async function setShift(
  { env, table }: Deps,
  { staff, ...wanted }: { staff: Staff } & Pick<RiderShift, "storeId" | "on" | "room">,
): Promise<RiderShift> {
  const { staffId } = staff;
  if (!staff.storeIds.includes(wanted.storeId)) throw new DomainError("STORE_OUT_OF_SCOPE");
  return decide(async () => {
    const known = await table.load(riderShifts, { staffId });
    if (known && known.orderIds.length > 0 && (!wanted.on || known.storeId !== wanted.storeId))
      throw new DomainError("RIDER_BUSY", "bring what you have, or give it back", {
        facts: { orders: known.orderIds.length },
      });
    const now = env.clock.now();
    const row: RiderShift = {
      staffId,
      name: staff.name,
      ...wanted,
      since: known?.on === wanted.on && known.storeId === wanted.storeId ? known.since : now,
      orderIds: known?.orderIds ?? [],
    };
    await table.commit([
      known ? riderShifts.replace({ ...row, version: known.version }) : riderShifts.create(row),
      audited(env, { staffId, action: wanted.on ? "rider.on" : "rider.off", target: wanted.storeId }),
    ]);
    return row;
  });
}

/**
 * A rider's round in the order that leaves least lateness, with when he is at each door (epoch ms) if he leaves now, and what he may take
 * along besides: offers of his store that fit.
 */
export async function readRound({ env, table }: Deps, staffId: string) {
  const now = env.clock.now();
  const shift = await table.load(riderShifts, { staffId });
  if (!shift) return { shift, stops: [], offers: [] };
  const [store, mine] = await Promise.all([table.load(stores, shift), stopsOf({ table }, shift)]);
  const start = store?.wgs84 ?? { lat: 0, lng: 0 };
  const stateOf = new Map(mine.map((row) => [row.orderId, row]));
  const { stops } = bestSequence(start, mine, now);
  const round = { shift, start, stops: mine };
  const shelf = new Map(
    (mine.length === 0 ? [] : await table.loadMany(orders, mine)).map(({ orderId, shelfNo }) => [orderId, shelfNo]),
  );
  const open = shift.on ? (await table.page(dispatchesOfStore(shift.storeId), { limit: 100 })).items : [];
  const offers = open.filter((row) => isOffered(row, now) && fitsOnRound(round, row, now));
  return {
    shift,
    stops: stops.map((stop) => {
      const row = stateOf.get(stop.orderId)!;
      const backFrom = row.unreachableAt && row.unreachableAt + dispatchClocks.unreachable;
      return { ...row, ...stop, backFrom, shelfNo: shelf.get(stop.orderId) };
    }),
    offers,
  };
}

const isOffered = ({ state, offerFrom, offerUntil }: Dispatch, now: number) =>
  state === "WAITING" && offerFrom <= now && now < offerUntil;

/** What a rider does with a job. leave: at the door, as the member asked for, with words where. */
export type RiderAct =
  | { act: "accept" }
  | { act: "giveUp"; reason: string }
  | { act: "pickUp" }
  | { act: "cannotReach" }
  | { act: "leave"; note: string }
  | { act: "bringBack"; reason: string };

/**
 * One act of a rider on a job. Of several who accept at once one wins. Before he has the goods he may give it up, and it is offered anew;
 * with them he delivers it (for the member's code: `verifyPickup`; or leaves it, which is his word), or brings it back once he could not
 * reach the member for ten minutes. Throws ORDER_NOT_FOUND, RIDER_OFF_SHIFT, OFFER_TAKEN, RIDER_BUSY (no room), NOT_YOUR_JOB, ORDER_STATE.
 */
export async function actOnJob(
  deps: Deps,
  input: { staffId: string; orderId: string; once: Once<Dispatch> } & RiderAct,
): Promise<Dispatch> {
  const { env, table } = deps;
  const { staffId, orderId } = input;
  return decide(async () => {
    const [row, order, shift] = await Promise.all([
      table.load(dispatches, { orderId }),
      table.load(orders, { orderId }),
      table.load(riderShifts, { staffId }),
    ]);
    if (!shift?.on) throw new DomainError("RIDER_OFF_SHIFT");
    if (!row || !order || row.storeId !== shift.storeId) throw new DomainError("ORDER_NOT_FOUND");
    if (input.act !== "accept" && row.riderId !== staffId) throw new DomainError("NOT_YOUR_JOB");
    const now = env.clock.now();
    const { next, writes } = await actions[input.act](deps, { row, order, shift, now, input: input as never });
    await table.commit([
      ...writes,
      audited(env, { staffId, action: `rider.${input.act}`, target: orderId }),
      ...input.once(next),
    ]);
    return next;
  });
}

interface At<A extends RiderAct["act"]> {
  row: Stored<Dispatch>;
  order: Stored<Order>;
  shift: Stored<RiderShift>;
  now: number;
  input: Extract<RiderAct, { act: A }>;
}
type Acted = { next: Dispatch; writes: Write[] };

const told = (
  { env }: Deps,
  type: string,
  { order, shift }: Pick<At<"accept">, "order" | "shift">,
  data: Record<string, string | number | boolean> = {},
): Write =>
  outbox.create(
    makeEvent(env, {
      type,
      actor: { kind: "staff", id: shift.staffId },
      origin: order.origin,
      data: { ...orderFacts(order), ...data },
    }),
  );

const moved = (row: Stored<Dispatch>, event: (typeof dispatchLifecycle.events)[number]) => {
  if (!dispatchLifecycle.allows(row.state, event)) throw new DomainError("ORDER_STATE", `the job is ${row.state}`);
  return dispatches.patch(row).asRead(row).move("state", dispatchLifecycle, event);
};

const actions: { [A in RiderAct["act"]]: (deps: Deps, at: At<A>) => Promise<Acted> } = {
  async accept(_deps, { row, order, shift, now }) {
    if (row.riderId === shift.staffId && row.state === "ACCEPTED") throw new DomainError("ORDER_STATE", "it is yours");
    if (!isOffered(row, now) || order.seat !== "PAID") throw new DomainError("OFFER_TAKEN");
    if (shift.orderIds.length >= shift.room)
      throw new DomainError("RIDER_BUSY", "there is no room left", { facts: { orders: shift.orderIds.length } });
    const rider = `${Array.from(shift.name)[0] ?? ""}师傅`;
    const { staffId: riderId } = shift;
    return {
      next: { ...row, state: "ACCEPTED", riderId, rider },
      writes: [
        moved(row, "accepted").set({ riderId, rider, heardAt: now }).or("OFFER_TAKEN"),
        riderShifts
          .patch(shift)
          .asRead(shift)
          .set({ orderIds: [...shift.orderIds, row.orderId] }),
        trackOf(row, now, riderId, "ACCEPTED"),
      ],
    };
  },

  async giveUp(deps, { row, order, shift, now, input }) {
    if (row.state !== "ACCEPTED")
      throw new DomainError("ORDER_STATE", `the job is ${row.state}: bring it back instead`);
    const more = mayTryAgain(row);
    const { riderId: _id, rider: _name, ...kept } = row;
    const next: Dispatch = { ...kept, state: more ? "WAITING" : "FAILED", attempt: row.attempt + (more ? 1 : 0) };
    return {
      next,
      writes: [
        moved(row, more ? "lost" : "failed")
          .add({ attempt: more ? 1 : 0 })
          .set({ riderId: undefined, rider: undefined, heardAt: now, offerUntil: now + dispatchClocks.ownFirst }),
        ...(await withoutJob(deps.table, row)).writes,
        trackOf(row, now, shift.staffId, "RIDER_DROPPED", input.reason),
        told(deps, "dispatch.lost", { order, shift }, { attempt: row.attempt }),
      ],
    };
  },

  async pickUp(deps, { row, order, shift, now }) {
    if (order.seat !== "PAID" || !orderLifecycle.allows(order.stage, "dispatched"))
      throw new DomainError("ORDER_STATE", `the order is ${order.stage} and ${order.seat}: leave it`);
    return {
      next: { ...row, state: "PICKED_UP" },
      writes: [
        moved(row, "pickedUp").set({ heardAt: now }),
        orders.patch(order).asRead(order).move("stage", orderLifecycle, "dispatched"),
        trackOf(row, now, shift.staffId, "PICKED_UP"),
        told(deps, "order.dispatched", { order, shift }, { delivers: true, attempt: row.attempt }),
      ],
    };
  },

  async cannotReach(deps, { row, order, shift, now }) {
    if (row.state !== "PICKED_UP") throw new DomainError("ORDER_STATE", `the job is ${row.state}`);
    return {
      next: { ...row, unreachableAt: now },
      writes: [
        dispatches.patch(row).asRead(row).set({ unreachableAt: now }),
        trackOf(row, now, shift.staffId, "UNREACHABLE"),
        told(deps, "delivery.unreachable", { order, shift }, { until: now + dispatchClocks.unreachable }),
      ],
    };
  },

  async leave(deps, { row, order, shift, now, input }) {
    if (row.state !== "PICKED_UP") throw new DomainError("ORDER_STATE", `the job is ${row.state}`);
    if (order.seat !== "PAID" || !orderLifecycle.allows(order.stage, "handedOver"))
      throw new DomainError("ORDER_STATE", `the order is ${order.stage} and ${order.seat}: bring it back`);
    return {
      next: { ...row, state: "DELIVERED" },
      writes: [
        ...(await dispatchHandedOver(deps, order, shift.staffId)),
        trackOf(row, now, shift.staffId, "LEFT", input.note),
        orders
          .patch(order)
          .asRead(order)
          .move("stage", orderLifecycle, "handedOver")
          .set({ handedOverAt: now })
          .when("seat", "=", "PAID"),
        ...codeUsed(order),
        dues.create({ kind: "shipping", id: order.orderId, at: now, since: now }),
        told(
          deps,
          "order.handed_over",
          { order, shift },
          {
            paymentNo: order.paymentNo,
            ...(order.profitSharing && { profitSharing: true }),
            lateMs: Math.max(0, now - row.promisedUntil),
          },
        ),
      ],
    };
  },

  async bringBack(deps, { row, order, shift, now, input }) {
    if (row.state !== "PICKED_UP") throw new DomainError("ORDER_STATE", `the job is ${row.state}`);
    const wanted = order.seat === "PAID" && order.stage === "DISPATCHED";
    const from = (row.unreachableAt ?? now) + dispatchClocks.unreachable;
    if (wanted && now < from)
      throw new DomainError("ORDER_STATE", `say that you can't reach the member, and wait until ${toIso(from)}`);
    return {
      next: { ...row, state: "RETURNED" },
      writes: [
        moved(row, "returned").set({ heardAt: now }),
        ...(wanted ? [orders.patch(order).asRead(order).move("stage", orderLifecycle, "returned")] : []),
        ...(await withoutJob(deps.table, row)).writes,
        trackOf(row, now, shift.staffId, "RETURNED", input.reason),
        told(deps, "dispatch.attention", { order, shift }, { state: "RETURNED", attempt: row.attempt }),
      ],
    };
  },
};
