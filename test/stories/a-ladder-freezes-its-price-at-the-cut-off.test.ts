import { expect, test } from "vitest";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, community, batch, join, paidSeat, payAtChannel, made, order, team, recount } = world;
const { pass, passTo, unitsLeft, local, money } = world;
const { minute } = world.times;

const tiers = [
  { fromUnits: 10, unitFen: 900 },
  { fromUnits: 50, unitFen: 700 },
];

/** A ladder "10 → ¥9, 50 → ¥7" in a community with 49 units paid by three, and a fourth who may make it 50. */
async function fortyNine(people: string[]) {
  const four = await neighbours(...people);
  const communityId = await community(four);
  const { campaignId, teamIds } = await batch([communityId], { tiers, unitsPerStore: 50 });
  const teamId = teamIds[0]!;
  const seats: Seat[] = [];
  for (const [i, units] of [20, 20, 9].entries()) seats.push(await paidSeat(four[i]!, teamId, { units }));
  return { four, campaignId, teamId, seats, cutOff: (await team(teamId)).batch.cutOff as string };
}

test("49 units at the cut-off keep the first price: nobody gets anything back", async () => {
  const { four, teamId, seats, cutOff } = await fortyNine(["李", "王", "张", "陈"]);
  expect(await team(teamId)).toMatchObject({
    kind: "ladder",
    quantity: { units: 49, unitFen: 900, next: { fromUnits: 50, unitFen: 700 } },
  });
  // the fiftieth is paid at the cut-off's very second: too late, it goes back
  await passTo(Date.parse(cutOff) - 10 * minute);
  const late: Seat = await made(join(four[3]!, teamId, { units: 1 }));
  const { paymentNo } = await made(four[3]!.post(`/v1/orders/${late.orderId}/payment`));
  await made(four[3]!.post(`/v1/orders/${late.orderId}/departure`));
  await local("wechat/pay-after-close", { paymentNo, afterMs: Date.parse(cutOff) + 500 - world.clock.now() });
  await passTo(cutOff);
  await pass(4 * minute);
  expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 3, quantity: { units: 49, unitFen: 900 } });
  await pass(2 * minute);
  for (const [i, seat] of seats.entries())
    expect(await order(four[i]!, seat.orderId)).toMatchObject({
      seat: "CONFIRMED",
      refunds: [],
      batch: { share: { unitFen: 900, backFen: 0 } },
    });
  expect(await order(four[3]!, late.orderId)).toMatchObject({
    seat: "RELEASED",
    refunds: [{ cause: "orphan", refundFen: 900, state: "SUCCESS" }],
  });
  await recount();
});

