import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 1_000 });
const { ops, neighbours, community, campaign, batch, join, open, pay, formedTeam, paidSeat, made, order } = world;
const { pass, passTo, recount, clock, team, money, local } = world;
const { minute, hour, day } = world.times;

/** A coupon of one yuan from five yuan on, which each of the members has. */
async function granted(members: Neighbour[], more: object = {}): Promise<string[]> {
  const terms = {
    name: "邻里券",
    off: { by: "amount", fen: 100 },
    thresholdFen: 500,
    validFrom: toIso(clock.now()),
    validUntil: toIso(clock.now() + 20 * day),
    funder: { by: "platform" },
    budgetFen: 10_000,
  };
  const { couponId } = await made(ops.post("/ops/v1/coupons", { ...terms, ...more }));
  const memberIds = members.map(({ memberId }) => memberId);
  await made(ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds, reason: "开业活动" }));
  return Promise.all(members.map(async (who) => (await made(who.get("/v1/coupons"))).items[0].grantId));
}
const couponOf = async (who: Neighbour) => (await made(who.get("/v1/coupons"))).items[0];

test("a coupon is held with the seat, used with the payment, given back by a failed team, and good once more", async () => {
  const [li] = await neighbours("李");
  const [couponGrantId] = await granted([li!]);
  const first = await campaign({ durationMinutes: 60 });
  const other = await campaign();
  const quote = await made(li!.get(`/v1/campaigns/${first.campaignId}/quote?couponGrantId=${couponGrantId}`));
  expect(quote).toMatchObject({
    payableFen: 700,
    lines: [{}, {}, { kind: "coupon", amountFen: -100, text: "优惠券1.00元" }],
  });
  const seat: Seat = await made(open(li!, first.campaignId, { couponGrantId }));
  expect(seat).toMatchObject({ payableFen: 700, price: quote.lines });
  expect(await couponOf(li!)).toMatchObject({ state: "HELD", orderId: seat.orderId, text: "满5.00元减1.00元" });
  expect(refusal(await open(li!, other.campaignId, { couponGrantId }))).toEqual({
    status: 409,
    code: "COUPON_STATE",
    facts: { state: "HELD", orderId: seat.orderId },
  });
  await pay(li!, seat);
  expect(await couponOf(li!)).toMatchObject({ state: "USED", orderId: seat.orderId });
  expect((await money(seat.orderId)).transfers).toMatchObject([
    { kind: "coupon", debit: "platform:coupon", amountFen: 100 },
    { kind: "payment", amountFen: 700 },
  ]);
  await recount();

  await pass(64 * minute);
  for (let i = 0; i < 3; i++) await pass(5 * minute);
  expect((await order(li!, seat.orderId)).refunds).toMatchObject([{ refundFen: 700, state: "SUCCESS" }]);
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 0 });
  const back = await couponOf(li!);
  expect(back).toMatchObject({ state: "GRANTED" });
  expect(back).not.toHaveProperty("orderId");
  expect((await formedTeam(li!, other.campaignId, { couponGrantId })).payableFen).toBe(700);
  await recount();
});

test("an unpaid order lets its coupon go; money that comes after all takes seat and coupon again", async () => {
  const [zhao, qian, sun] = await neighbours("赵", "钱", "孙");
  const [couponGrantId] = await granted([qian!]);
  const { campaignId } = await campaign();
  const { teamId } = await formedTeam(zhao!, campaignId);
  const seat: Seat = await made(join(qian!, teamId, { couponGrantId }));
  const { paymentNo } = await made(qian!.post(`/v1/orders/${seat.orderId}/payment`));
  // the channel closes it, and is paid a moment later
  await local("wechat/pay-after-close", { paymentNo, afterMs: 5 * minute });
  await pass(19 * minute);
  expect(await couponOf(qian!)).toMatchObject({ state: "GRANTED" });
  await pass(5 * minute);
  expect(await order(qian!, seat.orderId)).toMatchObject({ seat: "PAID", payableFen: 700 });
  expect(await couponOf(qian!)).toMatchObject({ state: "USED", orderId: seat.orderId });
  await recount();
  // where the coupon is with another order by then, the money goes back
  const [again] = await granted([sun!]);
  const lost: Seat = await made(join(sun!, teamId, { couponGrantId: again }));
  const late = await made(sun!.post(`/v1/orders/${lost.orderId}/payment`));
  await local("wechat/pay-after-close", { paymentNo: late.paymentNo, afterMs: 10 * minute });
  await pass(19 * minute);
  const other = await campaign();
  await made(open(sun!, other.campaignId, { couponGrantId: again }));
  for (let i = 0; i < 3; i++) await pass(5 * minute);
  expect(await order(sun!, lost.orderId)).toMatchObject({
    seat: "RELEASED",
    refunds: [{ cause: "orphan", refundFen: 700, state: "SUCCESS" }],
  });
  await recount();
});

