import { expect, test } from "vitest";
import { openWorld, type Seat } from "./world.ts";

const world = await openWorld({ concurrency: { Hooks: 10, default: 4 } });
const { neighbours, campaign, formedTeam, join, made, local, order, team, events, recount, platform } = world;

/** Everybody's payment reaches us with all their commits under way at once. */
async function payTogether(seats: { who: Parameters<typeof join>[0]; seat: Seat }[], teamId: string): Promise<number> {
  const numbers = await Promise.all(
    seats.map(async ({ who, seat }) => (await made(who.post(`/v1/orders/${seat.orderId}/payment`))).paymentNo),
  );
  await world.awaken(seats.length, () => world.call("POST", "/hooks/wechat/pay"));
  const barrier = platform.gateway.barrier({
    count: seats.length,
    match: { action: "TransactWriteItems", function: "Hooks", pkPrefix: `TEAM#${teamId}` },
    timeoutMs: 25_000,
  });
  await Promise.all(numbers.map((paymentNo) => local("wechat/pay", { paymentNo })));
  const overlapped = await barrier.overlapped;
  await platform.idle();
  return overlapped;
}

test("two payments that fill a team of three at the same instant complete it once, ten times over", async () => {
  const people = await neighbours(...Array.from({ length: 30 }, (_, i) => `邻居${i + 1}`));
  const { campaignId } = await campaign({ invitesRequired: 2, unitsPerStore: 30 });
  for (let round = 0; round < 10; round++) {
    const [leader, ...others] = people.slice(round * 3, round * 3 + 3);
    const lead = await formedTeam(leader!, campaignId);
    const seats = await Promise.all(
      others.map(async (who) => ({ who, seat: (await made(join(who, lead.teamId))) as Seat })),
    );
    expect(await payTogether(seats, lead.teamId)).toBe(2);
    expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", paid: 3 });
    for (const { who, seat } of [{ who: leader!, seat: lead }, ...seats])
      expect(await order(who, seat.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [] });
  }
  const succeeded = (await events("team.succeeded")).map((event) => event.data.teamId);
  expect(succeeded).toHaveLength(10);
  expect(new Set(succeeded).size).toBe(10);
  await recount();
});

test("eight payments that fill a team of nine at the same instant all count, and the last completes it", async () => {
  const [leader, ...others] = await neighbours(...Array.from({ length: 9 }, (_, i) => `九人团${i + 1}`));
  const { campaignId } = await campaign({ invitesRequired: 8, unitsPerStore: 12 });
  const lead = await formedTeam(leader!, campaignId);
  const seats = await Promise.all(
    others.map(async (who) => ({ who, seat: (await made(join(who, lead.teamId))) as Seat })),
  );
  expect(await payTogether(seats, lead.teamId)).toBe(8);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 9 });
  const succeeded = (await events("team.succeeded")).filter((event) => event.data.teamId === lead.teamId);
  expect(succeeded).toHaveLength(1);
  for (const { who, seat } of seats) expect(await order(who, seat.orderId)).toMatchObject({ seat: "CONFIRMED" });
  await recount();
});
