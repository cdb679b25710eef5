import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { day } from "../kernel/time.ts";
import { Stale, type Table } from "../table/entity.ts";
import { claims, outbox } from "../table/keys.ts";
import { aftersalePolicy, workingDaysAfter } from "./policy.ts";

/** done: it needs nothing more. again: look once more at `at`, epoch ms. */
export interface AftersaleStep {
  outcome: "done" | "again";
  at: number;
}

/**
 * The next step of a claim, from its opening to who bears it: one that nobody answered for ten working days, and one that was paid and that
 * nobody has decided on for as long, is told of once each. It ends with the decision or the refusal, and two months after it was told of
 * for good. May be called again at any time.
 */
export async function followClaim({ env, table }: { env: Env; table: Table }, orderId: string): Promise<AftersaleStep> {
  const now = env.clock.now();
  const claim = await table.load(claims, { orderId });
  if (!claim || claim.state === "REJECTED" || claim.state === "DECIDED") return { outcome: "done", at: now };
  const { state, storeId, told } = claim;
  const overdue = workingDaysAfter(claim.paid?.at ?? claim.openedAt, aftersalePolicy.alarmAfter);
  if (now < overdue) return { outcome: "again", at: overdue };
  if (told !== state)
    try {
      await table.commit([
        claims.patch(claim).asRead(claim).set({ told: state }),
        outbox.create(
          makeEvent(env, {
            type: "claim.overdue",
            actor: { kind: "system" },
            data: { orderId, storeId, state, answerBy: claim.answerBy },
          }),
        ),
      ]);
    } catch (error) {
      if (!(error instanceof Stale)) throw error; // somebody has just answered
    }
  return { outcome: now > overdue + 60 * day ? "done" : "again", at: now + day };
}
