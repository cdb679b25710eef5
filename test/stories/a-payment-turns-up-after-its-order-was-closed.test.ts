import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld();
const { neighbours, formedTeam, join, open, pay, order, team, money, local, pass, recount, made, book, platform } =
  world;
const { minute, hour } = world.times;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 10, ...more });

/** A seat in the team that is asked to be paid and never is, and whose payment comes through once the order is closed. */
const seatPaidTooLate = async (who: Parameters<typeof join>[0], teamId: string, afterMs: number, more = {}) => {
  const seat = await made(join(who, teamId, more));
  const { paymentNo } = await made(who.post(`/v1/orders/${seat.orderId}/payment`));
  await local("wechat/pay-after-close", { paymentNo, afterMs });
  return { ...seat, paymentNo } as { orderId: string; paymentNo: string };
};
const channelSays = async (paymentNo: string) =>
  (await book()).payments.find((p: { paymentNo: string }) => p.paymentNo === paymentNo);

test("a member pays twice, by two attempts of one order: the second money goes back in full under its own number", async () => {
  const [li, wang] = await neighbours("李", "王");
  const { campaignId } = await campaign();
  const lead = await formedTeam(li!, campaignId);
  const seat = await made(join(wang!, lead.teamId));
  const path = `/v1/orders/${seat.orderId}`;
  const first = await made(wang!.post(`${path}/payment`));
  // the member wants to leave; the channel closes the payment, but its answer is lost: nothing is decided on that
  await local("wechat/fault", { match: { op: "close" }, kind: "drop-answer" });
  expect(await wang!.post(`${path}/departure`)).toMatchObject({ status: 503, body: { code: "PAYMENT_UNKNOWN" } });
  expect(await order(wang!, seat.orderId)).toMatchObject({ seat: "HELD" });
  // … and thinks better of it: the first attempt is closed by query, so there is a second one
  const second = await made(wang!.post(`${path}/payment`));
  expect([first.paymentNo, second.paymentNo]).toEqual([`${seat.orderId}01`, `${seat.orderId}02`]);
  await local("wechat/pay", { paymentNo: second.paymentNo });
  await platform.idle();
  expect(await order(wang!, seat.orderId)).toMatchObject({ seat: "PAID", payment: { paymentNo: second.paymentNo } });

  // an old window on the other phone had taken the first one
  await local("wechat/pay-after-close", { paymentNo: first.paymentNo, afterMs: 0 });
  await platform.idle();
  await pass(2 * minute);
  expect(await order(wang!, seat.orderId)).toMatchObject({ seat: "PAID", payment: { disposition: "SEATED" } });
  expect(await channelSays(first.paymentNo)).toMatchObject({ state: "REFUND", refundedFen: 800 });
  expect(await channelSays(second.paymentNo)).toMatchObject({ state: "SUCCESS", refundedFen: 0 });
  const trail = await money(seat.orderId);
  expect(trail).toMatchObject({ balanceFen: 800, refunds: [{ state: "SUCCESS", cause: "orphan", refundFen: 800 }] });
  expect(trail.transfers.map((t: { kind: string }) => t.kind).sort()).toEqual(["payment", "payment", "refund"]);
  const inbox = (await made(wang!.get("/v1/inbox"))).items.map((m: { title: string }) => m.title);
  expect(inbox).toEqual(["退款到账", "付款未能占座", "支付成功"]);

  // leaving later refunds the payment that holds the seat, under another number: each money once
  await made(wang!.post(`${path}/departure`));
  await pass(2 * minute);
  const after = await money(seat.orderId);
  expect(after).toMatchObject({ balanceFen: 0 });
  expect(new Set(after.refunds.map((r: { refundNo: string }) => r.refundNo)).size).toBe(2);
  await recount();
});

test("the news of a superseded attempt's payment is lost for good: the reconciliation finds it", async () => {
  const [zhao, qian] = await neighbours("赵", "钱");
  const { campaignId } = await campaign();
  const lead = await formedTeam(zhao!, campaignId);
  const seat = await made(join(qian!, lead.teamId));
  const path = `/v1/orders/${seat.orderId}`;
  const first = await made(qian!.post(`${path}/payment`));
  await local("wechat/fault", { match: { op: "close" }, kind: "drop-answer" });
  await qian!.post(`${path}/departure`);
  await pay(qian!, seat);
  await local("wechat/plan", { paymentNo: first.paymentNo, notify: [{ drop: 16 }] });
  await local("wechat/pay-after-close", { paymentNo: first.paymentNo, afterMs: 0 });
  await platform.idle();
  expect((await money(seat.orderId)).transfers).toHaveLength(1);
  await pass(75 * minute);
  await pass(2 * minute);
  expect(await channelSays(first.paymentNo)).toMatchObject({ state: "REFUND", refundedFen: 800 });
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 800 });
  await recount();
});

