import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { commissionProgrammes, outbox } from "../table/keys.ts";
import type { CommissionProgramme } from "./model.ts";

/** The programme, inactive until somebody sets it. */
export const readCommissionProgramme = async ({ table }: { table: Table }): Promise<Stored<CommissionProgramme>> =>
  (await table.load(commissionProgrammes, { name: "commission" })) ?? {
    name: "commission",
    active: false,
    bps: { leader: 0, koc: 0 },
    version: 0,
  };

/**
 * Says what teams that succeed from now on earn; what was accrued before keeps its rate. `version`: of the answer that the change was
 * made from, 0 at first. Throws VERSION_CONFLICT.
 */
export function setCommissionProgramme(
  deps: { table: Table; env: Env },
  input: { programme: Omit<CommissionProgramme, "name">; version: number; reason: string; staffId: string },
): Promise<Stored<CommissionProgramme>> {
  const { programme, version, reason, staffId } = input;
  return decide(async () => {
    const known = await deps.table.load(commissionProgrammes, { name: "commission" });
    if ((known?.version ?? 0) !== version) throw new DomainError("VERSION_CONFLICT");
    const row = { name: "commission" as const, ...programme };
    await deps.table.commit([
      known ? commissionProgrammes.replace({ ...row, version }) : commissionProgrammes.create(row),
      audited(deps.env, { staffId, action: "commission.programme", target: "commission", reason, change: programme }),
      outbox.create(
        makeEvent(deps.env, { type: "commission.programme_set", actor: { kind: "staff", id: staffId }, data: {} }),
      ),
    ]);
    return { ...row, version: version + 1 };
  });
}
