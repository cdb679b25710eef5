import type { Env } from "../kernel/env.ts";
import { type Actor, makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { type BatchSeat, type Order, splitCases } from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import type { Write } from "../table/entity.ts";
import { outbox } from "../table/keys.ts";
import type { Team } from "./model.ts";
import { kindOf, tierAt } from "./terms.ts";

type Frozen = NonNullable<Team["frozen"]>;

/** What a batch comes to with its paid seats as they are: the quantity, the tier it reaches, and where its last case ends. */
export function frozenOf({ terms, paidUnits: units }: Team, paid: readonly Order[]): Frozen | undefined {
  if (!terms.batch || !units) return undefined;
  const { tiers, casePack } = terms.batch;
  const seats = paid.map(({ orderId, paidAt, wantedUnits: wanted, upToUnits: upTo }): BatchSeat => {
    invariant(paidAt && wanted && upTo, `paid seat ${orderId} of a batch has its time and units`);
    return { orderId, paidAt, wanted, upTo };
  });
  const split = casePack === undefined ? undefined : splitCases(seats, casePack);
  return { units, unitFen: tierAt(tiers, units).unitFen, ...(split && { split }) };
}

/** The event of a batch's success, and the row by which the reconciliation sees that whoever gets less is refunded. */
export function batchEnded(
  env: Env,
  team: Team,
  { frozen, actor, data }: { frozen: Frozen; actor: Actor; data: Record<string, string | number> },
): Write[] {
  const { teamId, campaignId, terms, origin, paid } = team;
  const { units: quantity, unitFen } = frozen;
  return [
    outbox.create(
      makeEvent(env, {
        type: "team.succeeded",
        actor,
        origin,
        data: { teamId, campaignId, kind: kindOf(terms), size: paid, quantity, unitFen, ...data },
      }),
    ),
    // some seats get less than they paid for: who begins their refunds may die
    ...(terms.batch?.casePack !== undefined || unitFen < terms.teamFen ? [reconcileRefundOf(env, teamId)] : []),
  ];
}
