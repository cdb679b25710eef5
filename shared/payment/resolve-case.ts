import type { Env } from "../kernel/env.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { paymentCases } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { PaymentCase } from "./model.ts";

/** Staff close a case with what they did about it. Throws CASE_NOT_FOUND; resolving twice changes nothing. */
export async function resolveCase(
  deps: { table: Table; env: Env },
  input: { caseKey: string; resolution: string; staffId: string; once: Once<PaymentCase> },
): Promise<PaymentCase> {
  return decide(async () => {
    const found: Stored<PaymentCase> | undefined = await deps.table.load(paymentCases, { caseKey: input.caseKey });
    if (!found) throw new DomainError("CASE_NOT_FOUND");
    if (found.resolvedAt) {
      await deps.table.commit([paymentCases.check({ caseKey: found.caseKey }), ...input.once(found)]);
      return found;
    }
    const change = { resolvedAt: deps.env.clock.now(), resolvedBy: input.staffId, resolution: input.resolution };
    const resolved = { ...found, ...change };
    await deps.table.commit([
      paymentCases.patch({ caseKey: found.caseKey }).set(change).whenMissing("resolvedAt"),
      audited(deps.env, {
        staffId: input.staffId,
        action: "payment_case.resolve",
        target: found.caseKey,
        reason: input.resolution,
      }),
      ...input.once(resolved),
    ]);
    return resolved;
  });
}
