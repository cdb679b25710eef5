import { expect, test } from "vitest";
import { siblingId } from "../../shared/kernel/ids.ts";
import { openWorld } from "./world.ts";

const world = await openWorld();
const {
  neighbours,
  formedTeam,
  paidSeat,
  order,
  team,
  money,
  casesOf,
  local,
  pass,
  rows,
  recount,
  made,
  book,
  platform,
} = world;
const { minute, hour, day } = world.times;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 10, ...more });

/** The first number under which an order's money goes back. */
const refundNoOf = (orderId: string) => `${siblingId("RF", orderId)}01`;
const refundsAt = async (orderId: string) =>
  (await book()).refunds.filter((r: { paymentNo: string }) => r.paymentNo === `${orderId}01`);
/** Leaves a team; its refund is asked for before anything else happens. */
const leave = async (who: typeof world.ops, orderId: string) => {
  await made(who.post(`/v1/orders/${orderId}/departure`));
  await platform.idle();
};
/** How often the channel was asked for a refund so far. */
const requests = () => world.lines.filter((line) => line.includes("POST /v3/refund/domestic/refunds")).length;
/** A team of two members who paid; the second leaves it. */
const twoOf = async (one: string, two: string) => {
  const [leader, member] = await neighbours(one, two);
  const { campaignId } = await campaign();
  const lead = await formedTeam(leader!, campaignId);
  const seat = await paidSeat(member!, lead.teamId);
  return { member: member!, seat, teamId: lead.teamId };
};

test.each(["drop-answer", "500-before", "429"])(
  "a refund call that ends in %s is followed up under the same number: the money goes back once",
  async (kind) => {
    const { member, seat } = await twoOf(`李${kind}`, `王${kind}`);
    const refundNo = refundNoOf(seat.orderId);
    await local("wechat/plan", { refundNo, notify: [{ drop: 16 }] });
    await local("wechat/fault", { match: { op: "refund" }, kind });
    await leave(member, seat.orderId);
    expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUND_DUE", refunds: [{ refundNo }] });
    expect((await order(member, seat.orderId)).refunds[0].state).not.toBe("SUCCESS");
    await pass(2 * minute);
    await pass(2 * minute);
    expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUNDED", refunds: [{ state: "SUCCESS" }] });
    expect(await refundsAt(seat.orderId)).toMatchObject([{ refundNo, status: "SUCCESS", refundFen: 800 }]);
    expect(await money(seat.orderId)).toMatchObject({ balanceFen: 0 });
    await recount();
  },
);

