import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { made, neighbours, ops, staff, recount, pass, passTo, pay, newArticle, stores, campaign, formedTeam, paidSeat } =
  world;
const { minute, day } = world.times;
const [here = "", there = ""] = stores;
const clerk = await staff("clerk-of-the-day", ["store_staff"], [here]);
const article = async (name: string, more: object = {}): Promise<string> =>
  (await newArticle({ name, ...more })).articleId;
const greens = await article("青菜");
const yoghurt = await article("酸奶", { temperatureZone: "chilled", priceFen: 1200 });
const dumplings = await article("水饺", { temperatureZone: "frozen", priceFen: 2500 });

const at = (orderId: string) => `/ops/v1/stores/${here}/orders/${orderId}`;
/** A paid order from the cart. */
async function bought(who: Neighbour, wanted: Record<string, number>, more: object = {}) {
  const lines = Object.entries(wanted).map(([articleId, units]) => ({ articleId, units }));
  const placed = await made(who.post("/v1/orders", { lines, place: world.here, storeId: here, ...more }));
  await pay(who, placed);
  return placed;
}
const ready = (orderId: string) => made(clerk.post(`${at(orderId)}/ready`));
const codeOf = async (who: Neighbour, orderId: string) => made(who.post(`/v1/orders/${orderId}/pickup-code`));
const hand = (code: string, more: object = {}) => clerk.post(`/ops/v1/stores/${here}/pickups`, { code, ...more });
const today = "2026-11-23";
const list = (day = today) => made(clerk.get(`/ops/v1/stores/${here}/pick-list?day=${day}`));

test("a day is picked by zone, shelved by number, labelled, and handed out with nothing left in the fridge", async () => {
  const [wang, li] = (await neighbours("王", "李")) as [Neighbour, Neighbour];
  const mixed = await bought(wang, { [greens]: 2, [yoghurt]: 1, [dumplings]: 3 });
  const plain = await bought(li, { [greens]: 1 });
  const unpaid = await made(
    li.post("/v1/orders", { lines: [{ articleId: yoghurt, units: 9 }], place: world.here, storeId: here }),
  );
  const picks = await list();
  expect(picks).toMatchObject({ orders: 2, ready: 0, waiting: 0 });
  expect(picks.zones.map((one: { name: string }) => one.name)).toEqual(["常温", "冷藏", "冷冻"]);
  expect(picks.zones[0].articles).toMatchObject([
    {
      articleId: greens,
      units: 3,
      left: 3,
      orders: [
        { orderId: mixed.orderId, units: 2 },
        { orderId: plain.orderId, units: 1 },
      ],
    },
  ]);
  expect(picks.zones[1].articles).toMatchObject([{ name: "酸奶", units: 1 }]);
  expect(await list("2026-11-24")).toMatchObject({ orders: 0, zones: [] });

  const answers = await Promise.all([ready(mixed.orderId), ready(plain.orderId)]);
  expect(answers.map(({ shelfNo }) => shelfNo).sort()).toEqual([1, 2]);
  expect(answers[0]).toMatchObject({ stage: "READY", shelfDay: today });
  expect(await list()).toMatchObject({ orders: 2, ready: 2, zones: [{ articles: [{ units: 3, left: 0 }] }, {}, {}] });
  const { items } = await made(clerk.get(`/ops/v1/stores/${here}/labels?day=${today}`));
  expect(items).toHaveLength(2);
  const label = items.find((one: { orderId: string }) => one.orderId === mixed.orderId);
  const { shelfNo } = answers[0];
  expect(label).toMatchObject({ last4: mixed.orderId.slice(-4), shelfNo, shelfDay: today });
  expect(label.zones.map((one: { zone: string; lines: unknown[] }) => [one.zone, one.lines.length])).toEqual([
    ["ambient", 1],
    ["chilled", 1],
    ["frozen", 1],
  ]);

  await pass(61 * minute);
  const { code, ...shown } = await codeOf(wang, mixed.orderId);
  expect(shown).toMatchObject({ shelfNo, shelfDay: today });
  expect(refusal(await hand(code, { zones: ["ambient", "chilled"] }))).toEqual({
    status: 409,
    code: "ZONES_MISSING",
    facts: { zones: "frozen", names: "水饺", shelfNo },
  });
  const handed = await made(hand(code, { zones: ["frozen", "chilled", "ambient"] }));
  expect(handed).toMatchObject({ orderId: mixed.orderId, shelfNo, zones: [{}, {}, { zone: "frozen", name: "冷冻" }] });
  expect(handed.zones[2].lines).toMatchObject([{ articleId: dumplings, units: 3 }]);
  expect(await list()).toMatchObject({ orders: 1 });
  const shelved = (await made(clerk.get(`/ops/v1/stores/${here}/orders?day=${today}`))).items;
  expect(shelved.find((one: { orderId: string }) => one.orderId === plain.orderId)).toMatchObject({
    shelfNo: answers[1].shelfNo,
    stage: "READY",
  });
  const told = (await made(wang.get("/v1/inbox"))).items.find((one: { title: string }) => one.title === "订单已备好");
  expect(told.body).toBe(`您的商品已备好(货架号${shelfNo}),请凭提货码到店自提。`);
  expect(unpaid.seat).toBe("HELD");
  await recount();
});

