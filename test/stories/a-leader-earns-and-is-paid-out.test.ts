import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { ops, made, neighbours, community, batch, campaign, paidSeat, formedTeam, order, team, newArticle } = world;
const { pass, passTo, recount, clock, stores, staff, local, events, money } = world;
const { minute, hour, day } = world.times;
const [store = ""] = stores;
const finance = await staff("keeper-of-money", ["finance"], []);

const [han, li, zhao, koc] = (await neighbours("韩", "李", "赵", "科")) as [Neighbour, Neighbour, Neighbour, Neighbour];
const communityId = await community([han, li, zhao, koc], store);
const role = (who: Neighbour, given: string) =>
  made(ops.put(`/ops/v1/communities/${communityId}/members/${who.memberId}/role`, { role: given, reason: "群里推选" }));
await role(han, "leader");
await role(koc, "koc");
const programme = (bps: { leader: number; koc: number }, version: number) =>
  finance.put("/ops/v1/commission-programme", { active: true, bps, version, reason: "开业" });

const account = (who: Neighbour) => made(who.get("/v1/me/commission"));
const latest = async (who: Neighbour) => (await made(who.get("/v1/inbox"))).items[0];
const withdraw = (who: Neighbour, amountFen: number, more = {}) => who.post("/v1/me/payouts", { amountFen, ...more });
const confirmation = (who: Neighbour, payoutId: string) => made(who.post(`/v1/me/payouts/${payoutId}/confirmation`));
const payoutOf = async (who: Neighbour, payoutId: string) =>
  (await made(who.get("/v1/me/payouts"))).items.find((one: { payoutId: string }) => one.payoutId === payoutId);

/** A batch of the community that has its minimum; seats follow `orders`. */
async function cutOff(orders: [Neighbour, number][], more: Record<string, unknown> = {}): Promise<Seat[]> {
  const { teamIds } = await batch([communityId], { minUnits: 2, ...more });
  const seats: Seat[] = [];
  for (const [who, units] of orders) seats.push(await paidSeat(who, teamIds[0]!, { units }));
  await passTo((await team(teamIds[0]!)).batch.cutOff);
  await pass(6 * minute);
  await pass(2 * minute);
  return seats;
}
async function collected(who: Neighbour, seat: Seat): Promise<void> {
  await passTo((await order(who, seat.orderId)).pickupFrom);
  const { code } = await made(who.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
  await world.platform.idle();
}

test("the rates are refused above 15 %, and changed only from the version that was read", async () => {
  expect(refusal(await programme({ leader: 1_501, koc: 0 }, 0))).toMatchObject({ status: 422 });
  expect(await made(finance.get("/ops/v1/commission-programme"))).toMatchObject({ active: false, version: 0 });
  await made(programme({ leader: 500, koc: 1_000 }, 0));
  expect(refusal(await programme({ leader: 500, koc: 1_000 }, 0))).toMatchObject({ code: "VERSION_CONFLICT" });
});

test("a batch earns its leader on what others paid and kept, frozen until a week after they collected it", async () => {
  const [own, ofLi] = await cutOff([
    [han, 3],
    [li, 4],
  ]);
  expect(own!.payableFen).toBe(2_400);
  expect(await account(han)).toMatchObject({ frozenFen: 160, availableFen: 0 }); // 5 % of 3,200, nothing on his own
  expect(await latest(han)).toMatchObject({ title: "佣金入账" });
  expect((await money(ofLi!.orderId)).transfers).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ kind: "commission", credit: `member:${han.memberId}`, amountFen: 160 }),
    ]),
  );
  expect(refusal(await withdraw(han, 100))).toMatchObject({ code: "PAYOUT_AMOUNT", facts: { availableFen: 0 } });
  await collected(li, ofLi!);
  await pass(7 * day - minute);
  await pass(0);
  expect(await account(han)).toMatchObject({ frozenFen: 160 });
  await pass(3 * minute);
  expect(await account(han)).toMatchObject({ frozenFen: 0, availableFen: 160 });
  expect((await made(han.get("/v1/me/commissions"))).items).toMatchObject([
    { rule: "leader", amountFen: 160, returnedFen: 0, state: "RELEASED" },
  ]);
  await recount();
});

