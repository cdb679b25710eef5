import type { Env } from "../kernel/env.ts";
import { DomainError } from "../kernel/problem.ts";
import { loadStore } from "../store/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { deliveryFees, slotPlans } from "../table/keys.ts";
import type { DeliveryFeeRules, SlotPlan } from "./model.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table };
interface Change {
  /** Of the answer that the change was made from, 0 at first. */
  version: number;
  reason: string;
  staffId: string;
}

/** A store's slots; none of either kind until somebody says so. */
export const readSlotPlan = async ({ table }: { table: Table }, storeId: string): Promise<Stored<SlotPlan>> =>
  (await table.load(slotPlans, { storeId })) ?? { storeId, version: 0 };

/**
 * Puts a plan in the place of a store's slots. Orders that hold a slot keep it; one whose capacity is now below what is taken takes no
 * more. Throws STORE_NOT_FOUND, VERSION_CONFLICT.
 */
export function keepSlotPlan(
  deps: Deps,
  plan: SlotPlan,
  { version, reason, staffId }: Change,
): Promise<Stored<SlotPlan>> {
  const { env, table } = deps;
  return decide(async () => {
    await loadStore(deps, plan.storeId);
    const known = await table.load(slotPlans, plan);
    if ((known?.version ?? 0) !== version) throw new DomainError("VERSION_CONFLICT");
    await table.commit([
      known ? slotPlans.replace({ ...plan, version }) : slotPlans.create(plan),
      audited(env, { staffId, action: "slot.plan", target: plan.storeId, reason, change: plan }),
    ]);
    return { ...plan, version: version + 1 };
  });
}

/** What delivery costs from a store: its own rules, else the chain's; undefined where nobody has set any. */
export async function feeRulesOf(
  { table }: { table: Table },
  storeId: string,
): Promise<{ scope: string; rules: DeliveryFeeRules } | undefined> {
  const rows = await table.loadMany(deliveryFees, [{ scope: storeId }, { scope: "chain" }]);
  return rows.find(({ scope }) => scope === storeId) ?? rows[0];
}

/** The rules of one scope, the chain or a store, as they are set there. */
export const readFees = ({ table }: { table: Table }, scope: string) => table.load(deliveryFees, { scope });

/** Says what delivery costs from now on; orders keep what they were quoted. Throws STORE_NOT_FOUND, VERSION_CONFLICT. */
export function keepFees(
  deps: Deps,
  { scope, rules }: { scope: string; rules: DeliveryFeeRules },
  { version, reason, staffId }: Change,
): Promise<{ scope: string; rules: DeliveryFeeRules; version: number }> {
  const { env, table } = deps;
  return decide(async () => {
    if (scope !== "chain") await loadStore(deps, scope);
    const known = await readFees(deps, scope);
    if ((known?.version ?? 0) !== version) throw new DomainError("VERSION_CONFLICT");
    const row = { scope, rules };
    await table.commit([
      known ? deliveryFees.replace({ ...row, version }) : deliveryFees.create(row),
      audited(env, { staffId, action: "delivery.fees", target: scope, reason, change: rules }),
    ]);
    return { ...row, version: version + 1 };
  });
}
