import type { Env } from "../kernel/env.ts";
import { day } from "../kernel/time.ts";
import type { Table } from "../table/entity.ts";
import { claims } from "../table/keys.ts";

/**
 * Looks at a claim that has waited for ten working days: true once it is answered, else when to look again (epoch ms), which the sweep
 * tells as late.
 */
export async function remindClaim({ env, table }: { env: Env; table: Table }, orderId: string): Promise<true | number> {
  const claim = await table.load(claims, { orderId });
  return claim?.state === "OPEN" ? env.clock.now() + day : true;
}