test("a ladder's lower price lowers the commission, and what comes short takes its part back", async () => {
  const { articleId } = await newArticle({ name: "现采樱桃" });
  const tiers = [
    { fromUnits: 2, unitFen: 900 },
    { fromUnits: 6, unitFen: 800 },
  ];
  const [first, second] = await cutOff(
    [
      [li, 4],
      [zhao, 4],
    ],
    { articleId, tiers, sourced: "to_order" },
  );
  // 5 % of 3,200 each, not of the 3,600 that was paid first
  expect(await account(han)).toMatchObject({ frozenFen: 320 });
  const { campaignId } = await made(zhao.get(`/v1/orders/${second!.orderId}`));
  await made(ops.post(`/ops/v1/stores/${store}/purchases/${campaignId}/arrivals`, { units: 5, last: true }));
  await pass(2 * minute);
  for (let i = 0; i < 3; i++) await pass(2 * minute);
  // one of the second's four came: 800 fen are kept, three quarters of his commission go back
  expect(await account(han)).toMatchObject({ frozenFen: 160 + 40 });
  expect((await events("commission.taken_back")).map(({ data }) => data.amountFen)).toEqual([120]);
  await collected(li, first!);
  await recount();
});

test("a KOC earns on those he invited, the leader who invited is paid once, at the higher rate, and a subsidised team earns nobody anything", async () => {
  const before = await account(koc);
  const ofLeader = (await account(han)).frozenFen;
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const lead = await formedTeam(koc, campaignId, { communityId });
  const { token } = await made(koc.post(`/v1/teams/${lead.teamId}/shares`));
  await paidSeat(li, lead.teamId, { shareToken: token });
  await pass(minute);
  // li's order: 10 % to the KOC who invited, 5 % to the leader; the KOC's own: 5 % to the leader
  expect((await account(koc)).frozenFen - before.frozenFen).toBe(80);
  expect((await account(han)).frozenFen - ofLeader).toBe(80);

  const again = await campaign({ invitesRequired: 1 });
  const led = await formedTeam(han, again.campaignId, { communityId });
  const { token: mine } = await made(han.post(`/v1/teams/${led.teamId}/shares`));
  await paidSeat(zhao, led.teamId, { shareToken: mine });
  await pass(minute);
  expect((await account(han)).frozenFen - ofLeader).toBe(160);

  const third = await campaign({ invitesRequired: 2 });
  const alone = await formedTeam(li, third.campaignId, { communityId });
  await made(ops.post(`/ops/v1/teams/${alone.teamId}/subsidised-completion`, { reason: "开业支持" }));
  await pass(minute);
  expect((await account(han)).frozenFen - ofLeader).toBe(160);
  await recount();
});

test("of two withdrawals at once one is made; zero, negative, fractional and too much are refused", async () => {
  const { availableFen } = await account(han);
  expect(availableFen).toBe(160);
  for (const amountFen of [0, -100, 1.5, "100", 10_000_001])
    expect(refusal(await withdraw(han, amountFen as number))).toMatchObject({ status: 422, code: "INPUT_INVALID" });
  for (const amountFen of [9, 161])
    expect(refusal(await withdraw(han, amountFen))).toMatchObject({ status: 409, code: "PAYOUT_AMOUNT" });
  const twice = await Promise.all([withdraw(han, 100), withdraw(han, 100)]);
  expect(twice.map(({ status }) => status).sort()).toEqual([201, 409]);
  expect(await account(han)).toMatchObject({ availableFen: 60, pendingFen: 100 });
  const { payoutId } = twice.find(({ status }) => status === 201)!.body;
  expect(refusal(await li.post(`/v1/me/payouts/${payoutId}/confirmation`))).toMatchObject({ code: "PAYOUT_NOT_FOUND" });

  const asked = await confirmation(han, payoutId);
  expect(asked).toMatchObject({ state: "ACCEPTED", confirmation: { package: expect.any(String) } });
  expect(await confirmation(han, payoutId)).toEqual(asked);
  await local("wechat/transfer-confirm", { package: asked.confirmation.package });
  await world.platform.idle();
  const paid = await payoutOf(han, payoutId);
  expect(paid).toMatchObject({ state: "PAID", amountFen: 100 });
  expect(paid).not.toHaveProperty("confirmation");
  expect(await account(han)).toMatchObject({ availableFen: 60, pendingFen: 0, paidFen: 100 });
  expect(await latest(han)).toMatchObject({ title: "提现到账" });
  await recount();
});

