import type { Env } from "../kernel/env.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, dayOf, minute, startOfDay, weekMinute } from "../kernel/time.ts";
import { isOpenDuring, loadStore, type Store } from "../store/index.ts";
import type { Table, Write } from "../table/entity.ts";
import { slotCounts, slotPlans } from "../table/keys.ts";
import type { SlotKind, SlotPlan } from "./model.ts";

type Deps = { env: Pick<Env, "clock">; table: Table };

/** A slot, times in epoch ms: orders are taken until `orderUntil`; `left` of `capacity` places are free. */
export interface Slot {
  slotId: string;
  from: number;
  until: number;
  orderUntil: number;
  capacity: number;
  left: number;
}

/** A slot whose orders closed so long ago at most is told to be past, ms: a checkout was slow. */
const CLOSED_SINCE = day;

const clock = (m: number): string => `${String(Math.floor(m / 60)).padStart(2, "0")}${String(m % 60).padStart(2, "0")}`;

/** The slots of a plan that still take orders, whoever holds them: within the store's opening times, the earliest first. */
function slotsOf(plan: SlotPlan, kind: SlotKind, store: Store, now: number): Slot[] {
  const of = plan[kind];
  if (!of || store.suspended) return [];
  const today = startOfDay(now);
  return Array.from({ length: of.daysAhead + 1 }, (_, i) => today + i * day)
    .flatMap((midnight) =>
      of.windows
        .filter((window) => window.weekday === weekMinute(midnight).weekday)
        .map(({ from, until, capacity, leadMinutes }) => ({
          slotId: `${kind === "pickup" ? "P" : "D"}-${dayOf(midnight).replaceAll("-", "")}-${clock(from)}-${clock(until)}`,
          from: midnight + from * minute,
          until: midnight + until * minute,
          orderUntil: midnight + (from - leadMinutes) * minute,
          left: capacity,
          capacity,
        })),
    )
    .filter((slot) => now < slot.orderUntil && isOpenDuring(store, slot.from, slot.until))
    .sort((a, b) => a.from - b.from);
}

/**
 * What a store offers, full ones included; of one day (YYYY-MM-DD, Asia/Shanghai) where it is named. Undefined: it has no slots of this
 * kind, not now nor later. Throws STORE_NOT_FOUND.
 */
export async function slotsOffered(
  { env, table }: Deps,
  { storeId, kind, on }: { storeId: string; kind: SlotKind; on?: string | undefined },
): Promise<Slot[] | undefined> {
  const [store, plan] = await Promise.all([loadStore({ table }, storeId), table.load(slotPlans, { storeId })]);
  if (!plan?.[kind]) return undefined;
  const asked = slotsOf(plan, kind, store, env.clock.now()).filter(
    ({ from }) => on === undefined || dayOf(from) === on,
  );
  const counts = await table.loadMany(
    slotCounts,
    asked.map(({ slotId }) => ({ storeId, slotId })),
    { eventually: true },
  );
  const taken = new Map(counts.map((count) => [count.slotId, count.taken]));
  return asked.map((slot) => ({ ...slot, left: Math.max(0, slot.capacity - (taken.get(slot.slotId) ?? 0)) }));
}

/**
 * The stores of these that can't take an order now: every slot that they offer is full, or of a kind without which they don't deliver there is
 * none. Who collects where there are no slots needs none.
 */
export async function withoutSlot(
  deps: Deps,
  { storeIds, kind }: { storeIds: readonly string[]; kind: SlotKind },
): Promise<ReadonlySet<string>> {
  const plans = await deps.table.loadMany(
    slotPlans,
    storeIds.map((storeId) => ({ storeId })),
    { eventually: true },
  );
  const planned = plans.filter((plan) => plan[kind]).map(({ storeId }) => storeId);
  const offers = await Promise.all(planned.map((storeId) => slotsOffered(deps, { storeId, kind })));
  const free = planned.filter((_, i) => offers[i]?.some(({ left }) => left > 0));
  return new Set(storeIds.filter((id) => !free.includes(id) && (kind === "delivery" || planned.includes(id))));
}

/**
 * A slot with the write that takes a place of it, on condition that one is free: of thirty at once for ten places ten have it. Throws
 * STORE_NOT_FOUND, SLOT_NOT_OFFERED (nothing is offered under this id), SLOT_PAST (its orders are closed), SLOT_FULL; the last two
 * with the next free slot as a fact, where there is one.
 */
export async function takeSlot(
  deps: Deps,
  { storeId, kind, slotId }: { storeId: string; kind: SlotKind; slotId: string },
): Promise<Slot & { write: Write }> {
  const { env, table } = deps;
  const now = env.clock.now();
  const [store, plan] = await Promise.all([loadStore(deps, storeId), table.load(slotPlans, { storeId })]);
  const at = (moment: number) => plan && slotsOf(plan, kind, store, moment).find((one) => one.slotId === slotId);
  const slot = at(now);
  const refuse = async (code: "SLOT_NOT_OFFERED" | "SLOT_PAST" | "SLOT_FULL") => {
    const next = (await slotsOffered(deps, { storeId, kind }))?.find(({ left }) => left > 0);
    return new DomainError(code, undefined, next ? { facts: { slotId: next.slotId } } : {});
  };
  // where today alone is offered, it was not yet a day ago
  if (!slot) throw await refuse(at(now - CLOSED_SINCE) || at(startOfDay(now)) ? "SLOT_PAST" : "SLOT_NOT_OFFERED");
  const key = { storeId, slotId };
  const count = await table.load(slotCounts, key);
  const left = slot.capacity - (count?.taken ?? 0);
  if (left <= 0) throw await refuse("SLOT_FULL");
  const write = count
    ? slotCounts.patch(key).add({ taken: 1 }).when("taken", "<", slot.capacity)
    : slotCounts.create({ ...key, taken: 1, until: slot.until });
  return { ...slot, left, write };
}

/** The write by which an order that held a place of a slot gives it back; the caller's commit does so once. */
export const slotBack = (key: { storeId: string; slotId: string }): Write =>
  slotCounts.patch(key).add({ taken: -1 }).when("taken", ">=", 1);
