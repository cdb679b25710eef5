import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { outbox, staffMembers, stores } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Staff } from "./model.ts";

/** The three writes that make a staff row, or change it from what was read; the name stays out of audit and event. */
export function staffWrites(env: Env, by: string, current: Stored<Staff> | undefined, next: Staff): Write[] {
  const { staffId, roles, storeIds, active } = next;
  return [
    current
      ? staffMembers.replace({ ...next, version: current.version })
      : staffMembers.create(next).or("STAFF_EXISTS"),
    audited(env, {
      staffId: by,
      action: current ? "staff.update" : "staff.create",
      target: staffId,
      change: { roles, storeIds, active },
    }),
    outbox.create(
      makeEvent(env, {
        type: current ? "staff.changed" : "staff.created",
        actor: { kind: "staff", id: by },
        data: { staffId },
      }),
    ),
  ];
}

/** Adds a staff member under the subject of its sign-in. Throws STAFF_EXISTS, STORE_NOT_FOUND. */
export async function createStaff(
  deps: { env: Env; table: Table },
  input: { by: string; staff: Omit<Staff, "active">; once: Once<Stored<Staff>> },
): Promise<Stored<Staff>> {
  const { env, table } = deps;
  const staff: Stored<Staff> = { ...input.staff, active: true, version: 1 };
  await requireStores(table, staff.storeIds);
  await table.commit([...staffWrites(env, input.by, undefined, staff), ...input.once(staff)]);
  return staff;
}

/**
 * Changes a staff member's name, roles, stores or activity; it holds from that person's next call on. An admin stays one:
 * nobody deactivates or demotes himself (STAFF_SELF), and of two admins who demote each other at once one succeeds.
 * Throws STAFF_NOT_FOUND, STORE_NOT_FOUND, FORBIDDEN (the caller has just lost the right).
 */
export async function updateStaff(
  deps: { env: Env; table: Table },
  input: { by: string; staff: Staff },
): Promise<Stored<Staff>> {
  const { env, table } = deps;
  const { staffId } = input.staff;
  if (staffId === input.by && !(input.staff.active && input.staff.roles.includes("admin")))
    throw new DomainError("STAFF_SELF");
  await requireStores(table, input.staff.storeIds);
  return decide(async () => {
    const [current, by] = await Promise.all([
      table.load(staffMembers, { staffId }),
      table.load(staffMembers, { staffId: input.by }),
    ]);
    if (!by?.active || !by.roles.includes("admin")) throw new DomainError("FORBIDDEN");
    if (!current) throw new DomainError("STAFF_NOT_FOUND");
    const next: Stored<Staff> = { ...input.staff, version: current.version };
    await table.commit([
      ...staffWrites(env, input.by, current, next),
      ...(staffId === input.by ? [] : [staffMembers.check({ staffId: input.by }).asRead(by)]),
    ]);
    return { ...next, version: current.version + 1 };
  });
}

async function requireStores(table: Table, storeIds: readonly string[]): Promise<void> {
  if (storeIds.length === 0) return;
  const found = new Set(
    (
      await table.loadMany(
        stores,
        storeIds.map((storeId) => ({ storeId })),
      )
    ).map((s) => s.storeId),
  );
  const missing = storeIds.find((storeId) => !found.has(storeId));
  if (missing) throw new DomainError("STORE_NOT_FOUND", missing);
}
