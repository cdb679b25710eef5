import { expect } from "vitest";
import type { Order } from "../../shared/order/index.ts";
import { type Neighbour, refusal, type Seat, type World } from "../stories/world.ts";
import { awake, bunches, newTally, readBack, sideBySide, type Tally } from "./race.ts";

const TIMEOUT = 180_000;
/** Rounds that one campaign and the same neighbours serve, one after the other. */
const MOST = 10;

const commitsOf = (world: World, pkPrefix: string, count: number) =>
  world.platform.gateway.barrier({
    count,
    match: { action: "TransactWriteItems", function: "Shop", pkPrefix },
    timeoutMs: TIMEOUT,
  });
const named = (world: World, who: string, count: number) =>
  sideBySide(
    Array.from({ length: count }, (_, i) => `${who}${i + 1}`),
    8,
    (name) => world.neighbour(name),
  );
const winnerOf = (answers: { status: number }[]): number => {
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  return answers.findIndex(({ status }) => status === 201);
};
/** A member opens or joins ten times in a minute at most: one passes between bunches. */
const rest = (world: World) => world.pass(world.times.minute);

/**
 * `rivals` ask for the last seat of a team at once, `held` of them with their commits under way together: one has it, the
 * others are told TEAM_FULL and leave nothing behind. The world needs `held` workers of Shop.
 */
export async function forTheLastSeat(world: World, times: number, rivals: number, held = rivals): Promise<Tally> {
  await awake(world, "Shop", held);
  const { tally, count } = newTally();
  const crowd = await named(world, "邻居", rivals);
  const leaders = await named(world, "团长", Math.min(times, MOST));
  const wins: { teamId: string; campaignId: string; orderId: string }[] = [];
  for (const size of bunches(times, MOST)) {
    const { campaignId } = await world.campaign({ invitesRequired: 1, unitsPerStore: 3 * size, perMemberLimit: 99 });
    const teams = await sideBySide(leaders.slice(0, size), 4, (leader) => world.formedTeam(leader, campaignId));
    for (const { teamId } of teams) {
      const { overlapped } = commitsOf(world, `TEAM#${teamId}`, held);
      const answers = await Promise.all(crowd.map((who) => world.join(who, teamId)));
      const winner = winnerOf(answers);
      for (const [i, answer] of answers.entries())
        if (i !== winner) expect(refusal(answer)).toEqual({ status: 409, code: "TEAM_FULL", facts: { campaignId } });
      count((await overlapped) >= held, `rival ${winner + 1}`);
      const seat: Seat = answers[winner]!.body;
      wins.push({ teamId, campaignId, orderId: seat.orderId });
      // paid, the seat is no hindrance for another one
      await world.pay(crowd[winner]!, seat);
    }
    await rest(world);
  }
  const found = await readBack(world);
  const members = new Set(crowd.map((who) => who.memberId));
  const ours = found.of<Order>("Order").filter((order) => members.has(order.memberId));
  expect(ours.map((order) => order.orderId).sort()).toEqual(wins.map(({ orderId }) => orderId).sort());
  const keys = found.of<{ actorId: string }>("Idempotency").filter(({ actorId }) => members.has(actorId));
  expect(keys).toHaveLength(wins.length);
  for (const { teamId } of wins) expect(found.team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2, held: 0 });
  await world.recount();
  return { ...tally, won: { "one of the rivals": tally.rounds } };
}

/** `rivals` open teams at once for the one unit that a campaign has in all: one opens, the others find it sold out. */
export async function forTheLastUnitOfACampaign(world: World, times: number, rivals: number): Promise<Tally> {
  await awake(world, "Shop", rivals);
  const { tally, count } = newTally();
  const crowd = await named(world, "末位", rivals);
  const campaigns: { campaignId: string; orderId: string }[] = [];
  for (const size of bunches(times, MOST)) {
    for (let i = 0; i < size; i++) {
      const { campaignId } = await world.campaign({ unitsPerStore: rivals, totalCap: 1 });
      const { overlapped } = commitsOf(world, `CAP#${campaignId}`, rivals);
      const answers = await Promise.all(crowd.map((who) => world.open(who, campaignId)));
      const winner = winnerOf(answers);
      for (const [j, answer] of answers.entries())
        if (j !== winner) expect(refusal(answer)).toMatchObject({ status: 409, code: "SOLD_OUT" });
      count((await overlapped) === rivals, "one of the rivals");
      campaigns.push({ campaignId, orderId: answers[winner]!.body.orderId });
    }
    await rest(world);
  }
  const { of } = await readBack(world);
  const byCampaign = Map.groupBy(of<Order>("Order"), (order) => order.campaignId);
  for (const { campaignId, orderId } of campaigns)
    expect(byCampaign.get(campaignId)?.map((order) => order.orderId)).toEqual([orderId]);
  await world.recount();
  return tally;
}

