import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { type Point, toWgs84 } from "../kernel/geo.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { outbox, storeCodes, stores } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { areaInWgs84 } from "./area.ts";
import type { SpecialDay, Store } from "./model.ts";
import type { AddressFinder } from "./ports.ts";

/**
 * What staff say of a store. Without `point` the address is looked up on the map. `radiusM`: metres, counts where there is no
 * `area` (degrees in its datum). What is left out of `code`, `area` and `specialDays` is no more.
 */
export interface StoreFacts {
  code?: string | undefined;
  name: string;
  address: string;
  point?: Point | undefined;
  radiusM: number;
  area?: Parameters<typeof areaInWgs84>[0] | undefined;
  hours: Store["hours"];
  specialDays?: SpecialDay[] | undefined;
}

/** What a row keeps of it, at its place. */
const kept = ({ code, name, address, radiusM, area, hours, specialDays = [] }: StoreFacts, wgs84: Point) => ({
  ...(code !== undefined && { code }),
  name,
  address,
  wgs84,
  radiusM,
  ...(area && { area: areaInWgs84(area) }),
  hours,
  ...(specialDays.length > 0 && { specialDays: specialDays.toSorted((a, b) => (a.date < b.date ? -1 : 1)) }),
});

/** Below this relevance (0 to 1) a found place is a guess: a person must choose the point on the map. */
const sureEnough = 0.8;

async function locate(geocoder: AddressFinder, facts: StoreFacts): Promise<Point> {
  if (facts.point) return toWgs84(facts.point);
  const found = await geocoder.geocode(facts.address);
  if (!found || found.relevance < sureEnough)
    throw new DomainError("ADDRESS_NOT_FOUND", "give `point`, or an address with city, street and number");
  return toWgs84(found.point);
}

/** Throws STORE_NOT_FOUND. */
export async function loadStore(deps: { table: Pick<Table, "load"> }, storeId: string): Promise<Stored<Store>> {
  const store = await deps.table.load(stores, { storeId });
  if (!store) throw new DomainError("STORE_NOT_FOUND");
  return store;
}

/**
 * The writes that make a store, or change it from what was read, with its code's row, audit and event: at most 5. A code that
 * another store has fails as CODE_TAKEN.
 */
export function storeWrites(env: Env, by: string, current: Stored<Store> | undefined, next: Store): Write[] {
  const { storeId, code, suspended: _, createdAt: __, ...facts } = next;
  const before = current?.code;
  return [
    current ? stores.replace({ ...next, version: current.version }) : stores.create(next),
    ...(before === undefined || before === code ? [] : [storeCodes.remove({ code: before })]),
    ...(code === undefined || before === code ? [] : [storeCodes.create({ code, storeId }).or("CODE_TAKEN")]),
    audited(env, {
      staffId: by,
      action: current ? "store.update" : "store.create",
      target: storeId,
      change: { code, ...facts },
    }),
    outbox.create(
      makeEvent(env, {
        type: current ? "store.changed" : "store.created",
        actor: { kind: "staff", id: by },
        data: { storeId },
      }),
    ),
  ];
}

/** Opens a store. Throws ADDRESS_NOT_FOUND, CODE_TAKEN, and TRY_AGAIN when the map service does not answer. */
export async function createStore(
  deps: { env: Env; table: Table; geocoder: AddressFinder },
  input: { by: string; store: StoreFacts; once: Once<Stored<Store>> },
): Promise<Stored<Store>> {
  const { env, table } = deps;
  const wgs84 = await locate(deps.geocoder, input.store);
  const storeId = env.ids.next("ST");
  const facts = kept(input.store, wgs84);
  const store: Stored<Store> = { storeId, ...facts, suspended: false, createdAt: env.clock.now(), version: 1 };
  await table.commit([...storeWrites(env, input.by, undefined, store), ...input.once(store)]);
  return store;
}

/**
 * Changes what is said of a store. `version` is the one that the change was made from: VERSION_CONFLICT when somebody else
 * changed it since or at the same moment. Without `point` a store whose address stays keeps its place. Throws STORE_NOT_FOUND,
 * ADDRESS_NOT_FOUND, CODE_TAKEN.
 */
export async function updateStore(
  deps: { env: Env; table: Table; geocoder: AddressFinder },
  input: { by: string; storeId: string; version: number; store: StoreFacts },
): Promise<Stored<Store>> {
  const { env, table } = deps;
  return decide(async () => {
    const current = await loadStore(deps, input.storeId);
    if (current.version !== input.version) throw new DomainError("VERSION_CONFLICT");
    const stays = input.store.point === undefined && input.store.address === current.address;
    const wgs84 = stays ? current.wgs84 : await locate(deps.geocoder, input.store);
    const { storeId, suspended, createdAt, version } = current;
    const next: Store = { storeId, ...kept(input.store, wgs84), suspended, createdAt };
    await table.commit(storeWrites(env, input.by, current, next));
    return { ...next, version: version + 1 };
  });
}

/**
 * Takes a store out of service, or back into it: no new order goes to a suspended one. Asking for what is so already
 * changes nothing and is not recorded. Throws STORE_NOT_FOUND.
 */
export async function suspendStore(
  deps: { env: Env; table: Table },
  input: { by: string; storeId: string; suspended: boolean; reason: string },
): Promise<Stored<Store>> {
  const { env, table } = deps;
  const { storeId, suspended, reason } = input;
  return decide(async () => {
    const store = await loadStore(deps, storeId);
    if (store.suspended === suspended) return store;
    await table.commit([
      stores.patch({ storeId }).asRead(store).set({ suspended }),
      audited(env, {
        staffId: input.by,
        action: suspended ? "store.suspend" : "store.resume",
        target: storeId,
        reason,
      }),
      outbox.create(
        makeEvent(env, {
          type: suspended ? "store.suspended" : "store.resumed",
          actor: { kind: "staff", id: input.by },
          data: { storeId },
        }),
      ),
    ]);
    return { ...store, suspended, version: store.version + 1 };
  });
}
