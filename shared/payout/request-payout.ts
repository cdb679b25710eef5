import { accountChanged, readAccount } from "../commission/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { providerNumber } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Vault } from "../kernel/vault.ts";
import { decide, type Table } from "../table/entity.ts";
import { dues, members, outbox, payouts } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Payout } from "./model.ts";
import { payoutPolicy } from "./policy.ts";

/**
 * A member has available commission paid out: it is set aside in the commit that makes the payout, so that two at once can't take the same
 * money. Throws PAYOUT_AMOUNT (more than is available, or below the channel's least), PAYOUT_NAME (from 2,000 yuan on).
 */
export async function requestPayout(
  deps: { table: Table; env: Env; vault: Pick<Vault, "seal"> },
  input: { memberId: string; amountFen: number; realName?: string | undefined; once: Once<Payout> },
): Promise<Payout> {
  const { env, table } = deps;
  const { memberId, amountFen, realName } = input;
  const { leastFen, mostFen, realNameFromFen } = payoutPolicy;
  const wanted = amountFen >= realNameFromFen;
  if (wanted && realName === undefined)
    throw new DomainError("PAYOUT_NAME", undefined, { facts: { fromFen: realNameFromFen } });
  const member = await table.load(members, { memberId });
  invariant(member, `who is signed in is a member (${memberId})`);
  const sealed =
    wanted && realName !== undefined && (await deps.vault.seal(memberId, member.dataKey, "realName", realName));
  return decide(async () => {
    const account = await readAccount(deps, memberId);
    const { availableFen } = account;
    if (amountFen < leastFen || amountFen > mostFen || amountFen > availableFen)
      throw new DomainError("PAYOUT_AMOUNT", undefined, {
        facts: { amountFen, availableFen, leastFen, mostFen },
      });
    const payoutId = env.ids.next("PT");
    const at = env.clock.now();
    const made: Payout = {
      payoutId,
      memberId,
      amountFen,
      payoutNo: providerNumber(payoutId, 1),
      state: "REQUESTED",
      ...(sealed && { realName: sealed }),
      requestedAt: at,
    };
    await table.commit([
      payouts.create(made),
      accountChanged(account, { availableFen: -amountFen, pendingFen: amountFen }),
      dues.create({
        kind: "payout",
        id: payoutId,
        at: at + payoutPolicy.askAgainMs[0],
        since: at + payoutPolicy.confirmMs,
      }),
      outbox.create(
        makeEvent(env, {
          type: "payout.requested",
          actor: { kind: "member", id: memberId },
          data: { payoutId, memberId, amountFen },
        }),
      ),
      ...input.once(made),
    ]);
    return made;
  });
}
