import { accountChanged, accountOf, readAccount } from "../commission/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import type { Vault } from "../kernel/vault.ts";
import { booked } from "../ledger/index.ts";
import { type ChannelTransfer, openCase } from "../payment/index.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { members, outbox, payouts } from "../table/keys.ts";
import { payoutLifecycle } from "./lifecycle.ts";
import type { Payout } from "./model.ts";
import { payoutPolicy } from "./policy.ts";
import type { PayoutChannel } from "./ports.ts";

type Deps = { table: Table; env: Env };

/**
 * Brings a payout on by one look at the channel: asks for it, or asks what became of it, always under its one number. Answers true
 * when it is decided, else when to look again (epoch ms). What the channel refuses fails, once a query has shown that it has no such
 * transfer; an account that lacks the money is waited for, and staff are told.
 */
export async function bringPayout(
  deps: Deps & { payouts: PayoutChannel; vault: Pick<Vault, "open"> },
  payoutId: string,
): Promise<boolean | number> {
  const { env, table } = deps;
  const payout = await table.load(payouts, { payoutId });
  if (!payout || payoutLifecycle.terminal(payout.state)) return true;
  const asked = await deps.payouts.queryTransfer(payout.payoutNo);
  // a query does not tell what the member confirms with; the same request under the same number does
  const unheard =
    asked.kind === "transfer" && asked.transfer.state === "WAIT_USER_CONFIRM" && payout.packageInfo === undefined;
  const answer = asked.kind === "absent" || unheard ? await ask(deps, payout) : asked;
  switch (answer.kind) {
    case "transfer":
      return (await applyTransfer(deps, payout, answer.transfer)) || again(env, payout);
    case "unknown":
      // whoever asks may have been heard
      if (payoutLifecycle.allows(payout.state, "timedOut"))
        await write(deps, payouts.patch(payout).asRead(payout).move("state", payoutLifecycle, "timedOut"));
      return again(env, payout);
    case "notEnough":
      await write(deps, payouts.patch(payout).asRead(payout).set({ trouble: "NOT_ENOUGH" }));
      await openCase(deps, {
        reason: "payout_not_enough",
        number: payout.payoutNo,
        detail: "the merchant account lacks the money for a payout: top it up, it goes on by itself",
      });
      return again(env, payout);
    case "refused":
      // only what the channel has never had may be given up on its word
      if (asked.kind !== "absent") return again(env, payout);
      await settle(deps, payout, "failed", { trouble: answer.code });
      return true;
    case "busy":
      return again(env, payout);
  }
}

async function ask(
  deps: Deps & { payouts: PayoutChannel; vault: Pick<Vault, "open"> },
  payout: Stored<Payout>,
): ReturnType<PayoutChannel["transfer"]> {
  const { memberId, payoutNo, amountFen, realName } = payout;
  const member = await deps.table.load(members, { memberId });
  invariant(member, `payout ${payout.payoutId} has its member`);
  return deps.payouts.transfer({
    payoutNo,
    amountFen,
    openid: member.openid,
    remark: "推广佣金",
    ...(realName && { realName: await deps.vault.open(memberId, member.dataKey, "realName", realName) }),
  });
}

const again = ({ clock }: Env, { requestedAt }: Payout): number => {
  const now = clock.now();
  const { askAgainMs } = payoutPolicy;
  return now + (askAgainMs.find((ms) => ms > now - requestedAt) ?? askAgainMs.at(-1)!);
};

/** Writes what makes no difference if somebody else was first. */
async function write({ table }: Deps, change: Write): Promise<void> {
  await decide(() => table.commit([change])).catch((error) => {
    if (!(error instanceof Error && error.name === "DomainError")) throw error;
  });
}

/** Puts what the channel says of a transfer into our rows; told twice, or late, it changes nothing. True when it is decided by it. */
export async function applyTransfer(deps: Deps, payout: Stored<Payout>, said: ChannelTransfer): Promise<boolean> {
  if (said.amountFen !== payout.amountFen) {
    await openCase(deps, {
      reason: "mismatch",
      number: payout.payoutNo,
      detail: `the channel transfers ${said.amountFen} fen for a payout of ${payout.amountFen}`,
    });
    return false;
  }
  if (said.state === "SUCCESS") await settle(deps, payout, "succeeded", said);
  else if (said.state === "FAIL" || said.state === "CANCELLED")
    await settle(deps, payout, "failed", { ...said, trouble: said.failReason ?? said.state });
  else {
    await decide(async () => {
      const known = await deps.table.load(payouts, payout);
      if (!known || payoutLifecycle.terminal(known.state)) return;
      const moves = payoutLifecycle.allows(known.state, "accepted");
      // a channel that first said PROCESSING gives what the member confirms with only later
      if (!moves && (said.packageInfo === undefined || said.packageInfo === known.packageInfo)) return;
      const patch = payouts.patch(known).asRead(known);
      await deps.table.commit([
        (moves ? patch.move("state", payoutLifecycle, "accepted") : patch).set({
          channelTransferId: said.channelTransferId,
          trouble: undefined,
          ...(said.packageInfo !== undefined && { packageInfo: said.packageInfo }),
        }),
        // told once there is something to confirm it with
        ...(said.packageInfo !== undefined && known.packageInfo === undefined
          ? [told(deps, "payout.waits", known)]
          : []),
      ]);
    });
    return false;
  }
  return true;
}

const told = ({ env }: Deps, type: string, { payoutId, memberId, amountFen }: Payout): Write =>
  outbox.create(makeEvent(env, { type, actor: { kind: "channel" }, data: { payoutId, memberId, amountFen } }));

/** The end of a payout: what was set aside is gone, with its ledger line, or is available again. */
function settle(
  deps: Deps,
  { payoutId }: Payout,
  event: "succeeded" | "failed",
  said: { channelTransferId?: string; updatedAt?: number; trouble?: string },
): Promise<void> {
  const { env, table } = deps;
  return decide(async () => {
    const payout = await table.load(payouts, { payoutId });
    if (!payout || !payoutLifecycle.allows(payout.state, event)) return;
    const { memberId, amountFen, payoutNo } = payout;
    const account = await readAccount(deps, memberId);
    const settledAt = said.updatedAt ?? env.clock.now();
    await table.commit([
      payouts
        .patch(payout)
        .asRead(payout)
        .move("state", payoutLifecycle, event)
        .set({
          settledAt,
          packageInfo: undefined,
          trouble: said.trouble,
          ...(said.channelTransferId !== undefined && { channelTransferId: said.channelTransferId }),
        }),
      ...(event === "succeeded"
        ? [
            accountChanged(account, { pendingFen: -amountFen, paidFen: amountFen }),
            booked(env, {
              subject: payoutId,
              kind: "payout",
              reference: payoutNo,
              party: accountOf(memberId),
              amountFen,
              at: settledAt,
            }),
          ]
        : [accountChanged(account, { pendingFen: -amountFen, availableFen: amountFen })]),
      told(deps, event === "succeeded" ? "payout.paid" : "payout.failed", payout),
    ]);
  });
}
