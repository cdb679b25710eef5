import type { Env } from "../kernel/env.ts";
import type { Order } from "../order/index.ts";
import { openCase, type PaymentChannel } from "../payment/index.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { teams } from "../table/keys.ts";
import { clocks } from "./clocks.ts";
import { batchEnded, frozenOf } from "./freeze-batch.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Team } from "./model.ts";
import { settleHold } from "./settle-hold.ts";
import { counts, seatsIn, teamFailed } from "./team-seats.ts";

type Deps = { table: Table; env: Env; channel: PaymentChannel };

/** Held seats asked about at the same time. */
const AT_ONCE = 5;

/** done: the team has its terminal state. not_yet, undecided: come again at `at` (epoch ms). */
export type TeamOutcome = { outcome: "done"; state: Team["state"] } | { outcome: "not_yet" | "undecided"; at: number };

/**
 * Settles a team once its deadline + grace has passed: every held seat is decided with the channel first, then its end is one
 * write on condition that the team is still forming and nobody holds a seat. A neighbour team fails; a batch succeeds where
 * its paid units reach the minimum. Early is a no-op; twice, or beside a last payment, has one outcome: whoever's condition
 * holds first.
 */
export async function settleTeam(deps: Deps, teamId: string): Promise<TeamOutcome> {
  const team = await deps.table.load(teams, { teamId });
  if (!team) throw new Error(`no team ${teamId}`);
  if (teamLifecycle.terminal(team.state)) return { outcome: "done", state: team.state };
  const now = deps.env.clock.now();
  const due = team.deadline === undefined ? undefined : team.deadline + clocks.grace;
  if (due === undefined || now < due) return { outcome: "not_yet", at: due ?? now + clocks.again };

  const held: string[] = [];
  if (team.held > 0)
    for await (const seat of seatsIn(deps.table, teamId)) if (seat.seat === "HELD") held.push(seat.orderId);
  // one that throws does not keep the others from being decided; it is asked about again, as the undecided are
  for (let start = 0; start < held.length; start += AT_ONCE)
    await Promise.allSettled(held.slice(start, start + AT_ONCE).map((orderId) => settleHold(deps, orderId)));

  const decided = await decide(async () => {
    const current = await deps.table.load(teams, { teamId });
    if (current?.state !== "FORMING") return current?.state;
    if (current.held > 0) return undefined; // not decided yet, or the index has not shown the seat yet
    if (current.terms.batch && (current.paidUnits ?? 0) >= current.terms.batch.minUnits) {
      const writes = await batchSucceeded(deps, current);
      if (!writes) return undefined;
      await deps.table.commit(writes);
      return "SUCCEEDED" as const;
    }
    await deps.table.commit([
      teams
        .patch({ teamId })
        .move("state", teamLifecycle, "deadline")
        .when("held", "=", 0)
        .when("paid", "=", current.paid) // as the event tells it: who refunds the seats counts them
        .set({ outcome: "deadline", decidedAt: deps.env.clock.now() }),
      ...teamFailed(deps.env, current, "deadline"),
    ]);
    return "FAILED" as const;
  });
  if (decided) return { outcome: "done", state: decided };
  // only now: a timer that comes late is no reason for staff to look, a channel that still gives no answer is
  if (now >= due + clocks.alarm)
    await openCase(deps, {
      reason: "undecided",
      number: teamId,
      detail: "held seats of a team past its deadline: the channel gives no answer",
    });
  return { outcome: "undecided", at: now + clocks.again };
}

/**
 * A batch's success: the quantity, the tier it reaches and where the last case ends are frozen in the team's one write, on
 * condition that no seat came or went since they were looked at (each changes the team's row). Undefined: the index has not
 * shown every paid seat yet.
 */
async function batchSucceeded(deps: Deps, team: Stored<Team>): Promise<Write[] | undefined> {
  const paid: Order[] = [];
  // without cases the quantity says all
  if (team.terms.batch?.casePack !== undefined) {
    for await (const seat of seatsIn(deps.table, team.teamId)) if (counts(seat)) paid.push(seat);
    if (paid.length !== team.paid) return undefined;
  }
  const frozen = frozenOf(team, paid);
  if (!frozen) return undefined;
  const outcome = "natural" as const;
  return [
    teams
      .patch(team)
      .asRead(team)
      .move("state", teamLifecycle, "reached")
      .set({ outcome, decidedAt: deps.env.clock.now(), frozen }),
    ...batchEnded(deps.env, team, { frozen, actor: { kind: "system" }, data: { outcome } }),
  ];
}
