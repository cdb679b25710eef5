import { expect, test } from "vitest";

import type { Order } from "../../shared/order/index.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld({ concurrency: { Shop: 10, default: 4 } });
const { neighbours, campaign, formedTeam, paidSeat, join, open, team, rows, book, recount, platform, unitsLeft } =
  world;

const names = (who: string, count: number) => Array.from({ length: count }, (_, i) => `${who}${i + 1}`);
const teamCommits = (teamId: string, count: number) =>
  platform.gateway.barrier({
    count,
    match: { action: "TransactWriteItems", function: "Shop", pkPrefix: `TEAM#${teamId}` },
    timeoutMs: 25_000,
  });

test("of fifty neighbours who want the last seat one holds it, and the others leave nothing behind", async () => {
  const [li, wang, zhang] = await neighbours("李", "王", "张");
  const crowd = await neighbours(...names("邻居", 50));
  const { campaignId } = await campaign({ unitsPerStore: 30 });
  const { teamId } = await formedTeam(li!, campaignId);
  await paidSeat(wang!, teamId);
  await paidSeat(zhang!, teamId);
  const before = await unitsLeft(campaignId);

  const barrier = teamCommits(teamId, 8);
  const answers = await Promise.all(crowd.map((who) => join(who, teamId)));
  expect(await barrier.overlapped).toBeGreaterThanOrEqual(8);

  const winners = answers.filter((answer) => answer.status === 201);
  expect(winners).toHaveLength(1);
  const losers = answers.filter((answer) => answer.status !== 201);
  expect(losers.map(refusal)).toEqual(losers.map(() => ({ status: 409, code: "TEAM_FULL", facts: { campaignId } })));

  await platform.idle();
  const all = await rows();
  const crowdIds = new Set(crowd.map((who) => who.memberId));
  const ofCrowd = <T extends { memberId: string }>(entity: string) =>
    ((all.get(entity) ?? []) as unknown as T[]).filter((row) => crowdIds.has(row.memberId));
  expect(ofCrowd<Order>("Order").map((order) => order.orderId)).toEqual([winners[0]?.body.orderId]);
  expect(ofCrowd("Guard")).toHaveLength(1);
  expect(
    ((all.get("Idempotency") ?? []) as { actorId: string }[]).filter((row) => crowdIds.has(row.actorId)),
  ).toHaveLength(1);
  expect((await book()).payments).toHaveLength(3);
  expect(await team(teamId)).toMatchObject({ state: "FORMING", paid: 3, remainingInvites: 0 });
  const after = await unitsLeft(campaignId);
  expect(after.reduce((a, b) => a + b)).toBe(before.reduce((a, b) => a + b) - 1);
  await recount();
});

test("the last unit of the campaign goes to one of eight who open teams for it at once, and the others find it sold out", async () => {
  const crowd = await neighbours(...names("末位", 8));
  const { campaignId } = await campaign({ unitsPerStore: 8, totalCap: 1 });
  const barrier = platform.gateway.barrier({
    count: 8,
    match: { action: "TransactWriteItems", function: "Shop", pkPrefix: `CAP#${campaignId}` },
    timeoutMs: 25_000,
  });
  const answers = await Promise.all(crowd.map((who) => open(who, campaignId)));
  expect(await barrier.overlapped).toBe(8);
  expect(answers.map((answer) => answer.body.code ?? answer.status).sort()).toEqual([
    201,
    ...Array(7).fill("SOLD_OUT"),
  ]);
  const teams = ((await rows()).get("Team") ?? []).filter((row) => row.campaignId === campaignId);
  expect(teams).toHaveLength(1);
  await recount();
});

test("one neighbour who orders eight times at once gets one seat, and over all teams never more units than the limit", async () => {
  const [chen, ...leaders] = await neighbours("陈", ...names("团长", 9));
  const { campaignId } = await campaign({ unitsPerStore: 30, perMemberLimit: 2, invitesRequired: 1 });
  const teamIds: string[] = [];
  for (const leader of leaders) teamIds.push((await formedTeam(leader, campaignId)).teamId);
  // one unit of two is taken, in a team that is complete: nothing but the limit stands between the member and another seat
  await paidSeat(chen!, teamIds[0]!);
  expect(await team(teamIds[0]!)).toMatchObject({ state: "SUCCEEDED" });

  const barrier = platform.gateway.barrier({
    count: 8,
    match: { action: "TransactWriteItems", function: "Shop", pkPrefix: `GUARD#${campaignId}#${chen!.memberId}` },
    timeoutMs: 25_000,
  });
  const rest = teamIds.slice(1);
  const answers = await Promise.all(rest.map((teamId) => join(chen!, teamId)));
  expect(await barrier.overlapped).toBe(8);
  const won = answers.filter((answer) => answer.status === 201);
  expect(won).toHaveLength(1);
  const seat = { orderId: won[0]?.body.orderId, teamId: won[0]?.body.teamId };
  const lost = answers.filter((answer) => answer.status !== 201).map(refusal);
  expect(lost).toEqual(lost.map(() => ({ status: 409, code: "ORDER_UNPAID", facts: seat })));

  await world.pay(chen!, seat);
  const elsewhere = rest.find((teamId) => teamId !== seat.teamId)!;
  expect(refusal(await join(chen!, elsewhere))).toEqual({
    status: 409,
    code: "UNITS_LIMIT",
    facts: { limit: 2, counted: 2 },
  });
  await recount();
});
