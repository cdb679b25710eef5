import { expect, test } from "vitest";
import { openWorld, type Seat } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, open, join, made, local, order, team, events, book, recount, platform } = world;
const { pass, passTo } = world;
const { minute } = world.times;

const ROUNDS = 20;
/** Deadlines lie at least this far apart, and all of them within the grace after the first. */
const APART = 4_000;
const GRACE = 3 * minute;

test("a deadline's task and the last payment, their commits under way at once, leave one outcome, twenty times over", async () => {
  const people = await neighbours(...Array.from({ length: 2 * ROUNDS }, (_, i) => `邻居${i + 1}`));
  const { campaignId } = await campaign({ invitesRequired: 1, durationMinutes: 20, unitsPerStore: 40 });
  const leads: Seat[] = await Promise.all(
    Array.from({ length: ROUNDS }, (_, i) => made(open(people[2 * i]!, campaignId))),
  );
  const asked = await Promise.all(
    leads.map((lead, i) => made(people[2 * i]!.post(`/v1/orders/${lead.orderId}/payment`))),
  );
  const begin = platform.clock.now();
  platform.clock.advance(ROUNDS * APART);
  for (const [i, { paymentNo }] of asked.entries()) await local("wechat/pay", { paymentNo, at: begin + i * APART });
  await platform.idle(20_000);
  const leaders = await Promise.all(
    leads.map(async (lead) => ({ lead, deadline: Date.parse((await team(lead.teamId)).deadline) })),
  );

  // ten minutes before the first deadline, so that every hold lasts until its team's
  await passTo(leaders[0]!.deadline - 10 * minute);
  const races = await Promise.all(
    leaders.map(async ({ lead, deadline }, i) => {
      const [leader, last] = [people[2 * i]!, people[2 * i + 1]!];
      const seat: Seat = await made(join(last, lead.teamId));
      const { paymentNo } = await made(last.post(`/v1/orders/${seat.orderId}/payment`));
      return { leader, last, lead, seat, paymentNo, deadline, givenUp: i % 2 === 0 };
    }),
  );

  // Each last payment is made a second before its deadline, and heard of when the deadline's task wakes.
  const first = races[0]!.deadline + GRACE;
  const told = races.at(-1)!.deadline + 1_000;
  expect(told).toBeLessThan(first);
  for (const { last, seat, paymentNo, deadline, givenUp } of races)
    if (givenUp) {
      // the seat was given up and its payment closed, yet the money came through: it may have the seat again, if the team lives
      await made(last.post(`/v1/orders/${seat.orderId}/departure`));
      await local("wechat/plan", { paymentNo, notify: [{ delay: deadline + GRACE - told }] });
      await local("wechat/pay-after-close", { paymentNo, afterMs: deadline - 500 - platform.clock.now() });
    }
  await passTo(told);
  for (const { paymentNo, deadline, givenUp } of races)
    if (!givenUp) {
      await local("wechat/plan", { paymentNo, notify: [{ delay: deadline + GRACE - platform.clock.now() }] });
      await local("wechat/pay", { paymentNo, at: deadline - 1_000 });
    }

  const barriers = races.map(({ lead }) =>
    platform.gateway.barrier({
      count: 2,
      match: { action: "TransactWriteItems", pkPrefix: `TEAM#${lead.teamId}` },
      timeoutMs: 60_000,
    }),
  );
  for (const { deadline } of races) await passTo(Math.max(platform.clock.now(), deadline + GRACE + 1_000));
  expect(await Promise.all(barriers.map((barrier) => barrier.overlapped))).toEqual(races.map(() => 2));
  await pass(2 * minute); // refunds are looked at after a minute

  const succeeded = (await events("team.succeeded")).map((event) => event.data.teamId);
  const failed = (await events("team.failed")).map((event) => event.data.teamId);
  expect([...succeeded, ...failed].sort()).toEqual(races.map(({ lead }) => lead.teamId).sort());
  const { refunds } = await book();
  for (const { leader, last, lead, seat, givenUp } of races) {
    const { state, paid } = await team(lead.teamId);
    const seats = [await order(leader, lead.orderId), await order(last, seat.orderId)];
    const back = refunds.filter((refund: { paymentNo: string }) =>
      seats.some((one) => one.payment.paymentNo === refund.paymentNo),
    );
    if (state === "SUCCEEDED") {
      expect(seats.map((one) => one.seat)).toEqual(["CONFIRMED", "CONFIRMED"]);
      expect({ paid, refunds: back.length }).toEqual({ paid: 2, refunds: 0 });
    } else {
      expect({ state, givenUp, paid }).toEqual({ state: "FAILED", givenUp: true, paid: 1 });
      expect(seats.map((one) => [one.seat, one.payment.state])).toEqual([
        ["REFUNDED", "REFUNDED"],
        ["RELEASED", "REFUNDED"],
      ]);
      expect(back.map((refund: { refundFen: number }) => refund.refundFen)).toEqual([800, 800]);
    }
  }
  await recount();
});
