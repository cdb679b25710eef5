import { describe, expect, it } from "vitest";
import { issuePickupCode, rerouteOrder, uploadShipping, verifyPickup } from "../../shared/fulfilment/index.ts";
import { codeHashOf, drawCode } from "../../shared/fulfilment/issue-pickup-code.ts";
import { hour, minute, second } from "../../shared/kernel/time.ts";
import {
  allotments,
  auditOf,
  dues,
  idempotency,
  OUTBOX_BUCKETS,
  orders,
  outboxOf,
  pickupCodes,
  stockMovements,
  stocks,
} from "../../shared/table/keys.ts";
import { near, never, openWorld, refusal } from "./world.ts";

const { deps, table, env, clock, shippingUpload, uploads, addStore, addOrder } = await openWorld();
const square = { lat: 31.2325, lng: 121.4692, datum: "wgs84" as const };
const store = await addStore(square, { name: "人民广场店" });
const other = await addStore(near(square, 800), { name: "豫园店" });
const staffId = () => `staff-${env.ids.next("SF")}`;
const verify = (code: string, more: { storeId?: string; staffId?: string } = {}) =>
  verifyPickup(deps, { staffId: staffId(), storeId: store.storeId, code, once: never, ...more });
const reroute = (orderId: string, storeId?: string) =>
  rerouteOrder(deps, { orderId, storeId, reason: "停电关店", staffId: "SF-1", once: never });
const leftAt = async (o: { campaignId: string; articleId: string }, storeId: string) =>
  (await table.load(allotments, { campaignId: o.campaignId, storeId, articleId: o.articleId }))?.left;
const events = async (orderId: string) => {
  const rows = await Promise.all(
    Array.from({ length: OUTBOX_BUCKETS }, (_, b) => table.page(outboxOf(env.clock.now(), b), { limit: 500 })),
  );
  return rows
    .flatMap((p) => p.items)
    .filter((e) => e.data.orderId === orderId)
    .map((e) => e.type);
};

describe("a pickup code", () => {
  it("is twelve random digits, even where the draw begins with zeros or lies beyond the last whole multiple", () => {
    const draws = [
      [255, 255, 255, 255, 255, 255],
      [0, 0, 0, 0, 0, 7],
    ];
    expect(drawCode({ bytes: () => Uint8Array.from(draws.shift()!) })).toBe("000000000007");
    expect(draws).toEqual([]);
  });

  it("is the same again while unused, is kept only sealed and hashed, and is told to nobody by its event", async () => {
    const order = await addOrder(store);
    const [one, two] = await Promise.all([issuePickupCode(deps, order), issuePickupCode(deps, order)]);
    expect(one.code).toMatch(/^\d{12}$/);
    expect(two.code).toBe(one.code);
    expect((await issuePickupCode(deps, order)).code).toBe(one.code);
    expect(one.store).toEqual({
      storeId: store.storeId,
      name: "人民广场店",
      address: "测试路 1 号",
      hours: "每天 08:00–21:00",
    });
    const row = await table.load(orders, order);
    expect(row!.pickupHash).toBe(codeHashOf(deps, one.code));
    expect(JSON.stringify(await table.load(pickupCodes, { codeHash: row!.pickupHash! }))).not.toContain(one.code);
    expect(await events(order.orderId)).toEqual(["order.pickup_code_issued"]);
  });

  it.each([
    ["the team is still forming", { team: "FORMING" as const }],
    ["the team failed", { team: "FAILED" as const }],
    ["the seat is not paid", { order: { seat: "HELD" as const } }],
  ])("is not given out while %s", async (_when, more) => {
    const order = await addOrder(store, more);
    expect((await refusal(issuePickupCode(deps, order))).code).toBe("PICKUP_NOT_READY");
    expect((await table.load(orders, order))!.pickupHash).toBeUndefined();
  });

  it("is not given out for a cancelled order or one that does not exist", async () => {
    const order = await addOrder(store, { order: { stage: "CANCELLED" } });
    expect((await refusal(issuePickupCode(deps, order))).code).toBe("ORDER_STATE");
    expect((await refusal(issuePickupCode(deps, { orderId: env.ids.next("OR") }))).code).toBe("ORDER_NOT_FOUND");
  });
});

