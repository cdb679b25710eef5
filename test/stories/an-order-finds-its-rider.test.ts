import { expect, test } from "vitest";
import { toUtc } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000, concurrency: { Shop: 4, Ops: 4, default: 2 } });
const { made, neighbours, ops, staff, recount, unfinished, pass, passTo, pay, money, stores, articleId, local } = world;
const { minute, hour } = world.times;
const [store = "", far = ""] = stores;
const [wang] = (await neighbours("王")) as [Neighbour];
const clerk = await staff("clerk-of-the-store", ["store_staff"], [store]);
const manager = await staff("manager-of-the-store", ["store_manager"], [store]);
const because = { reason: "试运行" };
const windows = [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) =>
  [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20].map((from) => ({
    weekday,
    from: from * 60,
    until: from * 60 + 60,
    capacity: 60,
    leadMinutes: 30,
  })),
);
await made(
  ops.put(`/ops/v1/stores/${store}/slot-plan`, { delivery: { daysAhead: 1, windows }, version: 0, ...because }),
);
await made(
  ops.put("/ops/v1/delivery-fees", {
    rules: {
      baseFen: 300,
      baseDistanceM: 3000,
      perKmFen: 100,
      baseGrams: 2000,
      perKgFen: 100,
      peaks: [],
      freeOverFen: 99_000,
      maxDistanceM: 10_000,
      maxGrams: 20_000,
    },
    version: 0,
    ...because,
  }),
);
const { addressId } = await made(
  wang.post("/v1/me/addresses", {
    name: "王",
    phone: "13912345678",
    address: "人民大道200号",
    point: { ...world.here, lat: world.here.lat + 0.002 },
  }),
);

interface Brought {
  orderId: string;
  at: string;
  promisedUntil: number;
}
/** An order that is paid, to be brought in the next slot, and packed; the clock stands where somebody is sought for it. */
async function packed(more: { ready?: boolean } = {}): Promise<Brought> {
  const [slot] = (await made(wang.get(`/v1/stores/${store}/slots`))).items;
  const placed = await made(
    wang.post("/v1/orders", {
      lines: [{ articleId, units: 1 }],
      fulfilment: "delivery",
      addressId,
      storeId: store,
      slotId: slot.slotId,
    }),
  );
  await pay(wang, placed);
  const at = `/ops/v1/stores/${store}/orders/${placed.orderId}`;
  if (more.ready !== false) {
    await made(clerk.post(`${at}/ready`));
    await passTo(Date.parse(slot.from) - 15 * minute);
  }
  return { orderId: placed.orderId, at, promisedUntil: Date.parse(slot.until) };
}
/** Everything is over once its slot is, and whoever waits has looked. */
const over = async () => {
  await pass(2 * hour);
  for (let i = 0; i < 3; i++) await pass(6 * minute);
  // what was brought two days ago is looked at every ten minutes, whether the channel has let its money go
  expect((await unfinished()).filter((line) => !line.startsWith("due settlement"))).toEqual([]);
};
const carriers = (knob: string, body?: Record<string, unknown>) => local(`carriers/${knob}`, body);
const jobsOf = async ({ orderId }: Brought) =>
  (await carriers("book")).filter(({ jobNo }: { jobNo: string }) => jobNo.startsWith(orderId));
const trail = (order: Brought) => made(wang.get(`/v1/orders/${order.orderId}/trail`));
const statesOf = async (order: Brought) => (await trail(order)).entries.map(({ state }: { state: string }) => state);
/** As far as the clock stands, with the steps that are due by then. */
const stroll = async (ms: number) => {
  for (let gone = 0; gone < ms; gone += minute) await pass(minute);
};
const costs = async ({ orderId }: Brought) =>
  (await money(orderId)).transfers
    .filter(({ kind }: { kind: string }) => kind.startsWith("delivery"))
    .map(({ kind, credit, amountFen }: { kind: string; credit: string; amountFen: number }) => [
      kind,
      credit,
      amountFen,
    ]);

