import { accountChanged, accountOf, readAccount } from "../commission/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { providerNumber } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { booked } from "../ledger/index.ts";
import { type ChannelShare, openCase } from "../payment/index.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { commissionsOfOrder, dues, members, orders, outbox, profitShares } from "../table/keys.ts";
import { shareLifecycle } from "./lifecycle.ts";
import type { ProfitShare } from "./model.ts";
import { payoutPolicy } from "./policy.ts";
import type { ProfitSharing } from "./ports.ts";

type Deps = { table: Table; env: Env };
type Receiver = ProfitShare["receivers"][number];
/** How one receiver's part ended: at the channel's time, epoch ms, or with its code. */
type Result = { result: "SUCCESS"; at: number } | { result: "CLOSED"; trouble: string };

/**
 * Begins the share of an order whose commissions were released: what those who chose this way have of it is set aside in the commit that
 * makes the share. Nothing where the payment is not marked for it; without receivers it is only let go. May be called again.
 */
export async function shareOut(deps: Deps, orderId: string): Promise<void> {
  const { env, table } = deps;
  await decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order?.profitSharing || order.transactionId === undefined || order.paidAt === undefined) return;
    if (await table.load(profitShares, { orderId })) return;
    const { items } = await table.page(commissionsOfOrder(orderId), { limit: 10 });
    const receivers: Receiver[] = [];
    const accounts: Write[] = [];
    for (const { memberId, state, amountFen, returnedFen } of items) {
      const account = await readAccount(deps, memberId);
      // who owes something, or has it paid out another way already, gets less
      const partFen = Math.min(amountFen - returnedFen, account.availableFen);
      if (state !== "RELEASED" || account.way !== "sharing" || partFen <= 0) continue;
      receivers.push({ memberId, amountFen: partFen, state: "PENDING" });
      accounts.push(accountChanged(account, { availableFen: -partFen, pendingFen: partFen }));
    }
    const requestedAt = env.clock.now();
    await table.commit([
      profitShares.create({
        orderId,
        transactionId: order.transactionId,
        receivers,
        state: receivers.length > 0 ? "REQUESTED" : "UNFREEZING",
        requestedAt,
        lapsesAt: order.paidAt + payoutPolicy.shareWithinMs,
      }),
      ...accounts,
      dues.create({ kind: "share", id: orderId, at: requestedAt, since: requestedAt }),
    ]);
  });
}

/** One number an order: of the parts, and of letting the rest go where nobody gets one. */
const shareNoOf = ({ orderId, state }: ProfitShare): string => providerNumber(orderId, state === "UNFREEZING" ? 2 : 1);

/**
 * Brings an order's share on by one look at the channel: asks for it, or asks what became of it, always under its one number. Answers true
 * when it is finished, else when to look again (epoch ms). What the channel refuses, a query having shown that it has no such share, is
 * available to the receivers again, who may have it transferred; then the payment is let go.
 */
export async function bringShare(deps: Deps & { sharing: ProfitSharing }, orderId: string): Promise<boolean | number> {
  const { env, table, sharing } = deps;
  const [row, order] = await Promise.all([table.load(profitShares, { orderId }), table.load(orders, { orderId })]);
  if (!row || !order || shareLifecycle.terminal(row.state)) return true;
  const now = env.clock.now();
  const named = { shareNo: shareNoOf(row), transactionId: row.transactionId };
  const asked = await sharing.queryShare(named);
  const soon = now + payoutPolicy.shareAgainMs;
  if (asked.kind === "share") return (await applyShare(deps, row, asked.share)) || soon;
  if (asked.kind !== "absent") return soon;
  if (now >= row.lapsesAt) {
    await end(deps, row, new Map(closedAll(row, "LAPSED")), "finished");
    return true;
  }
  if (order.shipping !== "SETTLED") return now + payoutPolicy.shareUnsettledMs;
  const pending = row.receivers.filter(({ state }) => state === "PENDING");
  if (row.state === "UNFREEZING") {
    const said = await sharing.unfreeze({ ...named, description: "解冻全部剩余资金" });
    if (said.kind === "share") return (await applyShare(deps, row, said.share)) || soon;
    if (said.kind !== "refused") return soon;
    // nothing is kept any more, or the channel lets it go by itself
    await end(deps, row, new Map(), "finished", said.code);
    return true;
  }
  const people = await peopleOf(deps, pending);
  for (const { memberId, openid } of people) {
    const added = await sharing.addReceiver(openid);
    if (added.kind === "refused") {
      await end(deps, row, new Map([[memberId, { result: "CLOSED", trouble: added.code }]]), "refused");
      return soon;
    }
    if (added.kind !== "ok") return soon;
  }
  const said = await sharing.share({
    ...named,
    receivers: people.map(({ openid, amountFen }) => ({ openid, amountFen })),
    description: "社区团购推广佣金",
  });
  if (said.kind === "share") return (await applyShare(deps, row, said.share)) || soon;
  // it may have been heard before this was refused: only what the channel does not have is given up
  if (said.kind === "refused" && (await sharing.queryShare(named)).kind === "absent")
    await end(deps, row, new Map(closedAll(row, said.code)), "refused");
  return soon;
}