describe("verifying a pickup", () => {
  it("hands over once, tells staff what to hand over, and leaves a due upload, an event and an audit row", async () => {
    const order = await addOrder(store);
    const { code } = await issuePickupCode(deps, order);
    const now = env.clock.now();
    const handed = await verify(code, { staffId: "SF-7" });
    expect(handed).toEqual({
      orderId: order.orderId,
      day: order.day,
      units: 2,
      lines: [{ articleId: order.articleId, name: "草莓", units: 2 }],
      card: { bought: [], ask: "第一次来取货,是邻居介绍的吗?" },
      zones: [{ zone: "ambient", lines: [{ articleId: order.articleId, name: "草莓", units: 2 }] }],
      handedOverAt: now,
    });
    expect(await table.load(orders, order)).toMatchObject({
      stage: "HANDED_OVER",
      handedOverAt: now,
    });
    expect(await table.load(dues, { kind: "shipping", id: order.orderId, at: now })).toBeDefined();
    expect(await events(order.orderId)).toContain("order.handed_over");
    const rows = (await table.page(auditOf(order.day), { limit: 50 })).items;
    expect(rows.find((r) => r.target === order.orderId)).toMatchObject({ action: "order.hand_over", staffId: "SF-7" });
    expect((await refusal(verify(code))).code).toBe("PICKUP_CODE_USED");
    expect((await refusal(issuePickupCode(deps, order))).code).toBe("PICKUP_CODE_USED");
  });

  it("lets one of many tills succeed and tells the others that the code is used", async () => {
    const order = await addOrder(store);
    const { code } = await issuePickupCode(deps, order);
    const answers = await Promise.all(Array.from({ length: 8 }, () => refusal(verify(code))));
    expect(answers.filter((a) => a.code === "none")).toHaveLength(1);
    expect(answers.filter((a) => a.code === "PICKUP_CODE_USED")).toHaveLength(7);
    expect((await events(order.orderId)).filter((type) => type === "order.handed_over")).toHaveLength(1);
  });

  it("stores the answer of an idempotent request in the same commit", async () => {
    const order = await addOrder(store);
    const { code } = await issuePickupCode(deps, order);
    const row = { actorId: "SF-8", key: order.orderId, request: "r", status: 200, at: env.clock.now() };
    await verifyPickup(deps, {
      staffId: "SF-8",
      storeId: store.storeId,
      code,
      once: (result) => [idempotency.create({ ...row, body: Buffer.from(JSON.stringify(result)) })],
    });
    const kept = await table.load(idempotency, row);
    expect(JSON.parse(Buffer.from(kept!.body).toString())).toMatchObject({ orderId: order.orderId });
  });

  it("sends the member to the right store, by id and name", async () => {
    const order = await addOrder(store);
    const { code } = await issuePickupCode(deps, order);
    expect(await refusal(verify(code, { storeId: other.storeId }))).toMatchObject({
      code: "PICKUP_OTHER_STORE",
      facts: { storeId: store.storeId, name: "人民广场店" },
    });
    expect((await table.load(orders, order))!.stage).toBe("PLACED");
  });

  it("refuses before the pickup begins, and hands over from that instant on", async () => {
    const order = await addOrder(store, { order: { pickupFrom: env.clock.now() + hour } });
    const { code } = await issuePickupCode(deps, order);
    clock.advance(hour - second);
    expect((await refusal(verify(code))).code).toBe("PICKUP_NOT_READY");
    clock.advance(second);
    expect((await verify(code)).orderId).toBe(order.orderId);
  });

  it("refuses a code whose seat is being refunded", async () => {
    const order = await addOrder(store);
    const { code } = await issuePickupCode(deps, order);
    await table.commit([orders.patch({ orderId: order.orderId }).set({ seat: "REFUND_DUE" })]);
    expect((await refusal(verify(code))).code).toBe("SEAT_STATE");
    expect((await table.load(pickupCodes, { codeHash: codeHashOf(deps, code) }))!.state).toBe("ISSUED");
  });

  it("locks a staff member at a store after five wrong codes, others not, until ten minutes have passed", async () => {
    const order = await addOrder(store);
    const { code } = await issuePickupCode(deps, order);
    const guesser = { staffId: staffId() };
    for (let n = 0; n < 4; n++) {
      expect((await refusal(verify("000000000000", guesser))).code).toBe("PICKUP_CODE_INVALID");
      clock.advance(minute);
    }
    expect((await refusal(verify("000000000001", guesser))).code).toBe("PICKUP_CODE_INVALID");
    const locked = await refusal(verify(code, guesser));
    expect(locked.code).toBe("PICKUP_LOCKED");
    expect(locked.retryAfter).toBeGreaterThan(0);
    expect(locked.retryAfter).toBeLessThanOrEqual(360);
    const elsewhere = await refusal(verify(code, { ...guesser, storeId: other.storeId }));
    expect(elsewhere.code).toBe("PICKUP_OTHER_STORE");
    clock.advance(locked.retryAfter! * second);
    expect((await verify(code, guesser)).orderId).toBe(order.orderId);
  });

  it("counts each of several wrong codes entered at once", async () => {
    const guesser = { staffId: staffId() };
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => refusal(verify(`00000000001${n}`, guesser))));
    expect(answers.map((a) => a.code)).toEqual(Array(5).fill("PICKUP_CODE_INVALID"));
    expect((await refusal(verify("000000000019", guesser))).code).toBe("PICKUP_LOCKED");
  });
});

