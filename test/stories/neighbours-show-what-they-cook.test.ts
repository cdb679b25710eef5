import { expect, test } from "vitest";
import { meterDifference } from "../../local/meter.ts";
import { makeId } from "../../shared/kernel/ids.ts";
import { posts } from "../../shared/table/keys.ts";
import { type Neighbour, openWorld, refusal, sendPicture } from "./world.ts";

const world = await openWorld();
const { neighbours, community, formedTeam, paidSeat, campaign, made, ops, pass, local, events } = world;
const { minute, hour } = world.times;

const [wang, li, zhang, chen, stranger] = (await neighbours("王", "李", "张", "陈", "外")) as [
  Neighbour,
  Neighbour,
  Neighbour,
  Neighbour,
  Neighbour,
];
for (const [who, nickname] of [
  [wang, "王阿姨"],
  [li, "李叔叔"],
] as const)
  await made(who.put("/v1/me", { nickname }));
const communityId = await community([wang, li, zhang, chen]);
const feed = `/v1/communities/${communityId}/posts`;
const shown = async (who: Neighbour, path = feed): Promise<{ postId: string; text: string; images: string[] }[]> =>
  (await made(who.get(path))).items;
const texts = async (who: Neighbour, path = feed) => (await shown(who, path)).map(({ text }) => text);
const say = async (who: Neighbour, body: Record<string, unknown>): Promise<string> =>
  (await made(who.post(feed, { kind: "text", ...body }))).postId;
const latest = async (who: Neighbour): Promise<{ kind: string; body: string }> =>
  (await made(who.get("/v1/inbox"))).items[0];
const queue = async (): Promise<{ postId: string; why: string; images: string[]; reports: { reason: string }[] }[]> =>
  (await made(ops.get("/ops/v1/moderation"))).items;
const decide = (postId: string, decision: string) =>
  ops.post(`/ops/v1/moderation/${postId}`, { decision, reason: "已查看" });
const noPost = { status: 404, code: "POST_NOT_FOUND" };

test("a post is its author's at once and the neighbours' once it was checked; who is not in the community sees none", async () => {
  await local("wechat/outage", { on: true });
  const postId = await say(wang, { text: "今天的青菜特别嫩", topics: ["周一食谱日"] });
  expect(await made(wang.get(`/v1/posts/${postId}`))).toMatchObject({ state: "CHECKING", mine: true });
  expect(refusal(await li.get(`/v1/posts/${postId}`))).toEqual(noPost);
  await pass(0);
  expect(await texts(li)).toEqual([]);
  expect(await texts(wang, "/v1/me/posts")).toEqual(["今天的青菜特别嫩"]);
  // WeChat does not answer for ten minutes: it waits, and is never shown unchecked
  for (let i = 0; i < 10; i++) await pass(minute);
  expect(await texts(li)).toEqual([]);
  await local("wechat/outage", { on: false });
  await pass(2 * minute);
  expect(await shown(li)).toMatchObject([
    {
      postId,
      kind: "text",
      author: { name: "王**", role: "member" },
      topics: ["周一食谱日"],
      mine: false,
      state: "PUBLISHED",
    },
  ]);
  expect(refusal(await stranger.get(feed))).toEqual({ status: 403, code: "NOT_COMMUNITY_MEMBER" });
  expect(refusal(await stranger.get(`/v1/posts/${postId}`))).toEqual({ status: 403, code: "NOT_COMMUNITY_MEMBER" });
  expect(refusal(await stranger.post(feed, { kind: "text", text: "好" }))).toEqual({
    status: 403,
    code: "NOT_COMMUNITY_MEMBER",
  });
});