test("50 units at the cut-off give everybody the second price; who wants to leave after it does not raise it again", async () => {
  const { four, campaignId, teamId, seats, cutOff } = await fortyNine(["周", "吴", "郑", "冯"]);
  // one comes and goes before the cut-off: free, and its unit does not count
  const gone = await paidSeat(four[3]!, teamId, { units: 1 });
  expect((await team(teamId)).quantity).toEqual({ units: 50, unitFen: 700, frozen: false });
  await made(four[3]!.post(`/v1/orders/${gone.orderId}/departure`));
  expect((await team(teamId)).quantity).toMatchObject({ units: 49, unitFen: 900 });
  await pass(2 * minute);
  expect(await order(four[3]!, gone.orderId)).toMatchObject({ seat: "REFUNDED", refunds: [{ cause: "left" }] });

  // it comes again in the last minutes; its payment counts, though the news of it come after the cut-off
  await passTo(Date.parse(cutOff) - 10 * minute);
  const fiftieth: Seat = await made(join(four[3]!, teamId, { units: 1 }));
  const { paymentNo } = await made(four[3]!.post(`/v1/orders/${fiftieth.orderId}/payment`));
  await local("wechat/plan", { paymentNo, notify: [{ delay: 20 * minute }] });
  await payAtChannel(four[3]!, fiftieth.orderId);
  await passTo(Date.parse(cutOff) + 1);
  expect((await team(teamId)).quantity).toMatchObject({ units: 49, unitFen: 900 });
  for (const i of [0, 1, 2])
    expect(refusal(await four[i]!.post(`/v1/orders/${seats[i]!.orderId}/departure`))).toMatchObject({
      status: 409,
      code: "LEAVE_CLOSED",
    });
  await pass(4 * minute);
  expect(await team(teamId)).toMatchObject({
    state: "SUCCEEDED",
    paid: 4,
    quantity: { units: 50, unitFen: 700, frozen: true },
  });
  expect(refusal(await four[0]!.post(`/v1/orders/${seats[0]!.orderId}/departure`))).toMatchObject({
    code: "LEAVE_CLOSED",
  });
  await pass(2 * minute);
  await pass(2 * minute);
  for (const [i, seat] of [...seats, fiftieth].entries()) {
    const units = [20, 20, 9, 1][i]!;
    expect(await order(four[i]!, seat.orderId)).toMatchObject({
      seat: "CONFIRMED",
      headline: "已成团",
      payableFen: 900 * units,
      payment: { state: "PARTIALLY_REFUNDED" },
      lines: [{ units, unitFen: 700, amountFen: 700 * units }],
      batch: { wantedUnits: units, upToUnits: units, share: { units, unitFen: 700, backFen: 200 * units } },
      refunds: [{ cause: "settled_difference", state: "SUCCESS", refundFen: 200 * units }],
    });
    expect(await money(seat.orderId)).toMatchObject({ balanceFen: 700 * units });
  }
  const inbox = await made(four[2]!.get("/v1/inbox"));
  expect(inbox.items.map((m: { title: string }) => m.title)).toEqual([
    "退款到账",
    "为什么退款:截单结算",
    "截单成功",
    "支付成功",
  ]);
  expect(inbox.items[1].body).toBe("本团共订50份,成交价7.00元;您实得9份,预付81.00元,差额18.00元将原路退回。");
  await made(four[0]!.post(`/v1/orders/${seats[0]!.orderId}/pickup-code`));
  await pass(3 * minute);
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  await recount();
});

test("a case of six with 2, up to 4: the last case is filled, its tolerance prepaid and the rest of it given back", async () => {
  const people = await neighbours("褚", "卫", "蒋");
  const communityId = await community(people);
  const { articleId } = await world.newArticle({});
  const { campaignId, teamIds } = await batch([communityId], {
    articleId,
    casePack: 6,
    minUnits: 6,
    unitsPerStore: 20,
  });
  const teamId = teamIds[0]!;
  const [a, b, c] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]];
  expect(refusal(await join(a, teamId, { units: 3, upToUnits: 2 }))).toMatchObject({ code: "INPUT_INVALID" });
  const seats = [
    await paidSeat(a, teamId, { units: 3, upToUnits: 4 }),
    await paidSeat(b, teamId, { units: 2, upToUnits: 5 }),
    await paidSeat(c, teamId, { units: 4 }),
  ];
  expect(seats.map((seat) => seat.payableFen)).toEqual([3200, 4000, 3200]);
  expect(await team(teamId)).toMatchObject({ quantity: { units: 9 } });
  expect((await unitsLeft(campaignId))[0]).toBe(20 - 13);
  const clerk = await world.staff("clerk", ["store_staff"], [world.stores[0]!]);
  const list = `/ops/v1/stores/${world.stores[0]}/campaigns/${campaignId}/picking-list`;
  expect(refusal(await clerk.get(list))).toEqual({ status: 409, code: "CAMPAIGN_STATE" });
  await passTo((await team(teamId)).batch.cutOff);
  await pass(4 * minute);
  await pass(2 * minute);
  // nine wanted make two cases with three of the four more that are offered, the earlier payer's first
  const states = await Promise.all(people.map((who, i) => order(who, seats[i]!.orderId)));
  expect(states.map((one) => one.batch.share.units)).toEqual([4, 4, 4]);
  expect(states.map((one) => one.lines[0].units)).toEqual([4, 4, 4]);
  expect(states.map((one) => one.refunds.map((r: { refundFen: number }) => r.refundFen))).toEqual([[], [800], []]);
  expect(await made(clerk.get(list))).toMatchObject({
    casePack: 6,
    communities: [{ communityId, units: 12, cases: 2, orders: seats.map(({ orderId }) => ({ orderId, units: 4 })) }],
  });
  const csv = await clerk.get(`${list}?format=csv`);
  expect(csv.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
  expect(csv.text.split("\r\n").map((line) => line.split(",").slice(0, 4))).toEqual([
    ["社群", "订单号", "商品", "份数"],
    ...seats.map(({ orderId }) => ["淮海坊", orderId, "本地有机青菜", "4"]),
    [""],
  ]);
  expect(refusal(await clerk.get(list.replace(world.stores[0]!, world.stores[1]!)))).toMatchObject({
    code: "STORE_OUT_OF_SCOPE",
  });
  // the counter hands over what the share says, not what was taken until the cut-off
  await passTo((await team(teamId)).pickupFrom);
  const { code } = await made(b.post(`/v1/orders/${seats[1]!.orderId}/pickup-code`));
  expect(await made(clerk.post(`/ops/v1/stores/${world.stores[0]}/pickups`, { code }))).toMatchObject({
    orderId: seats[1]!.orderId,
    units: 4,
    lines: [{ units: 4 }],
  });
  const { items } = await made(world.ops.get(`/ops/v1/stores/${world.stores[0]}/stock`));
  expect(items.find((one: { articleId: string }) => one.articleId === articleId).online).toBe(100 - 12);
  await recount();
});

