import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 1_000 });
const { ops, made, neighbours, community, batch, campaign, open, pay, formedTeam, paidSeat, money, newArticle } = world;
const { pass, passTo, recount, clock, stores, staff } = world;
const { minute, day } = world.times;
const [store = "", other = ""] = stores;
const finance = await staff("keeper-of-books", ["finance"], []);
const close = (month: string) => finance.post("/ops/v1/ledger/periods", { month });
const booksOf = async (on: string) =>
  (await made(finance.get("/ops/v1/ledger/days?limit=50"))).items.find((book: { day: string }) => book.day === on);
const statement = (supplierId: string, month: string) =>
  made(finance.get(`/ops/v1/suppliers/${supplierId}/statement?month=${month}`));

test("a day is closed two hours after it is over; what goes back later is in the books of the day it went back on", async () => {
  const [wang] = await neighbours("王");
  const { campaignId } = await campaign({ durationMinutes: 60 * 24 });
  const seat = await made(open(wang!, campaignId));
  await pay(wang!, seat);
  await passTo("2026-11-24T01:00:00+08:00");
  expect(await booksOf("2026-11-23")).toBeUndefined();
  await passTo("2026-11-24T02:31:00+08:00");
  const monday = await booksOf("2026-11-23");
  expect(monday).toMatchObject({ lines: 1, amountFen: 800, bookings: { payment: { lines: 1, amountFen: 800 } } });

  await passTo("2026-11-24T10:10:00+08:00"); // the team's deadline is over
  for (let i = 0; i < 4; i++) await pass(5 * minute);
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 0 });
  await passTo("2026-11-25T02:31:00+08:00");
  expect(await booksOf("2026-11-23")).toEqual(monday);
  expect(await booksOf("2026-11-24")).toMatchObject({ bookings: { refund: { lines: 1, amountFen: 800 } } });
  // the refund, and what the channel kept of Monday as its bill tells: a page each
  const first = await made(finance.get("/ops/v1/ledger/lines?day=2026-11-24&limit=1"));
  const second = await made(finance.get(`/ops/v1/ledger/lines?day=2026-11-24&limit=1&cursor=${first.nextCursor}`));
  expect(first).toMatchObject({ book: { day: "2026-11-24" } });
  expect([...first.items, ...second.items]).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ kind: "refund", subject: seat.orderId, amountFen: 800, bookedOn: "2026-11-24" }),
      expect.objectContaining({ kind: "fee", subject: "BILL-2026-11-23", amountFen: 5 }),
    ]),
  );
  const file = await finance.get("/ops/v1/ledger/lines?day=2026-11-23&format=csv");
  expect(file.text.split("\r\n")[1]).toContain(`2026-11-23,收款,${seat.orderId}`);
  const channel = await made(finance.get("/ops/v1/ledger/account-days?account=channel:wechat"));
  expect(channel.items).toMatchObject([
    { day: "2026-11-24", debitFen: 0, creditFen: 805, balanceFen: -5 },
    { day: "2026-11-23", debitFen: 800, creditFen: 0, balanceFen: 800 },
  ]);
  expect((await made(finance.get("/ops/v1/ledger/accounts"))).items).toMatchObject([
    { account: "channel:wechat", balanceFen: -5 },
    { account: "orders", balanceFen: 0 },
    { account: "platform:channel_fee", balanceFen: 5 },
  ]);
  await recount();
});

test("a supplier is owed what came and was not turned away, less the coupons it bears; the file says the same", async () => {
  const { supplierId } = await made(
    ops.post("/ops/v1/suppliers", {
      name: "果蔬合作社",
      licences: [{ kind: "食品经营许可证", number: "JY1310", validUntil: "2027-12-31" }],
    }),
  );
  const { articleId } = await newArticle({ name: "现采蓝莓", supplierId });
  const [li, zhao] = await neighbours("李", "赵");
  const { couponId } = await made(
    ops.post("/ops/v1/coupons", {
      name: "产地券",
      off: { by: "amount", fen: 100 },
      thresholdFen: 500,
      validFrom: toIso(clock.now()),
      validUntil: toIso(clock.now() + 20 * day),
      funder: { by: "supplier", supplierId },
      budgetFen: 10_000,
    }),
  );
  await made(ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds: [li!.memberId], reason: "开业活动" }));
  const couponGrantId = (await made(li!.get("/v1/coupons"))).items[0].grantId;
  const communityId = await community([li!, zhao!], store);
  const { campaignId, teamIds } = await batch([communityId], { articleId, sourced: "to_order", minUnits: 2 });
  await paidSeat(li!, teamIds[0]!, { units: 4, couponGrantId });
  await paidSeat(zhao!, teamIds[0]!, { units: 4 });
  await passTo((await world.team(teamIds[0]!)).batch.cutOff);
  await pass(6 * minute);
  await pass(2 * minute);
  const arrivals = `/ops/v1/stores/${store}/purchases/${campaignId}/arrivals`;
  await made(ops.post(arrivals, { units: 5, rejected: 1, reason: "压伤" }));
  await made(ops.post(arrivals, { units: 4, last: true }));
  await pass(2 * minute);
  const month = toIso(clock.now()).slice(0, 7);
  const said = await statement(supplierId, month);
  expect(said).toMatchObject({
    final: false,
    openingFen: 0,
    receivedFen: 9 * 500,
    rejectedFen: 500,
    recoveredFen: 100,
    closingFen: 8 * 500 - 100,
  });
  expect(said.lines.map((line: { kind: string; dueFen: number }) => [line.kind, line.dueFen])).toEqual([
    ["coupon", -100],
    ["goods", 2000],
    ["goods", 2000],
  ]);
  const file = await finance.get(`/ops/v1/suppliers/${supplierId}/statement?month=${month}&format=csv`);
  expect(file.text.trim().split("\r\n").at(-1)).toBe(`${month},期末,,,,,,39.00`);
  await recount();
});

