import { expect, test } from "vitest";
import { type Neighbour, openWorld, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, formedTeam, paidSeat, join, made, local, order, team, recount, platform } = world;
const { pass, passTo, clock, book } = world;
const { minute } = world.times;

const titles = async (who: Neighbour): Promise<string[]> =>
  (await made(who.get("/v1/inbox"))).items.map((message: { title: string }) => message.title);
const departure = (who: Neighbour, seat: Seat) => made(who.post(`/v1/orders/${seat.orderId}/departure`));
const payment = async (who: Neighbour, seat: Seat): Promise<string> =>
  (await made(who.post(`/v1/orders/${seat.orderId}/payment`))).paymentNo;

test("the fourth payment of a team of three, for a hold that had expired, is refunded by itself and the member is told", async () => {
  const [li, wang, zhang, chen] = await neighbours("李", "王", "张", "陈");
  const { campaignId } = await campaign({ invitesRequired: 2, unitsPerStore: 10 });
  const lead = await formedTeam(li!, campaignId);
  const expired: Seat = await made(join(wang!, lead.teamId));
  const paymentNo = await payment(wang!, expired);
  // the money is on its way when the close is answered, and arrives after the seat was given to somebody else
  await local("wechat/pay-after-close", { paymentNo, afterMs: 5 * minute });
  await passTo(Date.parse(expired.holdUntil) + 4 * minute);
  expect(await order(wang!, expired.orderId)).toMatchObject({ seat: "RELEASED", payment: { state: "CLOSED" } });
  await paidSeat(zhang!, lead.teamId);
  await paidSeat(chen!, lead.teamId);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 3 });

  await pass(6 * minute);
  const late = await order(wang!, expired.orderId);
  expect(late).toMatchObject({ seat: "RELEASED", payment: { state: "REFUNDED", disposition: "ORPHAN" } });
  expect(late.refunds).toMatchObject([{ cause: "orphan", refundFen: 800, state: "SUCCESS" }]);
  expect(await titles(wang!)).toEqual(["退款到账", "付款未能占座", "订单已超时"]);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 3 });
  await recount();
});

test("money that comes through after its close takes a seat again while one is free, with its unit and its place", async () => {
  const [li, wang] = await neighbours("孙", "钱");
  const { campaignId } = await campaign({ invitesRequired: 1, unitsPerStore: 1 });
  const lead = await formedTeam(li!, campaignId);
  const seat: Seat = await made(join(wang!, lead.teamId));
  const paymentNo = await payment(wang!, seat);
  await departure(wang!, seat);
  await local("wechat/pay-after-close", { paymentNo });
  await platform.idle();
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  expect(await order(wang!, seat.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [] });
  expect(await world.unitsLeft(campaignId)).toEqual([0, 0]);
  await recount();
});

test("a payment made before the deadline counts, though every notification of it is lost or comes long after", async () => {
  const [li, wang, zhang, chen] = await neighbours("周", "吴", "郑", "冯");
  const { campaignId } = await campaign({ invitesRequired: 1, durationMinutes: 20, unitsPerStore: 10 });
  const silent = await formedTeam(li!, campaignId);
  const slow = await formedTeam(zhang!, campaignId);
  await pass(10 * minute);
  const plans = [
    { who: wang!, lead: silent, notify: [{ drop: 16 }] },
    { who: chen!, lead: slow, notify: [{ delay: 20 * minute }] },
  ];
  const seats: Seat[] = [];
  for (const { who, lead, notify } of plans) {
    const seat: Seat = await made(join(who, lead.teamId));
    const paymentNo = await payment(who, seat);
    await local("wechat/plan", { paymentNo, notify });
    await local("wechat/pay", { paymentNo });
    seats.push(seat);
  }
  await platform.idle();
  for (const { lead } of plans) expect(await team(lead.teamId)).toMatchObject({ state: "FORMING", paid: 1 });

  const { deadline } = await team(slow.teamId);
  await passTo(Date.parse(deadline) + minute);
  expect(await team(slow.teamId)).toMatchObject({ state: "FORMING", settling: true });
  // the channel does not answer the question: nothing is decided on that
  await local("wechat/fault", { match: { op: "query" }, kind: "500-before", times: 50 });
  await passTo(Date.parse(deadline) + 3 * minute + 30_000);
  for (const { lead } of plans) expect(await team(lead.teamId)).toMatchObject({ state: "FORMING", settling: true });
  await local("wechat/clear-faults", {});
  await pass(2 * minute);
  for (const [i, { who, lead }] of plans.entries()) {
    expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", paid: 2 });
    expect(await order(who, seats[i]!.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [] });
  }
  await pass(20 * minute); // the slow notification finds everything done
  expect((await world.events("team.succeeded")).filter((e) => e.data.teamId === slow.teamId)).toHaveLength(1);
  await recount();
});

