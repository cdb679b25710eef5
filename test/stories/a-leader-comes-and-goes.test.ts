import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, open, formedTeam, paidSeat, join, pay, made, order, team, events, recount } = world;
const { pass, passTo, platform } = world;
const { minute, hour, day } = world.times;

const leave = (who: Neighbour, seat: { orderId: string }) => who.post(`/v1/orders/${seat.orderId}/departure`);
const titles = async (who: Neighbour): Promise<string[]> =>
  (await made(who.get("/v1/inbox"))).items.map((message: { title: string }) => message.title);

test("a team whose leader has not paid is seen by nobody else, and is abandoned when the hold runs out", async () => {
  const [li, wang] = await neighbours("李", "王");
  const { campaignId } = await campaign({ unitsPerStore: 4 });
  const seat: Seat = await made(open(li!, campaignId));
  const hidden = { status: 404, code: "TEAM_NOT_VISIBLE" };
  const unseen = async () => {
    expect(refusal(await wang!.get(`/v1/teams/${seat.teamId}`))).toEqual(hidden);
    expect(refusal(await wang!.get(`/v1/teams/${seat.teamId}/changes`))).toEqual(hidden);
    expect(refusal(await wang!.post(`/v1/teams/${seat.teamId}/shares`))).toEqual(hidden);
  };
  await unseen();
  expect(refusal(await join(wang!, seat.teamId))).toEqual(hidden);
  expect(refusal(await li!.post(`/v1/teams/${seat.teamId}/shares`))).toEqual(hidden);
  const own = await made(li!.get(`/v1/teams/${seat.teamId}`));
  expect(own).toMatchObject({ state: "OPENING" });
  expect(own.deadline).toBeUndefined();

  await passTo(Date.parse(seat.holdUntil) + 4 * minute);
  expect(await team(seat.teamId)).toMatchObject({ state: "ABANDONED", remainingInvites: 0 });
  expect(await order(li!, seat.orderId)).toMatchObject({ seat: "RELEASED", teamState: "ABANDONED" });
  expect(refusal(await li!.post(`/v1/orders/${seat.orderId}/payment`))).toEqual({ status: 409, code: "HOLD_EXPIRED" });
  expect(await titles(li!)).toEqual(["订单已超时"]);
  await unseen();
  expect(refusal(await join(wang!, seat.teamId))).toEqual({
    status: 409,
    code: "TEAM_CLOSED",
    facts: { campaignId },
  });
  expect((await formedTeam(li!, campaignId)).teamId).not.toBe(seat.teamId);
  await recount();
});

test("the deadline is the leader's payment plus the campaign's duration, but never beyond its hard end", async () => {
  const [li, wang] = await neighbours("程", "金");
  const long = await campaign({ unitsPerStore: 4, durationMinutes: 90 });
  const lead = await formedTeam(li!, long.campaignId);
  const paidAt = Date.parse((await order(li!, lead.orderId)).payment.paidAt);
  expect(Date.parse((await team(lead.teamId)).deadline)).toBe(paidAt + 90 * minute);

  const short = await campaign({
    unitsPerStore: 4,
    durationMinutes: 24 * 60,
    at: { closesAt: hour, hardEnd: 2 * hour },
  });
  const capped = await team((await formedTeam(wang!, short.campaignId)).teamId);
  expect(capped.deadline).toBe(capped.hardEnd);
  await recount();
});

test("when a leader leaves, the earliest payer leads on with the deadline as it was", async () => {
  const [li, wang, zhang, chen, zhao] = await neighbours("孙", "钱", "周", "吴", "郑");
  const { campaignId } = await campaign({ unitsPerStore: 6 });
  const lead = await formedTeam(li!, campaignId);
  const second = await paidSeat(zhang!, lead.teamId);
  await pass(2_000);
  await paidSeat(wang!, lead.teamId);
  const { deadline } = await team(lead.teamId);
  await pass(3 * hour);

  expect((await leave(li!, lead)).status).toBe(200);
  await pass(2 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FORMING", paid: 2, remainingInvites: 2, deadline });
  expect(await order(zhang!, second.orderId)).toMatchObject({ leader: true, seat: "PAID" });
  expect((await titles(zhang!))[0]).toBe("您已成为团长");
  expect(await order(li!, lead.orderId)).toMatchObject({
    leader: false,
    seat: "REFUNDED",
    refunds: [{ cause: "left", refundFen: 800, state: "SUCCESS" }],
  });
  expect(refusal(await leave(li!, lead))).toEqual({ status: 409, code: "SEAT_STATE" });
  expect(refusal(await join(zhang!, lead.teamId))).toEqual({ status: 409, code: "TEAM_OWN" });

  // the former leader may come back as anybody may: by a new order
  const back = await paidSeat(li!, lead.teamId);
  expect(back.orderId).not.toBe(lead.orderId);
  const last = await paidSeat(chen!, lead.teamId);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 4, deadline });
  expect(refusal(await leave(chen!, last))).toEqual({ status: 409, code: "LEAVE_CLOSED" });
  expect(refusal(await join(zhao!, lead.teamId))).toEqual({ status: 409, code: "TEAM_FULL", facts: { campaignId } });
  await recount();
});

