import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { booked } from "../ledger/index.ts";
import { type Order, seatShare, soldOf } from "../order/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { campaigns, dues, outbox, teams, transfers } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { clocks } from "./clocks.ts";
import { batchEnded, frozenOf } from "./freeze-batch.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Campaign, Team } from "./model.ts";
import { counts, seatsIn, seatsOf } from "./team-seats.ts";

type Deps = { table: Table; env: Env };

/** A commit holds 100 rows, and five of them are not ledger lines: team, campaign, event, audit, stored answer. */
const MOST_PAID = 95;

/**
 * Completes a forming team at the platform's cost, without inventing anybody: its counters stay as they are, each paid seat keeps
 * the team price, and what that falls short of the price alone is the order's subsidy, within the campaign's budget, on condition
 * that team and campaign are as read. A neighbour team's subsidies are booked in the same commit. A batch of any size is completed
 * below its minimum, at the price of its first tier: its one write freezes what each seat gets and what that costs, and
 * `bookSubsidies` writes the lines. Nobody may hold a seat then: who is paying is waited for, until the channel has been asked about
 * the last held seat. Throws TEAM_NOT_FOUND, TEAM_STATE (not forming, its deadline has passed, its campaign is cancelled; a batch
 * without a paid unit or a whole case, or that has its minimum), TEAM_SEATS_HELD, SUBSIDY_BUDGET.
 */
export function subsidiseTeam(
  deps: Deps,
  input: { teamId: string; reason: string; staffId: string; once: Once<Stored<Team>> },
): Promise<Stored<Team>> {
  return decide(() => complete(deps, input));
}

async function complete(deps: Deps, input: Parameters<typeof subsidiseTeam>[1]): Promise<Stored<Team>> {
  const { team, campaign, now, subsidies, subsidyFen, frozen } = await planOf(deps, input.teamId);
  const { teamId, size, paid } = team;
  const outcome = "subsidised" as const;
  const decided = {
    outcome,
    decidedAt: now,
    subsidyFen,
    ...(frozen && { frozen, subsidyBooking: { seats: 0 } }),
  };
  const completed: Stored<Team> = {
    ...team,
    ...decided,
    state: teamLifecycle.to("subsidised"),
    version: team.version + 1,
  };
  const minUnits = team.terms.batch?.minUnits;
  await deps.table.commit([
    // every seat that is taken, paid or left changes the team: as read, these are its seats
    teams.patch(team).asRead(team).when("held", "=", 0).move("state", teamLifecycle, "subsidised").set(decided),
    campaigns
      .patch(campaign)
      .asRead(campaign)
      .set({ subsidySpentFen: (campaign.subsidySpentFen ?? 0) + subsidyFen }),
    ...(frozen
      ? batchWrites(deps, completed, frozen, input.staffId)
      : teamWrites(deps, completed, subsidies, input.staffId)),
    audited(deps.env, {
      staffId: input.staffId,
      action: "team.subsidise",
      target: teamId,
      reason: input.reason,
      change: { ...(minUnits === undefined ? { size } : { minUnits, units: frozen?.units }), paid, subsidyFen },
    }),
    ...input.once(completed),
  ]);
  return completed;
}

const subsidyOf = (env: Env, teamId: string, { orderId, storeId, amountFen }: Subsidy, at: number): Write =>
  booked(env, { subject: orderId, storeId, kind: "subsidy", reference: teamId, amountFen, at });

function teamWrites({ env }: Deps, team: Team, subsidies: readonly Subsidy[], staffId: string): Write[] {
  const {
    teamId,
    campaignId,
    leaderId,
    outcome = "subsidised",
    size,
    paid,
    subsidyFen = 0,
    origin,
    decidedAt = 0,
  } = team;
  return [
    ...subsidies.map((subsidy) => subsidyOf(env, teamId, subsidy, decidedAt)),
    outbox.create(
      makeEvent(env, {
        type: "team.succeeded",
        actor: { kind: "staff", id: staffId },
        origin,
        data: { teamId, campaignId, ...(leaderId && { leaderId }), outcome, size, paid, subsidyFen },
      }),
    ),
  ];
}

function batchWrites({ env }: Deps, team: Team, frozen: Frozen, staffId: string): Write[] {
  const { teamId, outcome = "subsidised", subsidyFen = 0, decidedAt: at = 0 } = team;
  return [
    dues.create({ kind: "subsidy", id: teamId, at, since: at }),
    ...batchEnded(env, team, { frozen, actor: { kind: "staff", id: staffId }, data: { outcome, subsidyFen } }),
  ];
}

type Frozen = NonNullable<Team["frozen"]>;
interface Subsidy {
  orderId: string;
  storeId: string;
  amountFen: number;
}
interface Plan {
  team: Stored<Team>;
  campaign: Stored<Campaign>;
  now: number;
  /** What the platform bears of each paid order, fen; together `subsidyFen`. */
  subsidies: Subsidy[];
  subsidyFen: number;
  /** Of a batch. */
  frozen?: Frozen;
}

