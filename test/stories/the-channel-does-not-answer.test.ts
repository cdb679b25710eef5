import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld();
const { neighbours, formedTeam, join, order, team, casesOf, money, local, pass, recount, made, book, platform } = world;
const { minute, hour, day } = world.times;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 10, ...more });

const paymentsAt = async (orderId: string) =>
  (await book()).payments.filter((p: { paymentNo: string }) => p.paymentNo.startsWith(orderId));

test("asking for the payment again, later and from two phones at once, is one payment under one number", async () => {
  const [li, wang] = await neighbours("李", "王");
  const { campaignId } = await campaign();
  const lead = await formedTeam(li!, campaignId);
  const seat = await made(join(wang!, lead.teamId));
  const path = `/v1/orders/${seat.orderId}/payment`;
  const first = await made(wang!.post(path));
  await pass(5 * minute);
  const both = await Promise.all([made(wang!.post(path)), made(wang!.post(path))]);
  for (const again of both) {
    // the channel refuses a repetition that differs in anything, so its consent says the parameters were the same
    expect(again).toMatchObject({ paymentNo: first.paymentNo, expiresAt: first.expiresAt, payableFen: 800 });
    expect(again.parameters.package).toMatch(/^prepay_id=wx/);
  }
  await local("wechat/pay", { prepayId: first.parameters.package.slice("prepay_id=".length) });
  await platform.idle();
  expect(await wang!.post(path)).toMatchObject({ status: 409, body: { code: "PAYMENT_PAID" } });
  expect(await paymentsAt(seat.orderId)).toMatchObject([{ state: "SUCCESS", totalFen: 800 }]);
  await recount();
});

test("a payment request without an answer is told as unknown; asked again it ends in one payment", async () => {
  const [zhao, qian] = await neighbours("赵", "钱");
  const { campaignId } = await campaign();
  const lead = await formedTeam(zhao!, campaignId);
  const seat = await made(join(qian!, lead.teamId));
  const path = `/v1/orders/${seat.orderId}/payment`;
  const unknown = { status: 503, body: { code: "PAYMENT_UNKNOWN" } };
  // silence for five seconds, done but nobody told, broken before anything was done
  for (const kind of ["timeout", "drop-answer", "500-before"]) {
    await local("wechat/fault", { match: { op: "prepay" }, kind });
    const answer = await qian!.post(path);
    expect(answer).toMatchObject(unknown);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(await order(qian!, seat.orderId)).toMatchObject({ seat: "HELD", payment: { state: "UNKNOWN" } });
  await world.pay(qian!, seat);
  expect(await order(qian!, seat.orderId)).toMatchObject({ seat: "PAID", payment: { paymentNo: `${seat.orderId}01` } });
  expect(await paymentsAt(seat.orderId)).toMatchObject([{ state: "SUCCESS", totalFen: 800 }]);
  await recount();
});

test("a payment whose request was never answered is found by the query when the hold runs out", async () => {
  const [sun, zhou] = await neighbours("孙", "周");
  const { campaignId } = await campaign();
  const lead = await formedTeam(sun!, campaignId);
  const seat = await made(join(zhou!, lead.teamId));
  await local("wechat/fault", { match: { op: "prepay" }, kind: "drop-answer" });
  expect(await zhou!.post(`/v1/orders/${seat.orderId}/payment`)).toMatchObject({ status: 503 });
  const paymentNo = `${seat.orderId}01`;
  await local("wechat/plan", { paymentNo, notify: [{ drop: 16 }] });
  await local("wechat/pay", { paymentNo });
  await pass(19 * minute);
  expect(await order(zhou!, seat.orderId)).toMatchObject({ seat: "PAID", payment: { state: "SUCCESS" } });
  await recount();
});

test("the channel is out at the deadline: teams stay undecided, staff are told after half an hour, and all ends right", async () => {
  const [wu, zheng, feng, chen] = await neighbours("吴", "郑", "冯", "陈");
  const { campaignId } = await campaign({ invitesRequired: 1 });
  // both teams end in ten minutes; one's last member pays in time, the other's never does
  const full = await formedTeam(wu!, campaignId);
  const short = await formedTeam(feng!, campaignId);
  await pass(day - 10 * minute);
  const paid = await made(join(zheng!, full.teamId));
  const unpaid = await made(join(chen!, short.teamId));
  const { paymentNo } = await made(zheng!.post(`/v1/orders/${paid.orderId}/payment`));
  await made(chen!.post(`/v1/orders/${unpaid.orderId}/payment`));
  await local("wechat/outage", { on: true });
  await local("wechat/pay", { paymentNo });

  const undecided = { state: "FORMING", settling: true };
  const nobodyToldYet = async () => {
    for (const { teamId } of [full, short]) {
      expect(await team(teamId)).toMatchObject(undecided);
      expect(await casesOf(teamId)).toEqual([]);
    }
  };
  await pass(13.5 * minute);
  await nobodyToldYet();
  expect(await made(zheng!.get(`/v1/teams/${full.teamId}`))).toMatchObject({ settling: true });
  expect(await zheng!.post(`/v1/orders/${paid.orderId}/departure`)).toMatchObject({
    status: 503,
    body: { code: "PAYMENT_UNKNOWN" },
  });
  await pass(20 * minute);
  await nobodyToldYet();
  await pass(12 * minute);
  await pass(2 * minute);
  for (const { teamId } of [full, short]) {
    expect(await team(teamId)).toMatchObject(undecided);
    expect(await casesOf(teamId)).toMatchObject([{ reason: "undecided" }]);
  }
  expect(await casesOf(paid.orderId)).toMatchObject([{ reason: "undecided" }]);

  await local("wechat/outage", { on: false });
  await platform.idle();
  await pass(2 * minute);
  await pass(2 * minute);
  expect(await team(full.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2, settling: false });
  expect(await order(zheng!, paid.orderId)).toMatchObject({ seat: "CONFIRMED" });
  expect(await team(short.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", settling: false });
  expect(await order(chen!, unpaid.orderId)).toMatchObject({ seat: "RELEASED" });
  await pass(2 * minute);
  expect(await money(short.orderId)).toMatchObject({ balanceFen: 0, refunds: [{ state: "SUCCESS" }] });
  expect(await money(full.orderId)).toMatchObject({ balanceFen: 800 });
  await recount();
});

test("the channel is out while a failed team is refunded: every refund is made once it is back", async () => {
  const [chu, wei] = await neighbours("褚", "卫");
  const { campaignId } = await campaign();
  const lead = await formedTeam(chu!, campaignId);
  const seat = await world.paidSeat(wei!, lead.teamId);
  await local("wechat/outage", { on: true });
  await pass(day + 4 * minute);
  await pass(hour);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED" });
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 800, refunds: [{ state: "UNKNOWN" }] });
  await local("wechat/outage", { on: false });
  await pass(hour);
  await pass(10 * minute);
  for (const { orderId } of [lead, seat]) expect(await money(orderId)).toMatchObject({ balanceFen: 0 });
  await recount();
});