test("a team led by somebody new fails at the deadline it was opened with", async () => {
  const [li, wang] = await neighbours("何", "吕");
  const { campaignId } = await campaign({ unitsPerStore: 4, durationMinutes: 60 });
  const lead = await formedTeam(li!, campaignId);
  const seat = await paidSeat(wang!, lead.teamId);
  const { deadline } = await team(lead.teamId);
  await pass(50 * minute);
  await made(leave(li!, lead));
  await passTo(Date.parse(deadline) + 3 * minute + 1_000);
  await pass(2 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", deadline });
  expect(await order(wang!, seat.orderId)).toMatchObject({ seat: "REFUNDED" });
  await recount();
});

test("where the campaign says dissolve, the team ends with its leader's leaving and everybody is refunded", async () => {
  const [li, wang, zhang] = await neighbours("冯", "陈", "褚");
  const { campaignId } = await campaign({ unitsPerStore: 4, leaderLeaves: "dissolve" });
  const lead = await formedTeam(li!, campaignId);
  const seats = [await paidSeat(wang!, lead.teamId), await paidSeat(zhang!, lead.teamId)];
  await made(leave(li!, lead));
  await pass(2 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "leader_left", paid: 2 });
  expect((await order(li!, lead.orderId)).refunds).toMatchObject([{ cause: "left", state: "SUCCESS" }]);
  for (const [i, who] of [wang!, zhang!].entries()) {
    const now = await order(who, seats[i]!.orderId);
    expect(now).toMatchObject({ seat: "REFUNDED", refunds: [{ cause: "team_failed", state: "SUCCESS" }] });
    expect((await titles(who)).slice(0, 2)).toEqual(["退款到账", "拼团未成功"]);
  }
  await recount();
});

test("a leader who leaves with nobody else paid ends the team, and a seat still held is given back", async () => {
  const [li, wang] = await neighbours("卫", "蒋");
  const { campaignId } = await campaign({ unitsPerStore: 4 });
  const lead = await formedTeam(li!, campaignId);
  const held: Seat = await made(join(wang!, lead.teamId));
  await made(leave(li!, lead));
  await pass(2 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "leader_left", paid: 0 });
  expect(await order(li!, lead.orderId)).toMatchObject({ seat: "REFUNDED" });
  expect(refusal(await wang!.post(`/v1/orders/${held.orderId}/payment`))).toEqual({
    status: 409,
    code: "TEAM_CLOSED",
    facts: { campaignId },
  });
  await passTo(Date.parse(held.holdUntil) + 4 * minute);
  expect(await order(wang!, held.orderId)).toMatchObject({ seat: "RELEASED" });
  await recount();
});

test("a member who leaves unpaid frees the seat at once, and one who leaves paid is refunded", async () => {
  const [li, wang, zhang] = await neighbours("沈", "韩", "杨");
  const { campaignId } = await campaign({ unitsPerStore: 4, invitesRequired: 1 });
  const lead = await formedTeam(li!, campaignId);
  const held: Seat = await made(join(wang!, lead.teamId));
  expect(refusal(await join(zhang!, lead.teamId))).toMatchObject({ code: "TEAM_FULL" });
  expect((await made(leave(wang!, held))).seat).toBe("RELEASED");
  expect(await team(lead.teamId)).toMatchObject({ state: "FORMING", remainingInvites: 1 });
  const again: Seat = await made(join(zhang!, lead.teamId));
  await pay(zhang!, again);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED" });
  await recount();
});

test("a leader and the heir who leave at the same instant leave the lead to the next, or the team to its end", async () => {
  const [li, wang, zhang] = await neighbours("朱", "秦", "尤");
  const { campaignId } = await campaign({ unitsPerStore: 4 });
  const lead = await formedTeam(li!, campaignId);
  const heir = await paidSeat(wang!, lead.teamId);
  await pass(2_000);
  const third = await paidSeat(zhang!, lead.teamId);
  const both = platform.gateway.barrier({
    count: 2,
    match: { action: "TransactWriteItems", function: "Shop", pkPrefix: `TEAM#${lead.teamId}` },
    timeoutMs: 15_000,
  });
  const answers = await Promise.all([leave(li!, lead), leave(wang!, heir)]);
  expect(await both.overlapped).toBe(2);
  expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
  await pass(2 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FORMING", paid: 1, remainingInvites: 3 });
  expect(await order(zhang!, third.orderId)).toMatchObject({ leader: true });

  const alone = await Promise.all([leave(zhang!, third), leave(zhang!, third)]);
  expect(alone.map((answer) => answer.status).sort()).toEqual([200, 409]);
  await pass(day);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "leader_left", paid: 0 });
  expect((await events("team.failed")).filter((event) => event.data.teamId === lead.teamId)).toHaveLength(1);
  for (const [who, seat] of [
    [li!, lead],
    [wang!, heir],
    [zhang!, third],
  ] as const)
    expect((await order(who, seat.orderId)).refunds).toMatchObject([{ cause: "left", state: "SUCCESS" }]);
  await recount();
});
