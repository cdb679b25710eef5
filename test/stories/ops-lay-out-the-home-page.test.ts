import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld({ unitsPerStore: 40 });
const { made, neighbours, ops, pass, stores, clock, newArticle, platform } = world;
const { minute, hour, day } = world.times;
const [near = "", far = ""] = stores;
const [wang, zhao] = await neighbours("王", "赵");
const greens = world.articleId;
const peach = (await newArticle({ name: "奉贤黄桃", category: "水果", priceFen: 3990 })).articleId;
const pear = (await newArticle({ name: "砀山梨", category: "水果", priceFen: 990 })).articleId;
const image = "https://img.example/peach.jpg";
const reason = "周末换首页";

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at by expectations
type Block = any;
const shownAt = async (storeId: string): Promise<Block[]> =>
  (await made(wang!.get(`/v1/stores/${storeId}/home`))).blocks;
/** What a page shows, in short: each block's kind with the ids in it. */
const inShort = (blocks: Block[]): unknown[] =>
  blocks.map(({ kind, articles = [], campaigns = [], text }) => [
    kind,
    ...articles.map(({ articleId }: Block) => articleId),
    ...campaigns.map(({ campaignId }: Block) => campaignId),
    ...(text ? [text] : []),
  ]);
const versionOf = async (path: string): Promise<number> => (await made(ops.get(path))).version;
const keep = async (blocks: unknown[], path = "/ops/v1/home") =>
  ops.put(path, { blocks, version: await versionOf(path), reason });
