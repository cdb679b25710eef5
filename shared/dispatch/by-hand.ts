import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { providerNumber } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { minute } from "../kernel/time.ts";
import { type Order, orderLifecycle } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { dispatches, dues, orders, outbox, riderShifts, tracks } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { deliveryBooked } from "./dispatch-writes.ts";
import { dispatchLifecycle } from "./lifecycle.ts";
import type { Dispatch } from "./model.ts";
import { dispatchClocks, hasGoods, riderPay } from "./rules.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table };

/** A sweep looks at deliveries whose execution may be dead so long after they were packed, ms. */
const LOOKED_AT = 10 * minute;

/** The part of the commit that packs an order by which somebody is sought to bring it; none of an order that is collected. */
export function dispatchBegun({ clock }: Pick<Env, "clock">, { orderId, storeId, delivery }: Order): Write[] {
  if (!delivery) return [];
  const now = clock.now();
  const offerFrom = Math.max(now, delivery.from - dispatchClocks.ahead);
  return [
    dispatches.create({
      orderId,
      storeId,
      state: "WAITING",
      attempt: 1,
      readyAt: now,
      promisedUntil: delivery.until,
      ...(delivery.toward && { toward: delivery.toward }),
      offerFrom,
      offerUntil: offerFrom + dispatchClocks.ownFirst,
      heardAt: now,
    }),
    dues.create({ kind: "dispatch", id: orderId, at: offerFrom + LOOKED_AT, since: delivery.until }),
  ];
}

/**
 * The part of a commit by which one of the store's people leaves with an order; none where there is no row. Throws ORDER_STATE while a
 * carrier or a rider has it.
 */
export function dispatchTaken({ clock }: Pick<Env, "clock">, row: Stored<Dispatch> | undefined, staffId: string) {
  if (!row) return [];
  if (!dispatchLifecycle.allows(row.state, "taken"))
    throw new DomainError("ORDER_STATE", `it is ${row.state}: call that off first, or hand it over to them`);
  const now = clock.now();
  return [
    dispatches
      .patch(row)
      .asRead(row)
      .move("state", dispatchLifecycle, "taken")
      .set({ riderId: staffId, carrier: undefined, rider: undefined, heardAt: now }),
    trackOf(row, now, staffId, "PICKED_UP"),
  ];
}

/**
 * The part of the commit that hands an order over for its code: whoever brought it has delivered it, a rider of ours is paid for it and
 * has it no more; a job whose rider is still on his way to the store is called off.
 */
export async function dispatchHandedOver({ env, table }: Deps, order: Order, staffId: string): Promise<Write[]> {
  const row = order.delivery && (await table.load(dispatches, order));
  if (!row) return [];
  const now = env.clock.now();
  if (row.carrier !== undefined && row.riderId === undefined)
    return hasGoods(row.state) || !dispatchLifecycle.allows(row.state, "cancelled")
      ? []
      : [dispatches.patch(row).asRead(row).set({ callOff: "order" })];
  if (!hasGoods(row.state))
    return dispatchLifecycle.allows(row.state, "cancelled")
      ? [
          dispatches.patch(row).asRead(row).move("state", dispatchLifecycle, "cancelled"),
          ...(await withoutJob(table, row)).writes,
        ]
      : [];
  const { writes, onShift } = await withoutJob(table, row);
  const km = Math.ceil(Math.max(0, (order.delivery?.distanceM ?? 0) - riderPay.freeM) / 1_000);
  const late = now - row.promisedUntil;
  return [
    dispatches.patch(row).asRead(row).move("state", dispatchLifecycle, "delivered").set({ heardAt: now }),
    trackOf(row, now, staffId, "DELIVERED"),
    ...writes,
    ...(onShift
      ? deliveryBooked(env, row, {
          party: `rider:${row.riderId}`,
          amountFen: riderPay.dropFen + km * riderPay.perKmFen,
          at: now,
        })
      : []),
    ...(late > 0
      ? [
          outbox.create(
            makeEvent(env, {
              type: "delivery.late",
              actor: { kind: "staff", id: staffId },
              origin: order.origin,
              data: { orderId: order.orderId, storeId: order.storeId, memberId: order.memberId, byMs: late },
            }),
          ),
        ]
      : []),
  ];
}

/** The write that takes a job off its rider's round; `onShift` whether it was on one. */
export async function withoutJob(
  table: Table,
  { riderId, orderId }: Dispatch,
): Promise<{ writes: Write[]; onShift: boolean }> {
  const shift = riderId === undefined ? undefined : await table.load(riderShifts, { staffId: riderId });
  if (!shift?.orderIds.includes(orderId)) return { writes: [], onShift: false };
  const orderIds = shift.orderIds.filter((id) => id !== orderId);
  return { writes: [riderShifts.patch(shift).asRead(shift).set({ orderIds })], onShift: true };
}

export const trackOf = (
  { orderId, attempt, version }: Stored<Dispatch>,
  at: number,
  staffId: string,
  state: string,
  reason?: string,
): Write =>
  tracks.create({
    orderId,
    at,
    id: `${providerNumber(orderId, attempt)}#${state}#${version}`,
    state,
    attempt,
    actor: { kind: "staff", id: staffId },
    ...(reason !== undefined && { reason }),
  });