test("one account can't take its refund: the siblings finish, the seat waits for staff, of whom one proposes and another books", async () => {
  const [zhao, qian, sun] = await neighbours("赵", "钱", "孙");
  const { campaignId } = await campaign();
  const lead = await formedTeam(zhao!, campaignId);
  const seats = [lead, await paidSeat(qian!, lead.teamId), await paidSeat(sun!, lead.teamId)];
  const stuck = seats[1]!;
  await local("wechat/refund-plan", { paymentNo: `${stuck.orderId}01`, outcome: "abnormal" });
  await pass(day + 4 * minute);
  await pass(2 * minute);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline" });
  expect(await order(zhao!, lead.orderId)).toMatchObject({ seat: "REFUNDED" });
  expect(await order(sun!, seats[2]!.orderId)).toMatchObject({ seat: "REFUNDED" });
  const refundNo = refundNoOf(stuck.orderId);
  const refundId = siblingId("RF", stuck.orderId);
  expect(await order(qian!, stuck.orderId)).toMatchObject({
    seat: "REFUND_ATTENTION",
    headline: "退款需要处理",
    refunds: [{ refundId, state: "ABNORMAL" }],
  });
  expect(await casesOf(refundNo)).toMatchObject([{ reason: "refund_abnormal", orderId: stuck.orderId }]);
  expect(world.lines.filter((l) => l.includes('"PAYMENT_CASE"') && l.includes(refundNo))).toHaveLength(1);
  const inbox = (await made(qian!.get("/v1/inbox"))).items.map((m: { title: string }) => m.title);
  expect(inbox).toContain("退款需要您协助");
  expect(await money(stuck.orderId)).toMatchObject({ balanceFen: 800 });
  await recount();

  // the operator pays it out to another card in the portal, whose news does not arrive; staff record it
  await local("wechat/plan", { refundNo, notify: [{ drop: 2 }] });
  await local("wechat/resolve-refund", { refundNo });
  await platform.idle();
  const path = `/ops/v1/orders/${stuck.orderId}/refunds/${refundId}/resolution`;
  const [cashier, finance, clerk] = [
    await world.staff("cashier-he", ["finance"]),
    await world.staff("finance-shen", ["finance"]),
    await world.staff("clerk-lü", ["store_staff"], world.stores),
  ];
  const approve = (who: typeof world.ops, proposalId: string) => who.post(`${path}/approval`, { proposalId });
  const mistaken = await made(cashier.post(path, { resolution: "现金退还" }));
  const resolution = "会员更换银行卡,商户平台已处理";
  expect(await clerk.post(path, { resolution })).toMatchObject({ status: 403 });
  const proposed = await made(cashier.post(path, { resolution }));
  const { proposalId } = proposed.proposal;
  expect(proposed).toMatchObject({ state: "ABNORMAL", proposal: { by: cashier.staffId, resolution } });
  expect(await money(stuck.orderId)).toMatchObject({
    balanceFen: 800,
    refunds: [{ state: "ABNORMAL", proposal: { proposalId, by: cashier.staffId, resolution } }],
  });
  // nobody approves his own, nor what is no more proposed; two who approve at once book once
  expect(await approve(cashier, proposalId)).toMatchObject({ status: 403, body: { code: "FOUR_EYES" } });
  expect(await approve(finance, mistaken.proposal.proposalId)).toMatchObject({
    status: 409,
    body: { code: "REFUND_STATE", detail: expect.stringContaining(proposalId) },
  });
  expect(await order(qian!, stuck.orderId)).toMatchObject({ seat: "REFUND_ATTENTION" });
  const both = await Promise.all([approve(finance, proposalId), approve(world.ops, proposalId)]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(await order(qian!, stuck.orderId)).toMatchObject({ seat: "REFUNDED" });
  expect(await money(stuck.orderId)).toMatchObject({ balanceFen: 0 });
  const audited = ((await rows()).get("Audit") ?? []).filter((a) => a.target === refundId);
  expect(audited).toHaveLength(3);
  expect(audited.filter((a) => a.action === "refund.propose_resolution").map((a) => a.staffId)).toEqual([
    cashier.staffId,
    cashier.staffId,
  ]);
  const [approval] = audited.filter((a) => a.action === "refund.approve_resolution");
  expect(approval).toMatchObject({ reason: `${cashier.staffId}: ${resolution}` });
  expect(approval!.staffId).not.toBe(cashier.staffId);
  await recount();

  // its news comes after all, and changes nothing
  await pass(minute);
  expect((await money(stuck.orderId)).transfers).toHaveLength(2);
  await recount();
});

test("staff have a refund looked at again: one that was mended unheard of is found", async () => {
  const { member, seat } = await twoOf("褚", "卫");
  const refundNo = refundNoOf(seat.orderId);
  const path = `/ops/v1/orders/${seat.orderId}/refunds/${siblingId("RF", seat.orderId)}/another-look`;
  const look = () => world.ops.post(path, { reason: "会员来电" });
  const unknown = path.replace(/RF\w+/, "RF01KASWB3Q8W5CJ7T2N9RXEH4");
  expect(await world.ops.post(unknown, { reason: "会员来电" })).toMatchObject({ status: 404 });
  await local("wechat/refund-plan", { paymentNo: `${seat.orderId}01`, outcome: "abnormal" });
  await pass(day + 4 * minute);
  // the reconciliation has had its look
  await pass(60 * minute);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUND_ATTENTION" });
  await local("wechat/plan", { refundNo, notify: [{ drop: 100 }] });
  await local("wechat/resolve-refund", { refundNo });
  await pass(60 * minute);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUND_ATTENTION" });
  expect(await look()).toMatchObject({ status: 204 });
  await pass(11 * minute);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUNDED" });
  expect(await look()).toMatchObject({ status: 409, body: { code: "REFUND_STATE" } });
  await recount();
});

test("the operator mends an abnormal refund in the portal: its notification alone finishes the seat", async () => {
  const { member, seat } = await twoOf("周", "吴");
  await local("wechat/refund-plan", { paymentNo: `${seat.orderId}01`, outcome: "abnormal" });
  await leave(member, seat.orderId);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUND_ATTENTION" });
  await local("wechat/resolve-refund", { refundNo: refundNoOf(seat.orderId) });
  await platform.idle();
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUNDED" });
  await recount();
});

test("a refund that the channel closed gets its next number only once a query says CLOSED", async () => {
  const { member, seat } = await twoOf("郑", "冯");
  const refundNo = refundNoOf(seat.orderId);
  const next = `${refundNo.slice(0, -2)}02`;
  await local("wechat/refund-plan", { refundNo, outcome: "closed" });
  await leave(member, seat.orderId);
  const number = async () => (await order(member, seat.orderId)).refunds[0].refundNo;
  await local("wechat/fault", { match: { op: "queryRefund" }, kind: "500-before", times: 2 });
  await pass(90_000);
  expect(await number()).toBe(refundNo);
  await pass(90_000);
  expect(await number()).toBe(refundNo);
  await pass(90_000);
  await pass(90_000);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUNDED", refunds: [{ refundNo: next }] });
  const [first, second] = await refundsAt(seat.orderId);
  expect(first).toMatchObject({ refundNo, status: "CLOSED" });
  expect(second).toMatchObject({ refundNo: next, status: "SUCCESS" });
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 0 });
  await recount();
});

