import { expect, test } from "vitest";
import { siblingId } from "../../shared/kernel/ids.ts";
import { deadlineRingsManyTimes } from "../races/payments.ts";
import { openWorld, type Seat } from "./world.ts";

const world = await openWorld({ concurrency: { GroupDeadline: 10, default: 4 } });
const { neighbours, campaign, formedTeam, paidSeat, order, team, events, book, recount, pass, passTo } = world;
const { minute } = world.times;
const GRACE = 3 * minute;

const { campaignId } = await campaign({ invitesRequired: 3, durationMinutes: 60, unitsPerStore: 40 });

/** A team of four with two paid seats, and when it is due to be settled (epoch ms). */
async function halfTeam(name: string) {
  const [leader, other] = await neighbours(`${name}团长`, `${name}邻居`);
  const lead = await formedTeam(leader!, campaignId);
  const seat = await paidSeat(other!, lead.teamId);
  const due = Date.parse((await team(lead.teamId)).deadline) + GRACE;
  const seats: { who: NonNullable<typeof leader>; seat: Seat }[] = [
    { who: leader!, seat: lead },
    { who: other!, seat },
  ];
  return { teamId: lead.teamId, due, seats };
}
type HalfTeam = Awaited<ReturnType<typeof halfTeam>>;

/** It failed once, each seat was refunded once, in full, by one execution, and its member told. */
async function failedOnce({ teamId, seats }: HalfTeam) {
  await pass(2 * minute); // refunds are looked at after a minute
  expect(await team(teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", paid: 2 });
  expect((await events("team.failed")).filter((event) => event.data.teamId === teamId)).toHaveLength(1);
  const { refunds } = await book();
  for (const { who, seat } of seats) {
    const now = await order(who, seat.orderId);
    expect(now).toMatchObject({ seat: "REFUNDED", payment: { state: "REFUNDED" } });
    expect(now.refunds).toMatchObject([{ cause: "team_failed", refundFen: 800, state: "SUCCESS" }]);
    const back = refunds.filter((refund: { paymentNo: string }) => refund.paymentNo === now.payment.paymentNo);
    expect(back).toMatchObject([{ status: "SUCCESS", refundFen: 800 }]);
    expect(world.platform.machines.executions({ name: now.refunds[0].refundId })).toHaveLength(1);
    const inbox = await world.made(who.get("/v1/inbox"));
    const titles = inbox.items.map((message: { title: string }) => message.title);
    expect(titles.filter((title: string) => title === "拼团未成功" || title === "退款到账")).toEqual([
      "退款到账",
      "拼团未成功",
    ]);
  }
  await recount();
}

const timerOf = (teamId: string) => world.platform.machines.executions({ name: teamId })[0];
const states = async (action: string, body: object) => {
  const call = { service: "states", action, method: "POST", path: "/", query: new URLSearchParams(), caller: "test" };
  const answer = await world.platform.machines.service({ ...call, body: Buffer.from(JSON.stringify(body)) });
  expect(answer.status).toBe(200);
};

test("the deadline rings for four workers and the sweep at once, two teams together: one outcome, one refund a seat", async () => {
  expect(await deadlineRingsManyTimes(world, 2, 4, 2)).toMatchObject({ rounds: 2, overlapped: 2 });
});

test("a deadline rings, and once more when all is done: its members are told once, and refunded by one execution", async () => {
  const half = await halfTeam("齐");
  const input = { teamId: half.teamId, waitUntil: new Date(half.due).toISOString() };
  await passTo(half.due + 1_000);
  await failedOnce(half);
  expect(await world.platform.functions.invoke("GroupDeadline", input)).toEqual({
    teamId: half.teamId,
    outcome: "done",
  });
  await world.platform.idle(30_000);
  await failedOnce(half);
});

test("a deadline that rings early changes nothing, and the sweep settles the team at its time", async () => {
  const half = await halfTeam("早");
  const { arn, machineArn } = timerOf(half.teamId)!;
  await states("StopExecution", { executionArn: arn });
  const early = new Date(world.clock.now()).toISOString();
  const input = { teamId: half.teamId, waitUntil: early };
  const answer = await world.platform.functions.invoke("GroupDeadline", input);
  expect(answer).toEqual({ teamId: half.teamId, outcome: "not_yet", waitUntil: new Date(half.due).toISOString() });

  const name = `${half.teamId}-early`;
  await states("StartExecution", { stateMachineArn: machineArn, name, input: JSON.stringify(input) });
  await world.platform.idle(30_000);
  expect(world.platform.machines.executions({ name })).toMatchObject([{ status: "SUCCEEDED" }]);
  expect(await team(half.teamId)).toMatchObject({ state: "FORMING", paid: 2 });
  expect((await events("team.failed")).map((event) => event.data.teamId)).not.toContain(half.teamId);
  await passTo(half.due + 3 * minute);
  await failedOnce(half);
});

test("a team whose timer was lost is settled by the sweep some minutes after its deadline", async () => {
  const half = await halfTeam("失");
  await states("StopExecution", { executionArn: timerOf(half.teamId)?.arn });
  expect(timerOf(half.teamId)?.status).toBe("ABORTED");
  await passTo(half.due + minute);
  expect(await team(half.teamId)).toMatchObject({ state: "FORMING", settling: true });
  await passTo(half.due + 3 * minute);
  await failedOnce(half);
});

test("a deadline that rings an hour late settles the team at once, and asks no staff to look", async () => {
  const half = await halfTeam("迟");
  await passTo(half.due + 60 * minute);
  await failedOnce(half);
  expect(await world.casesOf(half.teamId)).toEqual([]);
});

test("refunds whose executions died before they asked for anything are begun by the reconciliation", async () => {
  const half = await halfTeam("断");
  const { machines, gateway } = world.platform;
  const fault = gateway.fault({ match: { function: "Refund" }, kind: "error500", every: 1 });
  await passTo(half.due + 1_000);
  expect(await team(half.teamId)).toMatchObject({ state: "FAILED" });
  for (const { who, seat } of half.seats) {
    const [execution] = machines.executions({ name: siblingId("RF", seat.orderId) });
    expect(execution).toMatchObject({ status: "RUNNING" });
    await states("StopExecution", { executionArn: execution!.arn });
    expect((await order(who, seat.orderId)).refunds).toEqual([]);
  }
  fault.remove();
  expect(fault.hits).toBeGreaterThan(0);
  await pass(41 * minute); // a look after half an hour, by a job of every ten minutes
  await failedOnce(half);
});

test("a platform that was started again while the timer ran, and once more as it rang, settles the team once", async () => {
  const half = await halfTeam("重");
  await world.restart();
  expect(timerOf(half.teamId)).toMatchObject({ status: "RUNNING", at: [{ state: "Wait", wakesAt: half.due }] });
  world.clock.advance(half.due + 1_000 - world.clock.now());
  await world.restart(); // what had just begun is cut off, and taken up again
  await world.platform.idle(30_000);
  await failedOnce(half);
  expect(timerOf(half.teamId)?.status).toBe("SUCCEEDED");
});