test("left by our own people for three minutes, an order goes to the carrier that offers best, and is brought by it", async () => {
  const order = await packed();
  expect(await jobsOf(order)).toEqual([]);
  await stroll(2 * minute);
  expect(await jobsOf(order)).toEqual([]);
  await stroll(2 * minute);
  expect(await jobsOf(order)).toMatchObject([{ jobNo: `${order.orderId}01`, carrier: "wechat", feeFen: 620 }]);
  // a carrier has it: nobody of ours leaves with it as well
  expect(refusal(await clerk.post(`${order.at}/dispatch`))).toMatchObject({ code: "ORDER_STATE" });
  await stroll(9 * minute);
  const { code } = await made(wang.post(`/v1/orders/${order.orderId}/pickup-code`));
  expect(await trail(order)).toMatchObject({
    state: "PICKED_UP",
    rider: expect.stringMatching(/^.师傅 1\d\d\*{4}\d{4}$/),
  });
  expect(await made(wang.get(`/v1/orders/${order.orderId}`))).toMatchObject({ headline: "配送中" });
  await stroll(20 * minute);
  expect(await made(wang.get(`/v1/orders/${order.orderId}`))).toMatchObject({ headline: "已送达" });
  expect(await statesOf(order)).toEqual([
    ...["PLACED", "PAID", "READY", "ASKED", "CREATED", "ACCEPTED", "ARRIVED_STORE", "PICKED_UP"],
    ...["DELIVERED", "HANDED_OVER"],
  ]);
  expect(await costs(order)).toEqual([["delivery", "carrier:wechat", 620]]);
  // the code that was given out is good for nothing more
  expect(refusal(await manager.post(`/ops/v1/stores/${store}/pickups`, { code }))).toMatchObject({
    code: "PICKUP_CODE_USED",
  });
  // staff read the same trail, with who
  const theirs = await made(clerk.get(`${order.at}/trail`));
  expect(theirs.entries.find(({ state }: { state: string }) => state === "ACCEPTED")).toMatchObject({
    carrier: "wechat",
  });
  const [delivery] = (await made(clerk.get(`/ops/v1/stores/${store}/deliveries`))).items;
  expect(delivery).toMatchObject({ orderId: order.orderId, state: "DELIVERED", needsAttention: false });
  await over();
  await recount();
});

test("the cheaper carrier has it, and a minute beyond the promise is dear", async () => {
  await carriers("plan", { carrier: "dada", feeFen: 500 });
  const cheap = await packed();
  await stroll(4 * minute);
  expect(await jobsOf(cheap)).toMatchObject([{ carrier: "dada", feeFen: 500 }]);
  await carriers("plan", { carrier: "dada", feeFen: 700 });
  // WeChat says that it comes a quarter of an hour after the promise
  await carriers("plan", { carrier: "wechat", minutes: 400 });
  const late = await packed();
  await stroll(4 * minute);
  expect(await jobsOf(late)).toMatchObject([{ carrier: "dada" }]);
  await carriers("plan", { carrier: "wechat" });
  // who does not quote in time is not waited for
  await carriers("plan", { carrier: "dada", refuse: "quote" });
  const alone = await packed();
  await stroll(4 * minute);
  expect(await jobsOf(alone)).toMatchObject([{ carrier: "wechat" }]);
  await carriers("plan", { carrier: "dada" });
  await over();
});

test("an answer that is lost is asked after under the same number: the order has one job, whether it was made or not", async () => {
  await carriers("plan", { carrier: "dada", feeFen: 500 });
  for (const kind of ["drop-answer", "500-after"]) {
    await carriers("fault", { op: "create", kind });
    const order = await packed();
    await stroll(6 * minute);
    expect(await jobsOf(order)).toMatchObject([{ carrier: "dada", jobNo: `${order.orderId}01` }]);
    expect(await trail(order)).toMatchObject({ state: "ACCEPTED" });
  }
  // it was never made: the next attempt is another job, of another carrier
  await carriers("fault", { op: "create", kind: "500-before" });
  const order = await packed();
  await stroll(6 * minute);
  expect(await jobsOf(order)).toMatchObject([{ carrier: "wechat", jobNo: `${order.orderId}02` }]);
  await over();
  await recount();
});

