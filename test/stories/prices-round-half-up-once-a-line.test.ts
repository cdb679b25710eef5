import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, newArticle, open, join, pay, order, money, recount, made, ops, platform } = world;

test.each([
  { priceFen: 999, costFen: 500, shareBps: 8000, teamFen: 799, because: "9.99 × 0.8 = 7.992" },
  { priceFen: 1005, costFen: 500, shareBps: 9500, teamFen: 955, because: "10.05 × 0.95 = 9.5475" },
  { priceFen: 115, costFen: 50, shareBps: 9000, teamFen: 104, because: "1.15 × 0.9 = 1.035, where floats say 1.03" },
  { priceFen: 3, costFen: 0, shareBps: 5000, teamFen: 2, because: "half a fen goes up" },
  { priceFen: 2, costFen: 0, shareBps: 1, teamFen: 1, because: "nothing is sold below 0.01" },
])(
  "$priceFen fen at $shareBps basis points is $teamFen: $because",
  async ({ priceFen, costFen, shareBps, teamFen }) => {
    const { articleId } = await newArticle({ priceFen, costFen });
    const [leader, member] = await neighbours(`李${priceFen}`, `王${priceFen}`);
    const { campaignId } = await campaign({
      articleId,
      shareBps,
      invitesRequired: 1,
      perMemberLimit: 9,
      unitsPerStore: 20,
    });
    expect(await made(leader!.get(`/v1/campaigns/${campaignId}`))).toMatchObject({ aloneFen: priceFen, teamFen });
    const lead = await made(open(leader!, campaignId, { units: 3 }));
    const line = { unitFen: teamFen, aloneFen: priceFen, amountFen: 3 * teamFen, units: 3 };
    expect(lead).toMatchObject({ payableFen: 3 * teamFen, lines: [line] });
    await pay(leader!, lead);
    await pay(member!, await made(join(member!, lead.teamId)));
    await platform.idle();
    const paid = await order(leader!, lead.orderId);
    expect(paid).toMatchObject({ seat: "CONFIRMED", lines: [line] });
    expect(paid.lines.reduce((sum: number, l: { amountFen: number }) => sum + l.amountFen, 0)).toBe(paid.payableFen);
    expect(await money(lead.orderId)).toMatchObject({ payableFen: 3 * teamFen, balanceFen: 3 * teamFen });
    await recount();
  },
);

test("a campaign is not published at or below its cost, nor without a lower price: told with the figures", async () => {
  const { articleId } = await newArticle({ priceFen: 999, costFen: 799 });
  for (const [shareBps, figure] of [
    [8000, "799"],
    [10_000, "999"],
  ] as const) {
    const { campaignId } = await campaign({ articleId, shareBps, publish: false });
    const answer = await ops.post(`/ops/v1/campaigns/${campaignId}/publication`);
    expect(answer).toMatchObject({ status: 422, body: { code: "CAMPAIGN_RULE" } });
    expect(answer.body.errors).toMatchObject([{ path: "shareBps", message: expect.stringContaining(figure) }]);
  }
  await recount();
});
