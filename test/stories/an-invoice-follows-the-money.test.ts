import { expect, test } from "vitest";
import { type Neighbour, openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { ops, made, neighbours, campaign, newArticle, formedTeam, paidSeat, local, order } = world;
const { pass, recount, rows, events, casesOf, staff, stores, lines } = world;
const { minute, hour } = world.times;
const [here] = stores as [string];
const finance = await staff("finance-who-invoices", ["finance"]);

const person = { buyer: "person", title: "王秀英" };
const ask = (who: Neighbour, { orderId }: Seat, body: object = person, key?: string) =>
  who.post(`/v1/orders/${orderId}/invoice`, body as Record<string, unknown>, key);
const seen = (who: Neighbour, { orderId }: Seat) => who.get(`/v1/orders/${orderId}/invoice`);
const invoice = async (who: Neighbour, seat: Seat) => made(seen(who, seat));
const knob = (name: string, body?: Record<string, unknown>) => local(`invoices/${name}`, body);
/** The provider's documents about an order. */
const documents = async ({ orderId }: Seat) =>
  (await knob("book")).filter((one: { number: string; original?: string }) =>
    (one.original ?? one.number).startsWith(`IV${orderId.slice(2)}`),
  );

/** What every invoiced order comes to at the provider is what was paid and not refunded, and nothing is left to do. */
async function quiet(): Promise<void> {
  const all = await rows();
  expect((all.get("Due") ?? []).filter(({ kind }) => kind === "invoice")).toEqual([]);
  const made: { kind: string; status: string; number: string; original?: string; amountFen: number }[] =
    await knob("book");
  for (const { orderId, state } of all.get("Invoice") as { orderId: string; state: string }[]) {
    const of = made.filter(({ number, original }) => (original ?? number).startsWith(`IV${orderId.slice(2)}`));
    const { payableFen, refundedFen = 0 } = all.get("Order")!.find((one) => one.orderId === orderId) as {
      payableFen: number;
      refundedFen?: number;
    };
    const inForce = of.reduce((sum, one) => sum + (one.kind === "blue" ? one.amountFen : -one.amountFen), 0);
    expect({ orderId, state, inForce }).toEqual({ orderId, state: "ISSUED", inForce: payableFen - refundedFen });
  }
}

const scan = async (who: Neighbour, { orderId }: Seat) => {
  const { code } = await made(who.post(`/v1/orders/${orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${here}/pickups`, { code }));
};
/** Two who paid for ribs by weight; the first one's may be packed at so many grams, of 500, while the channel keeps the refund. */
async function bought(grams?: number): Promise<{ who: Neighbour; other: Neighbour; seat: Seat; otherSeat: Seat }> {
  const { articleId } = await newArticle({
    name: "猪小排",
    category: "熟食",
    priceFen: 2000,
    costFen: 900,
    sale: { by: "weight", grams: 500 },
  });
  const { campaignId } = await campaign({ articleId, invitesRequired: 1 });
  const [who, other] = (await neighbours("李", "王")) as [Neighbour, Neighbour];
  const seat = await formedTeam(who, campaignId);
  const otherSeat = await paidSeat(other, seat.teamId);
  for (const [one, weight] of [
    [seat, grams ?? 500],
    [otherSeat, 500],
  ] as const)
    await made(ops.post(`/ops/v1/stores/${here}/orders/${one.orderId}/packing`, { grams: weight }));
  return { who, other, seat, otherSeat };
}
async function collected(): Promise<{ who: Neighbour; seat: Seat }> {
  const { who, seat } = await bought();
  await scan(who, seat);
  return { who, seat };
}

test("asked for after the hand-over, it is issued within minutes over what was paid, and its title is nowhere in plain text", async () => {
  const { who, other, seat } = await bought();
  expect(refusal(await seen(who, seat))).toEqual({ status: 404, code: "INVOICE_NOT_FOUND" });
  // before the hand-over its amount may still change
  expect(refusal(await ask(who, seat))).toEqual({ status: 409, code: "ORDER_STATE" });
  await scan(who, seat);
  expect(refusal(await ask(other, seat))).toMatchObject({ status: 404, code: "ORDER_NOT_FOUND" });
  expect(refusal(await seen(other, seat))).toMatchObject({ status: 404, code: "ORDER_NOT_FOUND" });
  expect(refusal(await ask(who, seat, { buyer: "company", title: "上海某某有限公司" }))).toMatchObject({ status: 422 });

  const company = { buyer: "company", title: "上海淮海坊烘焙有限公司", taxId: "91310101MA1FPX0001" };
  const asked = await ask(who, seat, company);
  expect(asked).toMatchObject({ status: 201, body: { state: "REQUESTED", buyer: "company", redFen: 0 } });
  await pass(2 * minute);
  const issued = await invoice(who, seat);
  expect(issued).toMatchObject({
    state: "ISSUED",
    title: company.title,
    amountFen: 1600,
    // 1600 holds 13 %: 1600 × 1300 / 11300 = 184.07
    lines: [{ kind: "goods", name: "猪小排", units: 1, amountFen: 1600, taxBps: 1300, taxFen: 184 }],
    redLetters: [],
  });
  expect(issued.officialNo).toMatch(/^\d{20}$/);
  const [document] = await documents(seat);
  expect(document).toMatchObject({
    status: "issued",
    amountFen: 1600,
    buyer: { kind: "company", title: company.title, taxId: company.taxId },
  });

  const { items } = await made(who.get("/v1/inbox?limit=50"));
  expect(items[0]).toMatchObject({ title: "电子发票已开具", body: "16.00元的发票已开具,可在订单中查看下载。" });
  const kept = [...(await rows()).values()].flat();
  for (const secret of [company.title, company.taxId]) {
    expect(kept.filter((row) => JSON.stringify(row).includes(secret))).toEqual([]);
    expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  }
  const listed = await made(finance.get("/ops/v1/invoices?state=ISSUED"));
  expect(listed.items).toMatchObject([{ orderId: seat.orderId, amountFen: 1600 }]);
  expect(JSON.stringify(listed)).not.toContain(company.title);
  await recount();
});

test("asked for twice, also at once, there is one", async () => {
  const { who, seat } = await collected();
  const first = await ask(who, seat, person, "same-key");
  expect(await ask(who, seat, person, "same-key")).toMatchObject({ status: 201, text: first.text });
  const more = await Promise.all([ask(who, seat), ask(who, seat)]);
  expect(more.map(refusal)).toEqual([1, 2].map(() => ({ status: 409, code: "INVOICE_EXISTS" })));
  await pass(2 * minute);
  expect(refusal(await ask(who, seat))).toEqual({ status: 409, code: "INVOICE_EXISTS" });
  expect(await documents(seat)).toMatchObject([{ kind: "blue", amountFen: 1600, asked: 1 }]);
});

/** Ribs that lacked weight, handed over while the channel keeps the refund of ¥3.20; `arrives` lets it through. */
async function owedAfterHandOver(): Promise<{ who: Neighbour; seat: Seat; arrives: () => Promise<void> }> {
  await local("wechat/refund-plan", { default: true, outcome: "abnormal" });
  const { who, seat } = await bought(400);
  await pass(2 * minute);
  await local("wechat/refund-plan", { default: true, outcome: "success" });
  await scan(who, seat);
  const [refund] = (await order(who, seat.orderId)).refunds;
  expect(refund).toMatchObject({ state: "ABNORMAL", refundFen: 320 });
  const arrives = async () => {
    await local("wechat/resolve-refund", { refundNo: `${refund.refundId}01` });
    await pass(1_000);
    expect((await order(who, seat.orderId)).refunds).toMatchObject([{ state: "SUCCESS" }]);
  };
  return { who, seat, arrives };
}

test("a refund after the invoice makes one red letter over exactly what went back", async () => {
  const { who, seat, arrives } = await owedAfterHandOver();
  await made(ask(who, seat));
  await pass(2 * minute);
  expect(await invoice(who, seat)).toMatchObject({ state: "ISSUED", amountFen: 1600, redLetters: [] });
  await arrives();
  await pass(2 * minute);
  expect(await invoice(who, seat)).toMatchObject({
    state: "ISSUED",
    amountFen: 1600,
    redFen: 320,
    redLetters: [{ state: "ISSUED", amountFen: 320, lines: [{ amountFen: 320, taxBps: 1300, taxFen: 37 }] }],
  });
  await pass(3 * hour);
  expect(await documents(seat)).toMatchObject([
    { kind: "blue", amountFen: 1600, asked: 1 },
    { kind: "red", amountFen: 320, asked: 1 },
  ]);
  const titles = (await made(who.get("/v1/inbox?limit=50"))).items.map(({ title }: { title: string }) => title);
  expect(titles).toContain("已开具红字发票");
});

test("a refund that arrives before the provider was asked makes the invoice smaller, one that arrives meanwhile a red letter", async () => {
  const before = await owedAfterHandOver();
  await made(ask(before.who, before.seat));
  await before.arrives();
  await pass(2 * minute);
  expect(await invoice(before.who, before.seat)).toMatchObject({ state: "ISSUED", amountFen: 1280, redLetters: [] });

  await knob("plan", { delayMs: 3 * hour });
  const meanwhile = await owedAfterHandOver();
  await made(ask(meanwhile.who, meanwhile.seat));
  await pass(2 * minute);
  expect(await invoice(meanwhile.who, meanwhile.seat)).toMatchObject({ state: "ACCEPTED", amountFen: 1600 });
  await meanwhile.arrives();
  await pass(10 * minute);
  expect(await documents(meanwhile.seat)).toMatchObject([{ kind: "blue", status: "processing" }]);
  await knob("plan", {});
  for (let i = 0; i < 5; i++) await pass(hour);
  expect(await invoice(meanwhile.who, meanwhile.seat)).toMatchObject({
    state: "ISSUED",
    redFen: 320,
    redLetters: [{ state: "ISSUED", amountFen: 320 }],
  });
});

test("an answer that is lost is asked for under the same number: the provider makes one", async () => {
  const { who, seat } = await collected();
  await knob("fault", { op: "issue", kind: "drop-answer" });
  await knob("fault", { op: "query", kind: "500-before" });
  await made(ask(who, seat));
  await pass(30_000);
  await pass(minute);
  expect(await invoice(who, seat)).toMatchObject({ state: "ASKED", amountFen: 1600 });
  for (let i = 0; i < 6; i++) await pass(minute);
  expect(await invoice(who, seat)).toMatchObject({ state: "ISSUED" });
  expect(await documents(seat)).toMatchObject([{ kind: "blue", amountFen: 1600, asked: 1 }]);
  expect(await events("invoice.issued")).toSatisfy(
    (all: { data: { orderId: string } }[]) => all.filter(({ data }) => data.orderId === seat.orderId).length === 1,
  );
});

test("the provider is out, and back: what was asked for meanwhile is made then", async () => {
  await knob("outage", { on: true });
  const { who, seat } = await collected();
  await made(ask(who, seat));
  for (let i = 0; i < 30; i++) await pass(minute);
  expect(await invoice(who, seat)).toMatchObject({ state: "ASKED" });
  await knob("outage", { on: false });
  await pass(hour);
  expect(await invoice(who, seat)).toMatchObject({ state: "ISSUED", amountFen: 1600 });
  expect(await documents(seat)).toHaveLength(1);
});

test("refused for good, the member reads why and asks again with another title, and finance has a case", async () => {
  const { who, seat } = await collected();
  await knob("plan", { refuse: { op: "issue", code: "TITLE_TAX_ID_MISMATCH" } });
  const { invoiceNo } = await made(ask(who, seat));
  await pass(2 * minute);
  expect(await invoice(who, seat)).toMatchObject({
    state: "REFUSED",
    refusal: "TITLE_TAX_ID_MISMATCH",
    reason: "抬头与纳税人识别号不一致,请核对后重新申请",
  });
  expect(await casesOf(invoiceNo)).toMatchObject([{ reason: "invoice_refused", orderId: seat.orderId }]);
  const refused = await made(finance.get("/ops/v1/invoices?state=REFUSED"));
  expect(refused.items).toMatchObject([{ orderId: seat.orderId, invoiceNo }]);
  await knob("plan", {});
  const again = await made(ask(who, seat, { buyer: "person", title: "李四" }));
  expect(again.invoiceNo).toBe(`${invoiceNo.slice(0, -2)}02`);
  await pass(2 * minute);
  expect(await invoice(who, seat)).toMatchObject({ state: "ISSUED", title: "李四", amountFen: 1600 });
  expect(await documents(seat)).toMatchObject([{ number: again.invoiceNo, status: "issued" }]);
});

test("a red letter that is refused is a case, and is asked for until it is made", async () => {
  const { who, seat, arrives } = await owedAfterHandOver();
  await made(ask(who, seat));
  await pass(2 * minute);
  await knob("plan", { refuse: { op: "redLetter", code: "TAX_OFFICE_CLOSED" } });
  await arrives();
  await pass(2 * minute);
  const [red] = (await invoice(who, seat)).redLetters;
  expect(red).toMatchObject({ state: "REQUESTED", amountFen: 320 });
  const redNo = `RL${red.refundId.slice(2)}01`;
  expect(await casesOf(redNo)).toMatchObject([{ reason: "red_letter_refused", orderId: seat.orderId }]);
  await knob("plan", {});
  await pass(7 * hour);
  expect(await invoice(who, seat)).toMatchObject({ redFen: 320, redLetters: [{ state: "ISSUED" }] });
  expect(await documents(seat)).toMatchObject([{ kind: "blue" }, { kind: "red", amountFen: 320 }]);
  expect(await casesOf(redNo)).toHaveLength(1);
});

test("an article's own tax rate is on its invoices, and a file of articles leaves it alone", async () => {
  const { articleId } = await newArticle({ code: "YT-01", name: "有机燕麦", category: "零食", taxBps: 900 });
  const file = "货号,名称,分类,单位,售价,成本,鲜活易腐,销售方式\nYT-01,有机燕麦片,零食,500g,10,5,否,按件\n";
  await made(ops.upload("/ops/v1/imports/articles?dryRun=false", file));
  await pass(2 * minute);
  const { items } = await made(ops.get("/ops/v1/articles?limit=50"));
  expect(items).toContainEqual(expect.objectContaining({ articleId, name: "有机燕麦片", taxBps: 900 }));
  const { campaignId } = await campaign({ articleId, invitesRequired: 1 });
  const [who, other] = (await neighbours("赵", "钱")) as [Neighbour, Neighbour];
  const seat = await formedTeam(who, campaignId);
  await paidSeat(other, seat.teamId);
  await scan(who, seat);
  await made(ask(who, seat));
  await pass(2 * minute);
  // 800 × 900 / 10900 = 66.06
  expect((await invoice(who, seat)).lines).toMatchObject([
    { name: "有机燕麦片", amountFen: 800, taxBps: 900, taxFen: 66 },
  ]);
});

test("once all is quiet every invoice in force says what was paid and not refunded", async () => {
  await quiet();
  expect((await rows()).get("Invoice")!.length).toBeGreaterThanOrEqual(10);
  await recount();
});
