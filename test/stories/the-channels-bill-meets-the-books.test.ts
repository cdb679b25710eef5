import { expect, test } from "vitest";
import { dayOf } from "../../shared/kernel/time.ts";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 1_000 });
const { ops, made, neighbours, campaign, open, pay, order, money, casesOf, local, staff } = world;
const { pass, passTo, recount, clock } = world;
const { minute, day } = world.times;
const finance = await staff("keeper-of-bills", ["finance"], []);

const billOf = async (on: string) =>
  (await made(finance.get("/ops/v1/bills?limit=50"))).items.find((one: { day: string }) => one.day === on);
/** A seat of a team of its own, paid today. */
async function paidToday(name: string, more: { lost?: boolean } = {}): Promise<Seat> {
  const [who] = await neighbours(name);
  const { campaignId } = await campaign({
    durationMinutes: 60 * 24 * 9,
    at: { hardEnd: 10 * day, pickupUntil: 12 * day },
  });
  const seat: Seat = await made(open(who!, campaignId));
  if (more.lost) await local("wechat/plan", { default: true, notify: [{ drop: 100 }] });
  await pay(who!, seat);
  await local("wechat/plan", { default: true, notify: [] });
  return seat;
}
/** A quarter past ten of the day after today, and a minute. */
const morning = () => passTo(`${dayOf(clock.now() + day)}T10:16:00+08:00`);
const again = (on: string) => finance.post("/ops/v1/bills/another-look", { day: on, reason: "重新核对" });
const fee = (fen: number) => Math.floor((fen * 6 + 500) / 1_000);

test("a clean day matches in both directions, and what the channel kept is booked once", async () => {
  const on = dayOf(clock.now());
  for (const name of ["甲", "乙"]) await paidToday(name);
  await morning();
  expect(await billOf(on)).toMatchObject({
    state: "MATCHED",
    payments: 2,
    paymentFen: 1_600,
    feeFen: 2 * fee(800),
    differing: 0,
    finished: 0,
    looks: 1,
  });
  // days on which nothing moved match as well, and none is looked at twice
  expect(await billOf(dayOf(clock.now() - 3 * day))).toMatchObject({ state: "MATCHED", payments: 0 });
  await pass(60 * minute);
  expect(await billOf(on)).toMatchObject({ looks: 1 });
  await made(again(on));
  await pass(60 * minute);
  expect(await billOf(on)).toMatchObject({ state: "MATCHED", looks: 2 });
  const today = dayOf(clock.now());
  const { items } = await made(finance.get(`/ops/v1/ledger/lines?day=${today}`));
  expect(items.filter((line: { kind: string }) => line.kind === "fee")).toMatchObject([
    { subject: `BILL-${on}`, amountFen: 10, debit: "platform:channel_fee", credit: "channel:wechat" },
  ]);
  await recount();
});

test("a payment whose every notice was lost is found by the bill, and becomes a seat or goes back", async () => {
  const on = dayOf(clock.now());
  const seat = await paidToday("丙", { lost: true });
  // its hold runs out, and the channel does not answer when it is asked
  await local("wechat/fault", { match: { op: "query" }, kind: "500-before", times: 1_000 });
  await local("wechat/fault", { match: { op: "close" }, kind: "500-before", times: 1_000 });
  await pass(20 * minute);
  expect((await money(seat.orderId)).transfers).toEqual([]);
  await passTo(`${dayOf(clock.now() + day)}T10:16:00+08:00`);
  // the bill has it, and the channel says nothing more of it yet: no difference is claimed
  expect(await billOf(on)).toMatchObject({ state: "WAITING", differing: 1, finished: 0 });
  expect(await casesOf(`${seat.orderId}01`)).toEqual([]);
  await local("wechat/clear-faults", {});
  // whoever asks first: the sweeps, the reconciliation, or the bill
  await pass(60 * minute);
  expect((await money(seat.orderId)).transfers).toMatchObject([{ kind: "payment", amountFen: 800 }]);
  const told = await billOf(on);
  expect(told).toMatchObject({ state: "MATCHED", payments: 1 });
  const cases = await casesOf(seat.orderId);
  for (const { caseKey } of cases)
    await made(ops.post("/ops/v1/payment-cases/resolution", { caseKey, resolution: "渠道已恢复" }));
  await recount();
});

test("a payment of an order that was given up, of which nobody was told and nobody asks any more, is found by the bill and goes back", async () => {
  const [kui] = await neighbours("癸");
  const { campaignId } = await campaign();
  const seat: Seat = await made(open(kui!, campaignId));
  const { paymentNo } = await made(kui!.post(`/v1/orders/${seat.orderId}/payment`));
  await pass(20 * minute);
  await pass(2 * 60 * minute);
  expect(await order(kui!, seat.orderId)).toMatchObject({ seat: "RELEASED" });
  const on = dayOf(clock.now());
  await local("wechat/plan", { paymentNo, notify: [{ drop: 100 }] });
  await local("wechat/pay-after-close", { paymentNo });
  await pass(60 * minute);
  expect((await money(seat.orderId)).transfers).toEqual([]);
  await morning();
  expect(await billOf(on)).toMatchObject({ state: "MATCHED", payments: 1, finished: 1, differing: 0 });
  for (let i = 0; i < 3; i++) await pass(5 * minute);
  expect((await order(kui!, seat.orderId)).refunds).toMatchObject([{ cause: "orphan", state: "SUCCESS" }]);
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 0 });
  await recount();
});