test("who does not confirm within a day, or whom the channel turns down, has the money available again", async () => {
  const { payoutId } = await made(withdraw(han, 60));
  await pass(11 * minute); // nobody asked for it: the reconciliation does
  await pass(10 * minute);
  expect(await payoutOf(han, payoutId)).toMatchObject({ state: "ACCEPTED" });
  expect(await latest(han)).toMatchObject({ title: "请确认收款" });
  await pass(day);
  expect(await payoutOf(han, payoutId)).toMatchObject({ state: "FAILED", trouble: "OVERDUE_CLOSE" });
  expect(await account(han)).toMatchObject({ availableFen: 60, pendingFen: 0 });

  await local("wechat/transfer-plan", { user: "韩", outcome: { fail: "ACCOUNT_FROZEN" } });
  const second = await made(withdraw(han, 60));
  expect(await confirmation(han, second.payoutId)).toMatchObject({ state: "FAILED", trouble: "ACCOUNT_FROZEN" });
  expect(await account(han)).toMatchObject({ availableFen: 60, pendingFen: 0 });
  expect(await latest(han)).toMatchObject({ title: "提现未成功" });
  await recount();
});

test("an empty merchant account is a case, and the payout goes on once it is topped up; an answer that is lost transfers once", async () => {
  await local("wechat/transfer-plan", { user: "韩", outcome: "not-enough" });
  const { payoutId } = await made(withdraw(han, 30));
  expect(await confirmation(han, payoutId)).toMatchObject({ state: "REQUESTED", trouble: "NOT_ENOUGH" });
  const cases = (await made(ops.get("/ops/v1/payment-cases"))).items;
  expect(cases).toMatchObject([{ reason: "payout_not_enough" }]);
  await made(
    ops.post("/ops/v1/payment-cases/resolution", { caseKey: cases[0].caseKey, resolution: "已充值,自动继续" }),
  );
  await local("wechat/top-up", {});
  await local("wechat/fault", { match: { op: "transfer" }, kind: "drop-answer" });
  expect(await confirmation(han, payoutId)).toMatchObject({ state: "UNKNOWN" });
  await pass(11 * minute);
  await pass(10 * minute);
  expect(await payoutOf(han, payoutId)).toMatchObject({ state: "ACCEPTED" });
  const { transfers } = await local("wechat/book");
  const mine = transfers.filter((one: { payoutNo: string }) => one.payoutNo.startsWith(payoutId));
  expect(mine).toHaveLength(1);
  // the query of a transfer does not give its package again: the request under the same number does
  const { confirmation: again } = await confirmation(han, payoutId);
  await local("wechat/plan", { default: true, notify: [{ duplicate: 4 }, "wrong-amount"] });
  await local("wechat/transfer-confirm", { package: again.package });
  await world.platform.idle();
  await local("wechat/plan", { default: true, notify: [] });
  expect(await account(han)).toMatchObject({ availableFen: 30, paidFen: 130 });
  const statement = await made(
    finance.get(`/ops/v1/members/${han.memberId}/commission-statement?month=${toIso(clock.now()).slice(0, 7)}`),
  );
  expect(statement.lines.filter((line: { kind: string }) => line.kind === "payout")).toMatchObject([
    { dueFen: -100 },
    { dueFen: -30 },
  ]);
  await recount();
});

test("from 2,000 yuan on the real name goes along, sealed; a wrong one fails", async () => {
  await made(programme({ leader: 1_500, koc: 1_000 }, 1));
  const { articleId } = await newArticle({ name: "年货礼盒", priceFen: 100_000, costFen: 50_000 });
  const [seat] = await cutOff([[zhao, 20]], { articleId, perMemberLimit: 50 });
  await collected(zhao, seat!);
  await pass(7 * day + 2 * minute);
  const { availableFen } = await account(han);
  expect(availableFen).toBeGreaterThanOrEqual(200_000);
  expect(refusal(await withdraw(han, 200_000))).toMatchObject({ status: 409, code: "PAYOUT_NAME" });
  await local("wechat/real-name", { user: "韩", name: "韩梅梅" });
  const wrong = await made(withdraw(han, 200_000, { realName: "韩雷雷" }));
  await pass(11 * minute); // by the reconciliation, which opens the name
  await pass(10 * minute);
  expect(await payoutOf(han, wrong.payoutId)).toMatchObject({ state: "FAILED", trouble: "NAME_NOT_CORRECT" });
  const right = await made(withdraw(han, 200_000, { realName: "韩梅梅" }));
  const asked = await confirmation(han, right.payoutId);
  expect(asked.state).toBe("ACCEPTED");
  await local("wechat/transfer-confirm", { package: asked.confirmation.package });
  await world.platform.idle();
  expect(await account(han)).toMatchObject({ availableFen: availableFen - 200_000, pendingFen: 0 });
  const rows = JSON.stringify([...(await world.rows()).values()]);
  expect(rows).not.toMatch(/韩梅梅|韩雷雷/);
  expect(world.lines.join("\n")).not.toMatch(/韩梅梅|韩雷雷/);
  await recount();
  await passTo(clock.now() + hour);
});
