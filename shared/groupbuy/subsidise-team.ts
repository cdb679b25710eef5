import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { type Order, soldOf } from "../order/index.ts";
import { booked } from "../payment/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { campaigns, outbox, teams } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Campaign, Team } from "./model.ts";
import { counts, seatsIn } from "./team-seats.ts";

type Deps = { table: Table; env: Env };

/** A commit holds 100 rows, and five of them are not ledger lines: team, campaign, event, audit, stored answer. */
const MOST_PAID = 95;

/**
 * Completes a forming team before its deadline at the platform's cost, without inventing anybody: its counters stay as they
 * are, each paid seat keeps the team price, and what that falls short of the price alone is booked as the order's subsidy, in
 * the same commit, on condition that team and campaign are as read. Nobody may hold a seat then: who is paying is waited for,
 * until the channel has been asked about the last held seat. Throws TEAM_NOT_FOUND, TEAM_STATE (a batch, not forming, its deadline has
 * passed, or its campaign is cancelled), TEAM_SEATS_HELD, SUBSIDY_BUDGET.
 */
export function subsidiseTeam(
  deps: Deps,
  input: { teamId: string; reason: string; staffId: string; once: Once<Stored<Team>> },
): Promise<Stored<Team>> {
  return decide(() => complete(deps, input));
}

async function complete(deps: Deps, input: Parameters<typeof subsidiseTeam>[1]): Promise<Stored<Team>> {
  const { team, campaign, now, subsidies, subsidyFen } = await planOf(deps, input.teamId);
  const { teamId, campaignId, leaderId, size, paid } = team;
  const outcome = "subsidised" as const;
  const decided = { outcome, decidedAt: now, subsidyFen };
  const completed: Stored<Team> = {
    ...team,
    ...decided,
    state: teamLifecycle.to("subsidised"),
    version: team.version + 1,
  };
  await deps.table.commit([
    // every seat that is taken, paid or left changes the team: as read, these are its seats
    teams.patch(team).asRead(team).when("held", "=", 0).move("state", teamLifecycle, "subsidised").set(decided),
    campaigns
      .patch(campaign)
      .asRead(campaign)
      .set({ subsidySpentFen: (campaign.subsidySpentFen ?? 0) + subsidyFen }),
    ...subsidies.map(({ orderId, amountFen }) =>
      booked({ orderId, kind: "subsidy", reference: teamId, amountFen, at: now }),
    ),
    outbox.create(
      makeEvent(deps.env, {
        type: "team.succeeded",
        actor: { kind: "staff", id: input.staffId },
        origin: team.origin,
        data: { teamId, campaignId, ...(leaderId && { leaderId }), outcome, size, paid, subsidyFen },
      }),
    ),
    audited(deps.env, {
      staffId: input.staffId,
      action: "team.subsidise",
      target: teamId,
      reason: input.reason,
      change: { size, paid, subsidyFen },
    }),
    ...input.once(completed),
  ]);
  return completed;
}

interface Plan {
  team: Stored<Team>;
  campaign: Stored<Campaign>;
  now: number;
  /** What the platform bears of each paid order, fen; together `subsidyFen`. */
  subsidies: { orderId: string; amountFen: number }[];
  subsidyFen: number;
}

/** What completing the team would take, as it is now; throws where it may not be completed. */
async function planOf(deps: Deps, teamId: string): Promise<Plan> {
  const team = await deps.table.load(teams, { teamId });
  if (!team) throw new DomainError("TEAM_NOT_FOUND");
  const refused = (why: string) =>
    new DomainError("TEAM_STATE", why, {
      facts: { state: team.state, ...(team.outcome && { outcome: team.outcome }) },
    });
  if (team.terms.batch) throw refused("a batch has a minimum, and no seats to complete");
  if (!teamLifecycle.allows(team.state, "subsidised")) throw refused(`the team is ${team.state}`);
  const now = deps.env.clock.now();
  if (now >= (team.deadline ?? 0)) throw refused("its deadline has passed");
  if (team.paid > MOST_PAID) throw refused(`at most ${MOST_PAID} paid seats can be booked in one commit`);
  const campaign = await deps.table.load(campaigns, { campaignId: team.campaignId });
  invariant(campaign, `team ${teamId} has its campaign`);
  if (campaign.state === "CANCELLED") throw refused("its campaign is cancelled");

  if (team.held > 0)
    throw new DomainError(
      "TEAM_SEATS_HELD",
      "they are decided with the channel when their time and the grace are over",
      {
        facts: { held: team.held },
      },
    );

  const subsidies: Plan["subsidies"] = [];
  for await (const seat of seatsIn(deps.table, teamId)) {
    if (counts(seat)) subsidies.push({ orderId: seat.orderId, amountFen: discountOf(seat) });
  }
  if (subsidies.length !== team.paid) throw new DomainError("TRY_AGAIN", "the team's seats are still being indexed");
  const subsidyFen = subsidies.reduce((sum, one) => sum + one.amountFen, 0);
  const leftFen = (campaign.subsidyBudgetFen ?? Number.POSITIVE_INFINITY) - (campaign.subsidySpentFen ?? 0);
  if (subsidyFen > leftFen)
    throw new DomainError("SUBSIDY_BUDGET", `it takes ${subsidyFen} fen, ${leftFen} are left`, {
      facts: { subsidyFen, leftFen },
    });
  return { team, campaign, now, subsidies, subsidyFen };
}

/** What the team price saves against buying alone: the discount given although the team was not full. */
function discountOf(order: Order): number {
  const { aloneFen, unitFen, units } = soldOf(order);
  return (aloneFen - unitFen) * units;
}
