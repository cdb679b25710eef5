import type { Env } from "../kernel/env.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, dayOf, startOfDay } from "../kernel/time.ts";
import { audited } from "../table/audit.ts";
import type { Table } from "../table/entity.ts";
import { dues } from "../table/keys.ts";
import type { Once } from "../table/once.ts";

/** The channel keeps its bills for three months. */
const KEPT = 90;

/** Has the bills of a day (YYYY-MM-DD) looked at again with the job's next run. Throws BILL_STATE (today, later, or too long ago). */
export async function lookAgain(
  { table, env }: { table: Table; env: Env },
  { day: on, reason, staffId, once }: { day: string; reason: string; staffId: string; once: Once<undefined> },
): Promise<undefined> {
  const now = env.clock.now();
  const [first, last] = [dayOf(startOfDay(now) - KEPT * day), dayOf(startOfDay(now) - day)];
  if (on < first || on > last) throw new DomainError("BILL_STATE", undefined, { facts: { first, last } });
  await table.commit([
    dues.create({ kind: "bill", id: on, at: now, since: now }),
    audited(env, { staffId, action: "bill.look_again", target: on, reason }),
    ...once(undefined),
  ]);
}
