import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 200, concurrency: { Shop: 4, default: 2 } });
const { made, neighbours, ops, staff, recount, unfinished, pass, passTo, pay, money, stores, articleId } = world;
const { minute, hour } = world.times;
const [store = "", far = ""] = stores;
const [wang, li] = (await neighbours("王", "李")) as [Neighbour, Neighbour];
const clerk = await staff("clerk-of-the-store", ["store_staff"], [store]);
const week = (capacity: number) =>
  [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) =>
    [
      [13 * 60, 15 * 60],
      [19 * 60, 21 * 60],
    ].map(([from, until]) => ({ weekday, from, until, capacity, leadMinutes: 60 })),
  );
const rules = {
  baseFen: 300,
  baseDistanceM: 3000,
  perKmFen: 100,
  baseGrams: 2000,
  perKgFen: 100,
  night: { fen: 200, from: 19 * 60, until: 6 * 60 },
  peaks: [],
  freeOverFen: 9900,
  maxDistanceM: 10_000,
  maxGrams: 20_000,
};
const because = { reason: "试运行" };
const plan = (capacity: number, version: number) =>
  ops.put(`/ops/v1/stores/${store}/slot-plan`, {
    delivery: { daysAhead: 1, windows: week(capacity) },
    version,
    ...because,
  });
await made(plan(10, 0));
await made(ops.put("/ops/v1/delivery-fees", { rules, version: 0, ...because }));
const home = (who: Neighbour) =>
  made(
    who.post("/v1/me/addresses", {
      name: who.name,
      phone: "13912345678",
      address: "人民大道200号",
      point: { ...world.here, lat: world.here.lat + 0.002 },
    }),
  );
const slots = async (who = wang) => (await made(who.get(`/v1/stores/${store}/slots`))).items;
const ask = (who: Neighbour, addressId: string, slotId: string, units = 2) =>
  who.post("/v1/orders", {
    lines: [{ articleId, units }],
    fulfilment: "delivery",
    addressId,
    storeId: store,
    slotId,
  });

test("an order is quoted with its fee line by line, brought in its slot, and handed over for the member's code", async () => {
  const { addressId } = await home(wang);
  const [early, late] = await slots();
  expect([early, late].map(({ slotId, left }) => [slotId, left])).toEqual([
    ["D-20261123-1300-1500", 10],
    ["D-20261123-1900-2100", 10],
  ]);
  const quote = (slotId: string, units: number) =>
    made(
      wang.post("/v1/cart/quotes", {
        lines: [{ articleId, units }],
        fulfilment: "delivery",
        addressId,
        storeId: store,
        slotId,
      }),
    );
  const fees = async (slotId: string, units: number) =>
    (await quote(slotId, units)).price
      .filter(({ kind }: { kind: string }) => kind === "delivery")
      .map(({ amountFen }: { amountFen: number }) => amountFen);
  expect(await fees(early.slotId, 2)).toEqual([300]);
  expect(await fees(late.slotId, 7)).toEqual([300, 200, 200]);
  expect(await fees(late.slotId, 10)).toEqual([300, 300, 200, -800]);

  const placed = await made(ask(wang, addressId, early.slotId));
  expect(placed).toMatchObject({ payableFen: 2300, pickupFrom: early.from });
  expect((await slots())[0]).toMatchObject({ left: 9 });
  await pay(wang, placed);
  const at = `/ops/v1/stores/${store}/orders/${placed.orderId}`;
  expect(await made(clerk.get(`${at}/recipient`))).toMatchObject({ name: "王", phone: "13912345678" });
  expect(refusal(await clerk.post(`${at}/dispatch`))).toMatchObject({ code: "ORDER_STATE" });
  expect(refusal(await ops.post(`/ops/v1/orders/${placed.orderId}/reroute`, { ...because }))).toMatchObject({
    code: "ORDER_STATE",
  });
  await made(clerk.post(`${at}/ready`));
  expect(refusal(await wang.post(`/v1/orders/${placed.orderId}/cancellation`))).toMatchObject({ code: "ORDER_STATE" });
  await made(clerk.post(`${at}/dispatch`));
  expect(await made(wang.get(`/v1/orders/${placed.orderId}`))).toMatchObject({
    headline: "配送中",
    stage: "DISPATCHED",
  });
  await passTo(Date.parse(early.until) + 10 * minute);
  const { code } = await made(wang.post(`/v1/orders/${placed.orderId}/pickup-code`));
  await made(clerk.post(`/ops/v1/stores/${store}/pickups`, { code }));
  await world.platform.idle();
  expect(await made(wang.get(`/v1/orders/${placed.orderId}`))).toMatchObject({ headline: "已送达" });
  const handed = await world.events("order.handed_over");
  expect(handed.map(({ data }) => data.lateMs)).toEqual([expect.closeTo(10 * minute, -5)]);
  const titles = (await made(wang.get("/v1/inbox"))).items.map(({ title }: { title: string }) => title);
  expect(titles).toEqual(expect.arrayContaining(["订单已备好", "订单配送中"]));
  expect(refusal(await clerk.get(`${at}/recipient`))).toMatchObject({ code: "ORDER_STATE" });
  await recount();
});

