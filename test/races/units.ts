import { expect } from "vitest";
import { minute } from "../../shared/kernel/time.ts";
import type { Neighbour, Seat, World } from "../stories/world.ts";
import { bunches, newTally, readBack, refundsDone, sideBySide, type Tally } from "./race.ts";

const TIMEOUT = 180_000;
const UNITS = 10;
/** Campaigns whose sweeps and cancellations meet together: as many as a job looks at side by side. */
const AT_ONCE_ALONE = 4;

interface Round {
  leader: Neighbour;
  member: Neighbour;
  lead: Seat;
  seat: Seat;
  overlapped: Promise<number>;
}
/** Who gives units back at the same moment, and which row both of them write. */
interface Rivals {
  /** Whether the member's seat of two units is paid before, or only held. */
  paid: boolean;
  contested(round: { campaignId: string; lead: Seat; seat: Seat }, world: World): string;
  /** The row is the campaign's, not the team's: one team a campaign. */
  alone?: true;
  /** Time that passes before, ms. */
  after?: number;
  /** Sets all of them off, of every round of the campaign. */
  meet(world: World, campaignId: string, rounds: Round[]): Promise<void>;
  /** Units that are left in the campaign in the end, of its two stores; none once it is cancelled. */
  left: "all" | "all but the leaders'" | "none";
}

const cancel = (world: World, campaignId: string) =>
  world.made(world.ops.post(`/ops/v1/campaigns/${campaignId}/cancellation`, { reason: "产地缺货" }));
const leave = ({ member, seat }: Round) => member.post(`/v1/orders/${seat.orderId}/departure`);
/** 200: it was first; 409: what it wanted was done, or is no more its to do. */
const leaveAll = async (rounds: Round[]) => {
  for (const { status } of await Promise.all(rounds.map(leave))) expect([200, 409]).toContain(status);
};
const afterTheHolds = 19 * minute;
const afterTheDeadlines = 63 * minute + 1_000;

/** Every two writers that give the same units back: each unit is back exactly once, whoever was first. */
export const givingBack: Record<string, Rivals> = {
  "a hold runs out, and its member leaves": {
    paid: false,
    contested: ({ seat }) => `ORDER#${seat.orderId}`,
    after: afterTheHolds,
    meet: async (_world, _, rounds) => leaveAll(rounds),
    left: "all but the leaders'",
  },
  "a hold runs out, and the cancelled campaign gives its units to the store": {
    paid: false,
    alone: true,
    contested: ({ campaignId }, world) => `ALLOT#${campaignId}#${world.stores[0]}`,
    after: afterTheHolds,
    meet: cancel,
    left: "none",
  },
  "a member leaves, and the campaign is cancelled": {
    paid: true,
    contested: ({ lead }) => `TEAM#${lead.teamId}`,
    async meet(world, campaignId, rounds) {
      await Promise.all([leaveAll(rounds), cancel(world, campaignId)]);
    },
    left: "none",
  },
  "a member leaves, and the deadline fails the team": {
    paid: true,
    contested: ({ lead }) => `TEAM#${lead.teamId}`,
    after: afterTheDeadlines,
    meet: async (_world, _, rounds) => leaveAll(rounds),
    left: "all",
  },
  "the deadline fails a team, and its campaign is cancelled": {
    paid: true,
    contested: ({ lead }) => `TEAM#${lead.teamId}`,
    after: afterTheDeadlines,
    meet: cancel,
    left: "none",
  },
};

/** Runs one of them, `atOnce` teams together. The world needs as many workers of Shop and GroupDeadline. */
export async function unitsGivenBack(
  world: World,
  { paid, contested, alone, after = 0, meet, left }: Rivals,
  times: number,
  atOnce: number,
): Promise<Tally> {
  const { tally, count } = newTally();
  const crowd = await sideBySide(
    Array.from({ length: 2 * Math.min(times, atOnce) }, (_, i) => `邻居${i + 1}`),
    8,
    (name) => world.neighbour(name),
  );
  const ended: Round[] = [];
  /** Has the rivals' commits held, as many teams as there are people for in a campaign. */
  const begun = async (people: readonly Neighbour[]) => {
    const teams = people.length / 2;
    const units = UNITS * teams;
    const { campaignId } = await world.campaign({ unitsPerStore: units, durationMinutes: 60 });
    const rounds = await sideBySide(Array.from({ length: teams }), 4, async (_, i): Promise<Round> => {
      const [leader, member] = [people[2 * i]!, people[2 * i + 1]!];
      const lead = await world.formedTeam(leader, campaignId);
      const seat: Seat = await world.made(world.join(member, lead.teamId, { units: 2 }));
      if (paid) await world.pay(member, seat);
      else await world.made(member.post(`/v1/orders/${seat.orderId}/payment`));
      const { overlapped } = world.platform.gateway.barrier({
        count: 2,
        match: { action: "TransactWriteItems", pkPrefix: contested({ campaignId, lead, seat }, world) },
        timeoutMs: TIMEOUT,
      });
      return { leader, member, lead, seat, overlapped };
    });
    return { campaignId, units, rounds };
  };
  for (const bunch of bunches(times, alone ? Math.min(atOnce, AT_ONCE_ALONE) : atOnce)) {
    const people = crowd.slice(0, 2 * bunch);
    const parties = alone ? Array.from({ length: bunch }, (_, i) => people.slice(2 * i, 2 * i + 2)) : [people];
    const campaigns = await sideBySide(parties, 4, begun);
    world.clock.advance(after);
    await Promise.all(campaigns.map(({ campaignId, rounds }) => meet(world, campaignId, rounds)));
    await world.platform.idle(TIMEOUT);
    await refundsDone(world);
    await world.pass(3 * minute);
    for (const { campaignId, units, rounds } of campaigns) {
      const all = left === "none" ? 0 : units;
      const leaders = left === "all but the leaders'" ? rounds.length : 0;
      expect(await world.unitsLeft(campaignId)).toEqual([all - leaders, all]);
      ended.push(...rounds);
      // what is left goes to the store before the next campaign
      if (left !== "none") await cancel(world, campaignId);
    }
    if (left !== "none") {
      await refundsDone(world);
      await world.pass(3 * minute);
    }
  }
  const found = await readBack(world);
  for (const { lead, seat, overlapped } of ended) {
    expect(found.order(seat.orderId).seat).toBe(paid ? "REFUNDED" : "RELEASED");
    expect(found.givenBack(seat.orderId)).toEqual(paid ? [1_600] : []);
    expect(found.givenBack(lead.orderId)).toEqual([800]);
    const team = found.team(lead.teamId);
    expect(team.state).toBe("FAILED");
    expect(found.told("team.failed", lead.teamId)).toBe(1);
    count((await overlapped) === 2, `${team.outcome}, ${team.paid} paid`);
  }
  await world.recount();
  return tally;
}