/**
 * What a person decides on a delivery. sendAgain: somebody is sought once more for one that was not delivered, or whose job ended.
 * callOff: a carrier that has not picked it up loses the job to another one. goodsBack: what was on its way is in the store again.
 * nobodyHasIt: a carrier that never answered was asked by telephone.
 */
export type DispatchDecision = "sendAgain" | "callOff" | "goodsBack" | "nobodyHasIt";

/** Throws ORDER_NOT_FOUND (no such delivery here), ORDER_STATE. */
export async function decideDispatch(
  { env, table }: Deps,
  input: {
    storeId: string;
    orderId: string;
    decision: DispatchDecision;
    reason: string;
    staffId: string;
    once: Once<Dispatch>;
  },
): Promise<Dispatch> {
  const { storeId, orderId, decision, reason, staffId } = input;
  return decide(async () => {
    const [row, order] = await Promise.all([table.load(dispatches, { orderId }), table.load(orders, { orderId })]);
    if (!order || row?.storeId !== storeId) throw new DomainError("ORDER_NOT_FOUND");
    const now = env.clock.now();
    const refused = (why: string) => new DomainError("ORDER_STATE", `the delivery is ${row.state}: ${why}`);
    const patch = dispatches.patch(row).asRead(row);
    const more: Write[] = [];
    let next: Dispatch;
    switch (decision) {
      case "sendAgain": {
        if (!dispatchLifecycle.allows(row.state, "sentAgain")) throw refused("it is under way already");
        if (order.stage !== "READY" || order.seat !== "PAID" || row.attempt === 99)
          throw new DomainError(
            "ORDER_STATE",
            `the order is ${order.stage} and ${order.seat}: it is not to be brought`,
          );
        const attempt = row.attempt + 1;
        const { carrier: _c, riderId: _i, rider: _r, feeFen: _f, askedAt: _a, attentionAt: _t, ...kept } = row;
        next = {
          ...kept,
          state: "WAITING",
          attempt,
          firstAttempt: attempt,
          offerFrom: now,
          offerUntil: now + dispatchClocks.ownFirst,
        };
        patch
          .move("state", dispatchLifecycle, "sentAgain")
          .add({ attempt: 1 })
          .set({
            firstAttempt: attempt,
            carrier: undefined,
            riderId: undefined,
            rider: undefined,
            feeFen: undefined,
            askedAt: undefined,
            attentionAt: undefined,
            unreachableAt: undefined,
            droppedAt: undefined,
            callOff: undefined,
            declined: undefined,
            offerFrom: now,
            offerUntil: now + dispatchClocks.ownFirst,
            heardAt: now,
          });
        more.push(
          dues.create({ kind: "dispatch", id: orderId, at: now + LOOKED_AT, since: Math.max(now, row.promisedUntil) }),
          outbox.create(
            makeEvent(env, {
              type: "dispatch.sent_again",
              actor: { kind: "staff", id: staffId },
              origin: order.origin,
              data: { orderId, storeId, attempt },
            }),
          ),
        );
        break;
      }
      case "callOff":
        if (row.carrier === undefined || !dispatchLifecycle.allows(row.state, "cancelled"))
          throw refused("no carrier is on its way for it");
        next = { ...row, callOff: "switch" };
        patch.set({ callOff: "switch" });
        break;
      case "nobodyHasIt":
        if (row.state !== "UNKNOWN") throw refused("its carrier has answered");
        if (row.carrier === undefined) throw refused("no carrier was asked");
        next = { ...row, state: "WAITING", attempt: row.attempt + 1 };
        patch
          .move("state", dispatchLifecycle, "lost")
          .add({ attempt: 1 })
          .set({
            unsure: [...(row.unsure ?? []), { attempt: row.attempt, carrier: row.carrier, at: now }],
            carrier: undefined,
            feeFen: undefined,
            askedAt: undefined,
            callOff: undefined,
            offerUntil: now,
          });
        break;
      case "goodsBack":
        if (!dispatchLifecycle.allows(row.state, "returned") || order.stage !== "DISPATCHED")
          throw refused("nothing of it is on its way");
        next = { ...row, state: "RETURNED" };
        patch.move("state", dispatchLifecycle, "returned").set({ heardAt: now });
        more.push(
          orders.patch(order).asRead(order).move("stage", orderLifecycle, "returned"),
          ...(await withoutJob(table, row)).writes,
        );
    }
    await table.commit([
      patch,
      trackOf(row, now, staffId, decision === "goodsBack" ? "RETURNED" : trackStates[decision], reason),
      ...more,
      audited(env, { staffId, action: `dispatch.${actions[decision]}`, target: orderId, reason }),
      ...input.once(next),
    ]);
    return next;
  });
}

const trackStates = { sendAgain: "WAITING", callOff: "CALLED_OFF", nobodyHasIt: "WAITING" } as const;
const actions = {
  sendAgain: "send_again",
  callOff: "call_off",
  goodsBack: "goods_back",
  nobodyHasIt: "nobody_has_it",
} as const;