test("a payment counts up to a second before the deadline, not at the deadline and not after it", async () => {
  const boundaries = [
    { second: -1, counts: true },
    { second: 0, counts: false },
    { second: 1, counts: false },
  ];
  const people = await neighbours(...boundaries.flatMap(({ second }) => [`团长${second}`, `邻居${second}`]));
  const { campaignId } = await campaign({ invitesRequired: 1, durationMinutes: 20, unitsPerStore: 10 });
  const cases: { lead: Seat; seat: Seat; who: Neighbour; leader: Neighbour; success: number; counts: boolean }[] = [];
  for (const [i, { second, counts }] of boundaries.entries()) {
    const [leader, who] = [people[2 * i]!, people[2 * i + 1]!];
    const lead = await formedTeam(leader, campaignId);
    const seat: Seat = await made(join(who, lead.teamId));
    const paymentNo = await payment(who, seat);
    await departure(who, seat);
    const success = Date.parse((await team(lead.teamId)).deadline) + second * 1_000;
    await local("wechat/pay-after-close", { paymentNo, afterMs: success + 500 - clock.now() });
    cases.push({ lead, seat, who, leader, success, counts });
  }
  // all of it is known before any team is decided
  await pass(20 * minute + 30_000);
  const { payments } = await book();
  for (const { lead, seat, who, success, counts } of cases) {
    const now = await order(who, seat.orderId);
    const paid = payments.find((one: { paymentNo: string }) => one.paymentNo === now.payment.paymentNo);
    expect(paid.successTime).toBe(success);
    expect(await team(lead.teamId)).toMatchObject(
      counts ? { state: "SUCCEEDED", paid: 2 } : { state: "FORMING", settling: true, paid: 1 },
    );
    expect(now.payment.disposition).toBe(counts ? "SEATED" : "ORPHAN");
  }
  await pass(5 * minute);
  await pass(2 * minute);
  for (const { lead, seat, who, leader, counts } of cases) {
    expect(await team(lead.teamId)).toMatchObject(
      counts ? { state: "SUCCEEDED" } : { state: "FAILED", outcome: "deadline" },
    );
    expect((await order(leader, lead.orderId)).seat).toBe(counts ? "CONFIRMED" : "REFUNDED");
    expect((await order(who, seat.orderId)).payment.state).toBe(counts ? "SUCCESS" : "REFUNDED");
  }
  await recount();
});

test("paying in the last second of a hold that ends with the deadline fills the team", async () => {
  const [li, wang] = await neighbours("末", "秒");
  const { campaignId } = await campaign({ invitesRequired: 1, durationMinutes: 20, unitsPerStore: 10 });
  const lead = await formedTeam(li!, campaignId);
  await pass(10 * minute);
  const seat: Seat = await made(join(wang!, lead.teamId));
  const { deadline } = await team(lead.teamId);
  expect(seat.holdUntil).toBe(deadline);
  const { paymentNo, expiresAt } = await made(wang!.post(`/v1/orders/${seat.orderId}/payment`));
  expect(expiresAt).toBe(deadline);
  await passTo(Date.parse(deadline) + 1_000);
  const at = (second: number) => ({ paymentNo, at: Date.parse(deadline) + second * 1_000 });
  await expect(local("wechat/pay", at(0))).rejects.toThrow("time_expire");
  await local("wechat/pay", at(-1));
  await platform.idle();
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  await recount();
});
