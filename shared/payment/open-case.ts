import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { Stale, type Table, type Write } from "../table/entity.ts";
import { outbox, paymentCases } from "../table/keys.ts";
import type { PaymentCase } from "./model.ts";

type Matter = Pick<PaymentCase, "reason" | "number" | "detail"> & { orderId?: string };

/** The writes of a case for staff, for a commit of its cause. Its key is reason and number: a matter is opened once. */
export function caseWrites(env: Pick<Env, "clock" | "ids">, matter: Matter): Write[] {
  const caseKey = `${matter.reason}#${matter.number}`;
  return [
    paymentCases.create({ ...matter, caseKey, at: env.clock.now() }),
    outbox.create(
      makeEvent(env, {
        type: "payment.case_opened",
        actor: { kind: "system" },
        data: { caseKey, reason: matter.reason, number: matter.number },
      }),
    ),
  ];
}

/** Opens a case by itself; one that is open already, or was resolved, is left as it is. */
export async function openCase(deps: { table: Table; env: Env }, matter: Matter): Promise<void> {
  try {
    await deps.table.commit(caseWrites(deps.env, matter));
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
  }
}