test("a job that its carrier did not know, and that turns up when another one has the order, is ended", async () => {
  await carriers("plan", { carrier: "dada", feeFen: 500 });
  await carriers("fault", { op: "create", kind: "late" });
  const order = await packed();
  await stroll(20 * minute);
  const jobs = await jobsOf(order);
  expect(jobs).toMatchObject([
    { carrier: "wechat", jobNo: `${order.orderId}02` },
    { carrier: "dada", jobNo: `${order.orderId}01`, state: "CANCELLED", cancelledBy: "merchant" },
  ]);
  await over();
  expect(await trail(order)).toMatchObject({ state: "DELIVERED" });
  expect((await costs(order)).filter(([kind]: unknown[]) => kind === "delivery")).toEqual([
    ["delivery", "carrier:wechat", 620],
  ]);
  await recount();
});

test("callbacks come twice, late, in any order, or not at all: the order goes onward only, and arrives", async () => {
  await carriers("plan", { carrier: "dada", feeFen: 500 });
  const order = await packed();
  await pass(3 * minute + 1000);
  await carriers("callbacks", {
    next: [{ delayMs: 20 * minute }, { duplicate: 3 }, "drop", { delayMs: 10 * minute }],
  });
  await stroll(30 * minute);
  expect(await trail(order)).toMatchObject({ state: "DELIVERED" });
  expect(await costs(order)).toEqual([["delivery", "carrier:dada", 500]]);
  // all of them lost: it is asked after
  await carriers("callbacks", { next: ["drop", "drop", "drop", "drop"] });
  const silent = await packed();
  await stroll(40 * minute);
  expect(await trail(silent)).toMatchObject({ state: "DELIVERED" });
  await carriers("callbacks", { next: [] });
  await over();
});

test("who is not the carrier can't bring an order to its end: a wrong signature is refused, Dada's word is asked for", async () => {
  for (const [name, feeFen] of [
    ["dada", 500],
    ["wechat", 700],
  ] as const) {
    await carriers("plan", { carrier: "dada", feeFen });
    const order = await packed();
    await stroll(5 * minute);
    const [{ jobNo, carrier }] = await jobsOf(order);
    expect(carrier).toBe(name);
    await carriers("forge", { carrier, jobNo, state: "DELIVERED" });
    await world.platform.idle();
    expect((await trail(order)).state).not.toBe("DELIVERED");
  }
  const unsigned = await world.call("POST", "/hooks/carriers/dada", undefined, { order_id: "OR1", order_status: 4 });
  expect(refusal(unsigned)).toMatchObject({ code: "NOTIFICATION_MALFORMED" });
  await over();
});

test("a carrier that finds no rider loses the job, what that costs is booked, and the next one brings it", async () => {
  await carriers("plan", { carrier: "dada", feeFen: 500, steps: [] });
  const order = await packed();
  await stroll(10 * minute);
  expect(await jobsOf(order)).toMatchObject([
    { carrier: "dada", state: "CANCELLED", cancelledBy: "merchant", deductFen: 0 },
    { carrier: "wechat" },
  ]);
  expect(await costs(order)).toEqual([]);
  await stroll(30 * minute);
  expect(await trail(order)).toMatchObject({ state: "DELIVERED" });
  // a rider who is on his way is paid for it when the shop takes the job away
  await carriers("plan", { carrier: "dada", feeFen: 500, steps: [{ state: "ACCEPTED", afterMs: minute }] });
  const second = await packed();
  await stroll(5 * minute);
  expect(await trail(second)).toMatchObject({ state: "ACCEPTED" });
  await made(manager.post(`${second.at}/delivery`, { decision: "callOff", reason: "骑手迟迟不来" }));
  await stroll(8 * minute);
  expect(await jobsOf(second)).toMatchObject([{ carrier: "dada", deductFen: 200 }, { carrier: "wechat" }]);
  expect(await costs(second)).toEqual([["delivery_called_off", "carrier:dada", 200]]);
  await carriers("plan", { carrier: "dada" });
  await over();
  await recount();
});

