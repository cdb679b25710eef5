import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, formedTeam, paidSeat, order, team, recount, platform } = world;

test("four neighbours fill a team: each is confirmed, told, and the counters are exact", async () => {
  const [li, wang, zhang, chen] = await neighbours("李", "王", "张", "陈");
  const { campaignId } = await campaign();
  const lead = await formedTeam(li!, campaignId);
  expect(await team(lead.teamId)).toMatchObject({ state: "FORMING", paid: 1, remainingInvites: 3 });
  for (const who of [wang!, zhang!, chen!]) await paidSeat(who, lead.teamId);
  await platform.idle();
  expect(await team(lead.teamId)).toMatchObject({
    state: "SUCCEEDED",
    outcome: "natural",
    paid: 4,
    remainingInvites: 0,
  });
  expect(await order(li!, lead.orderId)).toMatchObject({ seat: "CONFIRMED", headline: "已成团", payableFen: 800 });
  const inbox = await world.made(chen!.get("/v1/inbox"));
  expect(inbox.items.map((m: { title: string }) => m.title)).toEqual(["拼团成功", "支付成功"]);
  await recount();
});