test("what WeChat calls risky nobody sees, what it doubts a person looks at; comments as well", async () => {
  await local("wechat/risky-word", { word: "包治百病" });
  await local("wechat/risky-word", { word: "加我微信", suggest: "review" });
  const bad = await say(wang, { text: "青菜包治百病" });
  const odd = await say(wang, { text: "想买菜的加我微信" });
  await pass(0);
  expect(await made(wang.get(`/v1/posts/${bad}`))).toMatchObject({ state: "REMOVED" });
  expect(await latest(wang)).toMatchObject({ kind: expect.stringMatching(/^post\.(refused|doubted)$/) });
  expect(await texts(li)).toEqual(["今天的青菜特别嫩"]);
  expect(await queue()).toMatchObject([{ postId: odd, why: "20006", author: "王**", reports: [] }]);
  expect(await made(decide(odd, "approve"))).toMatchObject({ state: "PUBLISHED" });
  await pass(0);
  expect(await latest(wang)).toMatchObject({ kind: "post.approved" });
  expect(await texts(li)).toEqual(["想买菜的加我微信", "今天的青菜特别嫩"]);
  expect(refusal(await decide(odd, "approve"))).toEqual({ status: 409, code: "POST_STATE" });
  const audits = (await made(ops.get("/ops/v1/audit?day=2026-11-23&limit=50"))).items;
  expect(audits.find(({ action }: { action: string }) => action === "post.approve")).toMatchObject({ target: odd });

  const comments = `/v1/posts/${odd}/comments`;
  for (const text of ["怎么买", "这菜包治百病吗", "多少钱"]) await made(li.post(comments, { text }));
  await pass(0);
  expect(await texts(zhang, comments)).toEqual(["怎么买", "多少钱"]);
  expect(await made(zhang.get(`/v1/posts/${odd}`))).toMatchObject({ comments: 2 });
  const [first] = await shown(zhang, comments);
  expect(refusal(await zhang.delete(`/v1/posts/${first!.postId}`))).toEqual(noPost);
  for (let i = 0; i < 2; i++) expect((await li.delete(`/v1/posts/${first!.postId}`)).status).toBe(204);
  expect(await made(zhang.get(`/v1/posts/${odd}`))).toMatchObject({ comments: 1 });
  // a comment has no comments
  const [left] = await shown(zhang, comments);
  expect(refusal(await li.post(`/v1/posts/${left!.postId}/comments`, { text: "回复" }))).toEqual(noPost);
});

