import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 1_000 });
const { neighbours, join, pay, formedTeam, paidSeat, order, team, money, events, made, local } = world;
const { ops, pass, passTo, recount, platform, rows, book } = world;
const { minute } = world.times;
const GRACE = 3 * minute;

const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 10, ...more });

const completion = (teamId: string, key?: string) =>
  ops.post(`/ops/v1/teams/${teamId}/subsidised-completion`, { reason: "首团扶持" }, key);
/** Holds the next two commits on a team until both have come. */
const meeting = (teamId: string) =>
  platform.gateway.barrier({
    count: 2,
    match: { action: "TransactWriteItems", pkPrefix: `TEAM#${teamId}` },
    timeoutMs: 60_000,
  });
const subsidyLines = async (orderId: string) =>
  (await money(orderId)).transfers.filter((line: { kind: string }) => line.kind === "subsidy");

test("three of four have paid: the platform bears the fourth's discount, visibly, and nobody is invented", async () => {
  const [li, wang, zhang, chen] = await neighbours("李", "王", "张", "陈");
  const { campaignId } = await campaign();
  const lead = await formedTeam(li!, campaignId);
  const second = await paidSeat(wang!, lead.teamId, { units: 2 });
  const third = await paidSeat(zhang!, lead.teamId);
  const orderCount = (await rows()).get("Order")!.length;
  const { version: _, ...forming } = await team(lead.teamId);

  const answer = await completion(lead.teamId, "completion-once");
  expect(answer).toMatchObject({ status: 200, body: { subsidyFen: 800 } });
  await platform.idle();
  expect(await team(lead.teamId)).toMatchObject({
    ...forming,
    state: "SUCCEEDED",
    outcome: "subsidised",
    paid: 3,
    size: 4,
    held: 0,
    remainingInvites: 0,
    subsidisedSeats: 1,
    subsidyFen: 800,
  });
  expect((await rows()).get("Order")).toHaveLength(orderCount);

  for (const [who, seat, units] of [
    [li!, lead, 1],
    [wang!, second, 2],
    [zhang!, third, 1],
  ] as const) {
    expect(await order(who, seat.orderId)).toMatchObject({ seat: "CONFIRMED", payableFen: 800 * units, refunds: [] });
    expect(await money(seat.orderId)).toMatchObject({ balanceFen: 1000 * units });
    expect(await subsidyLines(seat.orderId)).toMatchObject([
      { debit: "platform:subsidy", credit: `order:${seat.orderId}`, amountFen: 200 * units, reference: lead.teamId },
    ]);
    expect((await made(who.get("/v1/inbox"))).items[0]).toMatchObject({ title: "拼团成功" });
  }
  expect((await made(li!.get("/v1/inbox"))).items[0].body).toContain("差额由平台补贴");
  expect((await made(li!.get(`/v1/teams/${lead.teamId}`))).subsidisedSeats).toBe(1);
  const [event] = await events("team.succeeded");
  expect(event).toMatchObject({ actor: { kind: "staff" }, data: { outcome: "subsidised", paid: 3, subsidyFen: 800 } });

  // asked again, the answer is the same; asked anew, there is nothing to complete any more
  expect((await completion(lead.teamId, "completion-once")).text).toBe(answer.text);
  const facts = { state: "SUCCEEDED", outcome: "subsidised" };
  expect(refusal(await completion(lead.teamId))).toEqual({ status: 409, code: "TEAM_STATE", facts });
  expect(refusal(await join(chen!, lead.teamId))).toMatchObject({ status: 409, code: "TEAM_CLOSED" });
  expect(refusal(await li!.post(`/v1/orders/${lead.orderId}/departure`))).toMatchObject({ code: "LEAVE_CLOSED" });
  expect(await made(li!.post(`/v1/orders/${lead.orderId}/pickup-code`))).toMatchObject({ orderId: lead.orderId });

  await passTo(Date.parse(forming.deadline) + GRACE + 3 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "subsidised", paid: 3 });
  expect((await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign.subsidySpentFen).toBe(800);
  const { items } = await made(ops.get(`/ops/v1/audit?day=${toIso(platform.clock.now() - 86_400_000).slice(0, 10)}`));
  expect(items.filter((row: { action: string }) => row.action === "team.subsidise")).toMatchObject([
    { target: lead.teamId, reason: "首团扶持" },
  ]);
  expect((await book()).refunds).toEqual([]);
  await recount();
});

