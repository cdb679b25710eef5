import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, open, formedTeam, paidSeat, team, made, ops, pass, passTo, recount, platform } = world;
const { minute, hour, day } = world.times;

const edit = (campaignId: string, change: Record<string, unknown>) =>
  ops.put(`/ops/v1/campaigns/${campaignId}`, change);
const read = async (campaignId: string) => (await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign;
const reason = "延长活动";
const inFuture = (ms: number) => toIso(platform.clock.now() + ms);

test("a campaign that is put off closes and settles at its new moments, and one brought forward at its own", async () => {
  const [li, wang, zhang, chen] = await neighbours("李", "王", "张", "陈");
  const { campaignId } = await campaign({
    unitsPerStore: 10,
    invitesRequired: 1,
    durationMinutes: 600,
    at: { closesAt: 2 * hour, hardEnd: 3 * hour },
  });
  const early = await formedTeam(li!, campaignId);
  const published = await read(campaignId);
  const later = { closesAt: inFuture(5 * hour), hardEnd: inFuture(6 * hour) };
  const edited = await made(edit(campaignId, { ...later, version: published.version, reason }));
  expect(edited).toMatchObject({ ...later, state: "OPEN", version: published.version + 1 });
  // the team lives no longer than it was opened for
  expect((await team(early.teamId)).deadline).toBe(published.hardEnd);

  await passTo(Date.parse(published.closesAt) + 2 * minute);
  expect(await read(campaignId)).toMatchObject({ state: "OPEN" });
  const fresh = await formedTeam(wang!, campaignId);
  expect((await team(fresh.teamId)).deadline).toBe(later.hardEnd);
  await passTo(Date.parse(published.hardEnd) + 8 * minute);
  expect(await team(early.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  expect(await read(campaignId)).toMatchObject({ state: "OPEN" });

  // brought forward again, to half an hour from now; the moment given up finds nothing to do
  const sooner = { closesAt: inFuture(30 * minute) };
  await made(edit(campaignId, { ...sooner, version: edited.version, reason: "提前截止" }));
  await pass(32 * minute);
  expect(await read(campaignId)).toMatchObject({ state: "CUTOFF", closesAt: sooner.closesAt });
  expect(refusal(await open(chen!, campaignId))).toMatchObject({ code: "CAMPAIGN_NOT_OPEN" });
  await paidSeat(zhang!, fresh.teamId);
  expect(await team(fresh.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  expect(
    refusal(await edit(campaignId, { name: "太晚了", version: (await read(campaignId)).version, reason })),
  ).toEqual({
    status: 409,
    code: "CAMPAIGN_STATE",
  });
  await passTo(Date.parse(later.hardEnd) + 8 * minute);
  await pass(2 * minute);
  expect(await read(campaignId)).toMatchObject({ state: "SETTLED" });
  await recount();
});

test("what can't change is refused with the reason, what breaks a rule with the figures, and nothing of it is written", async () => {
  const [li] = await neighbours("赵");
  const { campaignId } = await campaign({ unitsPerStore: 10, totalCap: 10, subsidyBudgetFen: 400, perMemberLimit: 4 });
  const lead = await formedTeam(li!, campaignId, { units: 2 });
  await made(ops.post(`/ops/v1/teams/${lead.teamId}/subsidised-completion`, { reason: "首团扶持" }));
  const before = await read(campaignId);
  const other = await world.newArticle({ name: "土豆" });
  const refused = async (change: Record<string, unknown>) => {
    const answer = await edit(campaignId, { reason, version: before.version, ...change });
    expect(answer).toMatchObject({ status: 422, body: { code: "CAMPAIGN_RULE" } });
    return answer.body.errors as { path: string; message: string }[];
  };
  const refusals = {
    articleId: { articleId: other.articleId },
    kind: { kind: "ladder" },
    opensAt: { opensAt: inFuture(hour) },
    hardEnd: { hardEnd: inFuture(4 * day) },
    totalCap: { totalCap: 1 },
    subsidyBudgetFen: { subsidyBudgetFen: 399 },
    closesAt: { closesAt: inFuture(-1000) },
    shareBps: { shareBps: 5000 },
    pickupUntil: { pickupUntil: inFuture(hour) },
    allotments: { invitesRequired: 40 },
  };
  for (const [field, change] of Object.entries(refusals))
    expect((await refused(change)).map((error) => error.path)).toContain(field);
  expect(await refused({ totalCap: 1 })).toEqual([
    { path: "totalCap", message: "2 units are held or sold: it must be at least that" },
  ]);
  expect((await refused({ articleId: other.articleId, kind: "ladder" })).map((error) => error.path)).toEqual([
    "articleId",
    "kind",
  ]);
  expect(await read(campaignId)).toEqual(before);

  // what stays the same is no change; a version that is not the last is refused
  expect(await made(edit(campaignId, { articleId: before.articleId, reason, version: before.version }))).toEqual(
    before,
  );
  const named = await made(edit(campaignId, { name: "周末邻里团", totalCap: 2, reason, version: before.version }));
  expect(named).toMatchObject({ name: "周末邻里团", totalCap: 2, subsidySpentFen: 400 });
  expect(refusal(await edit(campaignId, { name: "别的", reason, version: before.version }))).toEqual({
    status: 409,
    code: "VERSION_CONFLICT",
  });
  // two units are sold and two is the cap now
  expect(refusal(await open((await neighbours("钱"))[0]!, campaignId))).toMatchObject({ code: "SOLD_OUT" });
  const { items } = await made(ops.get(`/ops/v1/audit?day=${toIso(platform.clock.now()).slice(0, 10)}&limit=50`));
  const audits = items.filter((row: { action: string; target: string }) => row.action === "campaign.edit");
  expect(JSON.parse(audits[0].change)).toEqual({
    before: { name: "有机青菜邻里团", totalCap: 10 },
    after: { name: "周末邻里团", totalCap: 2 },
  });
  await recount();
});

test("a published campaign that has not opened yet may be opened at another time", async () => {
  const [li] = await neighbours("孙");
  const { campaignId } = await campaign({ unitsPerStore: 10, at: { opensAt: hour } });
  const { version } = await read(campaignId);
  await made(edit(campaignId, { opensAt: inFuture(2 * hour), reason, version }));
  await pass(hour + 2 * minute);
  expect(refusal(await open(li!, campaignId))).toMatchObject({ code: "CAMPAIGN_NOT_OPEN" });
  await pass(hour);
  expect(await read(campaignId)).toMatchObject({ state: "OPEN" });
  await formedTeam(li!, campaignId);
  await recount();
});