const stock = (storeId: string, articleId: string, delta: number) =>
  made(ops.post(`/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, { delta, reason: "盘点" }));

test("the chain's page is shown at every store, with what that store has; a store with a page of its own shows that", async () => {
  expect(await shownAt(near)).toEqual([]);
  const { campaignId } = await world.campaign({ articleId: pear, unitsPerStore: 5 });
  await made(
    keep([
      { kind: "banner", imageUrl: image, link: { to: "campaign", campaignId } },
      { kind: "campaigns", title: "正在拼", campaigns: "current" },
      { kind: "articles", articles: [peach, greens] },
      { kind: "category", category: "水果", count: 1 },
      { kind: "notice", text: "周三闭店盘点" },
    ]),
  );
  const page = await shownAt(near);
  expect(inShort(page)).toEqual([
    ["banner"],
    ["campaigns", campaignId],
    ["articles", peach, greens],
    ["category", (await made(wang!.get(`/v1/stores/${near}/articles?category=水果`))).items[0].articleId],
    ["notice", "周三闭店盘点"],
  ]);
  expect(page[2].articles[0]).toMatchObject({ priceFen: 3990, left: 40, stockText: "有货" });
  expect(page[2].articles[0]).not.toHaveProperty("costFen");
  expect(inShort(await shownAt(far))).toEqual(inShort(page));

  const own = `/ops/v1/stores/${far}/home`;
  await made(keep([{ kind: "notice", text: "新店开业" }], own));
  expect(inShort(await shownAt(far))).toEqual([["notice", "新店开业"]]);
  expect(inShort(await shownAt(near))).toEqual(inShort(page));
  await made(keep([], own));
  expect(inShort(await shownAt(far))).toEqual(inShort(page));
});

test("a block comes and goes at its time", async () => {
  const now = clock.now();
  await made(
    keep([
      { kind: "notice", text: "早市", until: toIso(now + hour) },
      { kind: "notice", text: "午市", from: toIso(now + hour), until: toIso(now + 2 * hour) },
      { kind: "notice", text: "全天" },
    ]),
  );
  expect(inShort(await shownAt(near))).toEqual([
    ["notice", "早市"],
    ["notice", "全天"],
  ]);
  await pass(hour);
  expect(inShort(await shownAt(near))).toEqual([
    ["notice", "午市"],
    ["notice", "全天"],
  ]);
  await pass(hour);
  expect(inShort(await shownAt(near))).toEqual([["notice", "全天"]]);
});

test("what can't be had any more leaves the page by itself, and comes back: sold out, suspended, over, a closed store", async () => {
  const { campaignId } = await world.campaign({ articleId: pear, unitsPerStore: 4, invitesRequired: 1 });
  const steer = (what: string) => made(ops.post(`/ops/v1/campaigns/${campaignId}/${what}`, { reason }));
  await made(
    keep([
      { kind: "banner", imageUrl: image, link: { to: "campaign", campaignId } },
      { kind: "banner", imageUrl: image, link: { to: "article", articleId: peach } },
      { kind: "campaigns", campaigns: [campaignId] },
      { kind: "articles", articles: [peach, greens] },
      { kind: "notice", text: "常在" },
    ]),
  );
  const whole = [["banner"], ["banner"], ["campaigns", campaignId], ["articles", peach, greens], ["notice", "常在"]];
  expect(inShort(await shownAt(near))).toEqual(whole);
  await stock(near, peach, -40);
  expect(inShort(await shownAt(near))).toEqual([
    ["banner"],
    ["campaigns", campaignId],
    ["articles", greens],
    ["notice", "常在"],
  ]);
  expect(inShort(await shownAt(far))).toEqual(whole);
  await stock(near, peach, 3);
  expect((await shownAt(near))[3].articles[0]).toMatchObject({ articleId: peach, left: 3, stockText: "仅剩3份" });
  const withoutCampaign = [["banner"], ["articles", peach, greens], ["notice", "常在"]];
  await steer("suspension");
  expect(inShort(await shownAt(near))).toEqual(withoutCampaign);
  await steer("resumption");
  expect(inShort(await shownAt(near))).toEqual(whole);
  const seat = await world.formedTeam(wang!, campaignId, { units: 2, storeId: near });
  await made(world.join(zhao!, seat.teamId, { units: 2, storeId: near }));
  expect(inShort(await shownAt(near))).toEqual(withoutCampaign);
  expect(inShort(await shownAt(far))).toEqual(whole);
  await made(ops.post(`/ops/v1/stores/${near}/suspension`, { suspended: true, reason: "停电" }));
  expect(inShort(await shownAt(near))).toEqual([["notice", "常在"]]);
  await made(ops.post(`/ops/v1/stores/${near}/suspension`, { suspended: false, reason: "来电" }));
  await pass(3 * day + minute);
  expect(inShort(await shownAt(near))).toEqual(withoutCampaign);
  await made(ops.post(`/ops/v1/articles/${peach}/retirement`, { reason: "季节结束" }));
  await pass(2 * minute);
  expect(inShort(await shownAt(near))).toEqual([
    ["articles", greens],
    ["notice", "常在"],
  ]);
});

test("a page is changed from the version that was read, by whom is written down, and what is not there is refused with its place", async () => {
  const path = "/ops/v1/home";
  const version = await versionOf(path);
  const blocks = [{ kind: "notice", text: "甲" }];
  const both = await Promise.all([1, 2].map(() => ops.put(path, { blocks, version, reason })));
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(refusal(both.find(({ status }) => status === 409)!)).toMatchObject({ code: "VERSION_CONFLICT" });
  const rows = (await made(ops.get(`/ops/v1/audit?day=${toIso(clock.now()).slice(0, 10)}`))).items;
  expect(rows.filter((row: Block) => row.action === "home.change")[0]).toMatchObject({ target: "chain", reason });

  const nobody = `AR${"0".repeat(24)}`;
  const never = `CP${"0".repeat(24)}`;
  const now = clock.now();
  const wrong = await keep([
    { kind: "articles", articles: [greens, nobody] },
    { kind: "campaigns", campaigns: [never] },
    { kind: "banner", imageUrl: image, link: { to: "article", articleId: peach } },
    { kind: "notice", text: "乙", from: toIso(now), until: toIso(now - hour) },
  ]);
  expect(refusal(wrong)).toMatchObject({ status: 422, code: "INPUT_INVALID" });
  expect(wrong.body.errors.map(({ path: at }: Block) => at)).toEqual([
    "body.blocks.3.until",
    "body.blocks.0.articles.1",
    "body.blocks.1.campaigns.0",
    "body.blocks.2.link.articleId", // retired
  ]);
  const crowded = await keep(Array.from({ length: 4 }, () => ({ kind: "category", category: "水果", count: 20 })));
  expect(crowded.body.errors).toEqual([{ path: "body.blocks", message: "at most 60 articles on a page, not 80" }]);
  expect(refusal(await keep([], `/ops/v1/stores/ST${"0".repeat(24)}/home`))).toMatchObject({ code: "STORE_NOT_FOUND" });
  expect(inShort(await shownAt(near))).toEqual([["notice", "甲"]]);
});

test("who has the page as it is is told so without it; a unit sold makes it another", async () => {
  await made(keep([{ kind: "articles", articles: [greens] }]));
  const url = `${platform.url}/v1/stores/${far}/home`;
  const { code } = await world.local("wechat/login-code", { user: "王" });
  const { accessToken } = await made(world.call("POST", "/v1/login", undefined, { code }));
  const ask = (etag?: string) =>
    fetch(url, { headers: { authorization: `Bearer ${accessToken}`, ...(etag && { "if-none-match": etag }) } });
  const etag = (await ask()).headers.get("etag")!;
  expect(etag).toMatch(/^"[\w-]{22}"$/);
  const same = await ask(etag);
  expect([same.status, await same.text()]).toEqual([304, ""]);
  await stock(far, greens, -1);
  const other = await ask(etag);
  expect(other.status).toBe(200);
  expect(other.headers.get("etag")).not.toBe(etag);
});