test("a payment less in the bill, one more and one of another amount are each a case of finance, opened once", async () => {
  const on = dayOf(clock.now());
  const first = await paidToday("丁");
  await paidToday("戊");
  const number = (seat: Seat) => `${seat.orderId}01`;
  for (const [flaw, expected] of [
    ["missing", { reason: "bill_lacks", number: number(first) }],
    ["amount", { reason: "bill_differs", number: number(first) }],
  ] as const) {
    await local("wechat/bill-plan", { bill: "trade", day: on, flaw });
    if (flaw === "missing") await morning();
    else {
      await made(again(on));
      await pass(60 * minute);
    }
    expect(await billOf(on)).toMatchObject({ state: "DIFFERENT", differing: 1 });
    expect(await casesOf(expected.number)).toEqual(
      expect.arrayContaining([expect.objectContaining({ ...expected, owner: "finance" })]),
    );
  }
  await local("wechat/bill-plan", { bill: "trade", day: on, flaw: "extra" });
  await made(again(on));
  await pass(60 * minute);
  const { differences } = await billOf(on);
  expect(differences).toMatchObject([{ kind: "payment", billedFen: 800 }]);
  expect(await casesOf(differences[0].number)).toMatchObject([{ reason: "books_lack", owner: "finance" }]);
  await made(again(on));
  await pass(60 * minute);
  expect(await casesOf(differences[0].number)).toHaveLength(1);

  await local("wechat/bill-plan", { bill: "trade", day: on, flaw: null });
  await made(again(on));
  await pass(60 * minute);
  expect(await billOf(on)).toMatchObject({ state: "MATCHED", differing: 0 });
  await recount();
});

test("an altered, cut-off or doubled file is refused whole, with its line; the next good one is taken", async () => {
  const on = dayOf(clock.now());
  await paidToday("己");
  await paidToday("庚");
  await local("wechat/bill-plan", { bill: "trade", day: on, flaw: "cut-off" });
  await morning();
  expect(await billOf(on)).toMatchObject({
    state: "REFUSED",
    payments: 0,
    feeFen: 0,
    flaw: { bill: "trade", line: expect.any(Number), why: expect.stringMatching(/cut off|cells/) },
  });
  expect(await casesOf(`trade-${on}`)).toMatchObject([{ reason: "bill_refused", owner: "finance" }]);
  for (const [bill, flaw, why] of [
    ["trade", "doubled", /line 2 already/],
    ["trade", "altered", /SHA-1/],
    ["flow", "doubled", /already|balance/],
    ["flow", "altered", /SHA-1/],
    ["flow", "cut-off", /cut off|cells/],
  ] as const) {
    await local("wechat/bill-plan", { bill: "trade", day: on, flaw: null });
    await local("wechat/bill-plan", { bill, day: on, flaw });
    await pass(60 * minute);
    expect(await billOf(on)).toMatchObject({ state: "REFUSED", flaw: { bill, why: expect.stringMatching(why) } });
  }
  await local("wechat/bill-plan", { bill: "flow", day: on, flaw: null });
  await pass(60 * minute);
  const told = await billOf(on);
  expect(told).toMatchObject({ state: "MATCHED", payments: 2, feeFen: 10 });
  expect(told).not.toHaveProperty("flaw");
  await recount();
});

test("refunds come out less the fee that comes back with them", async () => {
  const [xin] = await neighbours("辛");
  const { campaignId } = await campaign({ durationMinutes: 60 });
  const seat: Seat = await made(open(xin!, campaignId));
  await pay(xin!, seat);
  const on = dayOf(clock.now());
  await pass(64 * minute);
  for (let i = 0; i < 3; i++) await pass(5 * minute);
  expect((await order(xin!, seat.orderId)).refunds).toMatchObject([{ state: "SUCCESS" }]);
  await morning();
  expect(await billOf(on)).toMatchObject({ state: "MATCHED", payments: 1, refunds: 1, feeFen: 0 });
  await recount();
});

test("a channel that does not answer is waited for; a day that is not over, or too long ago, can't be looked at", async () => {
  const on = dayOf(clock.now());
  await paidToday("壬");
  await local("wechat/fault", { match: { op: "bill" }, kind: "500-before", times: 1 });
  await morning();
  expect(await billOf(on)).toMatchObject({ state: "WAITING", flaw: { bill: "trade" } });
  await pass(60 * minute);
  expect(await billOf(on)).toMatchObject({ state: "MATCHED", looks: 2 });
  const today = dayOf(clock.now());
  for (const other of [today, "2026-01-01"])
    expect(refusal(await again(other))).toMatchObject({ status: 409, code: "BILL_STATE" });
  const manager = await staff("manager-of-none", ["store_manager"], []);
  expect(refusal(await manager.get("/ops/v1/bills"))).toMatchObject({ status: 403 });
});
