import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { outbox, suppliers } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { supplierLifecycle } from "./lifecycle.ts";
import type { Supplier } from "./model.ts";

type Deps = { env: Env; table: Table };
export type SupplierFacts = Pick<Supplier, "name" | "licences">;

/** Throws SUPPLIER_NOT_FOUND. */
async function loadSupplier(deps: Pick<Deps, "table">, supplierId: string): Promise<Stored<Supplier>> {
  const supplier = await deps.table.load(suppliers, { supplierId });
  if (!supplier) throw new DomainError("SUPPLIER_NOT_FOUND");
  return supplier;
}

const recorded = (
  env: Env,
  what: { by: string; action: string; supplierId: string; reason?: string; change?: unknown },
): Write[] => [
  audited(env, {
    staffId: what.by,
    action: `supplier.${what.action}`,
    target: what.supplierId,
    reason: what.reason,
    change: what.change,
  }),
  outbox.create(
    makeEvent(env, {
      type: `supplier.${what.action}`,
      actor: { kind: "staff", id: what.by },
      data: { supplierId: what.supplierId },
    }),
  ),
];

export async function createSupplier(
  { env, table }: Deps,
  input: { by: string; supplier: SupplierFacts; once: Once<Stored<Supplier>> },
): Promise<Stored<Supplier>> {
  const { by } = input;
  const supplierId = env.ids.next("SP");
  const row: Supplier = { supplierId, ...input.supplier, state: "ACTIVE", createdAt: env.clock.now() };
  const made = { ...row, version: 1 };
  await table.commit([
    suppliers.create(row),
    ...recorded(env, { by, action: "created", supplierId, change: input.supplier }),
    ...input.once(made),
  ]);
  return made;
}

/** Changes name and licences, from the version that was read. Throws SUPPLIER_NOT_FOUND, VERSION_CONFLICT. */
export async function updateSupplier(
  deps: Deps,
  input: { by: string; supplierId: string; version: number; supplier: SupplierFacts },
): Promise<Stored<Supplier>> {
  const current = await loadSupplier(deps, input.supplierId);
  if (current.version !== input.version) throw new DomainError("VERSION_CONFLICT");
  const { by, supplierId } = input;
  const next = { ...current, ...input.supplier };
  await deps.table.commit([
    suppliers.replace(next).or("VERSION_CONFLICT"),
    ...recorded(deps.env, { by, action: "changed", supplierId, change: input.supplier }),
  ]);
  return { ...next, version: current.version + 1 };
}

/** Suspends or resumes a supplier; saying what is so already changes nothing. Throws SUPPLIER_NOT_FOUND. */
export async function suspendSupplier(
  deps: Deps,
  input: { by: string; supplierId: string; suspended: boolean; reason: string },
): Promise<Stored<Supplier>> {
  const { by, supplierId, reason } = input;
  const event = input.suspended ? "suspended" : "resumed";
  return decide(async () => {
    const current = await loadSupplier(deps, supplierId);
    if (!supplierLifecycle.allows(current.state, event)) return current;
    await deps.table.commit([
      suppliers.patch({ supplierId }).asRead(current).move("state", supplierLifecycle, event).set({ reason }),
      ...recorded(deps.env, { by, action: event, supplierId, reason }),
    ]);
    return { ...current, state: supplierLifecycle.to(event), reason, version: current.version + 1 };
  });
}
