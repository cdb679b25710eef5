import { expect, test } from "vitest";
import { day, minute, toIso } from "../../shared/kernel/time.ts";
import { type Caller, type Neighbour, openWorld, refusal, type Seat, sendPicture } from "./world.ts";

const world = await openWorld({ unitsPerStore: 20_000 });
const { made, neighbours, campaign, community, formedTeam, paidSeat, ops, order, pass, recount, money, staff } = world;
const { newArticle, stores, lines: log } = world;
const [store = "", other = ""] = stores;
const service = await staff("customer-service", ["customer_service"], []);
const finance = await staff("keeper-of-money", ["finance"], []);
const manager = await staff("store-manager", ["store_manager"], [store]);
const [wang, li, zhang] = (await neighbours("王", "李", "张")) as [Neighbour, Neighbour, Neighbour];
const communityId = await community([wang, li, zhang]);
await made(
  ops.put(`/ops/v1/communities/${communityId}/members/${wang.memberId}/role`, { role: "leader", reason: "群里推选" }),
);

/** A seat of a team of two of the community that 李 collected; paid ¥8.00 unless the article costs more. */
async function collected(more: Record<string, unknown> = {}, by: Neighbour = li): Promise<Seat> {
  const { articleId } = await newArticle(more);
  const { campaignId } = await campaign({ articleId, invitesRequired: 1 });
  const lead = await formedTeam(zhang, campaignId, { communityId });
  const seat = by === zhang ? lead : await paidSeat(by, lead.teamId);
  if (by === zhang) await paidSeat(li, lead.teamId);
  const { code } = await made(by.post(`/v1/orders/${seat.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }));
  await world.platform.idle();
  return seat;
}
const form = (seat: Seat, by: Caller = li) =>
  made(by.post(`/v1/orders/${seat.orderId}/evidence`, { contentType: "image/jpeg" }));
const picture = async (seat: Seat, by: Caller = li): Promise<string> => {
  const given = await form(seat, by);
  expect(await sendPicture(given)).toEqual({ status: 204 });
  return given.key;
};
const claim = async (seat: Seat, wantedFen: number, more: Record<string, unknown> = {}, by: Caller = li) => {
  const { lines } = await order(by, seat.orderId);
  return by.post(`/v1/orders/${seat.orderId}/claim`, {
    lines: [{ articleId: lines[0].articleId, units: 1, reason: "三分之一压坏,流水" }],
    wantedFen,
    ...more,
    photos: more.photos ?? [await picture(seat, by)],
  });
};
const ofLeader = (seat: Seat) => `/v1/leader/communities/${communityId}/orders/${seat.orderId}/claim`;
const leaderPays = (seat: Seat, amountFen: number) => wang.post(`${ofLeader(seat)}/pay`, { amountFen });
const ofStore = (seat: Seat) => `/ops/v1/stores/${seat.storeId}/orders/${seat.orderId}/claim`;
const storePays = (seat: Seat, amountFen: number) => manager.post(`${ofStore(seat)}/pay`, { amountFen });
const recover = (seat: Seat, bearer: string) =>
  service.post(`/ops/v1/orders/${seat.orderId}/claim/recovery`, { bearer, reason: "到货时已压坏,供应商认可" });

test("a leader pays ¥6 now out of the chain's advance; a full refund later gives the rest, and the supplier bears it, once", async () => {
  const { supplierId } = await made(ops.post("/ops/v1/suppliers", { name: "崇明合作社", licences: [] }));
  const seat = await collected();
  expect(await made(claim(seat, 600))).toMatchObject({ state: "OPEN", wantedFen: 600 });
  expect((await made(manager.get(`/ops/v1/stores/${store}/claims`))).items).toMatchObject([{ orderId: seat.orderId }]);
  const seen = await made(wang.get(ofLeader(seat)));
  expect(seen).toMatchObject({ lines: [{ reason: "三分之一压坏,流水" }] });
  expect(await (await fetch(seen.photos[0].url)).text()).toBe("a picture");
  const paid = await made(leaderPays(seat, 600));
  expect(paid).toMatchObject({ state: "PAID_FIRST", paid: { amountFen: 600 } });
  await pass(2 * minute);
  const { transfers } = await money(seat.orderId);
  expect(transfers).toContainEqual(
    expect.objectContaining({ kind: "compensation", debit: "platform:advance", amountFen: 600 }),
  );
  expect(refusal(await leaderPays(seat, 600))).toMatchObject({ code: "CLAIM_STATE" });
  expect(refusal(await storePays(seat, 100))).toMatchObject({ code: "CLAIM_STATE" });
  expect((await made(li.get("/v1/inbox"))).items.map(({ title }: { title: string }) => title)).toEqual(
    expect.arrayContaining(["售后先行赔付", "退款到账"]),
  );

  // all of it later, for what is left and no more
  const rest = (amountFen: number) =>
    service.post(`/ops/v1/stores/${store}/orders/${seat.orderId}/compensations`, {
      ...{ amountFen, bearer: supplierId, reason: "整单无法食用" },
    });
  expect(refusal(await rest(800))).toMatchObject({ code: "COMPENSATION_LIMIT", facts: { leftFen: 200 } });
  await made(rest(200));
  expect(refusal(await rest(1))).toMatchObject({ code: "ORDER_STATE" });
  await pass(2 * minute);
  await recount();

  const answers = await Promise.all(Array.from({ length: 6 }, () => recover(seat, supplierId)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(await made(service.get(`/ops/v1/stores/${store}/claims?state=DECIDED`))).toMatchObject({
    items: [{ recovery: { account: `supplier:${supplierId}` }, paid: { float: `member:${wang.memberId}` } }],
  });
  await pass(2 * minute);
  const month = toIso(world.clock.now()).slice(0, 7);
  const statement = await made(finance.get(`/ops/v1/suppliers/${supplierId}/statement?month=${month}`));
  expect(statement).toMatchObject({ recoveredFen: 800, closingFen: -800 });
  expect(statement.lines.map(({ kind }: { kind: string }) => kind).sort()).toEqual(["compensation", "recovery"]);
  expect((await money(seat.orderId)).refunds.map((r: { refundFen: number }) => r.refundFen).sort()).toEqual([200, 600]);
  await recount();
});

test("who answers for goods that are not right is told before they are bought", async () => {
  const { articleId } = await newArticle({});
  const { articleId: durable } = await newArticle({ perishable: false });
  const { campaignId } = await campaign({ articleId });
  const told = /首问负责、先行赔付.*7天内.*凭照片.*48小时/;
  expect((await made(li.get(`/v1/campaigns/${campaignId}`))).afterSaleNotice).toMatch(told);
  const quote = (id: string) =>
    made(li.post("/v1/cart/quotes", { lines: [{ articleId: id, units: 1 }], place: world.here }));
  expect((await quote(articleId)).afterSaleNotice).toMatch(told);
  expect((await quote(durable)).afterSaleNotice).not.toMatch(/48小时/);
  const { teamId } = await formedTeam(zhang, campaignId);
  expect((await made(li.get(`/v1/teams/${teamId}`))).afterSaleNotice).toMatch(told);
});

test("a claim wants pictures of this very order, its lines and no more than was paid; and is made once", async () => {
  const seat = await collected();
  const another = await collected();
  const { lines } = await order(li, seat.orderId);
  const [{ articleId }] = lines;
  expect(refusal(await claim(seat, 100, { photos: [] }))).toMatchObject({ status: 422, code: "INPUT_INVALID" });
  for (const photo of [await picture(another), (await picture(seat)).replace(/\/.{16}/, "/0000000000000000"), "my.jpg"])
    expect(refusal(await claim(seat, 100, { photos: [photo] }))).toMatchObject({ code: "EVIDENCE_NOT_FOUND" });
  for (const wrong of [
    [{ articleId: world.articleId, units: 1, reason: "不是这一单的" }],
    [{ articleId, units: 2, reason: "只买了一份" }],
    [1, 2].map(() => ({ articleId, units: 1, reason: "同一件说两次" })),
  ])
    expect(refusal(await claim(seat, 100, { lines: wrong }))).toMatchObject({ status: 422, code: "INPUT_INVALID" });
  expect(refusal(await claim(seat, 801))).toMatchObject({ code: "COMPENSATION_LIMIT", facts: { leftFen: 800 } });
  expect(refusal(await wang.get(`/v1/orders/${seat.orderId}/claim`))).toMatchObject({ code: "ORDER_NOT_FOUND" });
  await pass(minute);
  const made5 = await Promise.all(Array.from({ length: 5 }, () => claim(seat, 300)));
  expect(made5.map(refusal).filter(({ code }) => code === "CLAIM_EXISTS")).toHaveLength(4);
  expect(refusal(await storePays(seat, 301))).toMatchObject({ code: "COMPENSATION_LIMIT", facts: { leftFen: 300 } });
  expect(refusal(await storePays(another, 1))).toMatchObject({ code: "CLAIM_NOT_FOUND" });
  expect(
    refusal(await manager.post(`/ops/v1/stores/${other}/orders/${seat.orderId}/claim/pay`, { amountFen: 1 })),
  ).toMatchObject({ code: "STORE_OUT_OF_SCOPE" });
  expect(
    refusal(await service.post(`/ops/v1/stores/${other}/orders/${seat.orderId}/claim/pay`, { amountFen: 1 })),
  ).toMatchObject({ code: "ORDER_NOT_FOUND" });
  await made(storePays(seat, 300));
  expect(refusal(await recover(seat, "carrier"))).toMatchObject({ code: "ORDER_STATE" });
  await made(recover(seat, "store"));
  await pass(2 * minute);
  await recount();
});

test("a picture is taken as it was announced, by the form's own key and in time, and seen by an address that runs out", async () => {
  const seat = await collected();
  const given = await form(seat);
  const but = (fields: Record<string, string>) => sendPicture({ ...given, fields: { ...given.fields, ...fields } });
  expect(refusal(await claim(seat, 100, { photos: [given.key] }))).toMatchObject({ code: "EVIDENCE_NOT_FOUND" });
  expect(await but({ "Content-Type": "text/html" })).toEqual({ status: 403, code: "AccessDenied" });
  expect(await but({ key: given.key.replace(seat.orderId, "OR1") })).toEqual({ status: 403, code: "AccessDenied" });
  expect(await but({ acl: "public-read" })).toEqual({ status: 403, code: "AccessDenied" });
  const wider = JSON.parse(Buffer.from(given.fields.policy, "base64").toString());
  wider.conditions = [];
  expect(await but({ policy: Buffer.from(JSON.stringify(wider)).toString("base64") })).toEqual({
    status: 403,
    code: "SignatureDoesNotMatch",
  });
  expect(await sendPicture(given, "")).toEqual({ status: 400, code: "EntityTooSmall" });
  const large = new Uint8Array(given.maxBytes + 1);
  expect(await sendPicture(given, large)).toEqual({ status: 400, code: "EntityTooLarge" });
  expect(await sendPicture(given, large.subarray(1))).toEqual({ status: 204 });
  const late = await form(seat);
  await pass(10 * minute);
  expect(await sendPicture(late)).toEqual({ status: 403, code: "AccessDenied" });

  await made(claim(seat, 100, { photos: [given.key] }));
  const [photo] = (await made(li.get(`/v1/orders/${seat.orderId}/claim`))).photos;
  const [same] = (await made(manager.get(`/ops/v1/stores/${store}/claims?limit=50`))).items.flatMap(
    (one: { orderId: string; photos: { url: string }[] }) => (one.orderId === seat.orderId ? one.photos : []),
  );
  for (const { url } of [photo, same]) {
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
    expect((await answer.arrayBuffer()).byteLength).toBe(given.maxBytes);
    expect((await fetch(url.replace(/[0-9a-f]{2}$/, "zz"))).status).toBe(403);
    expect((await fetch(url.replace(seat.orderId, "OR1"))).status).toBe(403);
    expect((await fetch(url.split("?")[0])).status).toBe(403);
  }
  await pass(10 * minute);
  expect((await fetch(photo.url)).status).toBe(403);
  await made(storePays(seat, 100));
  await pass(2 * minute);
  await recount();
});

test("a leader pays within the order's and the day's limit, never an order of his own or of another community", async () => {
  const dear = { priceFen: 30_000, costFen: 15_000, perishable: false };
  const own = await collected({}, wang);
  await made(claim(own, 100, {}, wang));
  expect(refusal(await leaderPays(own, 100))).toMatchObject({ code: "CLAIM_OWN" });
  const seats: Seat[] = [];
  for (let i = 0; i < 5; i++) seats.push(await collected(dear));
  for (const seat of seats) await made(claim(seat, 6_000));
  expect(refusal(await leaderPays(seats[0]!, 5_001))).toMatchObject({ code: "FLOAT_LIMIT", facts: { leftFen: 5_000 } });
  await pass(day); // what this leader gave before was another day's
  const answers = await Promise.all(seats.map((seat) => leaderPays(seat, 5_000)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
  const refused = answers.findIndex(({ status }) => status !== 200);
  expect(refusal(answers[refused]!)).toMatchObject({ code: "FLOAT_EXHAUSTED", facts: { leftFen: 0 } });
  await pass(day);
  await made(leaderPays(seats[refused]!, 5_000));

  const elsewhere = await community([wang]);
  await made(
    ops.put(`/ops/v1/communities/${elsewhere}/members/${wang.memberId}/role`, { role: "leader", reason: "群里推选" }),
  );
  const seat = await collected();
  await made(claim(seat, 100));
  const astray = `/v1/leader/communities/${elsewhere}/orders/${seat.orderId}/claim`;
  expect(refusal(await wang.post(`${astray}/pay`, { amountFen: 1 }))).toMatchObject({ code: "ORDER_NOT_FOUND" });
  expect(refusal(await wang.get(astray))).toMatchObject({ code: "ORDER_NOT_FOUND" });
  expect(refusal(await li.post(`${ofLeader(seat)}/pay`, { amountFen: 1 }))).toMatchObject({ code: "NOT_LEADER" });
  await pass(2 * minute);
  await recount();
});

test("a claim is rejected with a reason that the member reads, one that nobody answers rings after ten working days, one too late is refused", async () => {
  const [seat, waiting, late] = [await collected(), await collected(), await collected()];
  await made(claim(seat, 300));
  await made(manager.post(`${ofStore(seat)}/rejection`, { reason: "照片里不是本单商品" }));
  expect(await made(li.get(`/v1/orders/${seat.orderId}/claim`))).toMatchObject({
    state: "REJECTED",
    rejected: { reason: "照片里不是本单商品" },
  });
  await pass(minute);
  expect((await made(li.get("/v1/inbox"))).items[0]).toMatchObject({ title: "售后申请未通过" });
  expect(refusal(await claim(seat, 300))).toMatchObject({ code: "CLAIM_EXISTS" });
  expect(refusal(await storePays(seat, 300))).toMatchObject({ code: "CLAIM_STATE" });

  const { answerBy, openedAt } = await made(claim(waiting, 300));
  expect(Date.parse(answerBy) - Date.parse(openedAt)).toBeGreaterThanOrEqual(19 * day);
  const rings = () => log.filter((line) => /"SWEEP"/.test(line) && /"outcome":"claim"/.test(line)).length;
  await pass(8 * day);
  expect(refusal(await claim(late, 300))).toMatchObject({ code: "ORDER_STATE" });
  const before = rings();
  await pass(7 * day);
  await pass(minute);
  expect(rings()).toBeGreaterThan(before);
  const told = async () =>
    (await world.events("claim.overdue"))
      .filter(({ data }) => data.orderId === waiting.orderId)
      .map(({ data }) => data.state);
  expect(await told()).toEqual(["OPEN"]);
  // after the seven days it is still paid
  await made(storePays(waiting, 300));
  await pass(2 * day);
  await pass(2 * minute);
  expect(await world.unfinished()).toEqual([]);
  // nobody decides who bears it, which is told of once as well; then somebody does
  for (let days = 0; days < 16; days++) await pass(day);
  expect(await told()).toEqual(["OPEN", "PAID_FIRST"]);
  await made(recover(waiting, "store"));
  await pass(2 * day);
  const running = (await world.local("executions?status=RUNNING")).executions;
  expect(running.filter(({ name }: { name: string }) => name === waiting.orderId)).toEqual([]);
  await recount();
});