test("a team without a paid leader, a failed one and one that nobody knows can't be completed", async () => {
  const [li] = await neighbours("钱");
  const { campaignId } = await campaign({ durationMinutes: 30 });
  const opening: Seat = await made(world.open(li!, campaignId));
  expect(refusal(await completion(opening.teamId))).toEqual({
    status: 409,
    code: "TEAM_STATE",
    facts: { state: "OPENING" },
  });
  await pay(li!, opening);
  await passTo((await team(opening.teamId)).deadline);
  // past its deadline it is no longer for staff to decide, though it still forms
  expect(refusal(await completion(opening.teamId))).toMatchObject({ code: "TEAM_STATE", facts: { state: "FORMING" } });
  await pass(GRACE + minute);
  expect(refusal(await completion(opening.teamId))).toMatchObject({ code: "TEAM_STATE", facts: { state: "FAILED" } });
  expect(refusal(await completion("TM01KASWB3Q8W5CJ7T2N9RXEH4"))).toEqual({ status: 404, code: "TEAM_NOT_FOUND" });
  await pass(2 * minute);
  await recount();
});

test("a neighbour who is paying is waited for: a paid seat counts, one run out does not, and its late money goes back", async () => {
  const [li, wang, zhang] = await neighbours("孙", "周", "吴");
  const { campaignId } = await campaign();
  const lead = await formedTeam(li!, campaignId);
  const paying: Seat = await made(join(wang!, lead.teamId));
  const idle: Seat = await made(join(zhang!, lead.teamId));
  const { paymentNo } = await made(zhang!.post(`/v1/orders/${idle.orderId}/payment`));
  const held = (count: number) => ({ status: 409, code: "TEAM_SEATS_HELD", facts: { held: count } });
  expect(refusal(await completion(lead.teamId))).toEqual(held(2));
  await pay(wang!, paying);
  expect(refusal(await completion(lead.teamId))).toEqual(held(1));
  await passTo(Date.parse(idle.holdUntil) + minute);
  // in the grace its payment may still be on its way
  expect(refusal(await completion(lead.teamId))).toEqual(held(1));
  await pass(GRACE);
  await pass(minute);
  expect(await made(completion(lead.teamId))).toMatchObject({
    outcome: "subsidised",
    paid: 2,
    held: 0,
    subsidisedSeats: 2,
    subsidyFen: 400,
  });
  expect(await order(wang!, paying.orderId)).toMatchObject({ seat: "CONFIRMED" });
  await local("wechat/pay-after-close", { paymentNo, afterMs: 0 });
  await platform.idle();
  await pass(2 * minute);
  expect(await order(zhang!, idle.orderId)).toMatchObject({
    seat: "RELEASED",
    payment: { disposition: "ORPHAN", state: "REFUNDED" },
  });
  expect(await money(idle.orderId)).toMatchObject({ balanceFen: 0 });
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "subsidised", paid: 2 });
  await recount();
});

test("completions never cost more than the campaign's budget, two at once neither", async () => {
  const [li, wang, zhang] = await neighbours("郑", "冯", "褚");
  const { campaignId } = await campaign({ subsidyBudgetFen: 500 });
  const teams = await Promise.all([li!, wang!, zhang!].map((who) => formedTeam(who, campaignId, { units: 2 })));
  const [first, second, third] = teams.map((seat) => seat.teamId) as [string, string, string];
  await made(completion(third));
  // 400 of 500 fen are spent, 400 are asked for: neither fits
  const refused = await Promise.all([first, second].map((teamId) => completion(teamId)));
  for (const answer of refused)
    expect(refusal(answer)).toEqual({ status: 409, code: "SUBSIDY_BUDGET", facts: { subsidyFen: 400, leftFen: 100 } });

  const [chen, wei, jiang] = await neighbours("陈", "卫", "蒋");
  const other = await campaign({ subsidyBudgetFen: 500 });
  const pair = await Promise.all([chen!, wei!].map((who) => formedTeam(who, other.campaignId, { units: 2 })));
  await world.awaken(2, () => team(first));
  const both = platform.gateway.barrier({
    count: 2,
    match: { action: "TransactWriteItems", pkPrefix: `CAMPAIGN#${other.campaignId}` },
    timeoutMs: 60_000,
  });
  const answers = await Promise.all(pair.map((seat) => completion(seat.teamId)));
  expect(await both.overlapped).toBe(2);
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
  expect(refusal(answers.find((answer) => answer.status === 409)!)).toMatchObject({ code: "SUBSIDY_BUDGET" });
  const fresh = await formedTeam(jiang!, other.campaignId);
  expect(refusal(await completion(fresh.teamId))).toMatchObject({ facts: { subsidyFen: 200, leftFen: 100 } });
  await recount();
});

