import { expect, test } from "vitest";
import { dayOf, toIso } from "../../shared/kernel/time.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld({ stores: 2 });
const { ops, made, campaign, clock, stores, newArticle, neighbours, formedTeam, paidSeat, pass, open } = world;
const { minute, day } = world.times;
const storeId = stores[0]!;

let named = 0;
const supplier = (validUntil: string) =>
  made(
    ops.post("/ops/v1/suppliers", {
      name: `合作社${++named}`,
      licences: [{ kind: "食品经营许可证", number: `JY-${named}`, validUntil }],
    }),
  );
const publish = (campaignId: string) => ops.post(`/ops/v1/campaigns/${campaignId}/publication`);
const receive = (articleId: string, units: number, rejected: number) =>
  made(
    ops.post(`/ops/v1/stores/${storeId}/lots`, {
      articleId,
      units,
      check: { rejected, ...(rejected > 0 && { reason: "压伤" }) },
    }),
  );
const online = async (articleId: string) =>
  (await made(ops.get(`/ops/v1/stores/${storeId}/stock?limit=50`))).items.find(
    (line: { articleId: string }) => line.articleId === articleId,
  ).online;
const broken = (answer: { body: { code: string; errors: { path: string; message: string }[] } }) => {
  expect(answer.body.code).toBe("CAMPAIGN_RULE");
  return answer.body.errors.map(({ path }) => path);
};