test("closed by the end of its hold, then paid: the member is seated again and the unit taken again", async () => {
  const [sun, zhou] = await neighbours("孙", "周");
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const lead = await formedTeam(sun!, campaignId);
  const late = await seatPaidTooLate(zhou!, lead.teamId, 5 * minute);
  expect(await world.unitsLeft(campaignId)).toEqual([8, 10]);
  await pass(19 * minute);
  expect(await order(zhou!, late.orderId)).toMatchObject({ seat: "RELEASED" });
  expect(await world.unitsLeft(campaignId)).toEqual([9, 10]);
  await pass(6 * minute);
  expect(await order(zhou!, late.orderId)).toMatchObject({ seat: "CONFIRMED", payment: { disposition: "SEATED" } });
  expect(await world.unitsLeft(campaignId)).toEqual([8, 10]);
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", paid: 2 });
  expect(await money(late.orderId)).toMatchObject({ balanceFen: 800, refunds: [] });
  await recount();
});

test("closed, then paid while all its news is lost: the reconciliation seats the member within the hour and a half", async () => {
  const [wu, zheng] = await neighbours("吴", "郑");
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const lead = await formedTeam(wu!, campaignId);
  const late = await seatPaidTooLate(zheng!, lead.teamId, 5 * minute);
  await local("wechat/plan", { paymentNo: late.paymentNo, notify: [{ drop: 16 }] });
  await pass(19 * minute);
  await pass(6 * minute);
  expect(await order(zheng!, late.orderId)).toMatchObject({ seat: "RELEASED" });
  await pass(65 * minute);
  expect(await order(zheng!, late.orderId)).toMatchObject({ seat: "CONFIRMED" });
  await recount();
});

test("closed, then paid when nothing can be had any more: the money goes back in full", async () => {
  const [feng, chen, chu, wei, jiang] = await neighbours("冯", "陈", "褚", "卫", "蒋");
  const { campaignId } = await campaign({ invitesRequired: 1 });
  // somebody else took the seat meanwhile
  const full = await formedTeam(feng!, campaignId);
  const noSeat = await seatPaidTooLate(chen!, full.teamId, 30 * minute);
  // the leader's own payment: the team was given up with it
  const lead = await made(open(chu!, campaignId));
  const { paymentNo } = await made(chu!.post(`/v1/orders/${lead.orderId}/payment`));
  await local("wechat/pay-after-close", { paymentNo, afterMs: 30 * minute });
  // the member has another seat by now
  const other = await formedTeam(wei!, campaignId);
  const twice = await seatPaidTooLate(jiang!, other.teamId, 30 * minute);
  await pass(19 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "ABANDONED" });
  await pay(chu!, await made(join(chu!, full.teamId)));
  await formedTeam(jiang!, campaignId);
  const before = await world.unitsLeft(campaignId);

  await pass(31 * minute);
  await pass(2 * minute);
  const refunded = { balanceFen: 0, refunds: [{ state: "SUCCESS", cause: "orphan", refundFen: 800 }] };
  for (const [who, orderId] of [
    [chen!, noSeat.orderId],
    [chu!, lead.orderId],
    [jiang!, twice.orderId],
  ] as const) {
    expect(await money(orderId)).toMatchObject(refunded);
    expect(await order(who, orderId)).toMatchObject({ seat: "RELEASED", payment: { disposition: "ORPHAN" } });
  }
  expect(await team(full.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  expect(await team(other.teamId)).toMatchObject({ state: "FORMING", paid: 1 });
  expect(await world.unitsLeft(campaignId)).toEqual(before);
  await recount();
});

test("closed, then paid when the last unit is sold: refunded in full, and the stock never falls below zero", async () => {
  const [shen, han, yang] = await neighbours("沈", "韩", "杨");
  const { campaignId } = await campaign({ invitesRequired: 9, unitsPerStore: 5, perMemberLimit: 5 });
  const lead = await formedTeam(shen!, campaignId, { units: 4 });
  const late = await seatPaidTooLate(han!, lead.teamId, 30 * minute);
  await pass(19 * minute);
  expect(await world.unitsLeft(campaignId)).toEqual([1, 5]);
  await world.paidSeat(yang!, lead.teamId);
  expect(await world.unitsLeft(campaignId)).toEqual([0, 5]);
  await pass(31 * minute);
  await pass(2 * minute);
  expect(await money(late.orderId)).toMatchObject({ balanceFen: 0, refunds: [{ cause: "orphan", state: "SUCCESS" }] });
  expect(await world.unitsLeft(campaignId)).toEqual([0, 5]);
  await recount();

  // the team fails a day later: everybody's money is back
  await pass(24 * hour);
  await pass(2 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  expect(await money(lead.orderId)).toMatchObject({ balanceFen: 0 });
  expect(await world.unitsLeft(campaignId)).toEqual([5, 5]);
  await recount();
});