test("whom the last case leaves out gets everything back and no goods", async () => {
  const people = await neighbours("沈", "韩", "杨");
  const communityId = await community(people);
  const { articleId } = await world.newArticle({});
  const { teamIds } = await batch([communityId], { articleId, casePack: 6, minUnits: 6, unitsPerStore: 20 });
  const teamId = teamIds[0]!;
  const seats: Seat[] = [];
  for (const [i, units] of [4, 2, 2].entries()) seats.push(await paidSeat(people[i]!, teamId, { units }));
  await passTo((await team(teamId)).batch.cutOff);
  await pass(4 * minute);
  await pass(2 * minute);
  const [first, second, last] = await Promise.all(people.map((who, i) => order(who, seats[i]!.orderId)));
  expect([first.refunds, second.refunds]).toEqual([[], []]);
  expect(last).toMatchObject({
    seat: "REFUNDED",
    headline: "已退款",
    payment: { state: "REFUNDED" },
    batch: { share: { units: 0, keptFen: 0, backFen: 1600 } },
    refunds: [{ cause: "settled_difference", refundFen: 1600, state: "SUCCESS" }],
  });
  expect(refusal(await people[2]!.post(`/v1/orders/${seats[2]!.orderId}/pickup-code`))).toMatchObject({
    code: "PICKUP_NOT_READY",
  });
  await recount();
});

test("a difference that the payer's account can't take waits for staff; the seat keeps its goods", async () => {
  const people = await neighbours("朱", "秦");
  const communityId = await community(people);
  const { articleId } = await world.newArticle({});
  const lower = [
    { fromUnits: 2, unitFen: 900 },
    { fromUnits: 4, unitFen: 700 },
  ];
  const { teamIds } = await batch([communityId], { articleId, minUnits: 2, tiers: lower });
  const teamId = teamIds[0]!;
  const seats: Seat[] = [];
  for (const who of people) seats.push(await paidSeat(who, teamId, { units: 2 }));
  await local("wechat/refund-plan", { paymentNo: `${seats[0]!.orderId}01`, outcome: "abnormal" });
  await passTo((await team(teamId)).batch.cutOff);
  await pass(4 * minute);
  await pass(2 * minute);
  const [stuck, other] = await Promise.all(people.map((who, i) => order(who, seats[i]!.orderId)));
  expect(stuck).toMatchObject({
    seat: "CONFIRMED",
    payment: { state: "SUCCESS" },
    lines: [{ units: 2, unitFen: 700 }],
    refunds: [{ cause: "settled_difference", refundFen: 400, state: "ABNORMAL" }],
  });
  expect(other).toMatchObject({ payment: { state: "PARTIALLY_REFUNDED" }, refunds: [{ state: "SUCCESS" }] });
  expect(await world.casesOf(stuck.refunds[0].refundNo)).toMatchObject([{ reason: "refund_abnormal" }]);
  await made(people[0]!.post(`/v1/orders/${seats[0]!.orderId}/pickup-code`));
  await recount();
});
