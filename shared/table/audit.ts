import type { Env } from "../kernel/env.ts";
import { dayOf } from "../kernel/time.ts";
import type { Write } from "./entity.ts";
import { audit } from "./keys.ts";

/**
 * The audit row of a privileged mutation, to be put into its commit. `change` holds the fields given; leave personal data
 * out of it.
 */
export function audited(
  env: Pick<Env, "clock" | "ids">,
  what: { staffId: string; action: string; target: string; reason?: string | undefined; change?: unknown },
): Write {
  const at = env.clock.now();
  return audit.create({
    auditId: env.ids.next("AU"),
    at,
    day: dayOf(at),
    staffId: what.staffId,
    action: what.action,
    target: what.target,
    ...(what.reason !== undefined && { reason: what.reason }),
    ...(what.change !== undefined && { change: Array.from(JSON.stringify(what.change)).slice(0, 2000).join("") }),
  });
}