test("an article of a supplier whose licence ends before pickup is published when somebody answers for it, by name and date", async () => {
  const { supplierId, version } = await supplier(dayOf(clock.now() + day));
  const { articleId } = await newArticle({ name: "菠菜", supplierId });
  const { campaignId } = await campaign({ articleId, publish: false });
  const refused = await publish(campaignId);
  expect(refused.status).toBe(422);
  expect(broken(refused)).toEqual(["goods.licence"]);
  expect(refused.body.errors[0].message).toMatch(/JY-1 ends before pickup does, on 2026-11-24: .* until 2026-12-01/);

  const boss = await world.staff("boss-of-goods", ["executive"]);
  const buyer = await world.staff("buyer-of-goods", ["ops"]);
  const body = { rule: "licence", reasonCode: "paperwork_under_way", reason: "新证已受理" };
  const path = `/ops/v1/articles/${articleId}/exceptions`;
  const expiresAt = toIso(clock.now() + 3 * day);
  expect(refusal(await buyer.post(path, { ...body, expiresAt }))).toMatchObject({ code: "FORBIDDEN" });
  expect(refusal(await boss.post(path, { ...body, expiresAt: toIso(clock.now() + 91 * day) }))).toMatchObject({
    code: "INPUT_INVALID",
  });
  await made(boss.post(path, { ...body, expiresAt }));
  const published = await made(publish(campaignId));
  expect(published.goods.exceptions).toEqual([
    { rule: "licence", reasonCode: "paperwork_under_way", approver: boss.staffId, expiresAt },
  ]);
  expect((await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign.goods).toEqual(published.goods);

  const second = await campaign({ articleId, publish: false });
  await pass(3 * day);
  expect(broken(await publish(second.campaignId))).toContain("goods.licence"); // the exception has run out
  const licences = [{ kind: "食品经营许可证", number: "JY-1b", validUntil: "2027-11-23" }];
  await made(ops.put(`/ops/v1/suppliers/${supplierId}`, { name: "合作社1", licences, version }));
  const renewed = await campaign({ articleId, publish: false });
  await made(publish(renewed.campaignId));
});

test("a lot is received once and its good units are in stock; rejected ones lower the score until nothing more is published", async () => {
  const { supplierId } = await supplier("2027-11-23");
  const { articleId } = await newArticle({ name: "草莓", supplierId });
  const before = await online(articleId);
  expect(await receive(articleId, 100, 10)).toMatchObject({ state: "PARTLY_ACCEPTED", rejected: 10, supplierId });
  expect(await online(articleId)).toBe(before + 90);
  const goods = () => made(ops.get(`/ops/v1/articles/${articleId}/goods`));
  expect(await goods()).toMatchObject({ threshold: 70, article: { score: 90 }, supplier: { score: 90 }, broken: [] });

  const coming = await made(ops.post(`/ops/v1/stores/${storeId}/lots`, { articleId, units: 100 }));
  expect(coming.state).toBe("EXPECTED");
  expect(await online(articleId)).toBe(before + 90);
  const check = `/ops/v1/stores/${storeId}/lots/${coming.lotId}/check`;
  expect(refusal(await ops.post(check, { rejected: 101, reason: "烂" }))).toMatchObject({ code: "INPUT_INVALID" });
  expect(refusal(await ops.post(check, { rejected: 60 }))).toMatchObject({ code: "INPUT_INVALID" }); // no reason
  const twins = await Promise.all([1, 2, 3].map(() => ops.post(check, { rejected: 60, reason: "霉变" })));
  expect(twins.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  expect(await online(articleId)).toBe(before + 130);

  expect((await goods()).article).toEqual({
    score: 65,
    lines: [{ line: "rejects", text: "最近2批到货200份,验收拒收70份", points: 35 }],
  });
  const { campaignId } = await campaign({ articleId, publish: false });
  const refused = await publish(campaignId);
  expect(broken(refused)).toEqual(["goods.score", "goods.score"]);
  expect(refused.body.errors[0].message).toBe("the quality score of the article is 65: 70 or more would pass");
  await receive(articleId, 100, 0); // 70 of 300 units: 77
  const published = await made(publish(campaignId));
  expect(published.goods).toEqual({ score: 77, notes: [], exceptions: [] });
  const moves = (await world.rows()).get("StockMovement")!.filter((row) => row.articleId === articleId);
  expect(moves.filter((row) => String(row.cause).startsWith("lot#")).map((row) => row.delta)).toEqual(
    expect.arrayContaining([90, 40, 100]),
  );
});

test("an article that demands certificates waits for a lot that has one; one of no supplier is published with what is not known", async () => {
  const { articleId } = await newArticle({ name: "三文鱼", needsCertificate: true });
  const { campaignId } = await campaign({ articleId, publish: false });
  await receive(articleId, 10, 0);
  expect(broken(await publish(campaignId))).toEqual(["goods.certificate"]);
  await made(
    ops.post(`/ops/v1/stores/${storeId}/lots`, { articleId, units: 10, certificate: { number: "ZJ-2026-1126" } }),
  );
  const published = await made(publish(campaignId));
  expect(published.goods.notes).toEqual(["没有登记供应商:证照和供应商质量未知"]);
});

test("a recall stops the sale, finds who bought and tells each once, also who pays later; closed, the sale may go on", async () => {
  const { articleId } = await newArticle({ name: "生蚝" });
  const [li, wang, zhang, chen] = await neighbours("召回李", "召回王", "召回张", "召回陈");
  const terms = { articleId, invitesRequired: 1, perMemberLimit: 3, durationMinutes: 24 * 60 };
  const first = await campaign(terms);
  const other = await campaign(terms);
  const later = await campaign({ ...terms, at: { opensAt: 30 * minute } });
  const team = await formedTeam(li!, first.campaignId);
  const seat = await paidSeat(wang!, team.teamId);
  const again = await formedTeam(li!, other.campaignId);
  const joined = await made(world.join(zhang!, again.teamId)); // not paid yet

  const recall = await made(ops.post("/ops/v1/recalls", { articleId, reason: "诺如病毒" }));
  await world.platform.idle();
  const state = async (campaignId: string) => (await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign;
  expect(await state(first.campaignId)).toMatchObject({ state: "SUSPENDED", reason: `商品召回 ${recall.recallId}` });
  expect(refusal(await open(chen!, first.campaignId))).toMatchObject({ code: "CAMPAIGN_SUSPENDED" });
  const resume = (campaignId: string) => ops.post(`/ops/v1/campaigns/${campaignId}/resumption`, { reason: "误报" });
  expect(broken(await resume(first.campaignId))).toEqual(["goods.recall"]);
  const draft = await campaign({ ...terms, publish: false });
  expect(broken(await publish(draft.campaignId))).toEqual(["goods.recall"]);

  await pass(minute);
  await world.pay(zhang!, joined); // a live team runs on
  await pass(31 * minute); // the third would have opened
  expect(await state(later.campaignId)).toMatchObject({ state: "SUSPENDED" });
  const buyers = await made(ops.get(`/ops/v1/recalls/${recall.recallId}/buyers?limit=50`));
  expect(buyers.items.map((row: { orderId: string }) => row.orderId).sort()).toEqual(
    [team.orderId, seat.orderId, again.orderId, joined.orderId].sort(),
  );
  const progress = await made(ops.get(`/ops/v1/recalls/${recall.recallId}`));
  expect(progress).toMatchObject({ state: "OPEN", buyers: 4 });
  expect(progress.listedAt).toBeDefined();
  await pass(20 * minute);
  for (const [who, times] of [
    [li!, 1], // of two orders
    [wang!, 1],
    [zhang!, 1],
    [chen!, 0],
  ] as const) {
    const { items } = await made(who.get("/v1/inbox?limit=50"));
    const messages = items.filter((message: { title: string }) => message.title === "商品召回");
    expect(messages, who.name).toHaveLength(times);
  }

  await made(ops.post(`/ops/v1/recalls/${recall.recallId}/closing`, { reason: "复检合格" }));
  await made(resume(first.campaignId));
  expect((await open(chen!, first.campaignId)).status).toBe(201);
});

test("the recall of a lot concerns the orders of its store alone", async () => {
  const { articleId } = await newArticle({ name: "牛奶" });
  const [li, wang] = await neighbours("批次李", "批次王");
  const { campaignId } = await campaign({ articleId, invitesRequired: 1 });
  const lot = await receive(articleId, 20, 0);
  const here = await formedTeam(li!, campaignId, { storeId: stores[0] });
  const elsewhere = await formedTeam(wang!, campaignId, { storeId: stores[1] });
  const recall = await made(ops.post("/ops/v1/recalls", { articleId, lotId: lot.lotId, reason: "胀包" }));
  await world.platform.idle();
  await pass(2 * minute);
  const { items } = await made(ops.get(`/ops/v1/recalls/${recall.recallId}/buyers`));
  expect(items.map((row: { orderId: string }) => row.orderId)).toEqual([here.orderId]);
  expect(elsewhere.storeId).toBe(stores[1]);
});

test("the recall of a batch tells what each bought, and leaves out whom the last case left out", async () => {
  const { articleId } = await newArticle({ name: "黄鱼" });
  const people = await neighbours("截单李", "截单王", "截单张");
  const communityId = await world.community(people);
  const terms = { articleId, casePack: 6, minUnits: 6, unitsPerStore: 20 };
  const { campaignId, teamIds } = await world.batch([communityId], terms);
  const teamId = teamIds[0]!;
  const seats = [];
  for (const [i, units] of [4, 2, 2].entries()) seats.push(await paidSeat(people[i]!, teamId, { units }));
  const recall = await made(ops.post("/ops/v1/recalls", { articleId, reason: "药残超标" }));
  await world.platform.idle();
  expect((await made(ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign).toMatchObject({ state: "SUSPENDED" });
  await made(ops.post(`/ops/v1/recalls/${recall.recallId}/closing`, { reason: "复检合格" }));
  await world.passTo((await world.team(teamId)).batch.cutOff);
  await pass(4 * minute);
  await pass(2 * minute);
  const second = await made(ops.post("/ops/v1/recalls", { articleId, reason: "复检不合格" }));
  await world.platform.idle();
  await pass(2 * minute);
  const { items } = await made(ops.get(`/ops/v1/recalls/${second.recallId}/buyers`));
  const units = Object.fromEntries(items.map((row: { orderId: string; units: number }) => [row.orderId, row.units]));
  expect(units).toEqual({ [seats[0]!.orderId]: 4, [seats[1]!.orderId]: 2 });
  await world.recount();
});