test("called off while its rider comes, an order is asked of another one, and what the first keeps is booked", async () => {
  await carriers("plan", {
    carrier: "dada",
    feeFen: 500,
    steps: [{ state: "ACCEPTED", afterMs: 5 * minute + 30_000 }],
  });
  const order = await packed();
  // what its carrier tells comes late: that a rider has it once we have called it off, and then that it ended
  await carriers("callbacks", { next: [{ delayMs: 50_000 }, { delayMs: 30_000 }] });
  // the first cancellation is lost on the way, of the second one the answer
  for (const kind of ["500-before", "drop-answer"]) await carriers("fault", { op: "cancel", kind });
  for (let gone = 0; gone < 14 * minute; gone += 10_000) await pass(10_000);
  expect((await jobsOf(order))[0]).toMatchObject({ carrier: "dada", state: "CANCELLED", deductFen: 200 });
  await carriers("callbacks", { next: [] });
  await stroll(30 * minute);
  expect(await trail(order)).toMatchObject({ state: "DELIVERED" });
  expect(await costs(order)).toEqual([
    ["delivery", "carrier:wechat", 620],
    ["delivery_called_off", "carrier:dada", 200],
  ]);
  await carriers("plan", { carrier: "dada" });
  await over();
  await recount();
});

test("a rider who gives up, a carrier that gives up: the order is brought all the same, by one of them", async () => {
  await carriers("plan", {
    carrier: "dada",
    feeFen: 500,
    steps: [
      { state: "ACCEPTED", afterMs: minute },
      { state: "RIDER_DROPPED", afterMs: 2 * minute },
      { state: "ACCEPTED", afterMs: 3 * minute },
      { state: "CANCELLED", afterMs: 4 * minute },
    ],
  });
  const order = await packed();
  await stroll(12 * minute);
  expect(await jobsOf(order)).toMatchObject([
    { carrier: "dada", state: "CANCELLED", cancelledBy: "carrier" },
    { carrier: "wechat" },
  ]);
  expect(await statesOf(order)).toEqual(expect.arrayContaining(["RIDER_DROPPED", "CANCELLED"]));
  await stroll(30 * minute);
  expect(await trail(order)).toMatchObject({ state: "DELIVERED" });
  await carriers("plan", { carrier: "dada" });
  await over();
});

test("nobody brings it: staff are told, and carry it themselves; goods that come back are sent once more", async () => {
  for (const carrier of ["wechat", "dada"]) await carriers("plan", { carrier, refuse: "quote" });
  const order = await packed();
  await stroll(20 * minute);
  expect((await made(clerk.get(`/ops/v1/stores/${store}/deliveries`))).items[0]).toMatchObject({
    state: "WAITING",
    needsAttention: true,
  });
  await made(clerk.post(`${order.at}/dispatch`));
  const { code } = await made(wang.post(`/v1/orders/${order.orderId}/pickup-code`));
  await passTo(Math.max(world.clock.now(), order.promisedUntil - hour));
  await made(clerk.post(`/ops/v1/stores/${store}/pickups`, { code }));
  expect(await trail(order)).toMatchObject({ state: "DELIVERED" });

  await carriers("plan", { carrier: "wechat", refuse: "quote" });
  await carriers("plan", {
    carrier: "dada",
    steps: [
      { state: "ACCEPTED", afterMs: minute },
      { state: "PICKED_UP", afterMs: 5 * minute },
      { state: "RETURNING", afterMs: 20 * minute },
      { state: "RETURNED", afterMs: 40 * minute },
    ],
  });
  const back = await packed();
  await stroll(45 * minute);
  expect(await trail(back)).toMatchObject({ state: "RETURNED" });
  expect(await made(wang.get(`/v1/orders/${back.orderId}`))).toMatchObject({ stage: "READY" });
  for (const carrier of ["wechat", "dada"]) await carriers("plan", { carrier });
  const again = { decision: "sendAgain", reason: "与顾客约好再送" };
  await made(manager.post(`${back.at}/delivery`, again));
  expect(refusal(await manager.post(`${back.at}/delivery`, again))).toMatchObject({ code: "ORDER_STATE" });
  await stroll(40 * minute);
  expect(await trail(back)).toMatchObject({ state: "DELIVERED" });
  expect(await costs(back)).toEqual([
    ["delivery", "carrier:dada", 700],
    ["delivery", "carrier:wechat", 620],
  ]);
  await over();
  await recount();
});

