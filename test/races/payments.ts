import { expect } from "vitest";
import type { Neighbour, Seat, World } from "../stories/world.ts";
import { awake, bunches, newTally, readBack, refundsDone, sideBySide, type Tally } from "./race.ts";

const TIMEOUT = 180_000;
const people = (world: World, who: string, count: number) =>
  sideBySide(
    Array.from({ length: count }, (_, i) => `${who}${i + 1}`),
    8,
    (name) => world.neighbour(name),
  );
const asksPayment = async (world: World, who: Neighbour, seat: Seat): Promise<string> =>
  (await world.made(who.post(`/v1/orders/${seat.orderId}/payment`))).paymentNo;
const grace = (world: World) => 3 * world.times.minute;

/**
 * All but the leader of a team of `size` pay, and every notification's commit is under way at the same moment, `atOnce` teams
 * together: all count, and one of them completes the team. The world needs `atOnce` × (`size` − 1) workers of Hooks.
 */
export async function paymentsAtTheSameInstant(
  world: World,
  times: number,
  size: number,
  atOnce: number,
): Promise<Tally> {
  await awake(world, "Hooks", atOnce * (size - 1));
  const { tally, count } = newTally();
  const crowd = await people(world, "邻居", size * Math.min(times, atOnce));
  const teams: Seat[][] = [];
  for (const bunch of bunches(times, atOnce)) {
    const { campaignId } = await world.campaign({ invitesRequired: size - 1, unitsPerStore: size * bunch });
    const rounds = await sideBySide(Array.from({ length: bunch }), atOnce, async (_, i) => {
      const [leader, ...others] = crowd.slice(i * size, (i + 1) * size);
      const lead = await world.formedTeam(leader!, campaignId);
      const asked = await sideBySide(others, others.length, async (who) => {
        const seat: Seat = await world.made(world.join(who, lead.teamId));
        return { seat, paymentNo: await asksPayment(world, who, seat) };
      });
      return { lead, asked };
    });
    const overlaps = rounds.map(
      ({ lead }) =>
        world.platform.gateway.barrier({
          count: size - 1,
          match: { action: "TransactWriteItems", function: "Hooks", pkPrefix: `TEAM#${lead.teamId}` },
          timeoutMs: TIMEOUT,
        }).overlapped,
    );
    for (const { asked } of rounds) for (const { paymentNo } of asked) await world.local("wechat/pay", { paymentNo });
    await world.platform.idle(TIMEOUT);
    for (const overlapped of overlaps) count((await overlapped) === size - 1, "all of the payments");
    teams.push(...rounds.map(({ lead, asked }) => [lead, ...asked.map(({ seat }) => seat)]));
    await world.pass(2 * world.times.minute);
  }
  const found = await readBack(world);
  for (const seats of teams) {
    const { teamId } = seats[0]!;
    expect(found.team(teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", paid: size, held: 0 });
    expect(found.told("team.succeeded", teamId)).toBe(1);
    for (const { orderId } of seats) {
      expect(found.order(orderId)).toMatchObject({ seat: "PAID", paymentState: "SUCCESS" });
      expect(found.givenBack(orderId)).toEqual([]);
    }
  }
  await world.recount();
  return tally;
}

/**
 * A deadline rings for `rings` workers, its own timer and the sweep at once, `atOnce` teams together: each fails once, and each
 * paid seat is refunded once. The world needs `atOnce` × (`rings` + 2) workers of GroupDeadline.
 */
export async function deadlineRingsManyTimes(
  world: World,
  times: number,
  rings: number,
  atOnce: number,
): Promise<Tally> {
  const { minute } = world.times;
  const { tally, count } = newTally();
  const crowd = await people(world, "齐", 2 * Math.min(times, atOnce));
  const teams: Seat[][] = [];
  for (const bunch of bunches(times, atOnce)) {
    const { campaignId } = await world.campaign({ invitesRequired: 3, durationMinutes: 20, unitsPerStore: 2 * bunch });
    const rounds = await sideBySide(Array.from({ length: bunch }), 4, async (_, i) => {
      const lead = await world.formedTeam(crowd[2 * i]!, campaignId);
      return [lead, await world.paidSeat(crowd[2 * i + 1]!, lead.teamId)];
    });
    const teamIds = rounds.map(([lead]) => lead!.teamId);
    const deadlines = await sideBySide(teamIds, 4, async (id) => Date.parse((await world.team(id)).deadline));
    const due = Math.max(...deadlines) + grace(world);
    const overlaps = teamIds.map(
      (teamId) =>
        world.platform.gateway.barrier({
          count: rings,
          match: { action: "TransactWriteItems", pkPrefix: `TEAM#${teamId}` },
          timeoutMs: TIMEOUT,
        }).overlapped,
    );
    // late enough for the sweep of lost timers, which then rings beside the timer itself
    world.clock.advance(due + 2 * minute + 1_000 - world.clock.now());
    const { functions } = world.platform;
    const answers = await Promise.all([
      ...teamIds.flatMap((teamId) =>
        Array.from({ length: rings }, () =>
          functions.invoke("GroupDeadline", { teamId, waitUntil: new Date(due).toISOString() }),
        ),
      ),
      functions.invoke("DeadlineSweep", {}),
    ]);
    for (const answer of answers.slice(0, -1)) expect(answer).toMatchObject({ outcome: "done" });
    await world.platform.idle(TIMEOUT);
    for (const overlapped of overlaps) count((await overlapped) === rings, "one of the rings");
    teams.push(...rounds);
  }
  await refundsDone(world);
  const found = await readBack(world);
  for (const seats of teams) {
    const { teamId } = seats[0]!;
    expect(found.team(teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", paid: 2 });
    expect(found.told("team.failed", teamId)).toBe(1);
    for (const { orderId } of seats) {
      expect(found.order(orderId)).toMatchObject({ seat: "REFUNDED", paymentState: "REFUNDED" });
      expect(found.givenBack(orderId)).toEqual([800]);
    }
  }
  await world.recount();
  return tally;
}

/**
 * A notification comes `copies` times at once, as the sweep of holds asks the channel itself, `atOnce` orders together: the
 * member is seated once. The world needs `atOnce` × `copies` workers of Hooks.
 */
export async function notificationComesManyTimes(
  world: World,
  times: number,
  copies: number,
  atOnce: number,
): Promise<Tally> {
  const { minute } = world.times;
  await awake(world, "Hooks", atOnce * copies);
  const { tally, count } = newTally();
  const crowd = await people(world, "王", Math.min(times, atOnce));
  const [leader] = await people(world, "李", 1);
  const seats: Seat[] = [];
  for (const bunch of bunches(times, atOnce)) {
    const { campaignId } = await world.campaign({ invitesRequired: 20, unitsPerStore: 30 });
    const { teamId } = await world.formedTeam(leader!, campaignId);
    const rounds = await sideBySide(crowd.slice(0, bunch), 4, async (who) => {
      const seat: Seat = await world.made(world.join(who, teamId));
      const paymentNo = await asksPayment(world, who, seat);
      // the news is held up until the hold and its grace are over: then it arrives while the sweep asks the channel
      await world.local("wechat/plan", { paymentNo, notify: [{ delay: 19 * minute }, { duplicate: copies - 1 }] });
      await world.local("wechat/pay", { paymentNo });
      return seat;
    });
    await world.pass(minute);
    const overlaps = rounds.map(
      ({ orderId }) =>
        world.platform.gateway.barrier({
          count: copies,
          match: { action: "TransactWriteItems", pkPrefix: `ORDER#${orderId}` },
          timeoutMs: TIMEOUT,
        }).overlapped,
    );
    await world.pass(18 * minute + 1_000);
    for (const overlapped of overlaps) count((await overlapped) === copies, "one of the copies or the sweep");
    seats.push(...rounds);
  }
  const found = await readBack(world);
  const paid = Map.groupBy(found.of<{ subject: string; kind: string }>("Transfer"), ({ subject }) => subject);
  for (const { orderId } of seats) {
    expect(found.order(orderId)).toMatchObject({ seat: "PAID", disposition: "SEATED" });
    expect(paid.get(orderId)?.map(({ kind }) => kind)).toEqual(["payment"]);
  }
  await world.recount();
  return tally;
}

/**
 * The sweep gives an unpaid seat up in the moment the money comes through after all, `atOnce` seats together; by turns the one
 * or the other is let go first. The seat is the member's in the end, once, whichever was first: it was free again if the sweep was.
 */
export async function releaseAgainstPayment(world: World, times: number, atOnce: number): Promise<Tally> {
  const { minute } = world.times;
  await awake(world, "Hooks", atOnce);
  const { tally, count } = newTally();
  const crowd = await people(world, "孙", Math.min(times, atOnce));
  const [leader] = await people(world, "钱", 1);
  const seats: { seat: Seat; overlapped: Promise<number> }[] = [];
  for (const bunch of bunches(times, atOnce)) {
    const { campaignId } = await world.campaign({ invitesRequired: 20, unitsPerStore: 30 });
    const { teamId } = await world.formedTeam(leader!, campaignId);
    const rounds = await sideBySide(crowd.slice(0, bunch), 4, async (who, i) => {
      const seat: Seat = await world.made(world.join(who, teamId));
      const paymentNo = await asksPayment(world, who, seat);
      // the channel answers that it is closed, and is paid at once
      await world.local("wechat/pay-after-close", { paymentNo });
      const { overlapped } = world.platform.gateway.barrier({
        count: 2,
        match: { action: "TransactWriteItems", pkPrefix: `ORDER#${seat.orderId}` },
        first: { function: i % 2 === 0 ? "Hooks" : "HoldSweep" },
        timeoutMs: TIMEOUT,
      });
      return { seat, overlapped };
    });
    await world.pass(19 * minute + 1_000);
    await world.pass(2 * minute);
    seats.push(...rounds);
  }
  const found = await readBack(world);
  const released = Map.groupBy(
    found.of<{ type: string; data: { orderId: string } }>("Outbox").filter(({ type }) => type === "seat.released"),
    ({ data }) => data.orderId,
  );
  for (const { seat, overlapped } of seats) {
    expect(found.order(seat.orderId)).toMatchObject({ seat: "PAID", paymentState: "SUCCESS", disposition: "SEATED" });
    expect(found.givenBack(seat.orderId)).toEqual([]);
    count((await overlapped) === 2, released.has(seat.orderId) ? "the release" : "the payment");
  }
  await world.recount();
  return tally;
}

/**
 * A member who paid leaves in the moment the last payment completes the team, `atOnce` teams together; by turns the one or the
 * other is let go first. The member is refunded and the team goes on with a seat free, or stays in a full team.
 */
export async function leavingAgainstCompletion(world: World, times: number, atOnce: number): Promise<Tally> {
  await awake(world, "Hooks", atOnce);
  const { tally, count } = newTally();
  const crowd = await people(world, "冯", 3 * Math.min(times, atOnce));
  const rounds: { seats: Seat[]; left: number; overlapped: number }[] = [];
  for (const bunch of bunches(times, atOnce)) {
    const { campaignId } = await world.campaign({ invitesRequired: 2, unitsPerStore: 3 * bunch });
    const told = await sideBySide(Array.from({ length: bunch }), 4, async (_, i) => {
      const [leader, leaver, last] = crowd.slice(3 * i, 3 * i + 3);
      const lead = await world.formedTeam(leader!, campaignId);
      const seats = [lead, await world.paidSeat(leaver!, lead.teamId)];
      const seat: Seat = await world.made(world.join(last!, lead.teamId));
      const paymentNo = await asksPayment(world, last!, seat);
      return { seats: [...seats, seat], leaver: leaver!, paymentNo };
    });
    const ended = await Promise.all(
      told.map(async ({ seats, leaver, paymentNo }, i) => {
        const { overlapped } = world.platform.gateway.barrier({
          count: 2,
          match: { action: "TransactWriteItems", pkPrefix: `TEAM#${seats[0]!.teamId}` },
          first: { function: i % 2 === 0 ? "Hooks" : "Shop" },
          timeoutMs: TIMEOUT,
        });
        const [left] = await Promise.all([
          leaver.post(`/v1/orders/${seats[1]!.orderId}/departure`),
          world.local("wechat/pay", { paymentNo }),
        ]);
        return { seats, left: left.status, overlapped: await overlapped };
      }),
    );
    rounds.push(...ended);
    await world.platform.idle(TIMEOUT);
    await world.pass(2 * world.times.minute);
  }
  await refundsDone(world);
  const found = await readBack(world);
  for (const { seats, left, overlapped } of rounds) {
    const team = found.team(seats[0]!.teamId);
    const [, leaver, last] = seats.map(({ orderId }) => found.order(orderId));
    expect(last).toMatchObject({ seat: "PAID", disposition: "SEATED" });
    if (left === 200) {
      expect(team).toMatchObject({ state: "FORMING", paid: 2, free: 1 });
      expect(leaver).toMatchObject({ seat: "REFUNDED", paymentState: "REFUNDED" });
      expect(found.givenBack(leaver!.orderId)).toEqual([800]);
    } else {
      expect(left).toBe(409);
      expect(team).toMatchObject({ state: "SUCCEEDED", paid: 3 });
      expect(leaver).toMatchObject({ seat: "PAID", paymentState: "SUCCESS" });
      expect(found.givenBack(leaver!.orderId)).toEqual([]);
    }
    count(overlapped === 2, left === 200 ? "the leaving" : "the completion");
  }
  await world.recount();
  return tally;
}