/** `rivals` join one team with many seats, but no store has units left except one, one unit: the losers leave no order and no payment. */
export async function forTheLastUnitOfAStore(world: World, times: number, rivals: number): Promise<Tally> {
  await awake(world, "Shop", rivals);
  const { tally, count } = newTally();
  const crowd = await named(world, "秦", rivals);
  const [leader, member] = await named(world, "杨", 2);
  const ended: { campaignId: string; orderIds: string[] }[] = [];
  for (let round = 0; round < times; round++) {
    const { campaignId } = await world.campaign({ invitesRequired: 9, unitsPerStore: 5, perMemberLimit: 5 });
    const lead = await world.formedTeam(leader!, campaignId, { units: 5 });
    const other = await world.paidSeat(member!, lead.teamId, { units: 4 });
    expect(await world.unitsLeft(campaignId)).toEqual([0, 1]);
    const payments = (await world.book()).payments.length;
    const { overlapped } = commitsOf(world, `ALLOT#${campaignId}#${world.stores[1]}`, rivals);
    const answers = await Promise.all(crowd.map((who) => world.join(who, lead.teamId)));
    const winner = winnerOf(answers);
    for (const [j, answer] of answers.entries())
      if (j !== winner) expect(refusal(answer)).toMatchObject({ status: 409, code: "SOLD_OUT" });
    count((await overlapped) === rivals, "one of the rivals");
    expect((await world.book()).payments).toHaveLength(payments);
    expect(await world.unitsLeft(campaignId)).toEqual([0, 0]);
    ended.push({ campaignId, orderIds: [lead.orderId, other.orderId, answers[winner]!.body.orderId] });
    if (round % MOST === MOST - 1) await rest(world);
  }
  const { of } = await readBack(world);
  const byCampaign = Map.groupBy(of<Order>("Order"), (order) => order.campaignId);
  for (const { campaignId, orderIds } of ended)
    expect(
      byCampaign
        .get(campaignId)
        ?.map((order) => order.orderId)
        .sort(),
    ).toEqual(orderIds.sort());
  await world.recount();
  return tally;
}

/** One neighbour joins `teams` teams at once and gets one seat; the others answer ORDER_UNPAID and name it. */
export async function forASecondSeat(world: World, times: number, teams: number): Promise<Tally> {
  await awake(world, "Shop", teams);
  const { tally, count } = newTally();
  const leaders = await named(world, "团长", teams);
  const people = await named(world, "陈", Math.min(times, MOST));
  const seats: string[] = [];
  for (const size of bunches(times, MOST)) {
    const { campaignId } = await world.campaign({ invitesRequired: 20, unitsPerStore: 30 });
    const teamIds = await sideBySide(leaders, 4, async (who) => (await world.formedTeam(who, campaignId)).teamId);
    for (const who of people.slice(0, size)) {
      const { overlapped } = commitsOf(world, `GUARD#${campaignId}#${who.memberId}`, teams);
      const answers = await Promise.all(teamIds.map((teamId) => world.join(who, teamId)));
      const { orderId, teamId } = answers[winnerOf(answers)]!.body;
      for (const answer of answers)
        if (answer.status !== 201)
          expect(refusal(answer)).toEqual({ status: 409, code: "ORDER_UNPAID", facts: { orderId, teamId } });
      count((await overlapped) === teams, "one of the seats");
      seats.push(orderId);
    }
    await rest(world);
  }
  const { of } = await readBack(world);
  const members = new Set(people.map((who) => who.memberId));
  const ours = of<Order>("Order").filter((order) => members.has(order.memberId));
  expect(ours.map((order) => order.orderId).sort()).toEqual(seats.sort());
  await world.recount();
  return tally;
}

/** `twins` of one request with one key, all under way at once, get one seat and the same bytes. */
export async function twinsOfOneRequest(world: World, times: number, twins: number): Promise<Tally> {
  await awake(world, "Shop", twins);
  const { tally, count } = newTally();
  const [leader] = await named(world, "赵", 1);
  const people = await named(world, "周", Math.min(times, MOST));
  const seats: string[] = [];
  for (const size of bunches(times, MOST)) {
    const { campaignId } = await world.campaign({ invitesRequired: 20, unitsPerStore: 30 });
    const { teamId } = await world.formedTeam(leader!, campaignId);
    for (const who of people.slice(0, size)) {
      const { overlapped } = commitsOf(world, `GUARD#${campaignId}#${who.memberId}`, twins);
      const key = `twins-${campaignId}-${who.memberId}`;
      const answers = await Promise.all(Array.from({ length: twins }, () => world.join(who, teamId, {}, key)));
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(201);
      const replayed = answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true").length;
      count((await overlapped) === twins, `${twins - replayed} wrote, ${replayed} repeated`);
      seats.push(answers[0]!.body.orderId);
    }
    await rest(world);
  }
  const { of } = await readBack(world);
  const members = new Set(people.map((who: Neighbour) => who.memberId));
  const ours = of<Order>("Order").filter((order) => members.has(order.memberId));
  expect(ours.map((order) => order.orderId).sort()).toEqual(seats.sort());
  await world.recount();
  return tally;
}
