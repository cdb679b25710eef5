import { accountOf, type Bearer } from "../groupbuy/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { booked } from "../ledger/index.ts";
import { orderFacts } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { claims, dispatches, orders, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { claimLifecycle } from "./lifecycle.ts";
import type { Claim } from "./model.ts";
import { claimServedBy } from "./pay-claim.ts";

type Deps = { env: Env; table: Table };

/** Says no to a claim, with the reason that the member reads. Throws ORDER_NOT_FOUND, CLAIM_NOT_FOUND, CLAIM_STATE. */
export async function rejectClaim(
  deps: Deps,
  input: { orderId: string; storeId: string; reason: string; by: string; once: Once<Claim> },
): Promise<Claim> {
  const { env, table } = deps;
  const { orderId, storeId, reason, by, once } = input;
  return decide(async () => {
    const { order, claim } = await claimServedBy(table, orderId, { storeId });
    if (!claimLifecycle.allows(claim.state, "rejected")) throw new DomainError("CLAIM_STATE", `it is ${claim.state}`);
    const rejected: Stored<Claim> = {
      ...claim,
      state: claimLifecycle.to("rejected"),
      rejected: { by, reason, at: env.clock.now() },
    };
    await table.commit([
      claims.replace(rejected),
      audited(env, { staffId: by, action: "claim.reject", target: orderId, reason }),
      outbox.create(
        makeEvent(env, {
          type: "claim.rejected",
          actor: { kind: "staff", id: by },
          origin: order.origin,
          data: orderFacts(order),
        }),
      ),
      ...once(rejected),
    ]);
    return rejected;
  });
}

/**
 * Decides who bears what was paid first of a claim (追偿): the chain's advance is booked back from that account, once. Throws
 * ORDER_NOT_FOUND, CLAIM_NOT_FOUND, CLAIM_STATE (not paid first, or decided), SUPPLIER_NOT_FOUND, ORDER_STATE (a carrier, and none
 * brought it).
 */
export async function decideRecovery(
  deps: Deps,
  input: { orderId: string; bearer: Bearer | "carrier"; reason: string; by: string; once: Once<Claim> },
): Promise<Claim> {
  const { env, table } = deps;
  const { orderId, bearer, reason, by, once } = input;
  return decide(async () => {
    const [order, claim] = await Promise.all([table.load(orders, { orderId }), table.load(claims, { orderId })]);
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    if (!claim) throw new DomainError("CLAIM_NOT_FOUND");
    if (!claim.paid || !claimLifecycle.allows(claim.state, "decided"))
      throw new DomainError("CLAIM_STATE", `it is ${claim.state}`);
    const { storeId } = order;
    const account = bearer === "carrier" ? await carrierOf(table, orderId) : await accountOf(table, bearer, storeId);
    const { refundId, amountFen } = claim.paid;
    const at = env.clock.now();
    const decided: Stored<Claim> = {
      ...claim,
      state: claimLifecycle.to("decided"),
      recovery: { by, account, reason, at },
    };
    await table.commit([
      claims.replace(decided),
      booked(env, {
        subject: orderId,
        kind: "recovery",
        reference: refundId,
        party: account,
        amountFen,
        at,
        storeId,
      }),
      audited(env, { staffId: by, action: "claim.recover", target: orderId, reason, change: { amountFen, account } }),
      outbox.create(
        makeEvent(env, {
          type: "claim.decided",
          actor: { kind: "staff", id: by },
          origin: order.origin,
          data: { orderId, storeId, refundId, amountFen, account },
        }),
      ),
      ...once(decided),
    ]);
    return decided;
  });
}

/** The account of the carrier that brought an order; our own riders are none. Throws ORDER_STATE. */
async function carrierOf(table: Table, orderId: string): Promise<string> {
  const dispatch = await table.load(dispatches, { orderId });
  if (dispatch?.carrier === undefined) throw new DomainError("ORDER_STATE", "no carrier brought it");
  return `carrier:${dispatch.carrier}`;
}