const closedAll = ({ receivers }: ProfitShare, trouble: string): [string, Result][] =>
  receivers.filter(({ state }) => state === "PENDING").map(({ memberId }) => [memberId, { result: "CLOSED", trouble }]);

async function peopleOf({ table }: Deps, receivers: readonly Receiver[]): Promise<(Receiver & { openid: string })[]> {
  const known = new Map((await table.loadMany(members, receivers)).map(({ memberId, openid }) => [memberId, openid]));
  return receivers.map((receiver) => {
    const openid = known.get(receiver.memberId);
    invariant(openid !== undefined, `receiver ${receiver.memberId} is a member`);
    return { ...receiver, openid };
  });
}

/** Puts what the channel says of a share into our rows; told twice it changes nothing. True when it is finished by it. */
async function applyShare(deps: Deps, row: Stored<ProfitShare>, said: ChannelShare): Promise<boolean> {
  const people = await peopleOf(
    deps,
    row.receivers.filter(({ state }) => state === "PENDING"),
  );
  const of = ({ openid }: { openid: string }) => said.receivers.find((one) => one.openid === openid);
  const odd = people.find((one) => of(one)?.amountFen !== one.amountFen);
  if (odd || said.receivers.length !== people.length) {
    await openCase(deps, {
      reason: "mismatch",
      number: said.shareNo,
      orderId: row.orderId,
      detail: `the channel shares out ${said.receivers.map(({ amountFen }) => amountFen).join(" + ")} fen where ${people.map(({ amountFen }) => amountFen).join(" + ")} were asked for`,
    });
    return false;
  }
  if (said.state !== "FINISHED" || said.receivers.some(({ result }) => result === "PENDING")) {
    if (shareLifecycle.allows(row.state, "accepted")) await end(deps, row, new Map(), "accepted");
    return false;
  }
  const now = deps.env.clock.now();
  const results = people.map((one): [string, Result] => {
    const { result, failReason, finishedAt } = of(one)!;
    return [
      one.memberId,
      result === "SUCCESS" ? { result, at: finishedAt ?? now } : { result: "CLOSED", trouble: failReason ?? "CLOSED" },
    ];
  });
  await end(deps, row, new Map(results), "finished");
  return true;
}

/** Moves a share on; whose part is decided by it has it, with its ledger line, or has it available again. */
function end(
  deps: Deps,
  { orderId, state: was }: ProfitShare,
  results: ReadonlyMap<string, Result>,
  event: "accepted" | "finished" | "refused",
  trouble?: string,
): Promise<void> {
  const { env, table } = deps;
  return decide(async () => {
    const row = await table.load(profitShares, { orderId });
    if (!row || row.state !== was || !shareLifecycle.allows(row.state, event)) return;
    const writes: Write[] = [];
    const receivers: Receiver[] = [];
    for (const receiver of row.receivers) {
      const { memberId, amountFen, state } = receiver;
      const result = state === "PENDING" ? results.get(memberId) : undefined;
      if (!result) {
        receivers.push(receiver);
        continue;
      }
      const paid = result.result === "SUCCESS";
      receivers.push(
        paid ? { ...receiver, state: "PAID" } : { ...receiver, state: "CLOSED", trouble: result.trouble.slice(0, 100) },
      );
      const account = await readAccount(deps, memberId);
      writes.push(
        accountChanged(account, {
          pendingFen: -amountFen,
          ...(paid ? { paidFen: amountFen } : { availableFen: amountFen }),
        }),
        outbox.create(
          makeEvent(env, {
            type: paid ? "share.paid" : "share.failed",
            actor: { kind: "channel" },
            data: { orderId, memberId, amountFen },
          }),
        ),
      );
      if (result.result === "SUCCESS")
        writes.push(
          booked(env, {
            subject: orderId,
            kind: "payout",
            reference: `${shareNoOf(row)}#${memberId}`,
            party: accountOf(memberId),
            amountFen,
            at: result.at,
          }),
        );
    }
    // one who was refused alone is left out; the others are asked for without him
    const stays = event === "refused" && receivers.some(({ state }) => state === "PENDING");
    const patch = profitShares.patch(row).asRead(row);
    await table.commit([
      (stays ? patch : patch.move("state", shareLifecycle, event)).set({
        receivers,
        ...(trouble !== undefined && { trouble }),
        ...(event === "finished" && { settledAt: env.clock.now() }),
      }),
      ...writes,
    ]);
  });
}