test("each neighbour likes a post once, however often he taps, and the count is exact", async () => {
  const postId = await say(wang, { text: "番茄炒蛋" });
  await pass(0);
  const reaction = `/v1/posts/${postId}/reaction`;
  const taps = [li, li, zhang, zhang, chen].map((who) => who.put(reaction, {}));
  expect((await Promise.all(taps)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(await made(li.get(`/v1/posts/${postId}`))).toMatchObject({ reactions: 3, reacted: true });
  await Promise.all([li, li, zhang].map((who) => made(who.delete(reaction))));
  expect(await made(li.get(`/v1/posts/${postId}`))).toMatchObject({ reactions: 1, reacted: false });
  const marks = ((await world.rows()).get("PostMark") ?? []).filter((mark) => mark.postId === postId);
  expect(marks.map(({ memberId }) => memberId)).toEqual([chen.memberId]);
});

test("the third report hides a post until a person has decided, and who decides is on record", async () => {
  const postId = await say(wang, { text: "卖保险" });
  await pass(0);
  const reports = (who: Neighbour) => who.post(`/v1/posts/${postId}/reports`, { reason: "广告" });
  for (const who of [li, li, zhang]) expect((await reports(who)).status).toBe(204);
  expect(await made(chen.get(`/v1/posts/${postId}`))).toMatchObject({ state: "PUBLISHED" });
  expect((await reports(chen)).status).toBe(204);
  expect(refusal(await chen.get(`/v1/posts/${postId}`))).toEqual(noPost);
  expect(await made(wang.get(`/v1/posts/${postId}`))).toMatchObject({ state: "IN_REVIEW" });
  await pass(0);
  expect(await latest(wang)).toMatchObject({ kind: "post.reported" });
  const [waiting] = await queue();
  expect(waiting).toMatchObject({ postId, why: "reports" });
  expect(waiting!.reports.map(({ reason }) => reason)).toEqual(["广告", "广告", "广告"]);
  await made(decide(postId, "remove"));
  await pass(0);
  expect(await latest(wang)).toMatchObject({ kind: "post.removed", body: expect.stringContaining("已查看") });
  expect(await queue()).toEqual([]);
});

test("a share is of what its author bought and has, once, until he takes it back", async () => {
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const seat = await formedTeam(wang, campaignId, { communityId });
  await paidSeat(li, seat.teamId);
  const bought = { orderId: seat.orderId, articleId: world.articleId };
  const body = { kind: "share", text: "很新鲜", bought };
  expect(refusal(await wang.post(feed, body))).toEqual({ status: 409, code: "SHARE_LINE" });
  expect(refusal(await li.post(feed, body))).toEqual({ status: 404, code: "ORDER_NOT_FOUND" });
  const { code } = await made(wang.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
  const postId = await say(wang, body);
  await pass(0);
  expect((await shown(li))[0]).toMatchObject({ kind: "share", bought: { name: "本地有机青菜" } });
  expect(refusal(await wang.post(feed, body))).toEqual({ status: 409, code: "POST_SHARED" });
  expect((await wang.delete(`/v1/posts/${postId}`)).status).toBe(204);
  expect(refusal(await wang.get(`/v1/posts/${postId}`))).toEqual(noPost);
  await say(wang, body);
  const back = (await events("post.withdrawn")).filter(({ data }) => data.kind === "share");
  expect(back).toMatchObject([{ data: { postId, memberId: wang.memberId }, origin: { communityId } }]);
});

test("a recipe's ingredients go to the cart by one tap, beside what is in it, up to what it holds", async () => {
  const carrot = (await world.newArticle({ name: "胡萝卜" })).articleId as string;
  const { articleId } = world;
  const ingredients = [
    { articleId, units: 2 },
    { articleId: carrot, units: 1 },
  ];
  const postId = await say(wang, { kind: "recipe", text: "青菜炒胡萝卜", ingredients });
  await pass(0);
  expect((await shown(li))[0]).toMatchObject({
    ingredients: [{ name: "本地有机青菜", units: 2 }, { name: "胡萝卜" }],
  });
  await made(li.put("/v1/me/cart", { lines: [{ articleId, units: 98 }] }));
  const answer = await made(li.post(`/v1/posts/${postId}/to-cart`, undefined, "one-tap-of-li"));
  expect(answer).toEqual({
    lines: [
      { articleId, units: 99 },
      { articleId: carrot, units: 1, originId: postId },
    ],
    left: [articleId],
  });
  expect(await made(li.post(`/v1/posts/${postId}/to-cart`, undefined, "one-tap-of-li"))).toEqual(answer);
  expect((await made(li.get("/v1/me/cart"))).lines).toEqual(answer.lines);
  const none = `AR${"0".repeat(24)}`;
  const unknown = { kind: "recipe", text: "无", ingredients: [{ articleId: none, units: 1 }] };
  expect(refusal(await wang.post(feed, unknown))).toEqual({ status: 404, code: "ARTICLE_NOT_FOUND" });
});

test("pictures are looked at by a person, and one that is another's, not there, or no picture, is refused with its place", async () => {
  await pass(10 * minute); // he has said much: his limit is over by then
  const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1, 1]);
  const form = async (who: Neighbour, contentType = "image/jpeg") => made(who.post("/v1/me/pictures", { contentType }));
  const picture = async (who: Neighbour, bytes: Uint8Array<ArrayBuffer> | string = jpeg): Promise<string> => {
    const given = await form(who);
    expect(await sendPicture(given, bytes)).toEqual({ status: 204 });
    return given.key;
  };
  const ours = await picture(wang);
  const place = async (images: string[]) => {
    const { status, body } = await wang.post(feed, { kind: "text", text: "看图", images });
    return { status, at: body.errors?.map((error: { path: string }) => error.path) };
  };
  const notYet = (await form(wang)).key;
  const page = await picture(wang, "<svg onload=alert(1)>");
  for (const wrong of ["https://elsewhere.example/1.jpg", await picture(li), notYet, page, ours.replace("jpg", "png")])
    expect(await place([ours, wrong])).toEqual({ status: 422, at: ["body.images.1"] });
  expect(await place([ours, ours])).toEqual({ status: 422, at: ["body.images"] });
  const postId = await say(wang, { text: "看图", images: [ours] });
  await pass(0);
  const [waiting] = await queue();
  expect(waiting).toMatchObject({ postId, why: "images" });
  const bytesAt = async ([url = ""]: string[]) => new Uint8Array(await (await fetch(url)).arrayBuffer());
  expect(await bytesAt(waiting!.images)).toEqual(jpeg);
  await made(decide(postId, "approve"));
  const [shownTo] = await shown(li);
  expect(shownTo!.postId).toBe(postId);
  expect(await bytesAt(shownTo!.images)).toEqual(jpeg);
});

test("a topic has a page of its own, of what is published", async () => {
  const topic = "周三团购日";
  const ids: string[] = [];
  for (const who of [li, zhang, chen]) {
    ids.unshift(await say(who, { text: "今天团什么", topics: [topic, `${who.name}说`] }));
    await pass(0);
  }
  const page = async (name: string, limit = 50, cursor = "") =>
    made(wang.get(`${feed}?topic=${encodeURIComponent(name)}&limit=${limit}${cursor}`));
  const of = async (name: string) => (await page(name)).items.map(({ postId }: { postId: string }) => postId);
  expect(await of(topic)).toEqual(ids);
  const first = await page(topic, 2);
  expect((await page(topic, 2, `&cursor=${encodeURIComponent(first.nextCursor)}`)).items).toMatchObject([
    { postId: ids[2] },
  ]);
  await li.delete(`/v1/posts/${ids[2]}`);
  await made(decide(ids[1]!, "remove"));
  expect([await of(topic), await of("李说"), await of("没人说过")]).toEqual([[ids[0]], [], []]);
});

test("announcements are the leader's and the store's; who has left is shown without a name", async () => {
  expect(refusal(await zhang.post(feed, { kind: "announcement", text: "周三团购" }))).toEqual({
    status: 403,
    code: "NOT_LEADER",
  });
  await made(
    ops.put(`/ops/v1/communities/${communityId}/members/${zhang.memberId}/role`, { role: "leader", reason: "推选" }),
  );
  await say(zhang, { kind: "announcement", text: "周三团购" });
  await pass(0);
  await made(ops.post(`/ops/v1/communities/${communityId}/posts`, { text: "明天盘点" }));
  expect((await shown(li)).slice(0, 2)).toMatchObject([
    { text: "明天盘点", author: { name: "门店", role: "staff" } },
    { text: "周三团购", author: { name: "邻居", role: "leader" } },
  ]);
  await made(zhang.delete(`/v1/communities/${communityId}/membership`));
  const [, post] = await shown(li);
  expect(post).toMatchObject({ text: "周三团购" });
  expect(post).not.toHaveProperty("author");
});

test("the feed comes in pages, each post once, and reads no more for what lies before", async () => {
  const all = (await shown(li, `${feed}?limit=50`)).map(({ postId }) => postId);
  const paged: string[] = [];
  let cursor = "";
  do {
    const { items, nextCursor } = await made(li.get(`${feed}?limit=2${cursor}`));
    paged.push(...items.map(({ postId }: { postId: string }) => postId));
    cursor = nextCursor ? `&cursor=${encodeURIComponent(nextCursor)}` : "";
  } while (cursor);
  expect(paged).toEqual(all);
  expect(all).toEqual([...all].sort().reverse());
});

test("a page of the feed reads what it shows, however long the feed and however much was removed", async () => {
  const reading = async () => {
    await made(li.get("/v1/me")); // signed in, and what is looked up once is known
    const before = world.platform.meter.snapshot();
    const { items } = await made(li.get(`${feed}?limit=10`));
    expect(items).toHaveLength(10);
    return meterDifference(before, world.platform.meter.snapshot())
      .filter((row) => row.function === "Shop")
      .reduce((sum, row) => sum + row.readUnits, 0);
  };
  const many = async (count: number, state: "PUBLISHED" | "REMOVED") => {
    for (let done = 0; done < count; done += 50)
      await world.table.commit(
        Array.from({ length: 50 }, (_, i) =>
          posts.create({
            ...{ postId: makeId("PS", world.clock.now() + done + i, crypto.getRandomValues(new Uint8Array(14))) },
            ...{ communityId, kind: "text", authorId: li.memberId, text: "好", images: [], topics: [], state },
            ...{ createdAt: world.clock.now(), comments: 0, reactions: 0, reports: 0 },
          }),
        ),
      );
    await pass(minute);
  };
  await many(50, "PUBLISHED");
  const few = await reading();
  await many(600, "PUBLISHED");
  await many(600, "REMOVED");
  expect(await reading()).toBeLessThanOrEqual(few);
  expect(few).toBeLessThanOrEqual(16);
});

test("nothing is left behind", async () => {
  await pass(25 * hour);
  expect(await world.unfinished()).toEqual([]);
  await world.recount();
});