describe("re-routing a paid order", () => {
  it("moves order and units to the given store, voids the code, and a new code works there alone", async () => {
    const order = await addOrder(store);
    const { campaignId, articleId, orderId } = order;
    await table.commit([
      allotments.create({ campaignId, storeId: other.storeId, articleId, units: 5, left: 5, state: "OPEN" }),
    ]);
    const old = await issuePickupCode(deps, order);
    const moved = await reroute(orderId, other.storeId);
    expect(moved).toMatchObject({ orderId, fromStoreId: store.storeId, storeId: other.storeId });
    expect(moved.routed).toMatchObject({ by: "picked", method: "great_circle", cell: order.routed.cell });
    expect(await leftAt(order, store.storeId)).toBe(10);
    expect(await leftAt(order, other.storeId)).toBe(3);
    const row = await table.load(orders, order);
    expect(row).toMatchObject({ storeId: other.storeId, routed: moved.routed });
    expect(row!.pickupHash).toBeUndefined();
    expect((await refusal(verify(old.code, { storeId: other.storeId }))).code).toBe("PICKUP_CODE_INVALID");
    const fresh = await issuePickupCode(deps, order);
    expect(fresh.code).not.toBe(old.code);
    expect(fresh.store.storeId).toBe(other.storeId);
    expect((await refusal(verify(fresh.code))).code).toBe("PICKUP_OTHER_STORE");
    expect((await verify(fresh.code, { storeId: other.storeId })).orderId).toBe(orderId);
    expect(await events(orderId)).toContain("order.rerouted");
  });

  it("finds the nearest able store with the units by itself", async () => {
    const here = { lat: 40, lng: 100, datum: "wgs84" as const };
    const closing = await addStore(here);
    const bare = await addStore(near(here, 200));
    await addStore(near(here, 300), { suspended: true });
    const able = await addStore(near(here, 700));
    const order = await addOrder(closing);
    const { campaignId, articleId } = order;
    await table.commit([
      allotments.create({ campaignId, storeId: bare.storeId, articleId, units: 5, left: 1, state: "OPEN" }),
      allotments.create({ campaignId, storeId: able.storeId, articleId, units: 5, left: 2, state: "OPEN" }),
    ]);
    const moved = await reroute(order.orderId);
    expect(moved.storeId).toBe(able.storeId);
    expect(moved.routed.passed.map((p) => p.why)).toEqual(["no_stock", "suspended"]);
    expect(await leftAt(order, able.storeId)).toBe(0);
    expect(await leftAt(order, bare.storeId)).toBe(1);
  });

  it("takes and gives online stock, with its movements, once the campaign has given its units back", async () => {
    const order = await addOrder(store);
    const { campaignId, articleId, orderId } = order;
    await table.commit([
      allotments.patch({ campaignId, storeId: store.storeId, articleId }).set({ state: "RETURNED" }),
      stocks.create({ storeId: other.storeId, articleId, online: 6 }),
    ]);
    await reroute(orderId, other.storeId);
    expect((await table.load(stocks, { storeId: other.storeId, articleId }))!.online).toBe(4);
    expect((await table.load(stocks, { storeId: store.storeId, articleId }))!.online).toBe(2);
    const deltas = await Promise.all(
      [store, other].map((s) =>
        table.page(stockMovements.query({ pk: `STOCK#${s.storeId}#${articleId}`, prefix: "MOVE#" }), { limit: 5 }),
      ),
    );
    expect(deltas.map((p) => p.items.map((m) => m.delta))).toEqual([[2], [-2]]);
  });

  it("refuses a store without the units, a suspended one, the same one, and an unknown one, and changes nothing", async () => {
    const order = await addOrder(store);
    const suspended = await addStore(near(square, 100), { suspended: true });
    const before = await table.load(orders, order);
    expect((await refusal(reroute(order.orderId, other.storeId))).code).toBe("SOLD_OUT");
    expect(await refusal(reroute(order.orderId, suspended.storeId))).toMatchObject({
      code: "STORE_NOT_ABLE",
      facts: { why: "suspended" },
    });
    expect((await refusal(reroute(order.orderId, store.storeId))).code).toBe("STORE_NOT_ABLE");
    expect((await refusal(reroute(order.orderId, env.ids.next("ST")))).code).toBe("STORE_NOT_FOUND");
    expect((await refusal(reroute(order.orderId))).code).toBe("NO_STORE_IN_RANGE");
    expect(await table.load(orders, order)).toEqual(before);
    expect(await leftAt(order, store.storeId)).toBe(8);
  });

  it("refuses orders whose team failed, whose seat is not paid, or that were handed over", async () => {
    const failed = await addOrder(store, { team: "FAILED" });
    await table.commit([
      allotments.create({
        campaignId: failed.campaignId,
        storeId: other.storeId,
        articleId: failed.articleId,
        units: 5,
        left: 5,
        state: "OPEN",
      }),
    ]);
    expect((await refusal(reroute(failed.orderId, other.storeId))).code).toBe("SEAT_STATE");
    expect(await leftAt(failed, other.storeId)).toBe(5);
    const held = await addOrder(store, { order: { seat: "HELD" } });
    expect((await refusal(reroute(held.orderId, other.storeId))).code).toBe("SEAT_STATE");
    const done = await addOrder(store, { order: { stage: "HANDED_OVER" } });
    expect((await refusal(reroute(done.orderId, other.storeId))).code).toBe("ORDER_STATE");
  });

  it("never moves units twice when two staff re-route at once, nor hands over at the old store meanwhile", async () => {
    const order = await addOrder(store);
    const { campaignId, articleId, orderId } = order;
    await table.commit([
      allotments.create({ campaignId, storeId: other.storeId, articleId, units: 5, left: 5, state: "OPEN" }),
    ]);
    const { code } = await issuePickupCode(deps, order);
    const [a, b, till] = await Promise.all([
      refusal(reroute(orderId, other.storeId)),
      refusal(reroute(orderId, other.storeId)),
      refusal(verify(code)),
    ]);
    const row = (await table.load(orders, order))!;
    const moved = [a, b].filter((r) => r.code === "none").length;
    expect(moved + (till.code === "none" ? 1 : 0)).toBe(1);
    expect(row.storeId).toBe(moved === 1 ? other.storeId : store.storeId);
    expect(await leftAt(order, other.storeId)).toBe(moved === 1 ? 3 : 5);
    expect(await leftAt(order, store.storeId)).toBe(moved === 1 ? 10 : 8);
  });

  it("lets a last unit go to one of two orders only", async () => {
    const order = await addOrder(store);
    const rival = await addOrder(store);
    const { campaignId, articleId } = order;
    await table.commit([
      allotments.create({ campaignId, storeId: other.storeId, articleId, units: 3, left: 3, state: "OPEN" }),
      orders.patch({ orderId: rival.orderId }).set({ campaignId, lines: order.lines }),
    ]);
    const answers = await Promise.all([order, rival].map((o) => refusal(reroute(o.orderId, other.storeId))));
    expect(answers.map((r) => r.code).sort()).toEqual(["SOLD_OUT", "none"]);
    expect(await leftAt(order, other.storeId)).toBe(1);
  });
});

