import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld();
const { neighbours, formedTeam, join, order, team, money, casesOf, local, pass, rows, recount, made, platform } = world;
const { minute } = world.times;
const campaign = (more: Parameters<typeof world.campaign>[0] = {}) => world.campaign({ unitsPerStore: 10, ...more });

interface Delivery {
  action: string;
  status: number | null;
}
const deliveriesOf = async (number: string): Promise<Delivery[]> =>
  (await local("wechat/notifications"))
    .filter((n: { number: string }) => n.number === number)
    .flatMap((n: { deliveries: Delivery[] }) => n.deliveries);
const titles = async (who: { get: typeof world.ops.get }): Promise<string[]> =>
  (await made(who.get("/v1/inbox"))).items.map((m: { title: string }) => m.title);
const eventsOf = async (type: string, orderId: string): Promise<number> =>
  ((await rows()).get("Outbox") ?? []).filter(
    (e) => e.type === type && (e.data as { orderId?: string }).orderId === orderId,
  ).length;

test("a notification that comes five times at once, beside our own query, seats the member once", async () => {
  const [li, wang] = await neighbours("李", "王");
  const { campaignId } = await campaign();
  const lead = await formedTeam(li!, campaignId);
  const seat = await made(join(wang!, lead.teamId));
  const { paymentNo } = await made(wang!.post(`/v1/orders/${seat.orderId}/payment`));
  // the news is held up until the hold and its grace are over: then it arrives while the sweep asks the channel
  await local("wechat/plan", { paymentNo, notify: [{ delay: 19 * minute }, { duplicate: 4 }] });
  await local("wechat/pay", { paymentNo });
  // every worker has started before the race, or they would come one after the other
  await Promise.all(Array.from({ length: 4 }, () => fetch(`${platform.url}/hooks/wechat/pay`, { method: "POST" })));
  await pass(minute);
  const barrier = platform.gateway.barrier({
    count: 5,
    match: { action: "TransactWriteItems", pkPrefix: `ORDER#${seat.orderId}` },
    timeoutMs: 2_500,
  });
  await pass(18 * minute);
  expect(await barrier.overlapped).toBeGreaterThanOrEqual(2);

  expect(await deliveriesOf(paymentNo)).toEqual(Array(5).fill(expect.objectContaining({ status: 204 })));
  expect(await order(wang!, seat.orderId)).toMatchObject({ seat: "PAID", payment: { disposition: "SEATED" } });
  expect(await team(lead.teamId)).toMatchObject({ paid: 2, remainingInvites: 2 });
  expect(await money(seat.orderId)).toMatchObject({
    balanceFen: 800,
    refunds: [],
    transfers: [{ reference: paymentNo }],
  });
  expect(await eventsOf("seat.paid", seat.orderId)).toBe(1);
  expect(await titles(wang!)).toEqual(["支付成功"]);
  await recount();
});

test("repeats of a settled payment are answered 204 and change nothing, also after the team has succeeded", async () => {
  const [zhao, qian] = await neighbours("赵", "钱");
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const lead = await formedTeam(zhao!, campaignId);
  const seat = await made(join(qian!, lead.teamId));
  const { paymentNo } = await made(qian!.post(`/v1/orders/${seat.orderId}/payment`));
  await local("wechat/plan", { paymentNo, notify: ["deliver", { delay: 60 * minute }, { duplicate: 3 }] });
  await local("wechat/pay", { paymentNo });
  await platform.idle();
  expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED" });
  const before = (await rows()).get("Order");
  await pass(61 * minute);
  expect((await deliveriesOf(paymentNo)).map((d) => d.status)).toEqual([204, 204, 204, 204, 204]);
  expect((await rows()).get("Order")).toEqual(before);
  expect(await eventsOf("seat.paid", seat.orderId)).toBe(1);
  expect((await money(seat.orderId)).transfers).toHaveLength(1);
  await recount();
});

test("forged, probing, stale, altered and foreign notifications get 4xx and write nothing; the true one still lands", async () => {
  const [sun] = await neighbours("孙");
  const { campaignId } = await campaign();
  const lead = await made(world.open(sun!, campaignId));
  const { paymentNo } = await made(sun!.post(`/v1/orders/${lead.orderId}/payment`));
  const forgeries = ["bad-signature", "signtest", "stale", "tampered", "unknown-serial", "foreign-merchant"];
  await local("wechat/plan", { paymentNo, notify: [...forgeries, { delay: 2 * minute }] });
  await platform.idle();
  const before = await rows();
  await local("wechat/pay", { paymentNo });
  await platform.idle();
  const bare = await fetch(`${platform.url}/hooks/wechat/pay`, { method: "POST", body: "{}" });
  expect(bare.status).toBe(401);
  const got = await deliveriesOf(paymentNo);
  expect(got.map((d) => d.action)).toEqual(forgeries);
  expect(got.map((d) => d.status)).toEqual([401, 401, 401, 401, 401, 403]);
  expect(await rows()).toEqual(before);

  await pass(3 * minute);
  expect(await order(sun!, lead.orderId)).toMatchObject({ seat: "PAID", teamState: "FORMING" });
  await recount();
});

test.each(["wrong-amount", "wrong-currency", "wrong-payer"])(
  "an authentic notification with %s changes no seat: one case, one alarm, answered 204",
  async (untruth) => {
    const [zhou, wu] = await neighbours(`周${untruth}`, `吴${untruth}`);
    const { campaignId } = await campaign();
    const lead = await formedTeam(zhou!, campaignId);
    const seat = await made(join(wu!, lead.teamId));
    const { paymentNo } = await made(wu!.post(`/v1/orders/${seat.orderId}/payment`));
    await local("wechat/plan", { paymentNo, notify: [untruth, untruth, untruth] });
    const ofSeats = async () => {
      const all = await rows();
      return ["Order", "Team", "Allotment", "Guard", "Transfer", "Refund"].map((entity) => all.get(entity));
    };
    const before = await ofSeats();
    await local("wechat/pay", { paymentNo });
    await platform.idle();
    expect((await deliveriesOf(paymentNo)).map((d) => d.status)).toEqual([204, 204, 204]);
    expect(await ofSeats()).toEqual(before);
    const [opened, ...more] = await casesOf(paymentNo);
    expect(opened).toMatchObject({ reason: "mismatch", orderId: seat.orderId });
    expect(opened.detail).toContain(untruth.split("-")[1]);
    expect(more).toEqual([]);
    expect(world.lines.filter((line) => line.includes('"PAYMENT_CASE"') && line.includes(paymentNo))).toHaveLength(1);
    await recount();

    // the channel's own answer to our query is right: the member is seated by it, and the case stays for staff to close
    await pass(20 * minute);
    expect(await order(wu!, seat.orderId)).toMatchObject({ seat: "PAID" });
    const resolution = "已核对渠道账单,金额一致";
    await made(world.ops.post("/ops/v1/payment-cases/resolution", { caseKey: opened.caseKey, resolution }));
    expect(await casesOf(paymentNo)).toMatchObject([{ resolution, resolvedAt: expect.any(String) }]);
    await recount();
  },
);
