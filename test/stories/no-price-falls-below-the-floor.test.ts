import { expect, test } from "vitest";
import { toIso } from "../../shared/kernel/time.ts";
import { openWorld, refusal, type Seat } from "./world.ts";

const world = await openWorld();
const { ops, neighbours, community, campaign, batch, newArticle, join, open, formedTeam, paidSeat, made, order } =
  world;
const { pass, passTo, recount, clock, team } = world;
const { minute, hour, day } = world.times;

/** Cost 5.00, delivery 3 %, expected loss 4 %, commission 3 % of the price: 5.52 at least. */
const figures = "552 fen (cost 500, delivery 15, expected loss 20, commission 17)";

/** A draft of each kind whose lowest price is so many fen of ten yuan. */
const kinds: Record<string, (articleId: string, leastFen: number, more?: object) => Promise<{ campaignId: string }>> = {
  neighbour: (articleId, leastFen, more) => campaign({ articleId, shareBps: leastFen * 10, publish: false, ...more }),
  batch: async (articleId, leastFen, more) =>
    batch([await community([])], { articleId, shareBps: leastFen * 10, publish: false, ...more }),
  ladder: async (articleId, leastFen, more) =>
    batch([await community([])], {
      articleId,
      tiers: [
        { fromUnits: 10, unitFen: 900 },
        { fromUnits: 20, unitFen: leastFen },
      ],
      publish: false,
      ...more,
    }),
};
const publish = (campaignId: string) => ops.post(`/ops/v1/campaigns/${campaignId}/publication`);

test.each(Object.entries(kinds))(
  "a %s below the floor is refused with the figures and what would pass, unless somebody answers for it",
  async (kind, draft) => {
    const { articleId } = await newArticle({});
    const path = kind === "ladder" ? "tiers" : "shareBps";
    const refused = async (leastFen: number, more?: object) => {
      const answer = await publish((await draft(articleId, leastFen, more)).campaignId);
      expect(refusal(answer)).toMatchObject({ status: 422, code: "CAMPAIGN_RULE" });
      return answer.body.errors;
    };
    expect(await refused(551)).toEqual([
      {
        path,
        message: `551 fen is below the margin floor of ${figures}: 552 fen or more would pass, or an exception of the rule "margin"`,
      },
    ]);
    expect(await refused(560, { pickupDiscountFen: 10 })).toEqual([
      {
        path,
        message: `550 fen after 10 off for pickup is below the margin floor of ${figures}: 562 fen or more would pass, or an exception of the rule "margin"`,
      },
    ]);
    await made(publish((await draft(articleId, 552)).campaignId));

    const expiresAt = toIso(clock.now() + 30 * day);
    const given = { rule: "margin", reasonCode: "seasonal", reason: "季末清仓", expiresAt };
    await made(ops.post(`/ops/v1/articles/${articleId}/exceptions`, given));
    const excepted = await made(publish((await draft(articleId, 400)).campaignId));
    expect(excepted).toMatchObject({
      floorFen: 400,
      goods: { exceptions: [{ rule: "margin", reasonCode: "seasonal" }] },
    });
    // what keeps the floor needs nobody to answer for it
    const kept = await made(publish((await draft(articleId, 600)).campaignId));
    expect(kept).toMatchObject({ floorFen: 552, goods: { exceptions: [] } });
  },
);

test("the quote, the seat and the order tell one price, line by line; a failed team gives all of it back", async () => {
  const [li, wang] = await neighbours("李", "王");
  const { campaignId } = await campaign({ pickupDiscountFen: 50, deliveryFeeFen: 500, durationMinutes: 60 });
  const ask = async (query: string) => made(li!.get(`/v1/campaigns/${campaignId}/quote?${query}`));
  const price = [
    { kind: "alone", amountFen: 2000, text: "单独购买价10.00元×2" },
    { kind: "team", amountFen: -400, text: "成团价8.00元,每份省2.00元" },
    { kind: "pickup", amountFen: -50, text: "到店自提优惠0.50元" },
  ];
  expect(await ask("units=2")).toEqual({ payableFen: 1550, lines: price });
  expect(await ask("units=2&fulfilment=delivery")).toEqual({
    payableFen: 2100,
    lines: [...price.slice(0, 2), { kind: "delivery", amountFen: 500, text: "配送费5.00元" }],
  });
  expect(await made(wang!.get(`/v1/campaigns/${campaignId}/quote?units=2`))).toEqual(await ask("units=2"));
  expect(refusal(await li!.get(`/v1/campaigns/${campaignId}/quote?units=3`))).toMatchObject({ code: "UNITS_LIMIT" });
  expect(refusal(await open(li!, campaignId, { fulfilment: "delivery" }))).toMatchObject({
    code: "DELIVERY_NOT_OFFERED",
  });
  const seat = await formedTeam(li!, campaignId, { units: 2 });
  expect(seat).toMatchObject({ payableFen: 1550, price });
  expect(await order(li!, seat.orderId)).toMatchObject({ payableFen: 1550, price });
  const other: Seat = await made(join(wang!, seat.teamId));
  expect(other.payableFen).toBe(750);
  await pass(64 * minute);
  await pass(10 * minute);
  expect((await order(li!, seat.orderId)).refunds).toMatchObject([{ refundFen: 1550, state: "SUCCESS" }]);
  await recount();
});

test("a ladder's pickup discount stays at the second tier, and the difference goes back to the fen", async () => {
  const [li, wang] = await neighbours("赵", "钱");
  const communityId = await community([li!, wang!]);
  const tiers = [
    { fromUnits: 10, unitFen: 900 },
    { fromUnits: 20, unitFen: 700 },
  ];
  const { teamIds } = await batch([communityId], { tiers, pickupDiscountFen: 60 });
  const teamId = teamIds[0]!;
  const many = await paidSeat(li!, teamId, { units: 19 });
  const one = await paidSeat(wang!, teamId, { units: 1 });
  await passTo(Date.parse((await team(teamId)).batch.cutOff));
  for (const wait of [5 * minute, 5 * minute, hour]) await pass(wait);
  expect(await order(li!, many.orderId)).toMatchObject({
    payableFen: 17_040,
    batch: { share: { unitFen: 700, keptFen: 13_240, backFen: 3_800 } },
    refunds: [{ refundFen: 3_800, state: "SUCCESS" }],
    price: [
      { kind: "alone", amountFen: 19_000 },
      { kind: "team", amountFen: -5_700 },
      { kind: "pickup", amountFen: -60 },
    ],
  });
  expect(await order(wang!, one.orderId)).toMatchObject({
    payableFen: 840,
    batch: { share: { keptFen: 640, backFen: 200 } },
  });
  await recount();
});
