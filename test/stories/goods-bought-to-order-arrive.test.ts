import { expect, test } from "vitest";
import type { Refund } from "../../shared/payment/index.ts";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { ops, made, neighbours, community, batch, paidSeat, order, team, recount, pass, passTo } = world;
const { clock, stores, newArticle, staff } = world;
const { minute, day } = world.times;
const [store, otherStore] = stores as [string, string];
const clerk = await staff("clerk-of-arrivals", ["store_staff"], [store]);

const titles = async (who: Neighbour): Promise<string[]> =>
  (await made(who.get("/v1/inbox?limit=50"))).items.map((message: { title: string }) => message.title);
const online = async (articleId: string, storeId = store): Promise<number> =>
  (await made(ops.get(`/ops/v1/stores/${storeId}/stock?limit=50`))).items.find(
    (line: { articleId: string }) => line.articleId === articleId,
  ).online;
const purchase = (campaignId: string, storeId = store) => `/ops/v1/stores/${storeId}/purchases/${campaignId}`;
const code = async (who: Neighbour, seat: Seat) =>
  (await made(who.post(`/v1/orders/${seat.orderId}/pickup-code`))).code as string;
const pickup = (given: string) => clerk.post(`/ops/v1/stores/${store}/pickups`, { code: given });
const refundsOf = async (who: Neighbour, seat: Seat): Promise<Refund[]> => (await order(who, seat.orderId)).refunds;

/** Batches of an article of its own, bought to order, that are past their cut-off; seats follow `orders` in the order of payment. */
async function cutOff(
  orders: { name: string; of: number; units: number; upToUnits?: number }[],
  more: Record<string, unknown> & { storesOf?: string[] } = {},
) {
  const { storesOf = [store, store], ...terms } = more;
  const { articleId } = await newArticle({ name: "现采草莓" });
  const people = await neighbours(...orders.map(({ name }) => name));
  const communityIds: string[] = [];
  for (const [i, storeId] of storesOf.entries())
    communityIds.push(
      await community(
        people.filter((_, k) => orders[k]!.of === i),
        storeId,
      ),
    );
  const { campaignId, teamIds } = await batch(communityIds, {
    articleId,
    sourced: "to_order",
    minUnits: 2,
    ...terms,
  });
  const seats: Seat[] = [];
  for (const [i, { of, name: _, ...units }] of orders.entries()) {
    seats.push(await paidSeat(people[i]!, teamIds[of]!, units));
    clock.advance(1_000);
  }
  await passTo((await team(teamIds[0]!)).batch.cutOff);
  await pass(6 * minute);
  await pass(2 * minute);
  return { articleId, campaignId, teamIds, people, seats };
}