test("an order that is cancelled takes its job with it; one that is not packed in time is told of once", async () => {
  const order = await packed();
  await stroll(4 * minute);
  await made(ops.post(`${order.at}/cancellation`, { reason: "商品破损" }));
  await stroll(8 * minute);
  expect(await jobsOf(order)).toMatchObject([{ state: "CANCELLED", cancelledBy: "merchant" }]);
  expect(await trail(order)).toMatchObject({ state: "CANCELLED" });

  const slow = await packed({ ready: false });
  const { promisedUntil } = slow;
  await passTo(promisedUntil - hour + minute);
  await stroll(15 * minute);
  const told = (await world.events("delivery.unprepared")).filter(({ data }) => data.orderId === slow.orderId);
  expect(told).toHaveLength(1);
  await made(clerk.post(`${slow.at}/ready`));
  await passTo(promisedUntil + 40 * minute);
  await stroll(40 * minute);
  expect(await trail(slow)).toMatchObject({ state: "DELIVERED" });
  expect((await world.events("delivery.late")).filter(({ data }) => data.orderId === slow.orderId).length).toBeLessThan(
    2,
  );
  await over();
  await recount();
});

test("twenty riders accept one job: one has it; he gives it up, and it is offered anew; he who brings it is paid for the drop", async () => {
  const riders = await Promise.all(Array.from({ length: 20 }, (_, i) => staff(`rider-${i}`, ["rider"], [store])));
  for (const rider of riders) await made(rider.put("/ops/v1/riders/me/shift", { storeId: store, on: true, room: 2 }));
  expect(refusal(await riders[0]!.put("/ops/v1/riders/me/shift", { storeId: far, on: true }))).toMatchObject({
    code: "STORE_OUT_OF_SCOPE",
  });
  const order = await packed();
  const job = `/ops/v1/riders/me/jobs/${order.orderId}`;
  const act = (rider: (typeof riders)[number], body: Record<string, unknown>) => rider.post(`${job}/acts`, body);
  expect((await made(riders[0]!.get("/ops/v1/riders/me/round"))).offers).toMatchObject([{ orderId: order.orderId }]);
  const answers = await Promise.all(riders.map((rider) => act(rider, { act: "accept" })));
  const winners = riders.filter((_, i) => answers[i]!.status === 200);
  expect(winners).toHaveLength(1);
  for (const answer of answers.filter(({ status }) => status !== 200))
    expect(refusal(answer)).toMatchObject({ code: "OFFER_TAKEN" });
  const [winner] = winners as [(typeof riders)[number]];
  const loser = riders.find((rider) => rider !== winner)!;
  expect(refusal(await act(loser, { act: "pickUp" }))).toMatchObject({ code: "NOT_YOUR_JOB" });
  await made(act(winner, { act: "giveUp", reason: "电动车没电" }));
  await made(act(loser, { act: "accept" }));
  expect((await made(loser.get("/ops/v1/riders/me/round"))).stops).toMatchObject([
    { orderId: order.orderId, state: "ACCEPTED", shelfNo: expect.any(Number), legM: expect.any(Number) },
  ]);
  expect(refusal(await loser.put("/ops/v1/riders/me/shift", { storeId: store, on: false }))).toMatchObject({
    code: "RIDER_BUSY",
  });
  await made(act(loser, { act: "pickUp" }));
  expect(await made(loser.get(`${job}/recipient`))).toMatchObject({ phone: "13912345678" });
  expect(refusal(await act(loser, { act: "bringBack", reason: "没人" }))).toMatchObject({ code: "ORDER_STATE" });
  await passTo(Math.max(world.clock.now(), order.promisedUntil - hour));
  const { code } = await made(wang.post(`/v1/orders/${order.orderId}/pickup-code`));
  expect(refusal(await winner.post(`${job}/handover`, { code }))).toMatchObject({ code: "NOT_YOUR_JOB" });
  await made(loser.post(`${job}/handover`, { code }));
  expect(await trail(order)).toMatchObject({ state: "DELIVERED", rider: "r师傅" });
  expect(await costs(order)).toEqual([["delivery", `rider:${loser.staffId}`, 500]]);
  const statement = await made(loser.get("/ops/v1/riders/me/statement?month=2026-11"));
  expect(
    statement.items.length + (await made(loser.get("/ops/v1/riders/me/statement?month=2026-12"))).items.length,
  ).toBe(1);
  expect(await jobsOf(order)).toEqual([]);

  // who can't be reached is told; after ten minutes the goods go back, and are the store's again
  const alone = await packed();
  const there = `/ops/v1/riders/me/jobs/${alone.orderId}/acts`;
  await made(loser.post(there, { act: "accept" }));
  await made(loser.post(there, { act: "pickUp" }));
  await made(loser.post(there, { act: "cannotReach" }));
  expect(refusal(await loser.post(there, { act: "bringBack", reason: "无人接听" }))).toMatchObject({
    code: "ORDER_STATE",
  });
  await pass(10 * minute);
  await made(loser.post(there, { act: "bringBack", reason: "无人接听" }));
  expect(await made(wang.get(`/v1/orders/${alone.orderId}`))).toMatchObject({ stage: "READY" });
  // sent once more, and left where the member asked for
  await made(manager.post(`${alone.at}/delivery`, { decision: "sendAgain", reason: "顾客来电" }));
  await made(loser.post(there, { act: "accept" }));
  await made(loser.post(there, { act: "pickUp" }));
  await made(loser.post(there, { act: "leave", note: "放在门口鞋柜上" }));
  expect(await made(wang.get(`/v1/orders/${alone.orderId}`))).toMatchObject({ headline: "已送达" });
  // nobody of twenty says a word for three minutes: carriers are asked
  const silent = await packed();
  await stroll(4 * minute);
  expect(await jobsOf(silent)).toHaveLength(1);
  for (const rider of riders) await made(rider.put("/ops/v1/riders/me/shift", { storeId: store, on: false }));
  await over();
  await recount();
});