test("a month is closed when its days are, and stands: a refund of its payments is in the next one's books", async () => {
  const [chen] = await neighbours("陈");
  expect(refusal(await close("2026-11"))).toMatchObject({ status: 409, code: "PERIOD_STATE" });
  await passTo("2026-11-30T12:00:00+08:00");
  const { campaignId } = await campaign({ durationMinutes: 60 * 24 });
  const seat = await made(open(chen!, campaignId));
  await pay(chen!, seat);
  await passTo("2026-12-01T01:59:00+08:00");
  expect(refusal(await close("2026-11"))).toMatchObject({ facts: { month: "2026-11", closedUntil: "2026-11-29" } });
  await passTo("2026-12-01T02:31:00+08:00");
  const storeBefore = await made(finance.get(`/ops/v1/stores/${store}/statement?month=2026-11`));
  expect(storeBefore).toMatchObject({ final: false });
  const closed = await made(close("2026-11"));
  expect(Object.values(closed.balances as Record<string, number>).reduce((a, b) => a + b, 0)).toBe(0);
  expect(closed).toMatchObject({ closedBy: expect.any(String), bookings: { goods: { lines: 2, amountFen: 4000 } } });
  expect(await made(close("2026-11"))).toEqual(closed);
  expect(refusal(await close("2026-12"))).toMatchObject({ code: "PERIOD_STATE" });

  await passTo("2026-12-01T12:30:00+08:00");
  for (let i = 0; i < 4; i++) await pass(5 * minute);
  expect(await money(seat.orderId)).toMatchObject({ balanceFen: 0 });
  await passTo("2026-12-02T02:31:00+08:00");
  expect((await made(finance.get("/ops/v1/ledger/periods"))).items).toEqual([closed]);
  expect(await made(finance.get(`/ops/v1/stores/${store}/statement?month=2026-11`))).toEqual({
    ...storeBefore,
    final: true,
  });
  expect(await booksOf("2026-12-01")).toMatchObject({ bookings: { refund: { lines: 1, amountFen: 800 } } });
  const csv = await finance.get(`/ops/v1/stores/${store}/statement?month=2026-12&format=csv`);
  expect(csv.text.trim().split("\r\n")).toEqual(["日期,退款(元)", "2026-12-01,8.00", "合计,8.00"]);
  await recount();
});

test("a store's manager sees the statement of no other store", async () => {
  const manager = await staff("manager-of-one", ["store_manager"], [store]);
  await made(manager.get(`/ops/v1/stores/${store}/statement?month=2026-11`));
  expect(refusal(await manager.get(`/ops/v1/stores/${other}/statement?month=2026-11`))).toMatchObject({ status: 403 });
  expect(refusal(await manager.get("/ops/v1/ledger/days"))).toMatchObject({ status: 403 });
});

test("a team that fills over midnight is in two days' books, each with what was paid on it", async () => {
  await passTo("2026-12-02T23:55:00+08:00");
  const { campaignId } = await campaign({ durationMinutes: 60 * 24 });
  const people = await neighbours("甲", "乙", "丙", "丁");
  const seat = await formedTeam(people[0]!, campaignId);
  await paidSeat(people[1]!, seat.teamId);
  await pass(6 * minute);
  await paidSeat(people[2]!, seat.teamId);
  await paidSeat(people[3]!, seat.teamId);
  await passTo("2026-12-04T02:31:00+08:00");
  expect(await booksOf("2026-12-02")).toMatchObject({ bookings: { payment: { lines: 2, amountFen: 1600 } } });
  expect(await booksOf("2026-12-03")).toMatchObject({ bookings: { payment: { lines: 2, amountFen: 1600 } } });
  await recount();
});