test("a completion and the last payment under way at once leave one outcome, four times over", async () => {
  const people = await neighbours(...Array.from({ length: 8 }, (_, i) => `末席${i + 1}`));
  const { campaignId } = await campaign({ invitesRequired: 1, unitsPerStore: 20 });
  await world.awaken(3, () => world.call("POST", "/hooks/wechat/pay"));
  for (let round = 0; round < 4; round++) {
    const [leader, last] = [people[2 * round]!, people[2 * round + 1]!];
    const lead = await formedTeam(leader, campaignId);
    const seat: Seat = await made(join(last, lead.teamId));
    const { paymentNo } = await made(last.post(`/v1/orders/${seat.orderId}/payment`));
    // a held seat is waited for; given up and paid after all, it is there to be taken again as long as the team forms
    expect(refusal(await completion(lead.teamId))).toMatchObject({ code: "TEAM_SEATS_HELD" });
    await made(last.post(`/v1/orders/${seat.orderId}/departure`));
    const barrier = meeting(lead.teamId);
    const [answer] = await Promise.all([
      completion(lead.teamId),
      local("wechat/pay-after-close", { paymentNo, afterMs: 0 }),
    ]);
    expect(await barrier.overlapped).toBe(2);
    await platform.idle();
    await pass(2 * minute);

    const { state, outcome, paid } = await team(lead.teamId);
    const [own, other] = [await order(leader, lead.orderId), await order(last, seat.orderId)];
    const subsidies = await subsidyLines(lead.orderId);
    expect({ state, leader: own.seat }).toEqual({ state: "SUCCEEDED", leader: "CONFIRMED" });
    if (outcome === "natural") {
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 409, code: "TEAM_STATE" });
      expect({ paid, last: other.seat, refunds: other.refunds, subsidies }).toEqual({
        paid: 2,
        last: "CONFIRMED",
        refunds: [],
        subsidies: [],
      });
    } else {
      expect({ outcome, status: answer.status, paid }).toEqual({
        outcome: "subsidised",
        status: 200,
        paid: 1,
      });
      expect(other).toMatchObject({ seat: "RELEASED", payment: { state: "REFUNDED", disposition: "ORPHAN" } });
      expect(subsidies).toMatchObject([{ amountFen: 200 }]);
    }
  }
  await recount();
});

test("a completion asked for before the deadline and the deadline's task under way at once leave one outcome", async () => {
  const people = await neighbours("甲", "乙", "丙");
  const { campaignId } = await campaign({ invitesRequired: 1, durationMinutes: 20 });
  const leads = await Promise.all(people.map((who) => formedTeam(who, campaignId)));
  const deadlines = await Promise.all(leads.map(async (lead) => Date.parse((await team(lead.teamId)).deadline)));
  await passTo(Math.min(...deadlines) - 5 * minute);
  const barriers = leads.map((lead) => meeting(lead.teamId));
  const answers = Promise.all(leads.map((lead) => completion(lead.teamId)));
  await expect.poll(() => barriers.map((barrier) => barrier.arrived), { timeout: 60_000 }).toEqual([1, 1, 1]);
  await passTo(Math.max(...deadlines) + GRACE + 1000);
  expect(await Promise.all(barriers.map((barrier) => barrier.overlapped))).toEqual([2, 2, 2]);
  await pass(2 * minute);

  for (const [i, answer] of (await answers).entries()) {
    const lead = leads[i]!;
    const { state, outcome } = await team(lead.teamId);
    const seat = await order(people[i]!, lead.orderId);
    const subsidies = await subsidyLines(lead.orderId);
    if (answer.status === 200) {
      expect({ state, outcome }).toEqual({ state: "SUCCEEDED", outcome: "subsidised" });
      expect(seat).toMatchObject({ seat: "CONFIRMED", refunds: [] });
      expect(subsidies).toMatchObject([{ amountFen: 200 }]);
    } else {
      expect(refusal(answer)).toMatchObject({ status: 409, code: "TEAM_STATE" });
      expect({ state, outcome, subsidies }).toEqual({ state: "FAILED", outcome: "deadline", subsidies: [] });
      expect(seat).toMatchObject({ seat: "REFUNDED", refunds: [{ cause: "team_failed", refundFen: 800 }] });
    }
  }
  await recount();
});