/** What completing the team would take, as it is now; throws where it may not be completed. */
async function planOf(deps: Deps, teamId: string): Promise<Plan> {
  const team = await deps.table.load(teams, { teamId });
  if (!team) throw new DomainError("TEAM_NOT_FOUND");
  const { batch } = team.terms;
  const refused = (why: string, figures: Record<string, number> = {}) =>
    new DomainError("TEAM_STATE", why, {
      facts: { state: team.state, ...(team.outcome && { outcome: team.outcome }), ...figures },
    });
  if (!teamLifecycle.allows(team.state, "subsidised")) throw refused(`the team is ${team.state}`);
  const now = deps.env.clock.now();
  // a batch takes orders until its cut-off: who waits for all of them has the grace to say so
  if (now >= (team.deadline ?? 0) + (batch ? clocks.grace : 0)) throw refused("its deadline has passed");
  if (!batch && team.paid > MOST_PAID) throw refused(`at most ${MOST_PAID} paid seats can be booked in one commit`);
  const units = team.paidUnits ?? 0;
  if (batch && (units === 0 || units >= batch.minUnits))
    throw refused(units === 0 ? "nobody has paid" : "it has its minimum", { units, minUnits: batch.minUnits });
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

  const paid: Order[] = [];
  for await (const seat of seatsIn(deps.table, teamId)) if (counts(seat)) paid.push(seat);
  if (paid.length !== team.paid) throw new DomainError("TRY_AGAIN", "the team's seats are still being indexed");
  const frozen = frozenOf(team, paid);
  const subsidies = paid.flatMap((order) => subsidyIn(order, frozen) ?? []);
  if (frozen && subsidies.length === 0)
    throw refused("it comes to no whole case", { units, casePack: batch?.casePack ?? 1 });
  const subsidyFen = subsidies.reduce((sum, one) => sum + one.amountFen, 0);
  const leftFen = (campaign.subsidyBudgetFen ?? Number.POSITIVE_INFINITY) - (campaign.subsidySpentFen ?? 0);
  if (subsidyFen > leftFen)
    throw new DomainError("SUBSIDY_BUDGET", `it takes ${subsidyFen} fen, ${leftFen} are left`, {
      facts: { subsidyFen, leftFen },
    });
  return { team, campaign, now, subsidies, subsidyFen, ...(frozen && { frozen }) };
}

/**
 * What the team price saves a paid order against buying alone, the discount given although too few bought: of a batch, on the units
 * that its share comes to. Undefined of a seat that the last case leaves out.
 */
function subsidyIn(order: Order, frozen: Frozen | undefined): Subsidy | undefined {
  const sold = soldOf(order);
  const { units, unitFen } = frozen
    ? (seatShare(order, { state: "SUCCEEDED", frozen }) ?? { units: 0, unitFen: 0 })
    : sold;
  return units === 0
    ? undefined
    : { orderId: order.orderId, storeId: order.storeId, amountFen: (sold.aloneFen - unitFen) * units };
}

/**
 * Writes the ledger lines of a batch that the platform completed, a page of seats a commit, which also says where the next one
 * begins: whoever comes again goes on there. Answers whether all are written; false: `untilMs` (epoch ms) came first, or the index
 * did not show every seat, and is gone through again.
 */
export async function bookSubsidies(deps: Deps, teamId: string, untilMs: number): Promise<boolean> {
  const { env, table } = deps;
  for (;;) {
    if (env.clock.now() >= untilMs) return false;
    const going = await decide(async (): Promise<"on" | "again" | "done"> => {
      const team = await table.load(teams, { teamId });
      if (!team?.subsidyBooking || !team.frozen) return "done";
      const { subsidyBooking, frozen, decidedAt = 0 } = team;
      const page = await seatsOf(table, teamId, subsidyBooking.after);
      const due = page.items.filter(counts);
      const seats = subsidyBooking.seats + due.length;
      const subsidies = due.flatMap((order) => subsidyIn(order, frozen) ?? []);
      // only who went through them before, and found the index behind, left some that are written
      const written = await table.loadMany(
        transfers,
        subsidies.map(({ orderId }) => ({ subject: orderId, kind: "subsidy" as const, reference: teamId })),
      );
      const lines = subsidies.filter(({ orderId }) => !written.some(({ subject }) => subject === orderId));
      const whole = !page.next && seats === team.paid;
      await table.commit([
        teams
          .patch(team)
          .asRead(team)
          .set({ subsidyBooking: whole ? undefined : page.next ? { after: page.next, seats } : { seats: 0 } }),
        ...lines.map((subsidy) => subsidyOf(env, teamId, subsidy, decidedAt)),
      ]);
      return whole ? "done" : page.next ? "on" : "again";
    });
    if (going !== "on") return going === "done";
  }
}
