import { expect, test } from "vitest";
import { startPlatformProcess } from "../platform-process.ts";
import { type Answer, type Neighbour, openWorldOn, type Seat } from "../stories/world.ts";

/** Fewer for a quick look: `CUTS=5 npm run test:long -- power-cuts`. */
const CUTS = Number(process.env.CUTS ?? 100);
const CLIENTS = 8;
/** Answers between two cuts at least: the cut comes right after one of them, in the midst of the others' requests. */
const ANSWERS_A_CUT = 20;

const world = await openWorldOn(startPlatformProcess, { unitsPerStore: 100_000 });
const { campaign, open, join, made, local, pass } = world;
const { minute, hour, day } = world.times;

// Answers are checked by what a story expects of them, not by types.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Any = any;

/** A write that was answered: what was asked, under which key, and the bytes that came back. */
interface Acknowledged {
  who: Neighbour;
  what: "open" | "join" | "leave";
  key: string;
  again: () => Promise<Answer<Any>>;
  text: string;
  body: Any;
}

test("a hundred power cuts under load lose no answered write, repeat every answer byte for byte, and leave nothing undone", async () => {
  const { campaignId } = await campaign({
    invitesRequired: 2,
    durationMinutes: 60,
    perMemberLimit: 99,
    unitsPerStore: 50_000,
    at: { closesAt: 20 * day, hardEnd: 25 * day, pickupUntil: 28 * day },
  });
  const clients = await world.neighbours(...Array.from({ length: CLIENTS }, (_, i) => `邻居${i + 1}`));
  const acknowledged: Acknowledged[] = [];
  /** Numbers of the payments that the channel took. */
  const paid: string[] = [];
  /** Teams that somebody leads and that may have a place left. */
  const forming: string[] = [];
  let keys = 0;
  let cutOff = 0;
  let answers = 0;
  let reached = { answers: 0, resolve: () => {} };
  const counted = () => {
    answers += 1;
    if (answers === reached.answers) reached.resolve();
  };

  /** Asks, and keeps the answer for good; a refusal (the team is full, the seat is gone) is none. */
  const ask = async (
    who: Neighbour,
    what: Acknowledged["what"],
    request: (key: string) => Promise<Answer<Any>>,
  ): Promise<Any> => {
    const key = `cut-${what}-${++keys}-of-many`;
    const answer = await request(key);
    counted();
    if (answer.status === 500) throw new Error(`${what}: ${answer.text}`);
    if (answer.status >= 300) return undefined;
    const { text, body } = answer;
    acknowledged.push({ who, what, key, again: () => request(key), text, body });
    return body;
  };
  const pay = async (who: Neighbour, seat: Seat) => {
    const asked = await who.post(`/v1/orders/${seat.orderId}/payment`);
    if (asked.status !== 200) return;
    const { paymentNo } = asked.body;
    await local("wechat/pay", { paymentNo });
    paid.push(paymentNo);
    counted();
  };

  /** One neighbour's doings, without end: opens a team or joins one, pays most of the time, sometimes leaves. */
  async function live(who: Neighbour, i: number): Promise<void> {
    for (let turn = i; ; turn++) {
      const teamId = turn % 3 === 0 ? undefined : forming.shift();
      const seat: Seat | undefined = teamId
        ? await ask(who, "join", (key) => join(who, teamId, {}, key))
        : await ask(who, "open", (key) => open(who, campaignId, {}, key));
      if (!seat) {
        // one live seat a campaign: it goes before the next
        const { items } = await made(who.get("/v1/orders"));
        const live = items.find((o: Any) => ["HELD", "PAID"].includes(o.seat));
        if (live) await ask(who, "leave", (key) => who.post(`/v1/orders/${live.orderId}/departure`, undefined, key));
        continue;
      }
      if (turn % 5 !== 4) await pay(who, seat);
      if (!teamId) forming.push(seat.teamId, seat.teamId);
      if (turn % 4 === 1)
        await ask(who, "leave", (key) => who.post(`/v1/orders/${seat.orderId}/departure`, undefined, key));
    }
  }

  const began = performance.now();
  for (let cut = 0; cut < CUTS; cut++) {
    const { platform } = world;
    const before = acknowledged.length;
    const enough = new Promise<void>((resolve) => {
      reached = { answers: answers + ANSWERS_A_CUT, resolve };
    });
    const lives = Promise.allSettled(clients.map((who, i) => live(who, i + cut)));
    expect(await Promise.race([enough, lives])).toBeUndefined(); // else every client ended, and this says how
    await platform.kill();
    for (const outcome of await lives) {
      if (outcome.status === "rejected" && !(outcome.reason instanceof TypeError)) throw outcome.reason;
      cutOff += 1;
    }
    await world.restart();
    world.clock.advance(30_000); // time goes on: nobody asks too often, and holds and deadlines run out under way

    // asked again with their keys, some of the latest are the same bytes
    for (const one of acknowledged.slice(before).slice(-3)) {
      const again = await one.again();
      expect({ status: again.status, text: again.text }).toEqual({
        status: expect.toBeOneOf([200, 201]),
        text: one.text,
      });
    }
    if (cut % 10 === 9) {
      // what is due runs, between the cuts and by the next one
      await pass(20 * minute);
      forming.length = 0;
    }
  }
  const cutting = performance.now() - began;

  for (const wait of [minute, 5 * minute, 20 * minute, hour, hour, 3 * hour, 7 * hour, 12 * hour, 11 * minute])
    await pass(wait);
  const all = await world.rows();
  const ids = (entity: string, name: string) => new Set((all.get(entity) ?? []).map((row) => row[name]));
  const orders = new Map((all.get("Order") ?? []).map((row) => [row.orderId, row]));
  const teams = ids("Team", "teamId");
  for (const { what, body } of acknowledged) {
    expect(orders.has(body.orderId), `the order ${body.orderId} of an answered ${what}`).toBe(true);
    expect(teams.has(orders.get(body.orderId)!.teamId)).toBe(true);
    if (what === "leave") expect(["RELEASED", "REFUND_DUE", "REFUNDED"]).toContain(orders.get(body.orderId)!.seat);
  }
  const booked = new Set((all.get("Transfer") ?? []).filter((t) => t.kind === "payment").map((t) => t.reference));
  expect(paid.filter((number) => !booked.has(number))).toEqual([]);
  await world.recount();
  expect(await world.unfinished()).toEqual([]);
  // a day later the answers of the last two days are still the same
  for (const one of acknowledged.filter((_, i) => i % 7 === 0)) {
    const again = await one.again();
    expect({ status: again.status, text: again.text }).toEqual({
      status: expect.toBeOneOf([200, 201]),
      text: one.text,
    });
  }
  console.log(
    `power cuts: ${CUTS} under the load of ${CLIENTS} clients, ${acknowledged.length} answered writes and ${paid.length} payments kept, ${cutOff} requests cut off; ${Math.round(cutting / 1000)} s`,
  );
});
