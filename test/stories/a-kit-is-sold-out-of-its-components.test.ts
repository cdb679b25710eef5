import { expect, test } from "vitest";
import { dayOf } from "../../shared/kernel/time.ts";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { ops, made, neighbours, community, campaign, batch, newArticle, join, open, formedTeam, paidSeat } = world;
const { order, team, money, pass, passTo, recount, unitsLeft, stores, clock } = world;
const { minute, day } = world.times;
const [here, there] = stores as [string, string];

type Part = { articleId: string; units: number };
/** A kit, which has no stock of its own. */
const newKit = (components: Part[], more: object = {}): Promise<{ articleId: string }> =>
  made(
    ops.post("/ops/v1/articles", {
      ...{ name: "三人晚餐", category: "套装", unit: "套", priceFen: 2999, costFen: 0, perishable: false },
      sale: { by: "kit", components },
      ...more,
    }),
  );
/** Tofu, pork and eggs at 3.33, 19.99 and 1.00, of which a kit takes two, one and six. */
async function dinner() {
  const [tofu, pork, eggs] = await Promise.all([
    newArticle({ name: "豆腐", priceFen: 333, costFen: 100, perishable: false }),
    newArticle({ name: "五花肉", priceFen: 1999, costFen: 900 }),
    newArticle({ name: "鸡蛋", priceFen: 100, costFen: 50, perishable: false }),
  ]);
  const parts = [
    { articleId: tofu.articleId, units: 2 },
    { articleId: pork.articleId, units: 1 },
    { articleId: eggs.articleId, units: 6 },
  ];
  return { parts, ids: parts.map((part) => part.articleId), kit: await newKit(parts) };
}
/** What a store has online of articles. */
async function online(storeId: string, articleIds: string[]): Promise<number[]> {
  const { items } = await made(ops.get(`/ops/v1/stores/${storeId}/stock?limit=50`));
  return articleIds.map(
    (articleId) => items.find((row: { articleId: string }) => row.articleId === articleId)?.online ?? 0,
  );
}
const adjust = (storeId: string, articleId: string, delta: number) =>
  made(ops.post(`/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, { delta, reason: "盘点" }));
const cancel = async (campaignId: string) => {
  await made(ops.post(`/ops/v1/campaigns/${campaignId}/cancellation`, { reason: "产地缺货" }));
  await world.platform.idle(30_000);
};
const rules = (answer: { body: { code: string; errors: { path: string; message: string }[] } }) => {
  expect(answer.body.code).toBe("CAMPAIGN_RULE");
  return answer.body.errors.map(({ path, message }) => `${path}: ${message}`);
};

test("a campaign takes its kits out of the components' stock, as many as the scarcest lasts for; the last kit is sold once", async () => {
  const { kit, ids, parts } = await dinner();
  await adjust(here, ids[1]!, -97); // three pieces of pork are left
  await adjust(there, ids[0]!, -99); // not enough tofu for one kit
  const { campaignId } = await campaign({ articleId: kit.articleId, invitesRequired: 1, perMemberLimit: 3 });
  expect(await unitsLeft(campaignId)).toEqual([3, 0]);
  expect(await online(here, ids)).toEqual([94, 0, 82]);
  expect(await online(there, ids)).toEqual([1, 100, 100]);

  const [li, wang, zhang] = await neighbours("李", "王", "张");
  const offered = await made(li!.get(`/v1/campaigns/${campaignId}`));
  expect(offered).toMatchObject({
    articleName: "三人晚餐",
    aloneFen: 2999,
    teamFen: 2399,
    components: parts.map((part, i) => ({ ...part, name: ["豆腐", "五花肉", "鸡蛋"][i] })),
    perishableNotice: expect.stringContaining("鲜活易腐"),
  });
  const { lines: quoted } = await made(li!.get(`/v1/campaigns/${campaignId}/quote?units=2`));
  const lead = await formedTeam(li!, campaignId, { units: 2 });
  // 4798 fen by 666 : 1999 : 600
  expect(await order(li!, lead.orderId)).toMatchObject({
    units: 2,
    kit: { articleId: kit.articleId, name: "三人晚餐" },
    lines: [
      { articleId: ids[0], name: "豆腐", units: 4, aloneFen: 333, unitFen: 245, amountFen: 979 },
      { articleId: ids[1], name: "五花肉", units: 2, aloneFen: 1999, unitFen: 1469, amountFen: 2937 },
      { articleId: ids[2], name: "鸡蛋", units: 12, aloneFen: 100, unitFen: 74, amountFen: 882 },
    ],
    price: quoted,
    payableFen: 4798,
  });
  expect((await made(li!.get("/v1/orders"))).items[0]).toMatchObject({ name: "三人晚餐", units: 2 });
  expect(refusal(await join(wang!, lead.teamId, { units: 2 }))).toMatchObject({ status: 409, code: "SOLD_OUT" });
  const last: Seat = await made(join(wang!, lead.teamId));
  expect(refusal(await open(zhang!, campaignId))).toMatchObject({ status: 409, code: "SOLD_OUT" });
  await recount();

  // not paid: the kit is the campaign's again, and somebody else's
  await pass(19 * minute);
  expect(await order(wang!, last.orderId)).toMatchObject({ seat: "RELEASED" });
  expect(await unitsLeft(campaignId)).toEqual([1, 0]);
  await paidSeat(zhang!, lead.teamId);
  expect(await order(li!, lead.orderId)).toMatchObject({ seat: "CONFIRMED" });
  await recount();

  const { code } = await made(li!.post(`/v1/orders/${lead.orderId}/pickup-code`));
  const handed = await made(ops.post(`/ops/v1/stores/${here}/pickups`, { code }));
  expect(handed.units).toBe(2);
  expect(handed.lines.map((line: { name: string; units: number }) => [line.name, line.units])).toEqual([
    ["豆腐", 4],
    ["五花肉", 2],
    ["鸡蛋", 12],
  ]);
  await recount();
});

test("who leaves gives the kit back to the campaign; a failed team, and what is left when it ends, to the components", async () => {
  const { kit, ids } = await dinner();
  const { campaignId } = await campaign({ articleId: kit.articleId, unitsPerStore: 5, perMemberLimit: 3 });
  expect(await online(here, ids)).toEqual([90, 95, 70]);
  const [zhao, qian, sun] = await neighbours("赵", "钱", "孙");
  const lead = await formedTeam(zhao!, campaignId, { units: 2 });
  const other = await paidSeat(qian!, lead.teamId);
  expect(await unitsLeft(campaignId)).toEqual([2, 5]);
  await made(qian!.post(`/v1/orders/${other.orderId}/departure`));
  expect(await unitsLeft(campaignId)).toEqual([3, 5]);
  await made(join(sun!, lead.teamId));
  await recount();

  // it ends under a held seat and a live team: their units find the campaign's allotment gone
  await cancel(campaignId);
  expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "ops" });
  await pass(20 * minute);
  await pass(2 * minute);
  expect(await order(zhao!, lead.orderId)).toMatchObject({
    seat: "REFUNDED",
    refunds: [{ cause: "team_failed", refundFen: lead.payableFen, state: "SUCCESS" }],
  });
  expect(await unitsLeft(campaignId)).toEqual([0, 0]);
  expect(await online(here, ids)).toEqual([100, 100, 100]);
  expect(await online(there, ids)).toEqual([100, 100, 100]);
  await recount();
});

test("two campaigns open at once on kits with one component: between them they take what is there", async () => {
  const { parts, ids, kit } = await dinner();
  const other = await newKit(parts.slice(1));
  await adjust(here, ids[1]!, -95);
  const opensAt = 10 * minute;
  const campaigns = await Promise.all(
    [kit, other].map(({ articleId }) => campaign({ articleId, unitsPerStore: 4, at: { opensAt } })),
  );
  await pass(opensAt + minute);
  const left = await Promise.all(campaigns.map(async ({ campaignId }) => (await unitsLeft(campaignId))[0]!));
  expect(left.sort()).toEqual([1, 4]);
  expect((await online(here, ids))[1]).toBe(0);
  await recount();
});

test("a team of kits that the platform completes costs it what the kit is cheaper, once an order", async () => {
  const { kit } = await dinner();
  const { campaignId } = await campaign({ articleId: kit.articleId, unitsPerStore: 5, perMemberLimit: 2 });
  const [he, lv] = await neighbours("何", "吕");
  const lead = await formedTeam(he!, campaignId, { units: 2 });
  await paidSeat(lv!, lead.teamId);
  const completed = await made(ops.post(`/ops/v1/teams/${lead.teamId}/subsidised-completion`, { reason: "开业首周" }));
  expect(completed).toMatchObject({ state: "SUCCEEDED", outcome: "subsidised", subsidyFen: 3 * (2999 - 2399) });
  expect(await money(lead.orderId)).toMatchObject({ balanceFen: 2 * 2999 });
  await recount();
});

test("a kit whose team succeeded moves to another store, component by component", async () => {
  const { kit, ids } = await dinner();
  const { campaignId } = await campaign({ articleId: kit.articleId, unitsPerStore: 5, invitesRequired: 1 });
  const [zhou, wu] = await neighbours("周", "吴");
  const lead = await formedTeam(zhou!, campaignId);
  await paidSeat(wu!, lead.teamId);
  const reroute = (storeId: string) =>
    ops.post(`/ops/v1/orders/${lead.orderId}/reroute`, { storeId, reason: "门店停电" });
  await made(reroute(there));
  expect(await unitsLeft(campaignId)).toEqual([4, 4]);
  await recount();
  await cancel(campaignId);
  await pass(2 * minute);
  expect(await online(here, ids)).toEqual([98, 99, 94]);
  await adjust(here, ids[2]!, -89); // five eggs
  expect(refusal(await reroute(here))).toMatchObject({ code: "SOLD_OUT" });
  await adjust(here, ids[2]!, 89);
  await made(reroute(here));
  expect(await online(here, ids)).toEqual([96, 98, 88]);
  expect(await online(there, ids)).toEqual([100, 100, 100]);
  await recount();
});

test("a batch of kits is settled at the price it reached, and packed by component", async () => {
  const { kit, ids } = await dinner();
  const people = await neighbours("郑", "冯", "陈");
  const communityId = await community(people);
  const { campaignId, teamIds } = await batch([communityId], {
    articleId: kit.articleId,
    minUnits: 2,
    tiers: [
      { fromUnits: 2, unitFen: 2700 },
      { fromUnits: 6, unitFen: 2401 },
    ],
    casePack: 2,
    unitsPerStore: 10,
  });
  const seats: Seat[] = [];
  for (const [i, units] of [3, 3, 1].entries()) seats.push(await paidSeat(people[i]!, teamIds[0]!, { units }));
  await passTo((await team(teamIds[0]!)).batch.cutOff);
  for (let i = 0; i < 3; i++) await pass(4 * minute);
  // seven kits are three cases and one too many: who paid last goes without
  expect(await order(people[2]!, seats[2]!.orderId)).toMatchObject({ seat: "REFUNDED" });
  const settled = await order(people[0]!, seats[0]!.orderId);
  expect(settled).toMatchObject({
    seat: "CONFIRMED",
    units: 3,
    payableFen: 8100,
    refunds: [{ cause: "settled_difference", refundFen: 897, state: "SUCCESS" }],
    lines: [{ units: 6 }, { units: 3 }, { units: 18 }],
  });
  const sum = (rows: { amountFen: number }[]) => rows.reduce((total, { amountFen }) => total + amountFen, 0);
  expect([sum(settled.lines), sum(settled.price)]).toEqual([7203, 7203]);
  expect(await money(seats[0]!.orderId)).toMatchObject({ balanceFen: 7203 });
  expect(await online(here, ids)).toEqual([88, 94, 64]);
  await recount();

  const path = `/ops/v1/stores/${here}/campaigns/${campaignId}/picking-list`;
  expect(await made(ops.get(path))).toMatchObject({
    articleName: "三人晚餐",
    components: [
      { name: "豆腐", units: 2 },
      { name: "五花肉", units: 1 },
      { name: "鸡蛋", units: 6 },
    ],
    communities: [{ units: 6, cases: 3, orders: [{ units: 3 }, { units: 3 }] }],
  });
  const csv = (await ops.get(`${path}?format=csv`)).text.trim().split(/\r?\n/);
  expect(csv.slice(1, 4).map((row) => row.split(",").slice(1, 4).join(","))).toEqual([
    `${seats[0]!.orderId},豆腐,6`,
    `${seats[0]!.orderId},五花肉,3`,
    `${seats[0]!.orderId},鸡蛋,18`,
  ]);
  expect(csv).toHaveLength(7);
});

test("the recall of a component's lot stops the kit's sale, finds who bought kits with it, and the counter keeps them back", async () => {
  const { kit, ids } = await dinner();
  const { campaignId } = await campaign({ articleId: kit.articleId, invitesRequired: 1, perMemberLimit: 2 });
  const lot = await made(
    ops.post(`/ops/v1/stores/${here}/lots`, { articleId: ids[2], units: 60, check: { rejected: 0 } }),
  );
  const [wei, jiang, shen] = await neighbours("卫", "蒋", "沈");
  const lead = await formedTeam(wei!, campaignId, { units: 2 });
  await paidSeat(jiang!, lead.teamId, { storeId: there });
  const { code } = await made(wei!.post(`/v1/orders/${lead.orderId}/pickup-code`));
  const recall = await made(ops.post("/ops/v1/recalls", { articleId: ids[2], lotId: lot.lotId, reason: "沙门氏菌" }));
  await world.platform.idle();
  const state = async () => (await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign;
  expect(await state()).toMatchObject({ state: "SUSPENDED", reason: `商品召回 ${recall.recallId}` });
  expect(refusal(await open(shen!, campaignId))).toMatchObject({ code: "CAMPAIGN_SUSPENDED" });
  const resumption = () => ops.post(`/ops/v1/campaigns/${campaignId}/resumption`, { reason: "误报" });
  expect(rules(await resumption())[0]).toContain(`recall ${recall.recallId} stands`);
  await pass(2 * minute);
  const { items } = await made(ops.get(`/ops/v1/recalls/${recall.recallId}/buyers`));
  expect(items).toMatchObject([{ orderId: lead.orderId, units: 12 }]);
  const inbox = await made(wei!.get("/v1/inbox"));
  expect(inbox.items[0]).toMatchObject({ title: "商品召回", body: expect.stringContaining("“鸡蛋(三人晚餐)”") });
  expect(refusal(await ops.post(`/ops/v1/stores/${here}/pickups`, { code }))).toMatchObject({
    code: "PICKUP_RECALLED",
    facts: { articleId: ids[2] },
  });
  await made(ops.post(`/ops/v1/recalls/${recall.recallId}/closing`, { reason: "复检合格" }));
  await made(resumption());
  await made(ops.post(`/ops/v1/stores/${here}/pickups`, { code }));
  await recount();
});

test("a kit is published only with goods that each may be sold, and never below what its components cost", async () => {
  const { parts } = await dinner();
  const { supplierId } = await made(
    ops.post("/ops/v1/suppliers", {
      name: "旧证合作社",
      licences: [{ kind: "食品经营许可证", number: "JY-9", validUntil: dayOf(clock.now() + day) }],
    }),
  );
  const old = await newArticle({ name: "香菇", supplierId, needsCertificate: true });
  const kit = await newKit([...parts, { articleId: old.articleId, units: 1 }], { priceFen: 2000 });
  const { campaignId } = await campaign({ articleId: kit.articleId, publish: false });
  // 2 × 100 + 900 + 6 × 50 + 500, where the kit itself says it costs nothing
  const refused = rules(await ops.post(`/ops/v1/campaigns/${campaignId}/publication`));
  expect(refused).toEqual([
    expect.stringMatching(/^shareBps: 1600 fen is below the margin floor of \d+ fen \(cost 1900, .* expected loss 76/),
    expect.stringMatching(/^goods.licence: 香菇: .*JY-9/),
    expect.stringMatching(/^goods.certificate: 香菇: /),
  ]);
  expect((await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign).toMatchObject({ costFen: 1900 });
});

test("what can't be sold as a kit is refused with the reason and what would pass", async () => {
  const { kit, parts, ids } = await dinner();
  const communityId = await community([]);
  const toOrder = { articleId: kit.articleId, sourced: "to_order", publish: false };
  const reason =
    "a kit is sold from the stock of its components: source it from stock, or sell its components to order one by one";
  await expect(batch([communityId], toOrder)).rejects.toThrow(reason);
  const { campaignId } = await batch([communityId], { articleId: kit.articleId, publish: false });
  const change = { version: 1, reason: "改为预购", sourced: "to_order" };
  expect(rules(await ops.put(`/ops/v1/campaigns/${campaignId}`, change))).toEqual([`sourced: ${reason}`]);

  const ribs = await newArticle({ name: "排骨", sale: { by: "weight", grams: 500 } });
  const weighed = await newKit([...parts, { articleId: ribs.articleId, units: 1 }]);
  await expect(campaign({ articleId: weighed.articleId, publish: false })).rejects.toThrow(
    `component ${ribs.articleId} is sold by weight, and a kit has one price: make a kit without it`,
  );
  await made(ops.post(`/ops/v1/articles/${ids[0]}/retirement`, { reason: "停产" }));
  await expect(campaign({ articleId: kit.articleId, publish: false })).rejects.toThrow(
    `component ${ids[0]} is retired: make a kit without it`,
  );
});
