import { expect, test } from "vitest";
import { takeNews } from "../../shared/dispatch/index.ts";
import { dispatchLifecycle } from "../../shared/dispatch/lifecycle.ts";
import type { Dispatch } from "../../shared/dispatch/model.ts";
import { type CarrierNews, carrierStates } from "../../shared/dispatch/ports.ts";
import { ATTEMPTS_AT_MOST, eventOf, isHeardAnew } from "../../shared/dispatch/rules.ts";
import { providerNumber } from "../../shared/kernel/ids.ts";
import { hour, minute } from "../../shared/kernel/time.ts";
import type { Order } from "../../shared/order/index.ts";
import { dispatches, dues, orders, outboxOf, tracksOf } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();

/** A delivery order that is packed, and asked of a carrier in this state. */
async function asked(more: Partial<Dispatch> = {}, of: Partial<Order> = {}): Promise<Order> {
  const now = clock.now();
  const order = paidOrder(env, {
    delivery: { from: now, until: now + hour, feeFen: 500, fees: [], distanceM: 1_200 },
    ...of,
  });
  const { orderId, storeId } = order;
  const row = { orderId, storeId, state: "OFFERED", attempt: 1, carrier: "dada" } as const;
  const times = {
    readyAt: now,
    heardAt: now,
    promisedUntil: now + hour,
    offerFrom: now,
    offerUntil: now,
    askedAt: now,
  };
  await table.commit([orders.create(order), dispatches.create({ ...row, ...times, feeFen: 700, ...more })]);
  return order;
}
const newsOf = (order: Order, state: CarrierNews["state"], afterMin: number, more: Partial<CarrierNews> = {}) =>
  ({
    jobNo: providerNumber(order.orderId, 1),
    carrier: "dada",
    state,
    at: order.createdAt + afterMin * minute,
    raw: state,
    ...more,
  }) satisfies CarrierNews;
const rowOf = (order: Order) => table.load(dispatches, order);
async function eventsOf({ orderId }: Order): Promise<string[]> {
  const found: string[] = [];
  for (let bucket = 0; bucket < 32; bucket++)
    for (const { type, data } of (await table.page(outboxOf(clock.now(), bucket), { limit: 100 })).items)
      if (data.orderId === orderId) found.push(type);
  return found.sort();
}

test("a carrier's news brings an order from the store to its member, whatever comes twice or late", async () => {
  const order = await asked();
  const accepted = newsOf(order, "ACCEPTED", 1, { rider: { name: "王小二", phone: "13812341234" } });
  expect(await takeNews({ table, env }, accepted)).toBe("applied");
  expect(await takeNews({ table, env }, accepted)).toBe("ignored");
  expect(await rowOf(order)).toMatchObject({ state: "ACCEPTED", rider: "王师傅 138****1234" });
  expect(await takeNews({ table, env }, newsOf(order, "PICKED_UP", 10))).toBe("applied");
  expect((await table.load(orders, order))?.stage).toBe("DISPATCHED");
  expect(await takeNews({ table, env }, newsOf(order, "ARRIVED_STORE", 9))).toBe("ignored");
  expect(await takeNews({ table, env }, newsOf(order, "UNKNOWN", 12, { raw: "4711" }))).toBe("ignored");
  expect(await takeNews({ table, env }, newsOf(order, "DELIVERED", 61))).toBe("applied");
  expect(await takeNews({ table, env }, newsOf(order, "PICKED_UP", 62))).toBe("ignored");
  expect(await rowOf(order)).toMatchObject({ state: "DELIVERED", attempt: 1 });
  expect(await table.load(orders, order)).toMatchObject({ stage: "HANDED_OVER", handedOverAt: clock.now() });
  expect(await table.load(dues, { kind: "shipping", id: order.orderId, at: clock.now() })).toBeDefined();
  expect(await eventsOf(order)).toEqual(["delivery.late", "order.dispatched", "order.handed_over"]);
  const trail = (await table.page(tracksOf(order.orderId), { limit: 20 })).items.map(({ state }) => state);
  expect(trail).toEqual(["ACCEPTED", "ARRIVED_STORE", "PICKED_UP", "UNKNOWN", "DELIVERED", "PICKED_UP"]);
});

test("a job that its carrier gives up waits for the next attempt once, and moves nothing any more", async () => {
  const order = await asked({ state: "ACCEPTED" });
  const gone = [3, 4, 5].map((min) => newsOf(order, "CANCELLED", min, { cancelledBy: "carrier", raw: `5-${min}` }));
  const said = await Promise.all(gone.map((news) => takeNews({ table, env }, news)));
  expect(said.sort()).toEqual(["applied", "ignored", "ignored"]);
  const row = await rowOf(order);
  expect(row).toMatchObject({ state: "WAITING", attempt: 2 });
  expect(row?.carrier).toBeUndefined();
  expect(await takeNews({ table, env }, newsOf(order, "DELIVERED", 9))).toBe("ignored");
  expect(await rowOf(order)).toMatchObject({ state: "WAITING", attempt: 2 });
  expect(await eventsOf(order)).toEqual(["dispatch.lost"]);
});