test("a refund that stays accepted for five days is a case for staff, and still ends by itself", async () => {
  const { member, seat } = await twoOf("陈", "褚");
  const refundNo = refundNoOf(seat.orderId);
  await local("wechat/refund-plan", { refundNo, outcome: { processing: 7 * day } });
  await leave(member, seat.orderId);
  await pass(day);
  expect(await casesOf(refundNo)).toEqual([]);
  await pass(4 * day);
  await pass(6 * hour + minute);
  expect(await casesOf(refundNo)).toMatchObject([{ reason: "refund_slow", orderId: seat.orderId }]);
  await pass(2 * day);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUNDED" });
  await recount();
});

test("the merchant's balance is empty: asked again ever more seldom under one number, until the operator tops it up", async () => {
  const { member, seat } = await twoOf("卫", "蒋");
  const refundNo = refundNoOf(seat.orderId);
  await local("wechat/refund-plan", { paymentNo: `${seat.orderId}01`, outcome: "not-enough" });
  const before = requests();
  await leave(member, seat.orderId);
  for (let i = 0; i < 8; i++) await pass(minute);
  const early = requests() - before;
  expect(early).toBeGreaterThanOrEqual(3);
  expect(early).toBeLessThanOrEqual(6);
  expect(await casesOf(refundNo)).toEqual([]);
  await pass(5 * day);
  await pass(6 * hour + minute);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUND_DUE", refunds: [{ refundNo }] });
  expect(await casesOf(refundNo)).toMatchObject([
    { reason: "refund_slow", detail: expect.stringContaining("NOT_ENOUGH") },
  ]);
  expect(await refundsAt(seat.orderId)).toEqual([]);
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 800 });

  await local("wechat/top-up", {});
  await pass(6 * hour + minute);
  expect(await order(member, seat.orderId)).toMatchObject({ seat: "REFUNDED" });
  expect(await refundsAt(seat.orderId)).toMatchObject([{ refundNo, status: "SUCCESS", refundFen: 800 }]);
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 0 });
  await recount();
});
