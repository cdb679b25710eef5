import { expect, test } from "vitest";
import { day, minute } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { made, neighbours, campaign, formedTeam, paidSeat, ops, pass, recount, money, newArticle, stores, here } = world;
const [store = "", other = ""] = stores;
const [wang, li, zhang, chen] = (await neighbours("王", "李", "张", "陈")) as [
  Neighbour,
  Neighbour,
  Neighbour,
  Neighbour,
];
const collect = async (who: Neighbour, seat: { orderId: string; storeId: string }) => {
  const { code } = await made(who.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
  await world.platform.idle();
};
const compensate = (recallId: string, more: Record<string, unknown> = {}, by: { post: typeof ops.post } = ops) =>
  by.post(`/ops/v1/recalls/${recallId}/compensations`, {
    ...{ rule: { by: "percent", percent: 50 }, bearer: "platform", reason: "整批胀包", ...more },
  });
const backOf = async ({ orderId }: { orderId: string }) =>
  (await money(orderId)).refunds.map((r: { refundFen: number }) => r.refundFen).sort((a: number, b: number) => b - a);

test("everybody who has goods of a bad lot gets half of what he paid for them, once; who has not collected them, or is of another store, does not", async () => {
  const { supplierId } = await made(ops.post("/ops/v1/suppliers", { name: "崇明合作社", licences: [] }));
  const { articleId } = await newArticle({});
  const { articleId: carrots } = await newArticle({ name: "胡萝卜", priceFen: 300, costFen: 100 });
  const lot = await made(ops.post(`/ops/v1/stores/${store}/lots`, { articleId, units: 100, check: { rejected: 0 } }));
  const { campaignId } = await campaign({ articleId, invitesRequired: 1 });
  const lead = await formedTeam(wang, campaignId);
  const mate = await paidSeat(li, lead.teamId);
  await collect(wang, lead);
  await collect(li, mate);
  const waiting: Seat = await formedTeam(zhang, campaignId);
  await paidSeat(chen, waiting.teamId);
  const fromCart = async (storeId: string) => {
    const lines = [articleId, carrots].map((id) => ({ articleId: id, units: 1 }));
    const placed = await made(chen.post("/v1/orders", { lines, place: here, storeId }));
    await world.pay(chen, placed);
    await made(ops.post(`/ops/v1/stores/${storeId}/orders/${placed.orderId}/ready`));
    await pass(61 * minute);
    await collect(chen, placed);
    return placed;
  };
  const [cart, far] = [await fromCart(store), await fromCart(other)];
  // one of them got nearly all of it back before
  await made(
    ops.post(`/ops/v1/stores/${store}/orders/${mate.orderId}/compensations`, {
      ...{ amountFen: 700, bearer: "store", reason: "一打开就胀包" },
    }),
  );

  const { recallId } = await made(ops.post("/ops/v1/recalls", { articleId, lotId: lot.lotId, reason: "胀包" }));
  expect(refusal(await ops.get(`/ops/v1/recalls/${recallId}/compensations`))).toMatchObject({
    code: "COMPENSATION_NOT_FOUND",
  });
  await pass(9 * day); // bad lots are found when the after-sale time is over
  const answers = await Promise.all([1, 2, 3].map(() => compensate(recallId, { bearer: supplierId })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  expect(answers.map(refusal)).toContainEqual({ status: 409, code: "RECALL_COMPENSATED" });
  await Promise.all([1, 2, 3].map(() => world.platform.functions.invoke("Backlog", {})));
  await pass(minute);
  await pass(2 * minute);

  expect([await backOf(lead), await backOf(mate), await backOf(cart)]).toEqual([[400], [700, 100], [500]]);
  expect([await backOf(far), await backOf(waiting)]).toEqual([[], []]);
  const told = await made(ops.get(`/ops/v1/recalls/${recallId}/compensations`));
  expect(told).toMatchObject({ of: 5, done: 5, given: 3, givenFen: 1_000, passed: 2 });
  expect(told.doneAt).toBeDefined();
  const { items } = await made(ops.get(`/ops/v1/recalls/${recallId}/buyers?limit=50`));
  const outcome = (orderId: string) => items.find((one: { orderId: string }) => one.orderId === orderId);
  expect(outcome(waiting.orderId)).toMatchObject({ passed: "not_handed_over" });
  expect(outcome(cart.orderId)).toMatchObject({ givenFen: 500 });
  expect((await money(lead.orderId)).transfers).toContainEqual(
    expect.objectContaining({ kind: "compensation", debit: `supplier:${supplierId}`, amountFen: 400 }),
  );
  expect((await made(wang.get("/v1/inbox"))).items.map(({ title }: { title: string }) => title)).toEqual(
    expect.arrayContaining(["商品召回", "售后先行赔付"]),
  );
  await recount();
});

test("a fixed amount an order never comes to more than is left of it, and somebody must bear it", async () => {
  const { articleId } = await newArticle({});
  const { campaignId } = await campaign({ articleId, invitesRequired: 1 });
  const lead = await formedTeam(wang, campaignId);
  const mate = await paidSeat(li, lead.teamId);
  await collect(wang, lead);
  await collect(li, mate);
  await made(
    ops.post(`/ops/v1/stores/${mate.storeId}/orders/${mate.orderId}/compensations`, {
      ...{ amountFen: 800, bearer: "store", reason: "全部退还" },
    }),
  );
  const { recallId } = await made(ops.post("/ops/v1/recalls", { articleId, reason: "农残超标" }));
  const rule = { by: "amount", fen: 1_500 };
  expect(refusal(await compensate(recallId, { rule, bearer: `SP${"0".repeat(24)}` }))).toMatchObject({
    code: "SUPPLIER_NOT_FOUND",
  });
  expect(refusal(await compensate(`RC${"0".repeat(24)}`, { rule }))).toMatchObject({ code: "RECALL_NOT_FOUND" });
  await made(compensate(recallId, { rule, bearer: "store" }));
  for (let i = 0; i < 4; i++) await pass(minute);
  expect([await backOf(lead), await backOf(mate)]).toEqual([[800], [800]]);
  expect(await made(ops.get(`/ops/v1/recalls/${recallId}/compensations`))).toMatchObject({
    ...{ of: 2, done: 2, given: 1, givenFen: 800, passed: 1 },
  });
  await recount();
});
