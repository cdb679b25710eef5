import { expect, inject, test } from "vitest";
import { startPlatformProcess } from "../platform-process.ts";
import { type Neighbour, openWorld, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, formedTeam, paidSeat, join, made, order, team, events, recount, passTo, pass } = world;
const { minute } = world.times;

/** Lets the channel repeat, as it does, what met a process that was dead or not ready yet. */
async function everythingTold() {
  for (let repeats = 0; repeats < 10; repeats++) {
    await world.platform.idle(30_000);
    const notifications: { state: string }[] = await world.local("wechat/notifications");
    if (notifications.every(({ state }) => state === "accepted")) return;
    await pass(30_000);
  }
  throw new Error("The channel still has something to tell.");
}

test("a process killed amid orders and payments goes on where it was: every seat once, every payment a seat or a refund", async () => {
  const [li, wang, zhang, chen, ...crowd] = await neighbours(
    ...["李", "王", "张", "陈"],
    ...Array.from({ length: 12 }, (_, i) => `邻居${i + 1}`),
  );
  const { campaignId } = await campaign({ invitesRequired: 6, durationMinutes: 60, unitsPerStore: 20 });
  const full = await formedTeam(li!, campaignId);
  const second = await formedTeam(wang!, campaignId);
  const lost = await formedTeam(zhang!, campaignId);
  const lostSeat = await paidSeat(chen!, lost.teamId);
  const askJoin = (who: Neighbour, i: number) =>
    join(who, (i % 2 === 0 ? full : second).teamId, {}, `join-through-the-cut-${i}`);

  await world.restart(async (dataDir, speakTo) => {
    const port = Number(new URL(world.platform.url).port);
    const place = { dataDir, port, startAt: 0, assembly: inject("assembly"), log: () => {} };
    const platform = await startPlatformProcess(place);
    try {
      speakTo(platform.url);
      // everybody joins and pays at once; the process dies in the midst of it
      let paid = 0;
      const someHavePaid = Promise.withResolvers<void>();
      const under = crowd.map(async (who, i) => {
        const seat: Seat = await made(askJoin(who, i));
        await world.payAtChannel(who, seat.orderId);
        paid += 1;
        if (paid === 5) someHavePaid.resolve();
      });
      const all = Promise.allSettled(under);
      const tooSoon = await Promise.race([someHavePaid.promise, all]);
      expect(tooSoon).toBeUndefined(); // else everybody was answered, and this says how
      await platform.kill();
      const outcomes = await all;
      expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
    } finally {
      await platform.kill();
    }
  });
  await everythingTold();
  await recount();

  // whoever got no answer asks again with the same key: the seat is the one of the first time, or a first one
  const { payments } = await world.book();
  const done = new Set(
    payments.filter((p: { state: string }) => p.state === "SUCCESS").map((p: { paymentNo: string }) => p.paymentNo),
  );
  for (const [i, who] of crowd.entries()) {
    const seat: Seat = await made(askJoin(who, i));
    const { payment } = await order(who, seat.orderId);
    if (!done.has(payment.paymentNo)) await world.payAtChannel(who, seat.orderId);
  }
  await everythingTold();
  const all = await world.rows();
  for (const who of crowd)
    expect((all.get("Order") ?? []).filter((row) => row.memberId === who.memberId)).toHaveLength(1);
  for (const { teamId } of [full, second])
    expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", paid: 7 });
  expect((await events("team.succeeded")).map((event) => event.data.teamId).sort()).toEqual(
    [full.teamId, second.teamId].sort(),
  );

  // the timer of the third was set by the process that died first
  await passTo(Date.parse((await team(lost.teamId)).deadline) + 3 * minute + 1_000);
  await pass(2 * minute);
  expect(await team(lost.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", paid: 2 });
  expect(await order(chen!, lostSeat.orderId)).toMatchObject({ seat: "REFUNDED", refunds: [{ state: "SUCCESS" }] });
  await recount();
});
