import { expect, test } from "vitest";
import { type Neighbour, openWorld, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { ops, made, neighbours, community, batch, paidSeat, order, team } = world;
const { pass, passTo, recount, stores, staff, local, money, times } = world;
const { minute, hour, day } = times;
const [store = ""] = stores;
const finance = await staff("keeper-of-money", ["finance"], []);

const [han, li, zhao] = (await neighbours("韩", "李", "赵")) as [Neighbour, Neighbour, Neighbour];
const communityId = await community([han, li, zhao], store);
await made(
  ops.put(`/ops/v1/communities/${communityId}/members/${han.memberId}/role`, { role: "leader", reason: "群里推选" }),
);
await made(
  finance.put("/ops/v1/commission-programme", {
    active: true,
    bps: { leader: 500, koc: 0 },
    version: 0,
    reason: "开业",
  }),
);
const account = () => made(han.get("/v1/me/commission"));
/** A share is asked for and asked about by the reconciliation, every ten minutes on the clock: two of them, wherever the clock stands. */
const looks = async () => {
  for (let i = 0; i < 2; i++) await pass(11 * minute);
};
const shares = async () => (await local("wechat/book")).shares as Record<string, unknown>[];

/** Orders of a batch that was cut off, each collected; what the channel keeps of them is settled, and the after-sale time is over. */
async function collectedBatch(people: [Neighbour, number][], profitSharing = true): Promise<Seat[]> {
  const { teamIds } = await batch([communityId], { minUnits: 2, ...(profitSharing && { profitSharing }) });
  const seats: Seat[] = [];
  for (const [who, units] of people) seats.push(await paidSeat(who, teamIds[0]!, { units }));
  await passTo((await team(teamIds[0]!)).batch.cutOff);
  await pass(6 * minute);
  await pass(2 * minute);
  await passTo((await order(people[0]![0], seats[0]!.orderId)).pickupFrom);
  for (const [index, [who]] of people.entries()) {
    const seat = seats[index]!;
    const { code } = await made(who.post(`/v1/orders/${seat.orderId}/pickup-code`));
    await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
    await world.platform.idle();
  }
  // uploaded, and let go by the channel two days later
  await pass(2 * minute);
  await pass(2 * day + 2 * hour);
  await pass(5 * day + minute);
  return seats;
}

test("a leader who chose it has his commission shared out of the order's own payment, which is let go with it", async () => {
  expect(await account()).toMatchObject({ way: "transfer" });
  expect(await made(han.put("/v1/me/commission/way", { way: "sharing" }))).toMatchObject({ way: "sharing" });
  expect(await made(han.put("/v1/me/commission/way", { way: "sharing" }))).toMatchObject({ way: "sharing" });
  const [ofLi, own] = await collectedBatch([
    [li, 4],
    [han, 2],
  ]);
  await pass(2 * minute);
  await looks();
  expect(await account()).toMatchObject({ frozenFen: 0, availableFen: 0, pendingFen: 0, paidFen: 160 });
  // of his own order he earns nothing: its payment is only let go
  expect(await shares()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        shareNo: `${ofLi!.orderId}01`,
        state: "FINISHED",
        receivers: [
          expect.objectContaining({ type: "PERSONAL_OPENID", amountFen: 160, result: "SUCCESS" }),
          expect.objectContaining({ type: "MERCHANT_ID", amountFen: 3_040 }),
        ],
      }),
      expect.objectContaining({
        shareNo: `${own!.orderId}02`,
        receivers: [expect.objectContaining({ type: "MERCHANT_ID", amountFen: 1_600 })],
      }),
    ]),
  );
  expect((await money(ofLi!.orderId)).transfers).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ kind: "payout", debit: `member:${han.memberId}`, amountFen: 160 }),
    ]),
  );
  expect((await made(han.get("/v1/inbox"))).items[0]).toMatchObject({ title: "佣金到账" });
  await recount();
});

test("whatever answers are lost, a share is made once, and the day's bills match the books", async () => {
  const before = (await shares()).length;
  for (const op of ["addReceiver", "share", "queryShare"])
    await local("wechat/fault", { match: { op }, kind: "drop-answer", times: 2 });
  await collectedBatch([[zhao, 2]]);
  for (let look = 0; look < 12; look++) await pass(6 * minute);
  expect(await shares()).toHaveLength(before + 1);
  expect(await account()).toMatchObject({ pendingFen: 0, availableFen: 0, paidFen: 240 });
  await pass(day);
  await pass(12 * hour);
  const { items } = await made(finance.get("/ops/v1/bills"));
  const states = new Set(items.map(({ state }: { state: string }) => state));
  expect(states).toEqual(new Set(["MATCHED"]));
  await recount();
});

test("what the channel does not give a receiver is available to him, to be asked for", async () => {
  await local("wechat/share-plan", { user: "韩", outcome: { closed: "RECEIVER_HIGH_RISK" } });
  const [seat] = await collectedBatch([[li, 2]]);
  await looks();
  expect(await account()).toMatchObject({ pendingFen: 0, availableFen: 80, paidFen: 240 });
  expect((await made(han.get("/v1/inbox"))).items[0]).toMatchObject({ title: "佣金分账未成功" });
  expect((await money(seat!.orderId)).transfers).not.toContainEqual(expect.objectContaining({ kind: "payout" }));
  await local("wechat/share-plan", { user: "韩", outcome: "success" });
  await recount();
});

test("a payment that is not marked, and what is earned on it, is not shared: it is there to be asked for", async () => {
  const before = (await shares()).length;
  await collectedBatch([[li, 2]], false);
  await looks();
  expect(await shares()).toHaveLength(before);
  expect(await account()).toMatchObject({ pendingFen: 0, availableFen: 160 });
  await made(han.post("/v1/me/payouts", { amountFen: 160 }));
  await recount();
});
