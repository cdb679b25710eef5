import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld();
const { neighbours, community, batch, paidSeat, team, made, ops, pass, passTo, recount, platform } = world;
const { minute, hour, day } = world.times;

const edit = (campaignId: string, change: Record<string, unknown>) =>
  ops.put(`/ops/v1/campaigns/${campaignId}`, { reason: "产地改期", ...change });
const read = async (campaignId: string) => (await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign;
const inFuture = (ms: number) => toIso(platform.clock.now() + ms);
const teamsOf = async (campaignId: string): Promise<string[]> => {
  const { communities } = await made((await neighbours("看客"))[0]!.get(`/v1/campaigns/${campaignId}`));
  return communities.map((one: { teamId: string }) => one.teamId);
};

test("a published ladder opens, is cut off and priced by what it was changed to", async () => {
  const three = await neighbours("李", "王", "张");
  const [here, there] = [await community(three), await community(three.slice(0, 1))];
  const { campaignId } = await batch([here, there], {
    tiers: [
      { fromUnits: 10, unitFen: 900 },
      { fromUnits: 20, unitFen: 800 },
    ],
    at: { opensAt: hour },
  });
  const published = await read(campaignId);
  const change = {
    opensAt: inFuture(2 * hour),
    cutOff: inFuture(6 * hour),
    pickupFrom: inFuture(day),
    minUnits: 4,
    casePack: 2,
    tiers: [
      { fromUnits: 4, unitFen: 950 },
      { fromUnits: 8, unitFen: 700 },
    ],
    communityIds: [here],
    subsidyBudgetFen: 5_000,
  };
  const { cutOff, minUnits, casePack, tiers, ...own } = change;
  const changed = await made(edit(campaignId, { ...change, version: published.version }));
  expect(changed).toMatchObject({
    ...own,
    closesAt: cutOff,
    hardEnd: cutOff,
    teamFen: 950,
    batch: { minUnits, casePack, tiers, seats: 10_000, sourced: "stock" },
  });

  await pass(hour + 2 * minute);
  expect(await read(campaignId)).toMatchObject({ state: "SCHEDULED" });
  await pass(hour);
  expect(await read(campaignId)).toMatchObject({ state: "OPEN" });
  const teamIds = await teamsOf(campaignId);
  expect(teamIds).toHaveLength(1);
  for (const [i, units] of [4, 3, 1].entries()) await paidSeat(three[i]!, teamIds[0]!, { units });
  // its communities order under these terms now
  expect(refusal(await edit(campaignId, { minUnits: 6, version: (await read(campaignId)).version }))).toEqual({
    status: 409,
    code: "CAMPAIGN_STATE",
  });
  await passTo(cutOff);
  await pass(4 * minute);
  expect(await team(teamIds[0]!)).toMatchObject({
    state: "SUCCEEDED",
    quantity: { units: 8, unitFen: 700, frozen: true },
  });
  await pass(2 * minute);
  await recount();
});

test("a batch's price follows its share, its cases can be taken away, and what breaks a rule changes nothing", async () => {
  const [li] = await neighbours("赵");
  const here = await community([li!]);
  const { campaignId } = await batch([here], { casePack: 5, at: { opensAt: hour }, sourced: "to_order" });
  const before = await read(campaignId);
  const errorsOf = async (change: Record<string, unknown>) => {
    const answer = await edit(campaignId, { version: before.version, ...change });
    expect(answer).toMatchObject({ status: 422, body: { code: "CAMPAIGN_RULE" } });
    return (answer.body.errors as { path: string; message: string }[]).map(({ path }) => path);
  };
  const refusals: [Record<string, unknown>, string][] = [
    [{ minUnits: 12 }, "minUnits"],
    [{ minUnits: 60 }, "allotments"],
    [{ shareBps: 5000 }, "shareBps"],
    [{ cutOff: inFuture(-1000) }, "cutOff"],
    [{ pickupFrom: inFuture(2 * hour) }, "pickupFrom"],
    [{ seats: 2, perMemberLimit: 2 }, "minUnits"],
    // what only the other kinds have
    [
      {
        tiers: [
          { fromUnits: 10, unitFen: 700 },
          { fromUnits: 20, unitFen: 650 },
        ],
      },
      "tiers",
    ],
    [{ invitesRequired: 3 }, "invitesRequired"],
    [{ closesAt: inFuture(3 * hour) }, "closesAt"],
    [{ deliveryFeeFen: 100 }, "deliveryFeeFen"],
  ];
  for (const [change, path] of refusals) expect(await errorsOf(change)).toContain(path);
  const unknown = await edit(campaignId, {
    version: before.version,
    communityIds: [here, here.replace(/.$/, (last) => (last === "0" ? "1" : "0"))],
  });
  expect(refusal(unknown)).toMatchObject({ code: "COMMUNITY_NOT_FOUND" });
  expect(await read(campaignId)).toEqual(before);

  const changed = await made(
    edit(campaignId, { version: before.version, shareBps: 9000, minUnits: 3, casePack: 1, sourced: "stock" }),
  );
  expect(changed).toMatchObject({ teamFen: 900, shareBps: 9000 });
  expect(changed.batch).toEqual({
    minUnits: 3,
    tiers: [{ fromUnits: 3, unitFen: 900 }],
    seats: 10_000,
    sourced: "stock",
  });
  await pass(hour + 2 * minute);
  const [teamId] = await teamsOf(campaignId);
  await paidSeat(li!, teamId!, { units: 3 });
  await passTo(changed.closesAt);
  await pass(4 * minute);
  expect(await team(teamId!)).toMatchObject({ state: "SUCCEEDED", quantity: { units: 3, unitFen: 900 } });
  await recount();
});

test("a neighbour campaign is told what only a batch has", async () => {
  const { campaignId } = await world.campaign({ at: { opensAt: hour } });
  const { version } = await read(campaignId);
  const answer = await edit(campaignId, { version, cutOff: inFuture(day), minUnits: 4 });
  expect(answer.body.errors).toEqual(
    ["minUnits", "cutOff"].map((path) => ({
      path,
      message: "is nothing of a campaign of the kind neighbour: leave it out",
    })),
  );
});
