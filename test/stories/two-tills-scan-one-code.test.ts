import { expect, test } from "vitest";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const {
  neighbours,
  formedTeam,
  paidSeat,
  join,
  order,
  made,
  ops,
  rows,
  recount,
  pass,
  local,
  platform,
  staff,
  stores,
} = world;
const { minute, hour } = world.times;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 15, ...more });
const [here, there] = stores as [string, string];
const till = await staff("till-1", ["store_staff"], [here]);
const secondTill = await staff("till-2", ["store_staff"], [here]);
const elsewhere = await staff("till-3", ["store_manager"], [there]);

const { campaignId } = await campaign({ invitesRequired: 1 });
/** A team of two that succeeded. */
const succeeded = async (one: string, two: string, units = 1) => {
  const [leader, member] = await neighbours(one, two);
  const lead = await formedTeam(leader!, campaignId, { units });
  const seat: Seat = await paidSeat(member!, lead.teamId);
  expect((await order(leader!, lead.orderId)).seat).toBe("CONFIRMED");
  return { leader: leader!, member: member!, lead, seat };
};
const codeOf = async (who: typeof ops, orderId: string): Promise<string> =>
  (await made(who.post(`/v1/orders/${orderId}/pickup-code`))).code;
const scan = (who: typeof ops, storeId: string, code: string, key?: string) =>
  who.post(`/ops/v1/stores/${storeId}/pickups`, { code }, key);
const uploadsOf = async (orderId: string) =>
  (await local("wechat/shipping")).filter((s: { paymentNo: string }) => s.paymentNo.startsWith(orderId));
const wrongCode = (code: string, i: number) => String((Number(code) + 1 + i) % 10 ** 12).padStart(12, "0");

test("there is no code before the team succeeds, and nothing is handed over before its time", async () => {
  const [li, wang, zhang] = await neighbours("李", "王", "张");
  const soon = await campaign({ invitesRequired: 1, at: { pickupFrom: hour } });
  const lead = await formedTeam(li!, soon.campaignId);
  const path = `/v1/orders/${lead.orderId}/pickup-code`;
  expect(refusal(await li!.post(path))).toMatchObject({ status: 409, code: "PICKUP_NOT_READY" });
  await made(join(wang!, lead.teamId));
  expect(refusal(await li!.post(path))).toMatchObject({ code: "PICKUP_NOT_READY" });
  expect(refusal(await zhang!.post(path))).toMatchObject({ status: 404, code: "ORDER_NOT_FOUND" });
  await pass(19 * minute);
  await paidSeat(zhang!, lead.teamId);

  const code = await codeOf(li!, lead.orderId);
  expect(refusal(await scan(till, here, code))).toMatchObject({
    status: 409,
    code: "PICKUP_NOT_READY",
    facts: { pickupFrom: expect.any(String) },
  });
  await pass(hour);
  expect(await scan(till, here, code)).toMatchObject({ status: 200, body: { orderId: lead.orderId, units: 1 } });
  await recount();
});

test("two tills scan one code at once: one hands over, the other is told it is used; the units are counted once", async () => {
  const { leader, lead } = await succeeded("赵", "钱", 2);
  const code = await codeOf(leader, lead.orderId);
  const race = platform.gateway.barrier({
    count: 2,
    match: { action: "TransactWriteItems", pkPrefix: "PICKUP#" },
    timeoutMs: 8_000,
  });
  const answers = await Promise.all([
    scan(till, here, code, "one-till-00"),
    scan(secondTill, here, code, "two-till-00"),
  ]);
  expect(await race.overlapped).toBe(2);
  const handed = answers.find((a) => a.status === 200);
  const refused = answers.find((a) => a.status !== 200);
  expect(handed?.body).toMatchObject({ orderId: lead.orderId, units: 2, lines: [{ name: "本地有机青菜", units: 2 }] });
  expect(refused && refusal(refused)).toMatchObject({ status: 409, code: "PICKUP_CODE_USED" });
  await platform.idle();

  // the till that lost its answer asks again under its key; anybody else is refused
  const [who, key] = handed === answers[0] ? [till, "one-till-00"] : [secondTill, "two-till-00"];
  const repeated = await scan(who, here, code, key);
  expect(repeated).toMatchObject({ status: 200, text: handed!.text });
  expect(refusal(await scan(till, here, code))).toMatchObject({ code: "PICKUP_CODE_USED" });
  expect(refusal(await leader.post(`/v1/orders/${lead.orderId}/pickup-code`))).toMatchObject({
    code: "PICKUP_CODE_USED",
  });
  expect(await order(leader, lead.orderId)).toMatchObject({ stage: "HANDED_OVER", headline: "已提货" });
  const audited = ((await rows()).get("Audit") ?? []).filter((a) => a.target === lead.orderId);
  expect(audited).toMatchObject([{ action: "order.hand_over" }]);
  // the channel was told once that the goods are with the member
  expect(await uploadsOf(lead.orderId)).toMatchObject([{ paymentNo: `${lead.orderId}01`, uploads: 1 }]);
  await recount();
});

