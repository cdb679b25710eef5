import { DomainError } from "../../shared/kernel/problem.ts";
import { audited } from "../../shared/table/audit.ts";
import { Stale } from "../../shared/table/entity.ts";
import { staffMembers } from "../../shared/table/keys.ts";
import type { Deps } from "./deps.ts";
import type { Caller } from "./route.ts";

/**
 * The staff member behind a verified token, read at each call: roles and stores come from the row, never from the token.
 * The configured first admin is given a row on the first call. Throws FORBIDDEN for whoever has none, or is no longer active.
 */
export async function staffCaller(deps: Deps, token: { staffId: string }): Promise<Caller> {
  let row = await deps.table.load(staffMembers, { staffId: token.staffId });
  if (!row && deps.firstAdmin === token.staffId) {
    const first = { staffId: token.staffId, name: "管理员", roles: ["admin" as const], storeIds: [], active: true };
    try {
      await deps.table.commit([
        staffMembers.create(first),
        audited(deps.env, { staffId: token.staffId, action: "staff.first_admin", target: token.staffId }),
      ]);
    } catch (error) {
      if (!(error instanceof Stale)) throw error; // two first calls at once: one of them made it
    }
    row = await deps.table.load(staffMembers, { staffId: token.staffId });
  }
  if (!row?.active) throw new DomainError("FORBIDDEN", "this account is no active staff member");
  return { kind: "staff", staffId: row.staffId, staff: row };
}
