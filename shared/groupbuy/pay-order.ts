import type { Env } from "../kernel/env.ts";
import { providerNumber } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { loadTeam, nameOf, type Order } from "../order/index.ts";
import { type PaymentChannel, type PaymentParameters, paymentLifecycle, reconcilePaymentOf } from "../payment/index.ts";
import { decide, loadLasting, Stale, type Stored, type Table } from "../table/entity.ts";
import { members, orders, paymentAttempts } from "../table/keys.ts";
import type { Team } from "./model.ts";
import { settlePayment } from "./settle-payment.ts";

type Deps = { table: Table; env: Env; channel: PaymentChannel };

/** What the mini-program needs to ask for the money, and until when (epoch ms) it may. */
export interface Payable {
  order: Order;
  parameters: PaymentParameters;
  expiresAt: number;
}

/**
 * Asks the channel to take a held seat's money, and again under the same number with identical parameters each time: the
 * row is the intent, its number is fixed before the call. A new number exists only once the last one is CLOSED by query.
 * Throws PAYMENT_PAID, HOLD_EXPIRED, SEAT_STATE, PAYMENT_UNKNOWN (ask again), PAYMENT_REFUSED.
 */
export async function payOrder(deps: Deps, orderId: string): Promise<Payable> {
  for (let round = 0; round < 3; round++) {
    const { order, team, openid } = await payable(deps, orderId);
    const expiresAt = team ? Math.min(order.holdUntil, team.deadline ?? team.terms.hardEnd) : order.holdUntil;
    if (deps.env.clock.now() >= expiresAt) throw new DomainError("HOLD_EXPIRED");
    const asked = await deps.channel.prepay({
      paymentNo: order.paymentNo,
      description: descriptionOf(order, team),
      amountFen: order.payableFen,
      openid,
      expiresAt,
      ...(order.profitSharing && { profitSharing: true }),
    });
    switch (asked.kind) {
      case "ok": {
        await noteState(deps, order, "prepaid");
        return { order, parameters: deps.channel.payParameters(asked.prepayId), expiresAt };
      }
      case "paid":
        await settleByQuery(deps, order.paymentNo);
        throw new DomainError("PAYMENT_PAID");
      case "closed":
        await nextAttempt(deps, order);
        continue;
      case "refused":
        throw new DomainError("PAYMENT_REFUSED", `${asked.code}: ${asked.message}`);
      default:
        await noteState(deps, order, "timedOut");
        throw new DomainError("PAYMENT_UNKNOWN");
    }
  }
  throw new DomainError("PAYMENT_UNKNOWN");
}

/** What the member reads in the bill. */
const descriptionOf = (order: Order, team: Team | undefined): string =>
  `${team ? `${team.terms.name} ` : ""}${nameOf(order)}×${order.units}`;

async function payable(
  deps: Deps,
  orderId: string,
): Promise<{ order: Stored<Order>; team: Team | undefined; openid: string }> {
  const order = await deps.table.load(orders, { orderId });
  if (!order) throw new DomainError("ORDER_NOT_FOUND");
  if (order.seat === "RELEASED") throw new DomainError("HOLD_EXPIRED");
  if (order.seat !== "HELD") throw new DomainError("PAYMENT_PAID");
  const [team, member] = await Promise.all([
    loadTeam(deps.table, order),
    loadLasting(deps.table, members, { memberId: order.memberId }),
  ]);
  invariant(member && (team || order.teamId === undefined), `order ${orderId} has its team and member`);
  if (team && team.state !== "OPENING" && team.state !== "FORMING")
    throw new DomainError("TEAM_CLOSED", undefined, { facts: { campaignId: team.campaignId } });
  return { order, team, openid: member.openid };
}

/** Keeps what the channel said; what has moved on meanwhile (a payment, a release) is left as it is. */
async function noteState(deps: Deps, order: Stored<Order>, event: "prepaid" | "timedOut"): Promise<void> {
  if (!paymentLifecycle.allows(order.paymentState, event)) return;
  try {
    await deps.table.write(
      orders
        .patch({ orderId: order.orderId })
        .when("paymentNo", "=", order.paymentNo)
        .move("paymentState", paymentLifecycle, event),
    );
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
  }
}

/** Settles a payment that the channel reports, if its query says so too. */
async function settleByQuery(deps: Deps, paymentNo: string): Promise<void> {
  const asked = await deps.channel.query(paymentNo);
  if (asked.kind === "transaction" && (asked.transaction.state === "SUCCESS" || asked.transaction.state === "REFUND"))
    await settlePayment(deps, asked.transaction);
}

/** The order closed under us at the channel: only a query that says CLOSED allows the next number. */
async function nextAttempt(deps: Deps, order: Stored<Order>): Promise<void> {
  const asked = await deps.channel.query(order.paymentNo);
  if (asked.kind !== "transaction" || asked.transaction.state !== "CLOSED") throw new DomainError("PAYMENT_UNKNOWN");
  await decide(async () => {
    const current = await deps.table.load(orders, { orderId: order.orderId });
    if (current?.seat !== "HELD" || current.paymentNo !== order.paymentNo) return;
    const attempt = current.attempt + 1;
    await deps.table.commit([
      paymentAttempts.create({
        orderId: current.orderId,
        memberId: current.memberId,
        paymentNo: current.paymentNo,
        attempt: current.attempt,
        paymentState: "CLOSED",
        payableFen: current.payableFen,
      }),
      orders
        .patch({ orderId: current.orderId })
        .when("paymentNo", "=", current.paymentNo)
        .when("seat", "=", "HELD")
        .whenIn("paymentState", ["CREATED", "UNKNOWN", "PREPAID"])
        .set({
          paymentNo: providerNumber(current.orderId, attempt),
          attempt,
          paymentState: "CREATED",
        }),
      reconcilePaymentOf(deps.env, current.paymentNo),
    ]);
  });
}
