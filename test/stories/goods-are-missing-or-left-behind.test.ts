import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { made, neighbours, ops, staff, recount, unfinished, pass, passTo, pay, newArticle, stores, money, order } =
  world;
const { minute, hour, day } = world.times;
const [here = "", there = ""] = stores;
const clerk = await staff("clerk-of-the-shelf", ["store_staff"], [here]);
const article = async (name: string, more: object = {}): Promise<string> =>
  (await newArticle({ name, ...more })).articleId;
const greens = await article("青菜"); // 10.00
const eggs = await article("鸡蛋", { priceFen: 2100 });
const brown = await article("土鸡蛋", { priceFen: 1900 });
const dear = await article("有机蛋", { priceFen: 3900 });

const at = (orderId: string) => `/ops/v1/stores/${here}/orders/${orderId}`;
async function bought(who: Neighbour, wanted: Record<string, number>, more: object = {}) {
  const lines = Object.entries(wanted).map(([articleId, units]) => ({ articleId, units }));
  const placed = await made(who.post("/v1/orders", { lines, place: world.here, storeId: here, ...more }));
  await pay(who, placed);
  return placed;
}
const short = (orderId: string, articleId: string, units: number, remedy: unknown = "refund", key?: string) =>
  clerk.post(`${at(orderId)}/short-picks`, { articleId, units, remedy }, key);
const messages = async (who: Neighbour): Promise<{ title: string; body: string }[]> =>
  (await made(who.get("/v1/inbox?limit=50"))).items;
const online = async (articleId: string) =>
  (await made(ops.get(`/ops/v1/stores/${here}/stock?limit=50`))).items.find(
    (one: { articleId: string }) => one.articleId === articleId,
  ).online;

test("what the store lacks is refunded, or given as something cheaper, and the rest is handed over", async () => {
  const [wang] = (await neighbours("王")) as [Neighbour];
  const { couponId } = await made(
    ops.post("/ops/v1/coupons", {
      name: "开业券",
      off: { by: "amount", fen: 410 },
      thresholdFen: 500,
      validFrom: toIso(world.clock.now()),
      validUntil: toIso(world.clock.now() + 20 * day),
      funder: { by: "platform" },
      budgetFen: 10_000,
    }),
  );
  await made(ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds: [wang.memberId], reason: "开业活动" }));
  const couponGrantId = (await made(wang.get("/v1/coupons"))).items[0].grantId;
  const placed = await bought(wang, { [greens]: 2, [eggs]: 1 }, { couponGrantId });
  expect(placed.payableFen).toBe(3690);
  const { orderId } = placed;
  const beforehand = await online(greens);

  // one of two is missing: 10.00 less its part of the coupon, 410 × 1000 / 4100
  expect(await made(short(orderId, greens, 1, "refund", "short-pick-0001"))).toEqual({
    orderId,
    articleId: greens,
    units: 1,
    refundFen: 900,
  });
  await made(short(orderId, greens, 1, "refund", "short-pick-0001"));
  await pass(2 * minute);
  expect(await online(greens)).toBe(beforehand);
  expect(await order(wang, orderId)).toMatchObject({
    seat: "CONFIRMED",
    units: 2,
    missing: [{ articleId: greens, units: 1 }],
    refunds: [{ cause: "short_pick", refundFen: 900, state: "SUCCESS" }],
  });

  // eggs are gone altogether: brown ones take their place, 2.00 cheaper, of which the coupon had 0.20
  const [others, stock] = [await online(eggs), await online(brown)];
  for (const [instead, code] of [
    [dear, "INPUT_INVALID"],
    [greens, "INPUT_INVALID"],
    [orderId.replace("OR", "AR"), "ARTICLE_NOT_FOUND"],
  ] as const)
    expect(refusal(await short(orderId, eggs, 1, { substituteArticleId: instead }))).toMatchObject({ code });
  expect(await made(short(orderId, eggs, 1, { substituteArticleId: brown }))).toMatchObject({
    refundFen: 180,
    substitute: { articleId: brown, name: "土鸡蛋" },
  });
  await pass(2 * minute);
  expect([await online(eggs), await online(brown)]).toEqual([others, stock - 1]);
  const after = await order(wang, orderId);
  expect(after.lines).toMatchObject([
    { articleId: greens, units: 1, amountFen: 1000 },
    { articleId: brown, units: 1, unitFen: 1900, amountFen: 1900 },
  ]);
  expect(after.price.map((one: { amountFen: number }) => one.amountFen)).toEqual([1000, 1900, -290]);
  expect(await money(orderId)).toMatchObject({ balanceFen: 2900 }); // 26.10 of the member, 2.90 of the coupon
  const told = await messages(wang);
  expect(told.map(({ title }) => title)).toEqual(
    expect.arrayContaining(["缺货,部分退款", "缺货,已换同类商品", "退款到账"]),
  );
  expect(told.find(({ title }) => title === "缺货,已换同类商品")!.body).toBe(
    "很抱歉“鸡蛋”缺1份,已为您换成“土鸡蛋”,不另收费,差价1.80元将原路退回。不合意请在提货时告诉店员。",
  );
  await recount();

  // nothing is taken that is not there, and an order keeps something
  expect(refusal(await short(orderId, greens, 2))).toMatchObject({ code: "ORDER_STATE", facts: { units: 1 } });
  expect(refusal(await short(orderId, eggs, 1))).toMatchObject({ code: "ORDER_STATE", facts: { units: 0 } });
  await made(short(orderId, greens, 1));
  expect(refusal(await short(orderId, brown, 1))).toMatchObject({ code: "ORDER_STATE" });
  const elsewhere = ops.post(`/ops/v1/stores/${there}/orders/${orderId}/short-picks`, {
    articleId: brown,
    units: 1,
    remedy: "refund",
  });
  expect(refusal(await elsewhere)).toMatchObject({ code: "ORDER_NOT_FOUND" });
  await pass(hour);
  const { code } = await made(wang.post(`/v1/orders/${orderId}/pickup-code`));
  const handed = await made(clerk.post(`/ops/v1/stores/${here}/pickups`, { code }));
  expect(handed.lines).toMatchObject([{ name: "土鸡蛋", units: 1 }]);
  expect(refusal(await short(orderId, brown, 1))).toMatchObject({ code: "ORDER_STATE" });
  await pass(2 * minute);
  expect(await money(orderId)).toMatchObject({ balanceFen: 1900 });
  expect(await unfinished()).toEqual([]);
  await recount();
});