test("goods arrive short for two communities: who paid last goes without, is told and refunded once, at the price it was settled at", async () => {
  const tiers = [
    { fromUnits: 2, unitFen: 900 },
    { fromUnits: 8, unitFen: 800 },
  ];
  const { articleId, campaignId, teamIds, people, seats } = await cutOff(
    [
      { name: "早甲", of: 0, units: 4 },
      { name: "早乙", of: 1, units: 3 },
      { name: "晚甲", of: 0, units: 4 },
      { name: "晚乙", of: 1, units: 2 },
    ],
    { tiers },
  );
  const [, , late, latest] = people as [Neighbour, Neighbour, Neighbour, Neighbour];
  // bought at the cut-off: nothing left the store's stock, and nothing came back
  expect(await online(articleId)).toBe(100);
  const listed = await made(ops.get("/ops/v1/purchase-orders"));
  const { purchaseOrderId } = listed.items.find((one: { campaignId: string }) => one.campaignId === campaignId);
  const whole = await made(ops.get(`/ops/v1/purchase-orders/${purchaseOrderId}`));
  expect(whole).toMatchObject({
    order: { state: "OPEN", units: 13, costFen: 6500 },
    lines: [
      {
        storeId: store,
        state: "EXPECTED",
        units: 13,
        communities: expect.arrayContaining([
          expect.objectContaining({ teamId: teamIds[0], units: 8, costFen: 4000 }),
          expect.objectContaining({ teamId: teamIds[1], units: 5, costFen: 2500 }),
        ]),
      },
    ],
  });
  const file = await ops.get(`/ops/v1/purchase-orders/${purchaseOrderId}?format=csv`);
  expect(file.headers.get("content-type")).toContain("text/csv");
  expect(file.text.trim().split("\r\n")).toHaveLength(3);
  expect((await ops.get("/ops/v1/purchase-orders?format=csv")).text).toContain(purchaseOrderId);

  const first = await code(people[0]!, seats[0]!);
  const lost = await code(latest, seats[3]!);
  await pass(2 * day);
  expect(refusal(await pickup(first))).toMatchObject({ status: 409, code: "ARRIVAL_OUTSTANDING" });
  const arrivals = `${purchase(campaignId)}/arrivals`;
  expect(refusal(await clerk.post(arrivals, { units: 0 }))).toMatchObject({ code: "INPUT_INVALID" });
  await made(clerk.post(arrivals, { units: 5 }));
  await made(pickup(first)); // the first four are there; the next wants three, and one is
  expect(refusal(await pickup(await code(people[1]!, seats[1]!)))).toMatchObject({ code: "ARRIVAL_OUTSTANDING" });
  // two arrivals, one damaged, and the last one said twice at once: 10 good of 13
  const last = { units: 6, rejected: 1, reason: "压伤", last: true, certificate: { number: "ZJ-9" } };
  const twice = await Promise.all([clerk.post(arrivals, last), clerk.post(arrivals, last)]);
  expect(twice.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(refusal(twice.find(({ status }) => status === 409)!)).toMatchObject({ code: "PURCHASE_STATE" });
  await world.platform.idle();
  await pass(2 * minute);

  expect(await made(clerk.get(purchase(campaignId)))).toMatchObject({
    state: "RECEIVED",
    good: 10,
    damaged: 1,
    surplus: 0,
    arrivals: 2,
  });
  expect((await made(ops.get(`/ops/v1/purchase-orders/${purchaseOrderId}`))).order).toMatchObject({
    state: "RECEIVED",
  });
  // the leader of one of the communities sees what was ordered for it, and what came to its store
  const { communityId } = await team(teamIds[0]!);
  const [leads] = people as [Neighbour];
  const summary = () => leads.get(`/v1/leader/communities/${communityId}/campaigns/${campaignId}/purchase`);
  expect(refusal(await summary())).toMatchObject({ status: 403, code: "NOT_LEADER" });
  await made(
    ops.put(`/ops/v1/communities/${communityId}/members/${leads.memberId}/role`, {
      role: "leader",
      reason: "群里推选",
    }),
  );
  expect(await made(summary())).toMatchObject({
    articleId,
    state: "RECEIVED",
    ordered: 8,
    storeOrdered: 13,
    storeArrived: 10,
    damaged: 1,
  });

  // 4 + 3 are served, the next gets three of four, the last nothing; team A had its second price, B its first
  expect(await refundsOf(people[0]!, seats[0]!)).toMatchObject([{ cause: "settled_difference", refundFen: 400 }]);
  expect(await refundsOf(people[1]!, seats[1]!)).toEqual([]);
  expect(await order(late, seats[2]!.orderId)).toMatchObject({
    seat: "CONFIRMED",
    payment: { state: "PARTIALLY_REFUNDED" },
    lines: [{ units: 3, amountFen: 2400 }],
    refunds: expect.arrayContaining([
      expect.objectContaining({ cause: "settled_difference", refundFen: 400, state: "SUCCESS" }),
      expect.objectContaining({ cause: "short_arrival", refundFen: 800, state: "SUCCESS" }),
    ]),
  });
  expect(await order(latest, seats[3]!.orderId)).toMatchObject({
    seat: "REFUNDED",
    payment: { state: "REFUNDED" },
    refunds: [{ cause: "short_arrival", refundFen: 1800, state: "SUCCESS" }],
  });
  expect(refusal(await pickup(lost))).toMatchObject({ status: 409, code: "SEAT_STATE" });
  expect(await titles(late)).toEqual(expect.arrayContaining(["到货不足,部分退款", "退款到账"]));
  expect((await titles(latest)).filter((title) => title.startsWith("到货不足"))).toHaveLength(1);
  const list = await made(clerk.get(`/ops/v1/stores/${store}/campaigns/${campaignId}/picking-list`));
  expect(list.communities.map((one: { units: number }) => one.units).sort()).toEqual([3, 7]);
  expect(await made(pickup(await code(late, seats[2]!)))).toMatchObject({ units: 3, lines: [{ units: 3 }] });
  expect(await online(articleId)).toBe(100);
  // the lots tell of what was turned away
  expect((await made(ops.get(`/ops/v1/articles/${articleId}/goods`))).article).toMatchObject({ score: 91 });
  await pass(40 * minute);
  await recount();
});

test("too much and damaged: the surplus goes into stock, the store that ordered nothing is not on the order, and a closed line takes no more", async () => {
  const { articleId, campaignId, people, seats } = await cutOff(
    [
      { name: "多甲", of: 0, units: 5, upToUnits: 7 },
      { name: "多乙", of: 0, units: 5 },
      { name: "散甲", of: 1, units: 1 },
    ],
    { casePack: 6, minUnits: 6, storesOf: [store, otherStore] },
  );
  const { items } = await made(ops.get("/ops/v1/purchase-orders"));
  const { purchaseOrderId } = items.find((one: { campaignId: string }) => one.campaignId === campaignId);
  const { lines } = await made(ops.get(`/ops/v1/purchase-orders/${purchaseOrderId}`));
  expect(lines).toMatchObject([{ storeId: store, units: 12, communities: [{ units: 12, cases: 2 }] }]);
  expect(refusal(await ops.get(purchase(campaignId, otherStore)))).toMatchObject({ code: "PURCHASE_NOT_FOUND" });
  expect(await order(people[2]!, seats[2]!.orderId)).toMatchObject({ seat: "REFUNDED" });

  const moved = await code(people[1]!, seats[1]!);
  // one order is served by another store, from its stock: the five are then too many here
  await made(ops.post(`/ops/v1/orders/${seats[1]!.orderId}/reroute`, { storeId: otherStore, reason: "会员要求" }));
  expect(await online(articleId, otherStore)).toBe(95);
  expect(await online(articleId)).toBe(100);
  const arrivals = `${purchase(campaignId)}/arrivals`;
  expect(refusal(await clerk.post(arrivals, { units: 4, rejected: 1 }))).toMatchObject({ code: "INPUT_INVALID" });
  expect(refusal(await clerk.post(arrivals, { units: 4, rejected: 5, reason: "烂" }))).toMatchObject({
    code: "INPUT_INVALID",
  });
  const done = await made(clerk.post(arrivals, { units: 14, rejected: 2, reason: "烂", last: true }));
  expect(done).toMatchObject({ state: "RECEIVED", good: 12, damaged: 2, surplus: 5, withdrawn: 5 });
  expect(await online(articleId)).toBe(105);
  expect(refusal(await clerk.post(arrivals, { units: 1 }))).toMatchObject({ code: "PURCHASE_STATE" });
  expect(
    refusal(
      await ops.post(`${purchase(campaignId)}/promise`, {
        expectedAt: new Date(clock.now() + 9 * day).toISOString(),
        reason: "晚到",
      }),
    ),
  ).toMatchObject({ code: "PURCHASE_STATE" });
  await pass(2 * day);
  expect(refusal(await pickup(moved))).toMatchObject({ code: "PICKUP_CODE_INVALID" });
  const own = await code(people[0]!, seats[0]!);

  // called back, nothing is handed over until the recall ends
  const recall = await made(ops.post("/ops/v1/recalls", { articleId, reason: "农残超标" }));
  expect(refusal(await pickup(own))).toEqual({
    status: 409,
    code: "PICKUP_RECALLED",
    facts: { recallId: recall.recallId, articleId },
  });
  await made(ops.post(`/ops/v1/recalls/${recall.recallId}/closing`, { reason: "误报" }));
  expect(await made(pickup(own))).toMatchObject({ units: 7 });
  await pass(40 * minute);
  await recount();
});

test("goods come late: everybody is told the new date, who will not wait has the money back once, who says nothing keeps the order", async () => {
  const { articleId, campaignId, people, seats } = await cutOff([
    { name: "等甲", of: 0, units: 3 },
    { name: "急乙", of: 0, units: 2 },
    { name: "等丙", of: 1, units: 3 },
    { name: "赶丁", of: 1, units: 1 },
  ]);
  const [waits, hurries, last] = people as [Neighbour, Neighbour, Neighbour, Neighbour];
  const arrivalOf = async (i: number) => (await order(people[i]!, seats[i]!.orderId)).batch.arrival;
  expect(await arrivalOf(0)).toEqual({ state: "EXPECTED", lateRefund: false });
  const back = (i: number) => people[i]!.post(`/v1/orders/${seats[i]!.orderId}/late-refund`);
  expect(refusal(await back(1))).toMatchObject({ status: 409, code: "LATE_REFUND_CLOSED" });
  const before = await order(waits, seats[0]!.orderId);
  const later = (ms: number) => new Date(Date.parse(before.pickupFrom) + ms).toISOString();
  const promise = (ms: number) =>
    clerk.post(`${purchase(campaignId)}/promise`, { expectedAt: later(ms), reason: "产地大雨" });
  expect(refusal(await promise(0))).toMatchObject({ code: "INPUT_INVALID" });
  await made(promise(day));
  await world.platform.idle();
  await made(promise(2 * day));
  await world.platform.idle();
  await pass(2 * minute);
  for (const [i, who] of people.entries()) {
    const now = await order(who, seats[i]!.orderId);
    expect(Date.parse(now.pickupFrom) - Date.parse(before.pickupFrom)).toBe(2 * day);
    expect(Date.parse(now.pickupUntil) - Date.parse(before.pickupUntil)).toBe(2 * day);
    expect((await titles(who)).filter((title) => title === "到货延期")).toHaveLength(2);
  }
  expect(await arrivalOf(1)).toEqual({ state: "EXPECTED", lateRefund: true });
  const twice = await Promise.all([back(1), back(1)]);
  expect(twice.map(({ status }) => status).sort()).toEqual([200, 409]);
  await world.platform.idle();
  await pass(2 * minute);
  expect(await order(hurries, seats[1]!.orderId)).toMatchObject({
    seat: "REFUNDED",
    payment: { state: "REFUNDED" },
    refunds: [{ cause: "late_arrival", refundFen: 1600, state: "SUCCESS" }],
  });
  expect((await made(clerk.get(purchase(campaignId)))).withdrawn).toBe(2);
  await passTo(later(2 * day));
  // seven come for the seven that are still owed, while one of them is given back: either is first, and both come out even
  const { version } = await order(waits, seats[0]!.orderId);
  const [given, came] = await Promise.all([
    back(3),
    clerk.post(`${purchase(campaignId)}/arrivals`, { units: 7, last: true }),
  ]);
  expect(came.status).toBe(200);
  const surplus = given.status === 200 ? 1 : 0;
  if (!surplus) expect(refusal(given)).toMatchObject({ code: "LATE_REFUND_CLOSED" });
  await world.platform.idle();
  await pass(2 * minute);
  expect((await order(people[3]!, seats[3]!.orderId)).seat).toBe(surplus ? "REFUNDED" : "CONFIRMED");
  expect(await arrivalOf(0)).toEqual({ state: "RECEIVED", units: 3, lateRefund: false });
  const seen = await made(waits.get(`/v1/orders/${seats[0]!.orderId}/changes?after=${version}`));
  expect(seen).toMatchObject({ changed: true });
  expect(refusal(await back(0))).toMatchObject({ code: "LATE_REFUND_CLOSED" });
  expect(await made(pickup(await code(waits, seats[0]!)))).toMatchObject({ units: 3 });
  expect(refusal(await hurries.post(`/v1/orders/${seats[1]!.orderId}/pickup-code`))).toMatchObject({
    code: "PICKUP_NOT_READY",
  });
  expect(await online(articleId)).toBe(100 + surplus);
  // what had come for an order that another store serves in the end is this store's stock
  await made(ops.post(`/ops/v1/orders/${seats[2]!.orderId}/reroute`, { storeId: otherStore, reason: "会员要求" }));
  expect([await online(articleId), await online(articleId, otherStore)]).toEqual([103 + surplus, 97]);
  expect(await order(last, seats[2]!.orderId)).toMatchObject({ seat: "CONFIRMED", store: { storeId: otherStore } });
  await pass(40 * minute);
  await recount();
});