test("thirty neighbours want ten places of a slot: ten have one, and what is given up or cancelled is free again", async () => {
  const crowd = (await neighbours(...Array.from({ length: 30 }, (_, i) => `邻居${i}`))) as Neighbour[];
  const homes = await Promise.all(crowd.map(home));
  const slot = (await slots()).find(({ left }: { left: number }) => left === 10);
  const answers = await Promise.all(crowd.map((who, i) => ask(who, homes[i].addressId, slot.slotId, 1)));
  // whoever lost many races may be asked to try again: nobody is let in beyond ten
  const tried = await Promise.all(
    answers.map((answer, i) =>
      answer.body.code === "TRY_AGAIN" ? ask(crowd[i]!, homes[i].addressId, slot.slotId, 1) : answer,
    ),
  );
  const placed = tried.filter(({ status }) => status === 201).map(({ body }) => body);
  expect(placed).toHaveLength(10);
  for (const answer of tried.filter(({ status }) => status !== 201))
    expect(refusal(answer)).toMatchObject({ code: "SLOT_FULL", facts: { slotId: expect.stringMatching(/^D-/) } });
  const left = async () => (await slots()).find(({ slotId }: { slotId: string }) => slotId === slot.slotId)?.left;
  expect(await left()).toBe(0);
  const first = crowd[tried.findIndex(({ status }) => status === 201)]!;
  const [mine] = placed;
  await pay(first, mine);
  await made(first.post(`/v1/orders/${mine.orderId}/cancellation`));
  expect(await left()).toBe(1);
  await pass(20 * minute);
  expect(await left()).toBe(10);
  expect(await money(mine.orderId)).toMatchObject({ balanceFen: 0 });
  // a smaller plan evicts nobody and counts on
  const again = await made(ask(li, (await home(li)).addressId, slot.slotId));
  const { version } = await made(ops.get(`/ops/v1/stores/${store}/slot-plan`));
  await made(plan(1, version));
  expect(await left()).toBe(0);
  await made(li.post(`/v1/orders/${again.orderId}/cancellation`));
  expect(await left()).toBe(1);
  expect(refusal(await plan(1, version))).toMatchObject({ code: "VERSION_CONFLICT" });
  await recount();
});