test("two orders at once for one coupon: one has it; two grants at once for the last of a budget: one is made", async () => {
  const [zhou, wu, zheng] = await neighbours("周", "吴", "郑");
  const [couponGrantId] = await granted([zhou!]);
  const campaigns = await Promise.all([campaign(), campaign()]);
  const answers = await Promise.all(campaigns.map(({ campaignId }) => open(zhou!, campaignId, { couponGrantId })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  expect(refusal(answers.find(({ status }) => status === 409)!).code).toBe("COUPON_STATE");

  const terms = { off: { by: "percent", bps: 2000, mostFen: 300 }, budgetFen: 500, thresholdFen: 0 };
  const [percent] = await granted([zhou!], terms);
  const { couponId } = (await made(ops.get("/ops/v1/coupons"))).items[0];
  expect((await made(ops.get("/ops/v1/coupons"))).items[0]).toMatchObject({ grantedFen: 300, budgetFen: 500 });
  const give = (who: Neighbour) =>
    ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds: [who.memberId], reason: "补发" });
  expect(refusal(await give(wu!))).toMatchObject({ status: 409, code: "COUPON_BUDGET" });
  expect(await made(give(zhou!))).toEqual({ granted: 0 });
  // an unused one that is taken back makes room for another member
  const gone = { memberId: zhou!.memberId, reason: "发错" };
  await made(ops.post(`/ops/v1/coupon-grants/${percent}/revocation`, gone));
  const both = await Promise.all([give(wu!), give(zheng!)]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  await made(ops.post(`/ops/v1/coupons/${couponId}/suspension`, { suspended: true, reason: "活动结束" }));
  expect(refusal(await give(zheng!))).toMatchObject({ code: "COUPON_STATE" });
  await recount();
});

test.each(["neighbour", "batch", "ladder"])(
  "a coupon never takes a %s below the floor, and says what it was worth",
  async (kind) => {
    const [feng, chen] = await neighbours(`${kind}冯`, `${kind}陈`);
    const [couponGrantId, none] = await granted([feng!, chen!]);
    const communityId = await community([feng!, chen!]);
    const units = kind === "neighbour" ? 1 : 2;
    const teams = async (): Promise<(more: Record<string, unknown>) => ReturnType<typeof open>> => {
      if (kind === "neighbour") {
        const { campaignId } = await campaign({ shareBps: 6000 });
        return (more) => open(feng!, campaignId, more);
      }
      const tiers = [
        { fromUnits: 10, unitFen: 600 },
        { fromUnits: 20, unitFen: 560 },
      ];
      const { teamIds } = await batch([communityId], kind === "ladder" ? { tiers } : { shareBps: 6000 });
      return (more) => join(feng!, teamIds[0]!, more);
    };
    const order = await teams();
    const seat: Seat & { price: unknown } = await made(order({ couponGrantId, units }));
    const amountFen = 48 * units;
    expect(seat).toMatchObject({
      payableFen: 552 * units,
      price: [
        {},
        {},
        {
          kind: "coupon",
          amountFen: -amountFen,
          text: amountFen < 100 ? `优惠券1.00元,因保本价只减0.${amountFen}元` : "优惠券1.00元",
        },
      ],
    });
    // somebody else's coupon is none, nor is one for what it is not for
    expect(refusal(await order({ couponGrantId: none, units })).status).toBeGreaterThanOrEqual(404);
    await recount();
  },
);

test("a coupon in a ladder that reaches its second tier: what the floor does not let it take goes back to who bears it", async () => {
  const [chu, wei] = await neighbours("褚", "卫");
  const storeId = world.stores[0]!;
  const [couponGrantId] = await granted([chu!], { funder: { by: "store", storeId } });
  const communityId = await community([chu!, wei!]);
  const tiers = [
    { fromUnits: 10, unitFen: 900 },
    { fromUnits: 20, unitFen: 600 },
  ];
  const { teamIds } = await batch([communityId], { tiers });
  const teamId = teamIds[0]!;
  const seat = await paidSeat(chu!, teamId, { units: 1, couponGrantId });
  expect(seat.payableFen).toBe(800);
  await paidSeat(wei!, teamId, { units: 19 });
  await passTo(Date.parse((await team(teamId)).batch.cutOff));
  for (const wait of [5 * minute, 5 * minute, hour]) await pass(wait);
  expect(await order(chu!, seat.orderId)).toMatchObject({
    batch: { share: { unitFen: 600, keptFen: 552, backFen: 248 } },
    refunds: [{ refundFen: 248, state: "SUCCESS" }],
  });
  const { transfers, balanceFen } = await money(seat.orderId);
  expect(transfers).toMatchObject([
    { kind: "coupon", debit: `store:${storeId}`, amountFen: 100 },
    { kind: "coupon_return", credit: `store:${storeId}`, amountFen: 52 },
    { kind: "payment", amountFen: 800 },
    { kind: "refund", amountFen: 248 },
  ]);
  expect(balanceFen).toBe(600);
  await recount();
});

test("a coupon that the floor cuts at both tiers is settled though nothing goes back: who bears it bears less", async () => {
  const [shen, jiang] = await neighbours("沈", "姜");
  const storeId = world.stores[0]!;
  const off = { by: "amount", fen: 500 };
  const [couponGrantId] = await granted([shen!], { off, funder: { by: "store", storeId } });
  const communityId = await community([shen!, jiang!]);
  const tiers = [
    { fromUnits: 10, unitFen: 900 },
    { fromUnits: 20, unitFen: 700 },
  ];
  const { teamIds } = await batch([communityId], { tiers });
  const teamId = teamIds[0]!;
  const seat = await paidSeat(shen!, teamId, { units: 1, couponGrantId });
  expect(seat.payableFen).toBe(552);
  await paidSeat(jiang!, teamId, { units: 19 });
  await passTo(Date.parse((await team(teamId)).batch.cutOff));
  for (const wait of [5 * minute, 5 * minute, hour]) await pass(wait);
  expect(await order(shen!, seat.orderId)).toMatchObject({
    seat: "CONFIRMED",
    refunds: [],
    batch: { share: { unitFen: 700, keptFen: 552, backFen: 0 } },
    price: [{}, {}, { kind: "coupon", amountFen: -148 }],
  });
  const { transfers, balanceFen } = await money(seat.orderId);
  expect(transfers).toMatchObject([
    { kind: "coupon", debit: `store:${storeId}`, amountFen: 348 },
    { kind: "coupon_return", credit: `store:${storeId}`, amountFen: 200 },
    { kind: "payment", amountFen: 552 },
  ]);
  expect(balanceFen).toBe(700);
  await made(shen!.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await recount();
});
