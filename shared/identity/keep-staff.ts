import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { outbox, staffMembers, stores } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Staff } from "./model.ts";

/** Adds a staff member under the subject of its sign-in. Throws STAFF_EXISTS, STORE_NOT_FOUND. */
export async function createStaff(
  deps: { env: Env; table: Table },
  input: { by: string; staff: Omit<Staff, "active">; once: Once<Stored<Staff>> },
): Promise<Stored<Staff>> {
  const { env, table } = deps;
  const staff: Stored<Staff> = { ...input.staff, active: true, version: 1 };
  const { staffId, name: _, ...change } = staff;
  await requireStores(table, staff.storeIds);
  await table.commit([
    staffMembers.create(staff).or("STAFF_EXISTS"),
    audited(env, { staffId: input.by, action: "staff.create", target: staffId, change }),
    outbox.create(makeEvent(env, { type: "staff.created", actor: { kind: "staff", id: input.by }, data: { staffId } })),
    ...input.once(staff),
  ]);
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
    const { name: _, staffId: __, version: ___, ...change } = next;
    await table.commit([
      staffMembers.replace(next),
      ...(staffId === input.by ? [] : [staffMembers.check({ staffId: input.by }).asRead(by)]),
      audited(env, { staffId: input.by, action: "staff.update", target: staffId, change }),
      outbox.create(
        makeEvent(env, { type: "staff.changed", actor: { kind: "staff", id: input.by }, data: { staffId } }),
      ),
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
