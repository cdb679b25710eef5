import { expect } from "vitest";
import { type Caller, refusal, type World } from "../stories/world.ts";
import { bunches, newTally, readBack, sideBySide, type Tally } from "./race.ts";

/** Codes that one campaign and the same neighbours serve. */
const MOST = 10;

/** Two tills of one store scan a member's code at once: one hands over, the other is told that it is used. */
export async function twoTillsAndOneCode(world: World, tills: [Caller, Caller], times: number): Promise<Tally> {
  const [store] = world.stores;
  const { tally, count } = newTally();
  const crowd = await sideBySide(
    Array.from({ length: 2 * Math.min(times, MOST) }, (_, i) => `邻居${i + 1}`),
    8,
    (name) => world.neighbour(name),
  );
  const handedOver: string[] = [];
  for (const size of bunches(times, MOST)) {
    const { campaignId } = await world.campaign({ invitesRequired: 1, unitsPerStore: 2 * size });
    const teams = await sideBySide(Array.from({ length: size }), 4, async (_, i) => {
      const lead = await world.formedTeam(crowd[2 * i]!, campaignId);
      await world.paidSeat(crowd[2 * i + 1]!, lead.teamId);
      const { code } = await world.made(crowd[2 * i]!.post(`/v1/orders/${lead.orderId}/pickup-code`));
      return { lead, code: code as string };
    });
    for (const { lead, code } of teams) {
      const { overlapped } = world.platform.gateway.barrier({
        count: 2,
        match: { action: "TransactWriteItems", function: "Ops", pkPrefix: "PICKUP#" },
        timeoutMs: 180_000,
      });
      const answers = await Promise.all(tills.map((till) => till.post(`/ops/v1/stores/${store}/pickups`, { code })));
      const winner = answers.findIndex(({ status }) => status === 200);
      expect(answers[winner]?.body).toMatchObject({ orderId: lead.orderId, units: 1 });
      expect(refusal(answers[1 - winner]!)).toMatchObject({ status: 409, code: "PICKUP_CODE_USED" });
      count((await overlapped) === 2, `till ${winner + 1}`);
      handedOver.push(lead.orderId);
    }
    await world.pass(2 * world.times.minute);
  }
  const { of } = await readBack(world);
  const audited = Map.groupBy(of<{ target: string; action: string }>("Audit"), ({ target }) => target);
  const uploads = Map.groupBy(
    (await world.local("wechat/shipping")) as { paymentNo: string; uploads: number }[],
    ({ paymentNo }) => paymentNo,
  );
  for (const orderId of handedOver) {
    expect(audited.get(orderId)).toMatchObject([{ action: "order.hand_over" }]);
    // the channel was told once that the goods are with the member
    expect(uploads.get(`${orderId}01`)).toMatchObject([{ uploads: 1 }]);
  }
  await world.recount();
  return tally;
}
