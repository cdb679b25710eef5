import { expect, test } from "vitest";
import { forASecondSeat, forTheLastSeat, forTheLastUnitOfACampaign, forTheLastUnitOfAStore } from "../races/seats.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld({ concurrency: { Shop: 10, default: 4 } });
const { neighbours, campaign, formedTeam, paidSeat, join, recount, pass, times } = world;

test("of fifty neighbours who want the last seat one holds it, and the others leave nothing behind", async () => {
  expect(await forTheLastSeat(world, 1, 50, 8)).toMatchObject({ rounds: 1, overlapped: 1 });
});

test("the last unit of the campaign goes to one of eight who open teams for it at once, and the others find it sold out", async () => {
  expect(await forTheLastUnitOfACampaign(world, 1, 8)).toMatchObject({ rounds: 1, overlapped: 1 });
});

test("six neighbours race for the last unit: one has it, the others are told, and leave no order and no payment", async () => {
  expect(await forTheLastUnitOfAStore(world, 2, 6)).toMatchObject({ rounds: 2, overlapped: 2 });
});

test("one neighbour who orders eight times at once gets one seat", async () => {
  expect(await forASecondSeat(world, 2, 8)).toMatchObject({ rounds: 2, overlapped: 2 });
});

test("over all teams of a campaign nobody gets more units than the limit", async () => {
  const [chen, ...leaders] = await neighbours("限", "团长甲", "团长乙", "团长丙");
  const { campaignId } = await campaign({ unitsPerStore: 20, perMemberLimit: 2, invitesRequired: 1 });
  const teamIds: string[] = [];
  for (const leader of leaders) teamIds.push((await formedTeam(leader, campaignId)).teamId);
  for (const teamId of teamIds.slice(0, 2)) await paidSeat(chen!, teamId);
  expect(refusal(await join(chen!, teamIds[2]!))).toEqual({
    status: 409,
    code: "UNITS_LIMIT",
    facts: { limit: 2, counted: 2 },
  });
  await pass(2 * times.minute);
  await recount();
});