test("a slot that has passed after a slow checkout is not accepted: the next one is offered instead", async () => {
  const { addressId } = await home(li);
  const [slot] = await slots();
  await passTo(Date.parse(slot.orderUntil) + minute);
  const late = refusal(await ask(li, addressId, slot.slotId));
  expect(late).toMatchObject({ code: "SLOT_PAST", facts: { slotId: (await slots())[0].slotId } });
  expect(refusal(await ask(li, addressId, "D-20270101-0900-1100"))).toMatchObject({ code: "SLOT_NOT_OFFERED" });
  const missing = (more: object) =>
    li.post("/v1/orders", { lines: [{ articleId, units: 1 }], fulfilment: "delivery", ...more });
  for (const [more, path] of [
    [{}, "body.addressId"],
    [{ addressId, slotId: slot.slotId }, "body.storeId"],
    [{ addressId, storeId: store }, "body.slotId"],
  ] as const)
    expect((await missing(more)).body.errors).toMatchObject([{ path }]);
  expect(refusal(await missing({ addressId, storeId: far }))).toMatchObject({ code: "DELIVERY_NOT_OFFERED" });
  const wangs = (await made(wang.get("/v1/me/addresses"))).items[0].addressId;
  const next = (await slots())[0].slotId;
  expect(refusal(await ask(li, wangs, next))).toMatchObject({ code: "ADDRESS_ENTRY_NOT_FOUND" });
  expect(refusal(await ask(li, addressId, next, 99))).toMatchObject({ code: "DELIVERY_TOO_HEAVY" });

  // a store that is collected from by slot takes nobody without one, also while no slot is open
  const collect = () => li.post("/v1/orders", { lines: [{ articleId, units: 1 }], place: world.here, storeId: far });
  const pickup = (leadMinutes: number) => ({
    daysAhead: 0,
    windows: [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, from: 1260, until: 1320, capacity: 1, leadMinutes })),
  });
  const byPickup = (leadMinutes: number, version: number) =>
    made(ops.put(`/ops/v1/stores/${far}/slot-plan`, { pickup: pickup(leadMinutes), version, ...because }));
  await byPickup(0, 0);
  expect((await collect()).body.errors).toMatchObject([{ path: "body.slotId" }]);
  await byPickup(1260, 1);
  expect(refusal(await collect())).toMatchObject({ code: "SLOT_NOT_OFFERED" });
  await pass(hour);
  expect(await unfinished()).toEqual([]);
});

test("an address book keeps its order, its default and its limits, and is nobody else's", async () => {
  const [zhou] = (await neighbours("周")) as [Neighbour];
  const entry = (address: string, more = {}) =>
    zhou.post("/v1/me/addresses", { name: "周", phone: "13712345678", address, point: world.here, ...more });
  const one = await made(entry("一号楼101室"));
  const two = await made(entry("二号楼202室", { isDefault: true }));
  expect(await made(entry("一号楼101室"))).toMatchObject({ addressId: one.addressId });
  const ids = async () =>
    (await made(zhou.get("/v1/me/addresses"))).items.map(({ addressId }: { addressId: string }) => addressId);
  expect(await ids()).toEqual([two.addressId, one.addressId]);
  const moved = { name: "周", phone: "13712345678", address: "三号楼303室", point: world.here };
  await made(zhou.put(`/v1/me/addresses/${one.addressId}`, { ...moved, isDefault: true }));
  expect(await ids()).toEqual([one.addressId, two.addressId]);
  expect((await zhou.delete(`/v1/me/addresses/${one.addressId}`)).status).toBe(204);
  expect(await ids()).toEqual([two.addressId]);
  expect(refusal(await wang.put(`/v1/me/addresses/${two.addressId}`, moved))).toMatchObject({ status: 404 });
  const odd = { phone: "12345", point: { lat: 121.47, lng: 31.23, datum: "wgs84" } };
  const answer = await entry("四号楼404室", odd);
  expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual([
    "body.phone",
    "body.point.lat",
    "body.point",
  ]);
  for (let i = 0; i < 19; i++) await made(entry(`${i}号楼${i}室`));
  expect(refusal(await entry("再多一个"))).toMatchObject({ code: "ADDRESS_BOOK_FULL" });
});