test("two clerks find the last unit missing at the same moment: it is missing once", async () => {
  const [li] = (await neighbours("李")) as [Neighbour];
  const { orderId } = await bought(li, { [greens]: 1, [eggs]: 1 });
  const answers = await Promise.all([1, 2, 3].map(() => short(orderId, eggs, 1)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  await pass(2 * minute);
  expect((await order(li, orderId)).refunds).toMatchObject([{ refundFen: 2100, state: "SUCCESS" }]);
  await made(clerk.post(`${at(orderId)}/ready`));
  const cancelled = await made(ops.post(`${at(orderId)}/cancellation`, { reason: "顾客改主意" }));
  expect(cancelled).toMatchObject({ stage: "CANCELLED" });
  await pass(2 * minute);
  expect(await money(orderId)).toMatchObject({ balanceFen: 0 });
  await recount();
});

test("what nobody collects is reminded of, kept for a day, and then disposed of", async () => {
  const [zhao, qian] = (await neighbours("赵", "钱")) as [Neighbour, Neighbour];
  const quote = { lines: [{ articleId: greens, units: 1 }], place: world.here };
  const rule = "提货截止后为您保留24小时,逾期未提的商品由门店处理,不再退款。";
  expect(await made(zhao.post("/v1/cart/quotes", quote))).toMatchObject({ uncollectedNotice: rule });
  const left = await bought(zhao, { [greens]: 1 });
  const late = await bought(qian, { [greens]: 1 });
  for (const { orderId } of [left, late]) await made(clerk.post(`${at(orderId)}/ready`));
  const dispose = (orderId: string) =>
    clerk.post(`${at(orderId)}/disposal`, { note: "叶菜已黄", photo: "disposals/1.jpg" });
  const until = Date.parse(left.pickupUntil);
  const titles = async (who: Neighbour) =>
    (await messages(who)).map(({ title }) => title).filter((title) => /提货|逾期/.test(title));

  await passTo(until - 2 * hour - 2 * minute);
  expect(await titles(zhao)).toEqual([]);
  await pass(4 * minute);
  expect(await titles(zhao)).toEqual(["请记得提货"]);
  await passTo(until + 2 * minute);
  expect(await titles(zhao)).toEqual(["提货时间已过", "请记得提货"]);
  expect(refusal(await dispose(left.orderId))).toEqual({
    status: 409,
    code: "ORDER_STATE",
    facts: { keptUntil: toIso(until + day) },
  });
  // who comes late has it still
  const { code } = await made(qian.post(`/v1/orders/${late.orderId}/pickup-code`));
  await made(clerk.post(`/ops/v1/stores/${here}/pickups`, { code }));
  await passTo(until + day + minute);
  expect(refusal(await dispose(late.orderId))).toMatchObject({ code: "ORDER_STATE" });
  expect(await made(dispose(left.orderId))).toMatchObject({ stage: "DISPOSED" });
  await pass(2 * minute);
  expect(await order(zhao, left.orderId)).toMatchObject({
    headline: "逾期未提,已由门店处理",
    disposedAt: expect.any(String),
    refunds: [],
  });
  expect(await order(zhao, left.orderId)).not.toHaveProperty("handedOverAt");
  expect((await zhao.post(`/v1/orders/${left.orderId}/pickup-code`)).status).toBe(409);
  expect((await titles(zhao))[0]).toBe("逾期未提,已由门店处理");
  expect(await titles(qian)).not.toContain("逾期未提,已由门店处理");
  // the channel lets the money go as of any other hand-over
  await pass(2 * day + 2 * hour);
  const shelved = (await made(ops.get(`/ops/v1/stores/${here}/orders?day=2026-11-23&limit=50`))).items;
  const state = (id: string) => shelved.find((one: { orderId: string }) => one.orderId === id);
  expect(state(left.orderId)).toMatchObject({ stage: "DISPOSED", shipping: "SETTLED" });
  expect(((await world.rows()).get("Due") ?? []).filter(({ kind }) => kind === "uncollected")).toEqual([]);
  expect(await unfinished()).toEqual([]);
  await recount();
});
