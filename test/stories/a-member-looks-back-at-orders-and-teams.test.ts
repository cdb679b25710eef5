import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { made, neighbours, ops, pass, passTo, pay, stores, recount } = world;
const { minute, hour, day } = world.times;
const [wang, li, zhao, sun] = (await neighbours("王", "李", "赵", "孙")) as [
  Neighbour,
  Neighbour,
  Neighbour,
  Neighbour,
];
const place = world.here;

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at by expectations
type Row = any;
/** All of a list, page by page; `pages` are how many rows each held. */
async function all(who: Neighbour, path: string, limit = 50): Promise<{ items: Row[]; pages: number[] }> {
  const items: Row[] = [];
  const pages: number[] = [];
  let cursor: string | undefined;
  do {
    const mark = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await made(who.get(`${path}${path.includes("?") ? "&" : "?"}limit=${limit}${mark}`));
    items.push(...page.items);
    pages.push(page.items.length);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { items, pages };
}
const idsOf = (rows: Row[]): string[] => rows.map(({ orderId }) => orderId);
const ordered = async (who: Neighbour, more = {}) =>
  made(who.post("/v1/orders", { lines: [{ articleId: world.articleId, units: 1 }], place, ...more }));

test("a member finds each order under what is to be done with it, and no order under two", async () => {
  const { campaignId } = await world.campaign({ invitesRequired: 1 });
  const { campaignId: failing } = await world.campaign({ at: { hardEnd: 4 * day } });
  const won = await world.formedTeam(wang, campaignId);
  await world.paidSeat(li, won.teamId);
  const lost = await world.formedTeam(wang, failing);
  const collected = await ordered(wang);
  await pay(wang, collected);
  await pass(2 * hour);
  const { code } = await made(wang.post(`/v1/orders/${collected.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${collected.storeId}/pickups`, { code }));
  const given = await ordered(wang);
  await pass(30 * minute);
  const standing = await ordered(wang);
  await pay(wang, standing);
  const unpaid = await ordered(wang);

  const states = async () =>
    Object.fromEntries((await all(wang, "/v1/orders")).items.map((row) => [row.orderId, [row.state, row.headline]]));
  expect(await states()).toEqual({
    [unpaid.orderId]: ["to_pay", "待支付"],
    [standing.orderId]: ["to_collect", "备货中"],
    [given.orderId]: ["cancelled", "已取消"],
    [collected.orderId]: ["done", "已提货"],
    [lost.orderId]: ["forming", "已支付,等待成团"],
    [won.orderId]: ["to_collect", "已成团"],
  });
  await passTo((await made(wang.get(`/v1/teams/${lost.teamId}`))).deadline);
  await pass(10 * minute);
  expect((await states())[lost.orderId]).toEqual(["refunded", "已退款"]);

  const found: string[] = [];
  for (const state of ["to_pay", "forming", "to_collect", "to_receive", "done", "refunded", "cancelled"])
    found.push(...idsOf((await all(wang, `/v1/orders?state=${state}`)).items));
  expect(found.sort()).toEqual(idsOf((await all(wang, "/v1/orders")).items).sort());
  expect(idsOf((await all(wang, "/v1/orders?state=to_collect")).items)).toEqual([standing.orderId, won.orderId]);
  expect(idsOf((await all(li, "/v1/orders")).items)).toHaveLength(1);
  await recount();
});

test("few among many are all found, in their order, over pages of which some are empty", async () => {
  const mine: string[] = [];
  for (let i = 0; i < 24; i++) {
    const { orderId } = await ordered(zhao);
    mine.unshift(orderId);
    if (i % 12 !== 0) await made(zhao.post(`/v1/orders/${orderId}/cancellation`));
    await pass(minute / 2);
  }
  const kept = [mine[11]!, mine[23]!];
  for (const limit of [1, 2, 3, 50]) {
    const { items, pages } = await all(zhao, "/v1/orders?state=to_pay", limit);
    expect(idsOf(items)).toEqual(kept);
    expect(Math.max(...pages)).toBeLessThanOrEqual(limit);
    if (limit === 1) expect(pages).toContain(0);
    expect(idsOf((await all(zhao, "/v1/orders", limit)).items)).toEqual(mine);
  }
  const page = await made(zhao.get("/v1/orders?state=to_pay&limit=1"));
  const elsewhere = await zhao.get(`/v1/orders?state=cancelled&cursor=${encodeURIComponent(page.nextCursor)}`);
  expect(refusal(elsewhere)).toMatchObject({ code: "CURSOR_INVALID" });
});

test("a member sees the teams he is in, what they lack and until when, and the link he made; not those he left", async () => {
  const { campaignId: forming } = await world.campaign({});
  const { campaignId: full } = await world.campaign({ invitesRequired: 1 });
  const { campaignId: over } = await world.campaign({ durationMinutes: 60 });
  const communityId = await world.community([sun], stores[0]);
  const batch = await world.batch([communityId], { minUnits: 10 });
  const failed = await world.formedTeam(sun, over);
  const left = await world.formedTeam(wang, over);
  const gone = await world.paidSeat(sun, (await world.formedTeam(li, full)).teamId);
  const open = await world.formedTeam(sun, forming);
  await made(world.join(zhao, open.teamId));
  const units = await world.paidSeat(sun, batch.teamIds[0]!, { units: 4 });
  await pass(2 * hour);
  const again = await world.formedTeam(zhao, forming);
  const seat = await world.paidSeat(li, again.teamId);
  await made(li.post(`/v1/orders/${seat.orderId}/departure`));

  const { token } = await made(sun.post(`/v1/teams/${open.teamId}/shares`));
  expect((await made(sun.post(`/v1/teams/${open.teamId}/shares`))).token).toBe(token);
  expect((await made(zhao.post(`/v1/teams/${open.teamId}/shares`))).token).not.toBe(token);

  const { items } = await all(sun, "/v1/me/teams");
  const seen = items.map(({ team, standing, lacks, leader, orderId, share }) => ({
    ...{ teamId: team.teamId, standing, lacks, leader, orderId },
    token: share?.token,
  }));
  const none = { token: undefined };
  expect(seen).toEqual([
    { teamId: units.teamId, standing: "open", lacks: 6, leader: false, orderId: units.orderId, ...none },
    { teamId: open.teamId, standing: "open", lacks: 3, leader: true, orderId: open.orderId, token },
    { teamId: gone.teamId, standing: "succeeded", lacks: 0, leader: false, orderId: gone.orderId, ...none },
    { teamId: failed.teamId, standing: "failed", lacks: 0, leader: true, orderId: failed.orderId, ...none },
  ]);
  expect(items[1].team.deadline).toBe((await made(sun.get(`/v1/teams/${open.teamId}`))).deadline);
  expect(items[3].seat).toBe("REFUNDED");
  const openOnes = await all(sun, "/v1/me/teams?standing=open", 1);
  expect(idsOf(openOnes.items)).toEqual([units.orderId, open.orderId]);
  expect(idsOf((await all(li, "/v1/me/teams?standing=open")).items)).not.toContain(seat.orderId);
  expect(idsOf((await all(wang, "/v1/me/teams?standing=failed")).items)).toContain(left.orderId);
  await recount();
});