test("news of a job that was never asked for is none of ours", async () => {
  const order = await asked();
  const next = { jobNo: providerNumber(order.orderId, 2) };
  expect(await takeNews({ table, env }, newsOf(order, "ACCEPTED", 1, next))).toBe("unknown_job");
  expect(await takeNews({ table, env }, newsOf(order, "ACCEPTED", 1, { carrier: "wechat" }))).toBe("unknown_job");
  expect(await takeNews({ table, env }, newsOf(order, "ACCEPTED", 1, { jobNo: "4711" }))).toBe("unknown_job");
  const stranger = newsOf(paidOrder(env), "ACCEPTED", 1);
  expect(await takeNews({ table, env }, stranger)).toBe("unknown_job");
  expect((await table.page(tracksOf(order.orderId), { limit: 5 })).items).toEqual([]);
});

test("goods that come back are the store's again, and staff are told; an order being refunded is not handed over", async () => {
  const back = await asked({ state: "PICKED_UP" }, { stage: "DISPATCHED" });
  await takeNews({ table, env }, newsOf(back, "RETURNING", 20));
  await takeNews({ table, env }, newsOf(back, "RETURNED", 30));
  expect((await table.load(orders, back))?.stage).toBe("READY");
  expect(await eventsOf(back)).toEqual(["dispatch.attention", "dispatch.attention"]);
  const refunded = await asked({ state: "PICKED_UP" }, { stage: "DISPATCHED", seat: "REFUND_DUE" });
  await takeNews({ table, env }, newsOf(refunded, "DELIVERED", 30));
  expect((await table.load(orders, refunded))?.stage).toBe("DISPATCHED");
  expect(await eventsOf(refunded)).toEqual(["dispatch.attention"]);
});

test("a rider who gives up is forgotten, unless another one is known since", async () => {
  const order = await asked();
  await takeNews({ table, env }, newsOf(order, "ACCEPTED", 1, { rider: { name: "王小二" } }));
  await takeNews({ table, env }, newsOf(order, "RIDER_DROPPED", 3));
  const row = await rowOf(order);
  expect(row).toMatchObject({ state: "OFFERED", attempt: 1 });
  expect(row?.rider).toBeUndefined();
  expect(await takeNews({ table, env }, newsOf(order, "ACCEPTED", 2, { raw: "again" }))).toBe("ignored");
  expect(await takeNews({ table, env }, newsOf(order, "ACCEPTED", 4, { rider: { name: "李四" } }))).toBe("applied");
  await takeNews({ table, env }, newsOf(order, "ACCEPTED", 6, { raw: "third" }));
  expect(await takeNews({ table, env }, newsOf(order, "RIDER_DROPPED", 5))).toBe("ignored");
  expect(await rowOf(order)).toMatchObject({ state: "ACCEPTED", rider: "李师傅" });
});

test("ten thousand orders of callbacks never bring a job back, nor its goods to a second rider", () => {
  let seed = 20261127;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const order = dispatchLifecycle.states;
  const ends = new Set<string>();
  for (let run = 0; run < 10_000; run++) {
    let row: Dispatch = {
      orderId: "OR1",
      storeId: "ST1",
      state: "OFFERED",
      attempt: 1,
      carrier: "dada",
      readyAt: 0,
      heardAt: 0,
      promisedUntil: 0,
      offerFrom: 0,
      offerUntil: 0,
      ...(run % 4 === 0 && { callOff: "order" as const }),
    };
    let withRider = false;
    for (let i = 0; i < 24; i++) {
      const state = carrierStates[random(carrierStates.length)]!;
      const news = { state, at: random(60) };
      const event = eventOf(row, news);
      if (!event) {
        if (isHeardAnew(row, news)) row = { ...row, heardAt: news.at };
        continue;
      }
      if (!dispatchLifecycle.allows(row.state, event)) throw new Error(`${event} of ${row.state}`);
      const next = dispatchLifecycle.to(event);
      const lost = event === "lost";
      if (withRider && !["DELIVERED", "RETURNING", "RETURNED", "FAILED"].includes(next))
        throw new Error(`${next} after its goods were with a rider`);
      const back = order.indexOf(next) < order.indexOf(row.state);
      if (back && !lost && event !== "dropped" && next !== "DELIVERED") throw new Error(`${next} after ${row.state}`);
      withRider = next === "PICKED_UP" || next === "RETURNING";
      row = { ...row, state: next, heardAt: Math.max(row.heardAt, news.at), attempt: row.attempt + (lost ? 1 : 0) };
      if (event === "dropped") row = { ...row, droppedAt: news.at };
      // as it is asked of the next one
      if (lost) row = { ...row, state: "OFFERED", droppedAt: undefined };
      if (row.attempt > ATTEMPTS_AT_MOST) throw new Error("asked too often");
    }
    ends.add(row.state);
  }
  expect([...ends]).toEqual(expect.arrayContaining(["CANCELLED", "DELIVERED", "FAILED", "RETURNED"]));
});
