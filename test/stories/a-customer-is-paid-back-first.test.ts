import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { made, neighbours, campaign, formedTeam, paidSeat, ops, order, pass, recount, money, staff, local, newArticle } =
  world;
const { stores, times } = world;
const { minute, day } = times;
const [store = "", other = ""] = stores;
const service = await staff("customer-service", ["customer_service"], []);
const finance = await staff("keeper-of-money", ["finance"], []);
const manager = await staff("store-manager", ["store_manager"], [store]);
const [wang, li] = (await neighbours("王", "李")) as [Neighbour, Neighbour];

type Body = { amountFen: number; bearer: string; reason: string };
const compensate = (orderId: string, more: Partial<Body> = {}, by: { post: typeof service.post } = service) =>
  by.post(`/ops/v1/stores/${store}/orders/${orderId}/compensations`, {
    amountFen: 300,
    bearer: "store",
    reason: "压坏三分之一,顾客到店出示",
    ...more,
  });

/** A seat of a team of two that was collected; paid ¥8.00. */
async function collected(): Promise<Seat> {
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const lead = await formedTeam(wang, campaignId);
  const seat = await paidSeat(li, lead.teamId);
  const { code } = await made(li.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
  await world.platform.idle();
  return seat;
}

test("a customer has his money back at once, and who bears it owes it: the order keeps what was sold", async () => {
  const seat = await collected();
  expect(await made(compensate(seat.orderId, {}, manager))).toMatchObject({ refundFen: 300, bearer: `store:${store}` });
  await pass(2 * minute);
  const { transfers, refunds, balanceFen } = await money(seat.orderId);
  expect(refunds).toMatchObject([{ cause: "compensation", refundFen: 300, state: "SUCCESS" }]);
  expect(transfers).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ kind: "compensation", debit: `store:${store}`, amountFen: 300 }),
      expect.objectContaining({ kind: "refund", amountFen: 300 }),
    ]),
  );
  expect(balanceFen).toBe(800);
  expect((await made(li.get("/v1/inbox"))).items.map(({ title }: { title: string }) => title)).toEqual(
    expect.arrayContaining(["售后先行赔付", "退款到账"]),
  );
  expect(refusal(await compensate(seat.orderId))).toMatchObject({ code: "ORDER_STATE" });
  await recount();
});

test("what a supplier bears is recovered from it in its statement", async () => {
  const { supplierId } = await made(ops.post("/ops/v1/suppliers", { name: "崇明合作社", licences: [] }));
  const seat = await collected();
  expect(await made(compensate(seat.orderId, { bearer: supplierId, amountFen: 250 }))).toMatchObject({
    bearer: `supplier:${supplierId}`,
  });
  await pass(2 * minute);
  const month = toIso(world.clock.now()).slice(0, 7);
  const statement = await made(finance.get(`/ops/v1/suppliers/${supplierId}/statement?month=${month}`));
  expect(statement).toMatchObject({ receivedFen: 0, recoveredFen: 250, closingFen: -250 });
  expect(statement.lines).toMatchObject([{ kind: "compensation", dueFen: -250 }]);
  await recount();
});

test("what is asked for is refused beyond the payment, at another store, before the hand-over, of a stranger, and after seven days", async () => {
  const seat = await collected();
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const waiting = await formedTeam(wang, campaignId);
  expect(refusal(await compensate(waiting.orderId))).toMatchObject({ code: "ORDER_STATE" });
  expect(refusal(await compensate(seat.orderId, { amountFen: 801 }))).toMatchObject({
    code: "COMPENSATION_LIMIT",
    facts: { amountFen: 801, leftFen: 800 },
  });
  expect(refusal(await compensate(seat.orderId, { bearer: `SP${"0".repeat(24)}` }))).toMatchObject({
    code: "SUPPLIER_NOT_FOUND",
  });
  expect(refusal(await compensate(seat.orderId, { bearer: "somebody" }))).toMatchObject({ status: 422 });
  const elsewhere = service.post(`/ops/v1/stores/${other}/orders/${seat.orderId}/compensations`, {
    amountFen: 1,
    bearer: "platform",
    reason: "送错门店",
  });
  expect(refusal(await elsewhere)).toMatchObject({ code: "ORDER_NOT_FOUND" });
  await pass(7 * day);
  expect(refusal(await compensate(seat.orderId))).toMatchObject({ code: "ORDER_STATE" });
  await recount();
});

test("what is on its way back for lack of weight counts as gone", async () => {
  const { articleId } = await newArticle({ sale: { by: "weight", grams: 500 } });
  const { campaignId } = await campaign({ articleId, invitesRequired: 1 });
  const lead = await formedTeam(wang, campaignId);
  const seat = await paidSeat(li, lead.teamId);
  await local("wechat/refund-plan", { paymentNo: `${seat.orderId}01`, outcome: "not-enough" });
  const packing = `/ops/v1/stores/${store}/orders/${seat.orderId}/packing`;
  const { refundFen } = await made(ops.post(packing, { grams: 400 }));
  const { code } = await made(li.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
  const leftFen = 800 - refundFen;
  expect(refusal(await compensate(seat.orderId, { amountFen: leftFen + 1 }))).toMatchObject({ facts: { leftFen } });
  await made(compensate(seat.orderId, { amountFen: leftFen }));
  await local("wechat/top-up", {});
  for (let look = 0; look < 6; look++) await pass(2 * minute);
  const { refunds } = await money(seat.orderId);
  expect(refunds.map(({ state }: { state: string }) => state)).toEqual(["SUCCESS", "SUCCESS"]);
  expect(refunds.reduce((sum: number, refund: { refundFen: number }) => sum + refund.refundFen, 0)).toBe(800);
  await recount();
});

test("ten who compensate one order at once pay it once, and all of a payment may go back", async () => {
  const seat = await collected();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => compensate(seat.orderId, { amountFen: 800, bearer: "platform" })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  await pass(2 * minute);
  expect((await money(seat.orderId)).refunds).toMatchObject([{ refundFen: 800, state: "SUCCESS" }]);
  expect(await order(li, seat.orderId)).toMatchObject({ stage: "HANDED_OVER" });
  await recount();
});