test("a code is nobody's guess: other orders have others, and no row and no log line holds one", async () => {
  const { leader, member, lead, seat } = await succeeded("孙", "周");
  const codes = [await codeOf(leader, lead.orderId), await codeOf(member, seat.orderId)];
  expect(codes[0]).toMatch(/^\d{12}$/);
  expect(codes[0]).not.toBe(codes[1]);
  expect(await codeOf(leader, lead.orderId)).toBe(codes[0]);
  await made(scan(till, here, codes[1]!));
  await platform.idle();
  const everything = JSON.stringify([...(await rows())]);
  expect(everything).toContain(lead.orderId);
  for (const code of codes) {
    expect(everything).not.toContain(code);
    expect(world.lines.join("\n")).not.toContain(code);
  }
  expect(refusal(await member.post(`/v1/orders/${lead.orderId}/pickup-code`))).toMatchObject({ status: 404 });
  await recount();
});

test("the wrong store sends the member to the right one; its staff can't hand over for another", async () => {
  const { leader, lead } = await succeeded("吴", "郑");
  const code = await codeOf(leader, lead.orderId);
  expect(refusal(await scan(elsewhere, there, code))).toEqual({
    status: 409,
    code: "PICKUP_OTHER_STORE",
    facts: { storeId: here, name: "鲜邻1号店" },
  });
  expect(refusal(await scan(elsewhere, here, code))).toMatchObject({ status: 403, code: "STORE_OUT_OF_SCOPE" });
  expect(refusal(await scan(leader, here, code))).toMatchObject({ status: 401 });
  const finance = await staff("finance-1", ["finance"]);
  expect(refusal(await scan(finance, here, code))).toMatchObject({ status: 403, code: "FORBIDDEN" });
  expect(await scan(till, here, code)).toMatchObject({ status: 200 });
  await recount();
});

test("five wrong codes lock the till for ten minutes, for the right code too; the other till works on", async () => {
  const { leader, member, lead, seat } = await succeeded("冯", "陈");
  const code = await codeOf(leader, lead.orderId);
  for (let i = 0; i < 5; i++)
    expect(refusal(await scan(till, here, wrongCode(code, i)))).toMatchObject({ code: "PICKUP_CODE_INVALID" });
  const locked = await scan(till, here, code);
  expect(refusal(locked)).toMatchObject({ status: 429, code: "PICKUP_LOCKED" });
  const wait = Number(locked.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(480);
  expect(wait).toBeLessThanOrEqual(600);
  expect(await scan(secondTill, here, await codeOf(member, seat.orderId))).toMatchObject({ status: 200 });
  await pass((wait + 1) * 1000);
  expect(await scan(till, here, code)).toMatchObject({ status: 200 });
  await recount();
});

test("the store closes: the order moves with its units, the old code is void everywhere, the new one is good there", async () => {
  const { leader, lead } = await succeeded("褚", "卫");
  const old = await codeOf(leader, lead.orderId);
  const before = await world.unitsLeft(campaignId);
  await made(ops.post(`/ops/v1/stores/${here}/suspension`, { suspended: true, reason: "停电抢修" }));
  const moved = await made(ops.post(`/ops/v1/orders/${lead.orderId}/reroute`, { reason: "门店停电" }));
  expect(moved).toMatchObject({ fromStoreId: here, storeId: there });
  expect(await world.unitsLeft(campaignId)).toEqual([before[0]! + 1, before[1]! - 1]);
  await platform.idle();
  for (const [who, storeId] of [
    [till, here],
    [elsewhere, there],
  ] as const)
    expect(refusal(await scan(who, storeId, old))).toMatchObject({ status: 404, code: "PICKUP_CODE_INVALID" });
  const inbox = (await made(leader.get("/v1/inbox"))).items.map((m: { title: string }) => m.title);
  expect(inbox[0]).toBe("提货门店已变更");
  const fresh = await codeOf(leader, lead.orderId);
  expect(fresh).not.toBe(old);
  expect(refusal(await scan(till, here, fresh))).toMatchObject({ code: "PICKUP_OTHER_STORE" });
  expect(await scan(elsewhere, there, fresh)).toMatchObject({ status: 200 });
  await made(ops.post(`/ops/v1/stores/${here}/suspension`, { suspended: false, reason: "恢复供电" }));
  await recount();
});

test("the channel does not take the shipping upload: the member has the goods all the same, the reconciliation mends it", async () => {
  const { leader, member, lead, seat } = await succeeded("蒋", "沈");
  const codes = [await codeOf(leader, lead.orderId), await codeOf(member, seat.orderId)];
  await local("wechat/fault", { match: { op: "shipping" }, kind: "500-before", times: 1 });
  await local("wechat/fault", { match: { op: "shipping" }, kind: "drop-answer", times: 1 });
  for (const code of codes) expect(await scan(till, here, code)).toMatchObject({ status: 200 });
  await platform.idle();
  const shipping = async (orderId: string) =>
    ((await rows()).get("Order") ?? []).find((o) => o.orderId === orderId)?.shipping;
  expect([await shipping(lead.orderId), await shipping(seat.orderId)]).toEqual(["NONE", "NONE"]);
  for (let round = 0; round < 3; round++) await pass(11 * minute);
  for (const { orderId } of [lead, seat]) {
    expect(await shipping(orderId)).toBe("SENT");
    expect(await uploadsOf(orderId)).toHaveLength(1);
  }
  const open = ((await rows()).get("Due") ?? []).filter((d) => d.kind === "shipping");
  expect(open).toEqual([]);
  await recount();
});