test("a kit and a team's goods keep their zones, and an order that another store takes over is picked there anew", async () => {
  const kit = await article("火锅套餐", {
    priceFen: 4000,
    sale: {
      by: "kit",
      components: [
        { articleId: greens, units: 2 },
        { articleId: dumplings, units: 1 },
      ],
    },
  });
  const { campaignId } = await campaign({ articleId: kit, invitesRequired: 1, unitsPerStore: 10 });
  const [zhao, qian] = (await neighbours("赵", "钱")) as [Neighbour, Neighbour];
  const lead = await formedTeam(zhao, campaignId);
  const before = await list();
  expect(before.zones.flatMap((one: { articles: unknown[] }) => one.articles)).not.toContainEqual(
    expect.objectContaining({ orders: expect.arrayContaining([expect.objectContaining({ orderId: lead.orderId })]) }),
  );
  await paidSeat(qian, lead.teamId);
  const picks = await list();
  expect(picks.orders).toBe(before.orders + 2);
  expect(picks.zones.at(-1)).toMatchObject({ zone: "frozen", articles: [{ articleId: dumplings, units: 2 }] });
  await ready(lead.orderId);
  const moved = await made(ops.post(`/ops/v1/orders/${lead.orderId}/reroute`, { storeId: there, reason: "冷柜停电" }));
  expect(moved).toMatchObject({ storeId: there });
  await world.platform.idle();
  expect(await list()).toMatchObject({ orders: picks.orders - 1 });
  const taken = await made(ops.get(`/ops/v1/stores/${there}/pick-list?day=${today}`));
  expect(taken).toMatchObject({ orders: 1, ready: 0 });
  expect(await made(zhao.get(`/v1/orders/${lead.orderId}`))).toMatchObject({ stage: "PLACED" });
  const { shelfNo, code } = await codeOf(zhao, lead.orderId);
  expect(shelfNo).toBeUndefined();
  expect(await made(ops.post(`/ops/v1/stores/${there}/orders/${lead.orderId}/ready`))).toMatchObject({ shelfNo: 1 });
  const handed = await made(ops.post(`/ops/v1/stores/${there}/pickups`, { code, zones: ["ambient", "frozen"] }));
  expect(handed.zones.map((one: { zone: string }) => one.zone)).toEqual(["ambient", "frozen"]);
  await recount();
});

test("goods that are put off are picked on the day they are promised for", async () => {
  const [sun] = (await neighbours("孙")) as [Neighbour];
  const communityId = await world.community([sun]);
  const { campaignId, teamIds } = await world.batch([communityId], {
    articleId: yoghurt,
    sourced: "to_order",
    minUnits: 2,
    unitsPerStore: 50,
  });
  const seat = await paidSeat(sun, teamIds[0]!, { units: 4 });
  await passTo((await world.team(teamIds[0]!)).batch.cutOff);
  await pass(6 * minute);
  await pass(2 * minute);
  const { pickupFrom } = await world.order(sun, seat.orderId);
  expect(await list(pickupFrom.slice(0, 10))).toMatchObject({ orders: 0, waiting: 1 });
  const line = `/ops/v1/stores/${here}/purchases/${campaignId}`;
  const expectedAt = toIso(Date.parse(pickupFrom) + 2 * day);
  await made(ops.post(`${line}/promise`, { expectedAt, reason: "大雨" }));
  await pass(2 * minute);
  expect(await list(pickupFrom.slice(0, 10))).toMatchObject({ waiting: 0 });
  expect(await list(expectedAt.slice(0, 10))).toMatchObject({ waiting: 1 });
  await made(clerk.post(`${line}/arrivals`, { units: 3, last: true }));
  await pass(2 * minute);
  const come = await list(expectedAt.slice(0, 10));
  expect(come).toMatchObject({ orders: 1, waiting: 0, zones: [{ zone: "chilled", articles: [{ units: 3 }] }] });
  await recount();
});