test("whose execution died is brought by the sweep all the same, and a redrive of everything starts nothing a second time", async () => {
  const { machines, functions } = world.platform;
  const began = world.clock.now();
  const order = await packed();
  const [execution] = machines.executions({ name: `${order.orderId}-1` });
  const call = { service: "states", action: "StopExecution", method: "POST", path: "/", query: new URLSearchParams() };
  const stop = Buffer.from(JSON.stringify({ executionArn: execution!.arn }));
  expect(await machines.service({ ...call, caller: "test", body: stop })).toMatchObject({ status: 200 });
  await stroll(50 * minute);
  expect(await trail(order)).toMatchObject({ state: "DELIVERED" });

  const { articleId: bad } = await world.newArticle({ name: "问题豆芽" });
  const { recallId } = await made(ops.post("/ops/v1/recalls", { articleId: bad, reason: "检出异味" }));
  const rule = { by: "amount", fen: 100 };
  const asked = { rule, bearer: "platform", reason: "整批次不新鲜" };
  await made(ops.post(`/ops/v1/recalls/${recallId}/compensations`, asked));
  await pass(2 * minute);
  const before = machines.executions().map(({ name }) => name);
  expect(before).toEqual(expect.arrayContaining([`${order.orderId}-prepare`, recallId]));
  expect(await functions.invoke("Redrive", { from: toUtc(began) })).toMatchObject({ failed: 0 });
  await world.platform.idle();
  expect(machines.executions().map(({ name }) => name)).toEqual(before);
  await recount();
});
