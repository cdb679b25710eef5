import { admitStaff } from "../../shared/identity/index.ts";
import type { Deps } from "./deps.ts";
import type { Caller } from "./route.ts";

/** The staff member behind a verified token, read at each call. Throws FORBIDDEN for whoever is no active staff member. */
export async function staffCaller(deps: Deps, token: { staffId: string }): Promise<Caller> {
  const staff = await admitStaff(deps, token);
  return { kind: "staff", staffId: staff.staffId, staff };
}
