import { compensationOf } from "../groupbuy/index.ts";
import type { Env } from "../kernel/env.ts";
import { pairId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, dayOf } from "../kernel/time.ts";
import { loadTeam, type Order } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { claims, floatDays, orders } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { claimLifecycle } from "./lifecycle.ts";
import type { Claim } from "./model.ts";
import { aftersalePolicy, type PayerKind } from "./policy.ts";

/** Who pays first: staff at an order's store, or a leader of the community whose team it is in. */
export type FirstPayer =
  | { kind: "store"; storeId: string; staffId: string }
  | { kind: "member"; communityId: string; memberId: string };

/** An order and its claim, where the payer serves the order. Throws ORDER_NOT_FOUND, CLAIM_NOT_FOUND. */
export async function claimServedBy(
  table: Table,
  orderId: string,
  payer: { storeId: string } | { communityId: string },
): Promise<{ order: Stored<Order>; claim: Stored<Claim> }> {
  const [order, claim] = await Promise.all([table.load(orders, { orderId }), table.load(claims, { orderId })]);
  const serves =
    order &&
    ("storeId" in payer
      ? order.storeId === payer.storeId
      : (await loadTeam(table, order))?.communityId === payer.communityId);
  if (!serves) throw new DomainError("ORDER_NOT_FOUND");
  if (!claim) throw new DomainError("CLAIM_NOT_FOUND");
  return { order, claim };
}

/**
 * Pays a claim first (先行赔付), at once and whoever is to bear it: out of the chain's advance, as a refund of the order, within what
 * the payer may give of one order and in a day. A claim has its pictures, so that nothing is paid without evidence; and it is paid
 * once. Throws ORDER_NOT_FOUND (not served by the payer), CLAIM_NOT_FOUND, CLAIM_STATE, CLAIM_OWN (a leader's own), FLOAT_LIMIT,
 * FLOAT_EXHAUSTED, COMPENSATION_LIMIT (more than is claimed, or than is left of the payment), ORDER_STATE, TRY_AGAIN.
 */
export async function payClaim(
  deps: { env: Env; table: Table },
  input: { orderId: string; amountFen: number; payer: FirstPayer; once: Once<Claim> },
): Promise<Claim> {
  const { env, table } = deps;
  const { orderId, amountFen, payer, once } = input;
  return decide(async () => {
    const { order, claim } = await claimServedBy(table, orderId, payer);
    if (payer.kind === "member" && payer.memberId === order.memberId) throw new DomainError("CLAIM_OWN");
    if (!claimLifecycle.allows(claim.state, "paid")) throw new DomainError("CLAIM_STATE", `it is ${claim.state}`);
    if (amountFen > claim.wantedFen)
      throw new DomainError("COMPENSATION_LIMIT", "more than is claimed", {
        facts: { amountFen, leftFen: claim.wantedFen },
      });
    const by = payer.kind === "store" ? payer.staffId : payer.memberId;
    const float = payer.kind === "store" ? `store:${payer.storeId}` : `member:${payer.memberId}`;
    const refundId = pairId("RF", orderId, order.storeId);
    const spent = await spend(deps, payer.kind, float, amountFen);
    const { writes } = await compensationOf(deps, order, {
      refundId,
      amountFen,
      account: "platform:advance",
      actor: { kind: payer.kind === "store" ? "staff" : "member", id: by },
    });
    const paid: Stored<Claim> = {
      ...claim,
      state: claimLifecycle.to("paid"),
      paid: { by, float, refundId, amountFen, at: env.clock.now() },
    };
    await table.commit([
      ...writes,
      spent,
      claims.replace(paid),
      ...(payer.kind === "store"
        ? [audited(env, { staffId: by, action: "claim.pay", target: orderId, change: { amountFen } })]
        : []),
      ...once(paid),
    ]);
    return paid;
  });
}

/**
 * The write that takes so much of what a payer may still give today, on condition that it is there: many at once take it together, and
 * no more of it than there is.
 */
async function spend(
  { env, table }: { env: Env; table: Table },
  kind: PayerKind,
  payer: string,
  amountFen: number,
): Promise<Write> {
  const { orderFen, dayFen } = aftersalePolicy.float[kind];
  if (amountFen > orderFen)
    throw new DomainError("FLOAT_LIMIT", undefined, { facts: { amountFen, leftFen: orderFen } });
  const now = env.clock.now();
  const key = { payer, day: dayOf(now) };
  const known = await table.load(floatDays, key);
  if (!known) return floatDays.create({ ...key, spentFen: amountFen, until: now + 90 * day });
  const exhausted = (spentFen: number) =>
    new DomainError("FLOAT_EXHAUSTED", undefined, { facts: { amountFen, leftFen: dayFen - spentFen } });
  if (known.spentFen + amountFen > dayFen) throw exhausted(known.spentFen);
  return floatDays
    .patch(key)
    .when("spentFen", "<=", dayFen - amountFen)
    .or((row) => exhausted(row?.spentFen ?? dayFen))
    .add({ spentFen: amountFen });
}
