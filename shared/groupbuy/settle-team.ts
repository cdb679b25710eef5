import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import type { Order } from "../order/index.ts";
import { openCase, type PaymentChannel } from "../payment/index.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { outbox, seatsOfTeam, teams } from "../table/keys.ts";
import { clocks } from "./clocks.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Team } from "./model.ts";
import { settleHold } from "./settle-hold.ts";

type Deps = { table: Table; env: Env; channel: PaymentChannel };

/** done: the team has its terminal state. not_yet, undecided: come again at `at` (epoch ms). */
export type TeamOutcome = { outcome: "done"; state: Team["state"] } | { outcome: "not_yet" | "undecided"; at: number };

/**
 * Settles a team once its deadline + grace has passed: every held seat is decided with the channel first, then FAILED is one
 * write on condition that the team is still forming and nobody holds a seat. Early is a no-op; twice, or beside a last
 * payment, has one outcome: whoever's condition holds first.
 */
export async function settleTeam(deps: Deps, teamId: string): Promise<TeamOutcome> {
  const team = await deps.table.load(teams, { teamId });
  if (!team) throw new Error(`no team ${teamId}`);
  if (teamLifecycle.terminal(team.state)) return { outcome: "done", state: team.state };
  const now = deps.env.clock.now();
  const due = team.deadline === undefined ? undefined : team.deadline + clocks.grace;
  if (due === undefined || now < due) return { outcome: "not_yet", at: due ?? now + clocks.again };

  for await (const seat of seatsIn(deps.table, teamId)) if (seat.seat === "HELD") await settleHold(deps, seat.orderId);

  const decided = await decide(async () => {
    const current = await deps.table.load(teams, { teamId });
    if (current?.state !== "FORMING") return current?.state;
    if (current.held > 0) return undefined; // not decided yet, or the index has not shown the seat yet
    await deps.table.commit([
      teams
        .patch({ teamId })
        .move("state", teamLifecycle, "deadline")
        .when("held", "=", 0)
        .set({ outcome: "deadline", decidedAt: deps.env.clock.now() }),
      teamFailed(deps.env, current, "deadline"),
    ]);
    return "FAILED" as const;
  });
  if (decided) return { outcome: "done", state: decided };
  if (now >= due + clocks.alarm)
    await openCase(deps, {
      reason: "undecided",
      number: teamId,
      detail: "held seats of a team past its deadline: the channel gives no answer",
    });
  return { outcome: "undecided", at: now + clocks.again };
}

/** The seats of a team, page by page; complete only once the index has caught up: who must have all counts against the team. */
export async function* seatsIn(table: Table, teamId: string): AsyncGenerator<Stored<Order>> {
  let after: Record<string, string> | undefined;
  do {
    const page = await table.page(seatsOfTeam(teamId), { limit: 50, after });
    yield* page.items;
    after = page.next;
  } while (after);
}

/** A seat whose payment counts for the team: paid, and not left while it formed. */
export const counts = (order: Order): boolean =>
  order.disposition === "SEATED" && order.leftAt === undefined && order.seat !== "RELEASED" && order.seat !== "HELD";

export const teamFailed = (
  env: Env,
  team: Team,
  because: NonNullable<Team["outcome"]>,
  actor: { kind: "system" | "member" | "staff"; id?: string } = { kind: "system" },
) =>
  outbox.create(
    makeEvent(env, {
      type: "team.failed",
      actor,
      origin: team.origin,
      data: { teamId: team.teamId, campaignId: team.campaignId, leaderId: team.leaderId, because, paid: team.paid },
    }),
  );
