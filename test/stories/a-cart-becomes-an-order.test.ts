import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 30 });
const { made, neighbours, ops, staff, newArticle, recount, unfinished, pass, pay, money, local, stores } = world;
const { minute, hour } = world.times;
const [near = "", far = ""] = stores;
const [wang, li, zhao] = (await neighbours("王", "李", "赵")) as [Neighbour, Neighbour, Neighbour];
const manager = await staff("manager-of-near", ["store_manager"], [near]);
const place = world.here;
const eggs = world.articleId;

const stock = async (articleId: string, ...at: string[]) =>
  Promise.all(
    at.map(
      async (storeId) =>
        (await made(ops.get(`/ops/v1/stores/${storeId}/stock`))).items.find(
          (row: { articleId: string }) => row.articleId === articleId,
        )?.online ?? 0,
    ),
  );
const arrives = (storeId: string, articleId: string, units: number) =>
  made(ops.post(`/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, { delta: units, reason: "到货" }));
const order = (who: Neighbour, lines: { articleId: string; units: number }[], more = {}) =>
  who.post("/v1/orders", { lines, place, ...more });
const cancel = (who: Neighbour, orderId: string) => who.post(`/v1/orders/${orderId}/cancellation`);
const titles = async (who: Neighbour) =>
  (await made(who.get("/v1/inbox"))).items.map(({ title }: { title: string }) => title);

test("what lies in the cart is quoted, ordered, paid, collected and gone from the cart", async () => {
  const { articleId: milk } = await newArticle({ name: "鲜牛奶", priceFen: 1290, costFen: 800 });
  const lines = [
    { articleId: eggs, units: 2 },
    { articleId: milk, units: 1, originId: "recipe-7" },
  ];
  await made(wang.put("/v1/me/cart", { lines: [...lines] }));
  const quote = await made(wang.post("/v1/cart/quotes", { lines, place }));
  expect(quote).toMatchObject({ storeId: near, payableFen: 2 * 1000 + 1290 });
  expect(quote.price.map(({ amountFen }: { amountFen: number }) => amountFen)).toEqual([2000, 1290]);
  const placed = await made(order(wang, lines));
  expect(placed).toMatchObject({ seat: "HELD", storeId: near, payableFen: 3290, units: 3 });
  expect([await stock(eggs, near, far), await stock(milk, near)]).toEqual([[28, 30], [29]]);
  expect((await made(wang.get("/v1/me/cart"))).lines).toEqual([]);
  await pay(wang, placed);
  const paid = await made(wang.get(`/v1/orders/${placed.orderId}`));
  expect(paid).toMatchObject({ seat: "CONFIRMED", headline: "备货中", payableFen: 3290 });
  expect(paid).not.toHaveProperty("teamId");
  const { code } = await made(wang.post(`/v1/orders/${placed.orderId}/pickup-code`));
  const till = `/ops/v1/stores/${near}/pickups`;
  expect(refusal(await manager.post(till, { code }))).toMatchObject({ code: "PICKUP_NOT_READY" });
  await pass(2 * hour);
  expect(await made(manager.post(till, { code }))).toMatchObject({ units: 3 });
  expect(refusal(await cancel(wang, placed.orderId))).toMatchObject({ code: "ORDER_STATE" });
  await world.platform.idle();
  expect(await titles(wang)).toEqual(expect.arrayContaining(["支付成功", "已提货"]));
  await recount();
});

test("the same request gives one order, and the same key another order is refused", async () => {
  const first = await made(li.post("/v1/orders", { lines: [{ articleId: eggs, units: 1 }], place }, "one-order"));
  expect(await made(li.post("/v1/orders", { lines: [{ articleId: eggs, units: 1 }], place }, "one-order"))).toEqual(
    first,
  );
  const other = await li.post("/v1/orders", { lines: [{ articleId: eggs, units: 2 }], place }, "one-order");
  expect(refusal(other)).toMatchObject({ status: 422 });
  await made(cancel(li, first.orderId));
  await recount();
});

test("a paid order is cancelled until the store has it ready: by the member or the store, all of the money goes back", async () => {
  const before = await stock(eggs, near);
  const mine = await made(order(wang, [{ articleId: eggs, units: 3 }]));
  await pay(wang, mine);
  await made(wang.post(`/v1/orders/${mine.orderId}/pickup-code`));
  expect(refusal(await wang.post(`/v1/orders/${mine.orderId}/departure`))).toMatchObject({ code: "LEAVE_CLOSED" });
  expect(refusal(await wang.post(`/v1/orders/${mine.orderId}/late-refund`))).toMatchObject({
    code: "LATE_REFUND_CLOSED",
  });
  expect(await made(cancel(wang, mine.orderId))).toMatchObject({ seat: "REFUND_DUE", stage: "CANCELLED" });
  expect(refusal(await cancel(wang, mine.orderId))).toMatchObject({ code: "SEAT_STATE" });
  const theirs = await made(order(li, [{ articleId: eggs, units: 1 }]));
  await pay(li, theirs);
  const path = `/ops/v1/stores/${near}/orders/${theirs.orderId}/cancellation`;
  await made(manager.post(path, { reason: "冷柜故障" }));
  await pass(2 * minute);
  for (const [who, { orderId }] of [
    [wang, mine],
    [li, theirs],
  ] as const) {
    expect(await made(who.get(`/v1/orders/${orderId}`))).toMatchObject({ seat: "REFUNDED", headline: "已退款" });
    expect(await money(orderId)).toMatchObject({ balanceFen: 0, refunds: [{ cause: "cancelled", state: "SUCCESS" }] });
    expect(await titles(who)).toEqual(expect.arrayContaining(["订单已取消", "退款到账"]));
  }
  expect(await stock(eggs, near)).toEqual(before);
  await recount();
});

test("unpaid, an order is given up after its time; paid after that, it stands again while its units are there, else the money goes back", async () => {
  const { articleId: last } = await newArticle({ name: "最后一盒草莓" });
  const before = await stock(last, near);
  const lateFor = async (who: Neighbour, afterMs: number) => {
    const placed = await made(order(who, [{ articleId: last, units: before[0]! }], { storeId: near }));
    const { paymentNo } = await made(who.post(`/v1/orders/${placed.orderId}/payment`));
    await local("wechat/pay-after-close", { paymentNo, afterMs });
    return placed.orderId as string;
  };
  const soon = await lateFor(zhao, 5 * minute);
  await pass(20 * minute);
  expect(await made(zhao.get(`/v1/orders/${soon}`))).toMatchObject({ seat: "RELEASED" });
  expect(await stock(last, near)).toEqual(before);
  await pass(6 * minute);
  expect(await made(zhao.get(`/v1/orders/${soon}`))).toMatchObject({ seat: "CONFIRMED" });
  expect(await stock(last, near)).toEqual([0]);
  await made(cancel(zhao, soon));
  await pass(2 * minute);

  const never = await lateFor(li, 30 * minute);
  await pass(20 * minute);
  const quick = await made(order(wang, [{ articleId: last, units: before[0]! }], { storeId: near }));
  await pay(wang, quick);
  await pass(35 * minute);
  expect(await made(li.get(`/v1/orders/${never}`))).toMatchObject({
    seat: "RELEASED",
    payment: { disposition: "ORPHAN" },
  });
  expect(await money(never)).toMatchObject({ balanceFen: 0 });
  await pass(hour);
  await recount();
  expect(await unfinished()).toEqual([]);
});

test("an order is served whole by the nearest store that has all of it, and never split over two", async () => {
  const { articleId: here } = await newArticle({ name: "只在近店" });
  const { articleId: there } = await newArticle({ name: "只在远店" });
  const { articleId: nowhere } = await newArticle({ name: "哪儿都没有" });
  await arrives(near, there, -30);
  await arrives(far, here, -30);
  for (const storeId of stores) await arrives(storeId, nowhere, -30);
  expect(await made(wang.post("/v1/cart/quotes", { lines: [{ articleId: there, units: 1 }], place }))).toMatchObject({
    storeId: far,
  });
  const both = [here, there].map((articleId) => ({ articleId, units: 1 }));
  expect(refusal(await order(wang, both))).toMatchObject({ code: "SOLD_OUT" });
  const none = [eggs, nowhere].map((articleId) => ({ articleId, units: 1 }));
  expect(refusal(await order(wang, none))).toMatchObject({ code: "SOLD_OUT", facts: { articleIds: nowhere } });
  expect(refusal(await order(wang, [{ articleId: here, units: 31 }]))).toMatchObject({ code: "SOLD_OUT" });
});

test("twenty neighbours want the last three: three get one each, nobody else is held or asked to pay", async () => {
  const { articleId: rare } = await newArticle({ name: "阳山水蜜桃" });
  await arrives(near, rare, -27);
  await arrives(far, rare, -30);
  const crowd = (await neighbours(...Array.from({ length: 20 }, (_, i) => `邻居${i}`))) as Neighbour[];
  const answers = await Promise.all(crowd.map((who) => order(who, [{ articleId: rare, units: 1 }])));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
  for (const answer of answers.filter(({ status }) => status !== 201))
    expect(refusal(answer)).toMatchObject({ code: expect.stringMatching(/^(SOLD_OUT|TRY_AGAIN)$/) });
  expect(await stock(rare, near, far)).toEqual([0, 0]);
  await recount();
});

test("what can't be ordered is named line by line: twice the same, unknown, retired, a kit, nothing at all", async () => {
  const { articleId: gone } = await newArticle({ name: "下架商品" });
  await made(ops.post(`/ops/v1/articles/${gone}/retirement`, { reason: "换季" }));
  const { articleId: kit } = await newArticle({
    name: "火锅套装",
    sale: { by: "kit", components: [{ articleId: eggs, units: 1 }] },
  });
  const unknown = `AR${"0".repeat(24)}`;
  const answer = await order(
    wang,
    [eggs, gone, kit, unknown].map((articleId) => ({ articleId, units: 1 })),
  );
  expect(refusal(answer)).toMatchObject({ status: 422, code: "INPUT_INVALID" });
  expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual([
    "body.lines[1].articleId",
    "body.lines[2].articleId",
    "body.lines[3].articleId",
  ]);
  const twice = [eggs, eggs].map((articleId) => ({ articleId, units: 1 }));
  for (const lines of [twice, [], [{ articleId: eggs, units: 0 }]])
    expect(refusal(await order(wang, lines))).toMatchObject({ code: "INPUT_INVALID" });
});

test("a coupon takes off what its articles come to, down to the floor, and comes back with the money", async () => {
  const { articleId: nuts } = await newArticle({ name: "坚果", priceFen: 3000, costFen: 1000, perishable: false });
  const { couponId } = await made(
    ops.post("/ops/v1/coupons", {
      name: "坚果券",
      off: { by: "amount", fen: 500 },
      thresholdFen: 2000,
      articleIds: [nuts],
      validFrom: new Date(world.clock.now()).toISOString(),
      validUntil: new Date(world.clock.now() + 30 * 24 * hour).toISOString(),
      funder: { by: "platform" },
      budgetFen: 10_000,
    }),
  );
  await made(ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds: [wang.memberId], reason: "老客回馈" }));
  await world.platform.idle();
  const [{ grantId }] = (await made(wang.get("/v1/coupons"))).items;
  const couponGrantId = grantId as string;
  expect(refusal(await order(wang, [{ articleId: eggs, units: 3 }], { couponGrantId }))).toMatchObject({
    code: "COUPON_UNFIT",
  });
  const lines = [nuts, eggs].map((articleId) => ({ articleId, units: 1 }));
  const placed = await made(order(wang, lines, { couponGrantId }));
  expect(placed).toMatchObject({ payableFen: 3000 + 1000 - 500 });
  expect(placed.price.reduce((sum: number, { amountFen }: { amountFen: number }) => sum + amountFen, 0)).toBe(3500);
  await pay(wang, placed);
  await recount();
  await made(cancel(wang, placed.orderId));
  await pass(2 * minute);
  expect(await money(placed.orderId)).toMatchObject({ balanceFen: 0 });
  expect(refusal(await cancel(li, placed.orderId))).toMatchObject({ status: 404 });
  await made(order(wang, lines, { couponGrantId }));
  await recount();
});

test("of two articles by weight each is weighed by itself, and what lacks of each goes back by itself", async () => {
  const byWeight = (name: string, priceFen: number) =>
    newArticle({ name, priceFen, costFen: 500, sale: { by: "weight", grams: 500 } });
  const [{ articleId: shrimp }, { articleId: beef }] = await Promise.all([
    byWeight("活虾", 4000),
    byWeight("牛腩", 6000),
  ]);
  const lines = [shrimp, beef, eggs].map((articleId) => ({ articleId, units: 1 }));
  const placed = await made(order(zhao, lines));
  expect(placed.weightNotice).toContain("按实称结算");
  await pay(zhao, placed);
  const { code } = await made(zhao.post(`/v1/orders/${placed.orderId}/pickup-code`));
  await pass(2 * hour);
  const till = () => manager.post(`/ops/v1/stores/${near}/pickups`, { code });
  const pack = (grams: number, articleId?: string) =>
    manager.post(`/ops/v1/stores/${near}/orders/${placed.orderId}/packing`, { grams, ...(articleId && { articleId }) });
  expect(refusal(await pack(480))).toMatchObject({ code: "INPUT_INVALID" });
  expect(await made(pack(450, shrimp))).toMatchObject({ articleId: shrimp, refundFen: 400 });
  expect(refusal(await till())).toMatchObject({ code: "PACKING_REQUIRED" });
  expect(await made(pack(475, beef))).toMatchObject({ articleId: beef, refundFen: 300 });
  expect(await made(pack(475, beef))).toMatchObject({ refundFen: 300 });
  expect(refusal(await pack(476, beef))).toMatchObject({ code: "PACKING_CONFIRMED" });
  expect(refusal(await pack(400, eggs))).toMatchObject({ code: "ORDER_STATE" });
  await made(till());
  await pass(2 * minute);
  const { balanceFen, refunds } = await money(placed.orderId);
  expect(balanceFen).toBe(11_000 - 700);
  expect(refunds.map(({ cause }: { cause: string }) => cause)).toEqual(["weight_difference", "weight_difference"]);
  await recount();
});

test("a recall stops the sale from the cart, and finds who bought and has it still to come", async () => {
  const { articleId: oysters } = await newArticle({ name: "生蚝" });
  const lines = [oysters, eggs].map((articleId) => ({ articleId, units: 1 }));
  const bought = await made(order(li, lines));
  await pay(li, bought);
  const held = await made(order(zhao, lines, { storeId: far }));
  const given = await made(order(wang, lines));
  await pay(wang, given);
  await made(cancel(wang, given.orderId));
  const recall = await made(ops.post("/ops/v1/recalls", { articleId: oysters, reason: "诺如病毒" }));
  await world.platform.idle();
  const refused = await order(wang, lines);
  expect(refused.body.errors).toMatchObject([{ path: "body.lines[0].articleId" }]);
  const buyers = async () =>
    (await made(ops.get(`/ops/v1/recalls/${recall.recallId}/buyers`))).items.map(
      ({ orderId }: { orderId: string }) => orderId,
    );
  expect(await buyers()).toEqual([bought.orderId]);
  await pay(zhao, held);
  await pass(12 * minute);
  expect((await buyers()).sort()).toEqual([bought.orderId, held.orderId].sort());
  expect(await titles(li)).toContain("商品召回");
  const { code } = await made(li.post(`/v1/orders/${bought.orderId}/pickup-code`));
  await pass(2 * hour);
  expect(refusal(await manager.post(`/ops/v1/stores/${near}/pickups`, { code }))).toMatchObject({
    code: "PICKUP_RECALLED",
  });
});