test("a batch below its minimum is completed within the budget: whole cases at the first price, each unit's cost booked once", async () => {
  const [li, wang, zhao, wu] = await neighbours("批李", "批王", "批赵", "批吴");
  const communities = [await world.community([li!, wang!]), await world.community([zhao!, wu!])];
  const { campaignId, teamIds } = await world.batch(communities, {
    minUnits: 8,
    casePack: 4,
    tiers: [
      { fromUnits: 8, unitFen: 800 },
      { fromUnits: 16, unitFen: 700 },
    ],
    subsidyBudgetFen: 1000,
    perMemberLimit: 9,
  });
  const [low, full] = teamIds as [string, string];
  const facts = (units: number, more = {}) => ({ state: "FORMING", units, ...more });
  expect(refusal(await completion(low))).toEqual({ status: 409, code: "TEAM_STATE", facts: facts(0, { minUnits: 8 }) });
  const more = await paidSeat(li!, low, { units: 3, upToUnits: 4 });
  const held: Seat = await made(join(wang!, low, { units: 2 }));
  expect(refusal(await completion(low))).toMatchObject({ code: "TEAM_SEATS_HELD" });
  await pay(wang!, held);
  // two units make no case, four would cost 800 fen, and with eight it succeeds by itself
  const first = await paidSeat(zhao!, full, { units: 2 });
  expect(refusal(await completion(full))).toMatchObject({ facts: facts(2, { casePack: 4 }) });
  await paidSeat(wu!, full, { units: 6 });
  expect(refusal(await completion(full))).toMatchObject({ code: "TEAM_STATE", facts: facts(8, { minUnits: 8 }) });

  await passTo((await team(low)).batch.cutOff);
  const answers = await Promise.all([completion(low, "batch-once"), completion(low, "batch-once"), completion(low)]);
  // whichever comes first: the one request, sent twice, or the other one
  expect([
    [200, 200, 409],
    [409, 409, 200],
  ]).toContainEqual(answers.map(({ status }) => status));
  await platform.idle();
  expect(await team(low)).toMatchObject({
    state: "SUCCEEDED",
    outcome: "subsidised",
    paid: 2,
    subsidisedUnits: 3,
    subsidyFen: 800,
    quantity: { units: 5, unitFen: 800, frozen: true },
  });
  const inbox: { title: string; body: string }[] = (await made(li!.get("/v1/inbox"))).items;
  expect(inbox.find(({ title }) => title === "截单成功")?.body).toContain("差额由平台补贴");
  await pass(5 * minute);
  expect(await team(low)).toMatchObject({ state: "SUCCEEDED", outcome: "subsidised" });
  expect(await team(full)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", quantity: { units: 8 } });
  // five wanted and one more taken make one case of four: the earlier payment gets its three, the later one
  expect(await subsidyLines(more.orderId)).toMatchObject([{ amountFen: 600, reference: low }]);
  expect(await subsidyLines(held.orderId)).toMatchObject([{ amountFen: 200 }]);
  expect(await subsidyLines(first.orderId)).toEqual([]);
  expect(await order(li!, more.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [{ refundFen: 800 }] });
  expect(await order(wang!, held.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [{ refundFen: 800 }] });
  expect((await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign.subsidySpentFen).toBe(800);
  await recount();

  const [qian, sun] = await neighbours("批钱", "批孙");
  const other = await world.batch([await world.community([qian!, sun!])], { subsidyBudgetFen: 799 });
  const dear = other.teamIds[0]!;
  await paidSeat(qian!, dear, { units: 4 });
  expect(refusal(await completion(dear))).toMatchObject({
    code: "SUBSIDY_BUDGET",
    facts: { subsidyFen: 800, leftFen: 799 },
  });
  await passTo(Date.parse((await team(dear)).batch.cutOff) + GRACE + minute);
  expect(await team(dear)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  await pass(2 * minute);
  await recount();
});
