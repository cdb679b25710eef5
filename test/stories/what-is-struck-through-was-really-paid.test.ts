import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld({ unitsPerStore: 1_000 });
const { neighbours, campaign, newArticle, formedTeam, paidSeat, made, pass, ops } = world;
const { minute, hour, day } = world.times;

test("a price is struck through only as far as somebody paid it: the week's lowest, else the last, else none", async () => {
  const [li, wang] = await neighbours("李", "王");
  const { articleId } = await newArticle({});
  const sale = (shareBps: number, more: object = {}) =>
    campaign({ articleId, shareBps, invitesRequired: 1, unitsPerStore: 50, ...more });
  const shown = async (campaignId: string) => (await made(li!.get(`/v1/campaigns/${campaignId}`))).reference;
  /** Two neighbours buy at the campaign's price. */
  const sold = async ({ campaignId }: { campaignId: string }) => {
    const { teamId } = await formedTeam(li!, campaignId);
    await paidSeat(wang!, teamId);
    await world.platform.idle();
    return teamId;
  };
  // never sold: the price alone is a price, and none that was paid
  const first = await sale(9000);
  expect(await shown(first.campaignId)).toBeUndefined();
  await sold(first);

  const second = await sale(8000);
  expect(await shown(second.campaignId)).toEqual({ fen: 900, text: "近7日最低成交价9.00元" });
  const teamId = await sold(second);
  // what it was opened under stays, on the team's page too
  expect(await shown(second.campaignId)).toEqual({ fen: 900, text: "近7日最低成交价9.00元" });
  expect((await made(li!.get(`/v1/teams/${teamId}`))).reference).toEqual({ fen: 900, text: "近7日最低成交价9.00元" });

  // raised before it is cut: what was paid the week before counts, not what is asked
  const { items } = await made(ops.get("/ops/v1/articles?limit=50"));
  const article = items.find((one: { articleId: string }) => one.articleId === articleId);
  const { name, category, unit, costFen, perishable, version } = article;
  const raised = { name, category, unit, costFen, perishable, priceFen: 2000, version };
  await made(ops.put(`/ops/v1/articles/${articleId}`, raised));
  const third = await sale(3500); // 7.00 of 20.00
  expect(await shown(third.campaignId)).toEqual({ fen: 800, text: "近7日最低成交价8.00元" });
  // nothing is struck through that is no more than the price itself
  expect(await shown((await sale(4000)).campaignId)).toBeUndefined();

  await pass(9 * day);
  const fourth = await sale(3500);
  expect(await shown(fourth.campaignId)).toEqual({ fen: 800, text: "最近一次成交价8.00元" });
  await pass(hour + minute);
});