describe("the shipping upload", () => {
  const handedOver = async () => {
    const order = await addOrder(store);
    const { code } = await issuePickupCode(deps, order);
    const { handedOverAt } = await verify(code);
    return { ...order, due: { kind: "shipping" as const, id: order.orderId, at: handedOverAt } };
  };

  it("tells the channel the payment, the payer and the goods, marks the order SENT and takes the due row away; once", async () => {
    const order = await handedOver();
    const before = uploads.length;
    expect(await uploadShipping(deps, order.orderId)).toEqual({ kind: "sent" });
    expect(uploads.slice(before)).toEqual([
      {
        paymentNo: order.paymentNo,
        openid: `o-${order.memberId}`,
        description: "草莓×2",
        handedOverAt: order.due.at,
        way: "pickup",
      },
    ]);
    expect((await table.load(orders, order))!.shipping).toBe("SENT");
    expect(await table.load(dues, order.due)).toBeUndefined();
    expect(await uploadShipping(deps, order.orderId)).toEqual({ kind: "sent" });
    expect(uploads.length).toBe(before + 1);
  });

  it.each([
    ["busy", { kind: "busy" as const }, "later"],
    ["unknown", { kind: "unknown" as const, reason: "timeout" }, "later"],
    ["refused", { kind: "refused" as const, code: "10060001", message: "no such order" }, "refused"],
  ])("leaves the due row for the next try when the channel's answer is %s", async (_what, answer, outcome) => {
    const order = await handedOver();
    shippingUpload.answer = answer;
    expect((await uploadShipping(deps, order.orderId)).kind).toBe(outcome);
    shippingUpload.answer = { kind: "uploaded" };
    expect((await table.load(orders, order))!.shipping).toBe("NONE");
    expect(await table.load(dues, order.due)).toBeDefined();
    expect((await uploadShipping(deps, order.orderId)).kind).toBe("sent");
    expect(await table.load(dues, order.due)).toBeUndefined();
  });

  it("done by two at once writes one event", async () => {
    const order = await handedOver();
    await Promise.all([1, 2, 3].map(() => uploadShipping(deps, order.orderId)));
    expect(
      await table.load(dues, { kind: "settlement", id: order.orderId, at: clock.now() + 49 * hour }),
    ).toBeDefined();
  });

  it("is refused for an order that is not handed over", async () => {
    const order = await addOrder(store);
    expect((await refusal(uploadShipping(deps, order.orderId))).code).toBe("ORDER_STATE");
  });
});
