import { expect } from "vitest";
import { wholeSecond } from "../../shared/kernel/time.ts";
import type { Neighbour, Seat, World } from "../stories/world.ts";
import { awake, bunches, newTally, readBack, refundsDone, sideBySide, type Tally } from "./race.ts";

/** Waves of one bunch; their deadlines lie this far apart, and all of them within the grace after the first. */
const WAVES = 10;
const APART = 10_000;
const FEN = 800;

interface Round {
  leader: Neighbour;
  last: Neighbour;
  lead: Seat;
  seat: Seat;
  deadline: number;
  /** The seat was given up and its payment closed, yet the money came through: it may have the seat again, if the team lives. */
  givenUp: boolean;
  overlapped: Promise<number>;
}

/**
 * The task of a team's deadline and the team's last payment, made a second before and heard of now, have their commits under
 * way at the same moment, `atOnce` teams together; by turns the one or the other is let go first. Each team must end in one of
 * SUCCEEDED and FAILED with everything refunded. The world needs twice `atOnce` workers of GroupDeadline and Hooks.
 */
export async function deadlineAgainstLastPayment(world: World, times: number, atOnce: number): Promise<Tally> {
  const most = WAVES * atOnce;
  const people = await sideBySide(
    Array.from({ length: 2 * Math.min(times, most) }, (_, i) => `邻居${i + 1}`),
    8,
    (name) => world.neighbour(name),
  );
  const rounds: Round[] = [];
  for (const size of bunches(times, most)) rounds.push(...(await runBunch(world, people, size, atOnce)));
  await refundsDone(world);

  const found = await readBack(world);
  const { tally, count } = newTally();
  for (const { lead, seat, givenUp, deadline, overlapped } of rounds) {
    const team = found.team(lead.teamId);
    expect(team.deadline).toBe(deadline);
    const seats = [found.order(lead.orderId), found.order(seat.orderId)].map((o) => [
      o.seat,
      o.paymentState,
      ...found.givenBack(o.orderId),
    ]);
    const ended = ["succeeded", "failed"].map((end) => found.told(`team.${end}`, lead.teamId));
    if (team.state === "SUCCEEDED") {
      expect({ paid: team.paid, seats, ended }).toEqual({
        paid: 2,
        seats: Array(2).fill(["PAID", "SUCCESS"]),
        ended: [1, 0],
      });
    } else {
      // a held seat that was paid in time is never lost
      expect({ state: team.state, givenUp, paid: team.paid, seats, ended }).toEqual({
        state: "FAILED",
        givenUp: true,
        paid: 1,
        seats: [
          ["REFUNDED", "REFUNDED", FEN],
          ["RELEASED", "REFUNDED", FEN],
        ],
        ended: [0, 1],
      });
    }
    const how = givenUp ? "of a seat given up" : "of a held seat";
    count((await overlapped) === 2, team.state === "FAILED" ? "the deadline" : `the payment ${how}`);
  }
  await world.recount();
  return tally;
}

async function runBunch(world: World, people: Neighbour[], size: number, atOnce: number): Promise<Round[]> {
  const { open, join, made, local, pass, passTo, platform, clock } = world;
  const { minute } = world.times;
  const grace = 3 * minute;
  const { campaignId } = await world.campaign({ invitesRequired: 1, durationMinutes: 20, unitsPerStore: 2 * size });
  const pairs = Array.from({ length: size }, (_, i) => [people[2 * i]!, people[2 * i + 1]!] as const);
  const wave = (i: number) => Math.floor(i / atOnce);
  const asked = await sideBySide(pairs, 8, async ([leader]) => {
    const lead: Seat = await made(open(leader, campaignId));
    return { lead, paymentNo: (await made(leader.post(`/v1/orders/${lead.orderId}/payment`))).paymentNo };
  });
  const begin = clock.now();
  const paidAt = (i: number) => begin + wave(i) * APART;
  clock.advance(wave(size - 1) * APART + 1_000);
  for (const [i, { paymentNo }] of asked.entries()) await local("wechat/pay", { paymentNo, at: paidAt(i) });
  await platform.idle();
  // a worker that had to load would keep the others waiting, and the channel tells again what it waits for longer than 5 s
  const { teamId } = asked[0]!.lead;
  await awake(world, "Hooks", 2 * atOnce);
  await world.awaken(2 * atOnce, () => platform.functions.invoke("GroupDeadline", { teamId }));
  const deadlineOf = (i: number) => wholeSecond(paidAt(i)) + 20 * minute;

  // ten minutes before the first deadline, so that every hold lasts until its team's
  await passTo(deadlineOf(0) - 10 * minute);
  const first = deadlineOf(0) + grace;
  const told = deadlineOf(size - 1) + 1_000;
  expect(told).toBeLessThan(first);
  const seated = await sideBySide(pairs, 8, async ([, last], i) => {
    const seat: Seat = await made(join(last, asked[i]!.lead.teamId));
    const { paymentNo } = await made(last.post(`/v1/orders/${seat.orderId}/payment`));
    const givenUp = i % 4 < 2;
    if (givenUp) {
      await made(last.post(`/v1/orders/${seat.orderId}/departure`));
      await local("wechat/plan", { paymentNo, notify: [{ delay: deadlineOf(i) + grace - told }] });
      await local("wechat/pay-after-close", { paymentNo, afterMs: deadlineOf(i) - 500 - clock.now() });
    }
    return { seat, paymentNo, givenUp };
  });
  // Each last payment is made a second before its deadline, and heard of when the deadline's task wakes.
  await passTo(told);
  for (const [i, { paymentNo, givenUp }] of seated.entries())
    if (!givenUp) {
      await local("wechat/plan", { paymentNo, notify: [{ delay: deadlineOf(i) + grace - clock.now() }] });
      await local("wechat/pay", { paymentNo, at: deadlineOf(i) - 1_000 });
    }

  const rounds = pairs.map(([leader, last], i): Round => {
    const { lead } = asked[i]!;
    const { overlapped } = platform.gateway.barrier({
      count: 2,
      match: { action: "TransactWriteItems", pkPrefix: `TEAM#${lead.teamId}` },
      first: { function: i % 2 === 0 ? "GroupDeadline" : "Hooks" },
      timeoutMs: 180_000,
    });
    return { leader, last, lead, ...seated[i]!, deadline: deadlineOf(i), overlapped };
  });
  for (let i = 0; i < size; i += atOnce) {
    clock.advance(Math.max(0, deadlineOf(i) + grace + 1_000 - clock.now()));
    await platform.idle(180_000);
  }
  await pass(2 * minute); // refunds are looked at after a minute
  return rounds;
}
