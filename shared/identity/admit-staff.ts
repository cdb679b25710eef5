import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { outbox, staffMembers } from "../table/keys.ts";
import type { Staff } from "./model.ts";

/**
 * The staff row of a verified token's subject, read at each call: roles and stores come from it alone. `firstAdmin` (the
 * operator's setting) becomes an admin the first time it calls, while it has no row; a row is never made a second time.
 * Throws FORBIDDEN for a subject that is no active staff member.
 */
export async function admitStaff(
  deps: { env: Env; table: Table; firstAdmin?: string | undefined },
  input: { staffId: string },
): Promise<Stored<Staff>> {
  const { env, table } = deps;
  const { staffId } = input;
  return decide(async () => {
    const known = await table.load(staffMembers, { staffId });
    if (known?.active) return known;
    if (known) throw new DomainError("FORBIDDEN", "this staff member is deactivated: ask an admin");
    if (staffId !== deps.firstAdmin)
      throw new DomainError("FORBIDDEN", "no staff member has this subject: an admin must add it");
    const first: Staff = { staffId, name: "管理员", roles: ["admin"], storeIds: [], active: true };
    await table.commit([
      staffMembers.create(first),
      audited(env, { staffId, action: "staff.first_admin", target: staffId }),
      outbox.create(makeEvent(env, { type: "staff.created", actor: { kind: "system" }, data: { staffId } })),
    ]);
    return { ...first, version: 1 };
  });
}
