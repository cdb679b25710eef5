import { describe, expect, test } from "vitest";
import { faultLevels } from "../../local/faults.ts";
import { type Neighbour, refusal, type Seat } from "../stories/world.ts";
import { openBadDay, type Story } from "./bad-day.ts";

/** Another day: `FAULT_SEEDS=3,4 FAULT_LEVEL=storm npx vitest run test/stories-under-faults`. */
const seeds = (process.env.FAULT_SEEDS ?? "2026").split(",").map(Number);
const level = faultLevels.find((one) => one === process.env.FAULT_LEVEL) ?? "swarm";

describe.each(seeds)("on a bad day (seed %i)", async (seed) => {
  const day = await openBadDay(seed, level);
  const { people, campaign, join, made, order, team, until, pay, lead, joinAndPay, local } = day;
  const { minute, hour } = day.times;
  const [store] = day.stores as [string, string];
  const tills = [
    await day.staff("till-1", ["store_staff"], [store]),
    await day.staff("till-2", ["store_staff"], [store]),
  ].map((till) => day.persistent(till));

  async function* fills([li, wang, zhang, chen]: Neighbour[], campaignId: string): Story {
    const { teamId, orderId } = yield* lead(li!, campaignId);
    for (const who of [wang!, zhang!, chen!]) yield* joinAndPay(who, teamId);
    expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", paid: 4, remainingInvites: 0 });
    expect(await order(li!, orderId)).toMatchObject({ seat: "CONFIRMED" });
  }

  async function* fails([li, wang, zhang]: Neighbour[], campaignId: string): Story {
    const first = yield* lead(li!, campaignId);
    const second = yield* joinAndPay(wang!, first.teamId);
    const held: Seat = await made(join(zhang!, first.teamId));
    for (const [who, seat] of [
      [li!, first],
      [wang!, second],
    ] as const) {
      const end = yield* until(
        `the refund of ${who.name}`,
        () => order(who, seat.orderId),
        (o) => o.seat === "REFUNDED",
      );
      expect(end.refunds).toMatchObject([{ cause: "team_failed", refundFen: 800, state: "SUCCESS" }]);
    }
    expect(await team(first.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", paid: 2 });
    expect(await order(zhang!, held.orderId)).toMatchObject({ seat: "RELEASED" });
  }

  async function* racesForTheLastSeat([li, wang, ...crowd]: Neighbour[], campaignId: string): Story {
    const { teamId } = yield* lead(li!, campaignId);
    yield* joinAndPay(wang!, teamId);
    const answers = await Promise.all(crowd.map((who) => join(who, teamId)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 201))
      expect(refusal(answer)).toMatchObject({ status: 409, code: "TEAM_FULL" });
    const winner = crowd[answers.findIndex(({ status }) => status === 201)]!;
    yield* pay(winner, answers.find(({ status }) => status === 201)!.body);
    expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 3 });
  }

  async function* passesTheLead([li, wang, zhang]: Neighbour[], campaignId: string): Story {
    const { teamId, orderId } = yield* lead(li!, campaignId);
    const heir = yield* joinAndPay(wang!, teamId);
    await made(li!.post(`/v1/orders/${orderId}/departure`));
    yield* until(
      "the refund of who left",
      () => order(li!, orderId),
      (o) => o.seat === "REFUNDED",
    );
    expect(await order(wang!, heir.orderId)).toMatchObject({ leader: true });
    yield* joinAndPay(zhang!, teamId);
    yield* joinAndPay(li!, teamId);
    expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 3 });
    expect((await order(li!, orderId)).refunds).toHaveLength(1);
  }

  async function* paysTooLate([li, wang, zhang]: Neighbour[], campaignId: string): Story {
    const { teamId } = yield* lead(li!, campaignId);
    const held: Seat = await made(join(wang!, teamId));
    const { paymentNo } = await made(wang!.post(`/v1/orders/${held.orderId}/payment`));
    // the money is on its way when the close is answered, and comes once the seat is another's
    await local("wechat/pay-after-close", { paymentNo, afterMs: 40 * minute });
    yield* until(
      "the release of the seat",
      () => order(wang!, held.orderId),
      (o) => o.seat === "RELEASED",
    );
    yield* joinAndPay(zhang!, teamId);
    expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
    const late = yield* until(
      "the refund of what came late",
      () => order(wang!, held.orderId),
      (o) => o.payment.state === "REFUNDED",
    );
    expect(late).toMatchObject({ seat: "RELEASED", payment: { disposition: "ORPHAN" } });
    expect(late.refunds).toMatchObject([{ cause: "orphan", refundFen: 800, state: "SUCCESS" }]);
  }

  async function* fetchesAtTwoTills([li, wang]: Neighbour[], campaignId: string): Story {
    const { teamId, orderId } = yield* lead(li!, campaignId);
    yield* joinAndPay(wang!, teamId);
    const { code } = await made(li!.post(`/v1/orders/${orderId}/pickup-code`));
    const answers = await Promise.all(tills.map((till) => till.post(`/ops/v1/stores/${store}/pickups`, { code })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(refusal(answers.find(({ status }) => status !== 200)!)).toMatchObject({ code: "PICKUP_CODE_USED" });
    expect(await order(li!, orderId)).toMatchObject({ stage: "HANDED_OVER" });
  }

  async function* neverPays([li, wang]: Neighbour[], campaignId: string): Story {
    const { teamId, orderId } = await made(day.open(li!, campaignId));
    expect(refusal(await join(wang!, teamId))).toMatchObject({ status: 404, code: "TEAM_NOT_VISIBLE" });
    yield* until(
      "the end of the unpaid team",
      () => team(teamId),
      (t) => t.state === "ABANDONED",
    );
    expect(await order(li!, orderId)).toMatchObject({ seat: "RELEASED", refunds: [] });
    expect((await made(day.open(li!, campaignId))).teamId).not.toBe(teamId);
  }

  async function* dissolves([li, wang, zhang]: Neighbour[], campaignId: string): Story {
    const { teamId, orderId } = yield* lead(li!, campaignId);
    const seats = [yield* joinAndPay(wang!, teamId), yield* joinAndPay(zhang!, teamId)];
    await made(li!.post(`/v1/orders/${orderId}/departure`));
    for (const [who, seat, cause] of [
      [li!, { orderId }, "left"],
      [wang!, seats[0]!, "team_failed"],
      [zhang!, seats[1]!, "team_failed"],
    ] as const) {
      const end = yield* until(
        `the refund of ${who.name}`,
        () => order(who, seat.orderId),
        (o) => o.seat === "REFUNDED",
      );
      expect(end.refunds).toMatchObject([{ cause, refundFen: 800, state: "SUCCESS" }]);
    }
    expect(await team(teamId)).toMatchObject({ state: "FAILED", outcome: "leader_left" });
  }

  async function* isCancelled([li, wang, zhang, chen]: Neighbour[], campaignId: string): Story {
    const done = yield* lead(li!, campaignId);
    yield* joinAndPay(wang!, done.teamId);
    const live = yield* lead(zhang!, campaignId);
    await steer(campaignId, "suspension");
    expect(refusal(await join(chen!, live.teamId))).toMatchObject({ status: 409, code: "CAMPAIGN_SUSPENDED" });
    await steer(campaignId, "resumption");
    await steer(campaignId, "cancellation");
    const end = yield* until(
      "the refund of the cancelled team",
      () => order(zhang!, live.orderId),
      (o) => o.seat === "REFUNDED",
    );
    expect(end.refunds).toMatchObject([{ cause: "team_failed", refundFen: 800, state: "SUCCESS" }]);
    expect(await team(live.teamId)).toMatchObject({ state: "FAILED", outcome: "ops" });
    expect(await team(done.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
    expect(await order(li!, done.orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [] });
    expect(refusal(await day.open(chen!, campaignId))).toMatchObject({ status: 409, code: "CAMPAIGN_NOT_OPEN" });
  }

  /** Two units in each of two stores: the third member is served by the second store, the fifth by none. */
  async function* goesToTheNextStore([li, wang, zhang, chen, zhao]: Neighbour[], campaignId: string): Story {
    const { teamId, ...first } = yield* lead(li!, campaignId);
    const seats: Seat[] = [];
    for (const who of [wang!, zhang!, chen!]) seats.push(await made(join(who, teamId)));
    expect([first, ...seats].map(({ storeId }) => storeId)).toEqual([store, store, day.stores[1], day.stores[1]]);
    expect(refusal(await day.open(zhao!, campaignId))).toMatchObject({ status: 409, code: "SOLD_OUT" });
    expect(await day.unitsLeft(campaignId)).toEqual([0, 0]);
    for (const [i, who] of [wang!, zhang!, chen!].entries()) yield* pay(who, seats[i]!);
    expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 4 });
  }

  async function* asksOverAndOver([li, wang]: Neighbour[], campaignId: string): Story {
    const { teamId } = yield* lead(li!, campaignId);
    const key = `over-and-over-${seed}`;
    const answers = await Promise.all(Array.from({ length: 6 }, () => join(wang!, teamId, {}, key)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(refusal(await join(wang!, teamId, { units: 2 }, key))).toMatchObject({ status: 422 });
    yield* pay(wang!, answers[0]!.body);
    expect(await made(wang!.get("/v1/orders"))).toMatchObject({ items: [{ orderId: answers[0]!.body.orderId }] });
  }

  async function* wantsMoreThanAllowed([li, wang, zhang]: Neighbour[], campaignId: string): Story {
    const { teamId } = yield* lead(li!, campaignId);
    const seat: Seat = await made(join(wang!, teamId, { units: 2 }));
    yield* pay(wang!, seat);
    expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED" });
    const next = yield* lead(zhang!, campaignId);
    expect(refusal(await join(wang!, next.teamId))).toMatchObject({
      code: "UNITS_LIMIT",
      facts: { limit: 2, counted: 2 },
    });
    yield* joinAndPay(li!, next.teamId);
    expect(await team(next.teamId)).toMatchObject({ state: "SUCCEEDED", paid: 2 });
  }

  async function* waitsForTheTill([li, wang]: Neighbour[], campaignId: string): Story {
    const { teamId } = yield* lead(li!, campaignId);
    const seat = yield* joinAndPay(wang!, teamId);
    await local("wechat/refund-plan", { paymentNo: `${seat.orderId}01`, outcome: "not-enough" });
    await made(wang!.post(`/v1/orders/${seat.orderId}/departure`));
    yield 10 * minute; // the merchant's balance is empty all the while
    expect(await order(wang!, seat.orderId)).toMatchObject({ seat: "REFUND_DUE" });
    await local("wechat/top-up", {});
    const end = yield* until(
      "the refund after the top-up",
      () => order(wang!, seat.orderId),
      (o) => o.seat === "REFUNDED",
    );
    expect(end.refunds).toMatchObject([{ cause: "left", refundNo: expect.stringMatching(/01$/), state: "SUCCESS" }]);
  }

  /** Eight units are bought at the cut-off for two communities, five good ones come: who paid last has the money back, once. */
  async function* arrivesShort([li, wang, zhang]: Neighbour[], campaignId: string): Story {
    const { communities } = await made(li!.get(`/v1/campaigns/${campaignId}`));
    const seats: Seat[] = [];
    for (const [who, of, units] of [
      [li!, 0, 3],
      [wang!, 1, 2],
      [zhang!, 0, 3],
    ] as const) {
      const seat: Seat = await made(join(who, communities[of].teamId, { units }));
      yield* pay(who, seat);
      seats.push(seat);
    }
    const line = `/ops/v1/stores/${store}/purchases/${campaignId}`;
    const ordered = yield* until(
      "the purchase order",
      () => tills[0]!.get(line),
      ({ status }) => status === 200,
    );
    expect(ordered.body).toMatchObject({ state: "EXPECTED", units: 8 });
    const came = [{ units: 3 }, { units: 3, rejected: 1, reason: "压伤" }];
    for (const { status } of await Promise.all(came.map((body, i) => tills[i]!.post(`${line}/arrivals`, body))))
      expect(status).toBe(200);
    const ends = await Promise.all(tills.map((till) => till.post(`${line}/arrivals`, { units: 0, last: true })));
    expect(ends.map(({ status }) => status).sort()).toEqual([200, 409]);
    const end = yield* until(
      "the refund of what did not come",
      () => order(zhang!, seats[2]!.orderId),
      (o) => o.seat === "REFUNDED",
    );
    expect(end.refunds).toMatchObject([{ cause: "short_arrival", refundFen: 2400, state: "SUCCESS" }]);
    yield minute;
    for (const [i, units] of [3, 2].entries()) {
      const who = [li!, wang!][i]!;
      const { code } = await made(who.post(`/v1/orders/${seats[i]!.orderId}/pickup-code`));
      expect(await made(tills[i]!.post(`/ops/v1/stores/${store}/pickups`, { code }))).toMatchObject({ units });
    }
    const told = yield* until(
      "the word of it",
      () => made(zhang!.get("/v1/inbox?limit=50")),
      ({ items }) => items.some(({ title }: { title: string }) => title.startsWith("到货不足")),
    );
    expect(told.items.filter(({ title }: { title: string }) => title.startsWith("到货不足"))).toHaveLength(1);
    expect(await made(tills[0]!.get(line))).toMatchObject({ state: "RECEIVED", good: 5, damaged: 1, surplus: 0 });
  }

  const teamsOf = async (who: Neighbour, campaignId: string): Promise<string[]> =>
    (await made(who.get(`/v1/campaigns/${campaignId}`))).communities.map((one: { teamId: string }) => one.teamId);
  const steer = async (campaignId: string, how: string) =>
    made(day.ops.post(`/ops/v1/campaigns/${campaignId}/${how}`, { reason: "供应商来函" }));

  /**
   * ¥8.99 from four units on, ¥7.99 from six, of ten yuan alone: suspended, not edited, left and wanted twice before the cut-off,
   * frozen by it; a coupon takes off what the floor leaves at either price, so that its order gets nothing back.
   */
  async function* reachesTheNextTier([li, wang, zhang, chen]: Neighbour[], campaignId: string, grant: string): Story {
    const [teamId] = (await teamsOf(li!, campaignId)) as [string];
    const first: Seat = await made(join(li!, teamId, { units: 2, couponGrantId: grant }));
    expect(first.payableFen).toBe(2 * 552);
    yield* pay(li!, first);
    await steer(campaignId, "suspension");
    expect(refusal(await join(wang!, teamId))).toMatchObject({ status: 409, code: "CAMPAIGN_SUSPENDED" });
    await steer(campaignId, "resumption");
    const { version } = (await made(day.ops.get(`/ops/v1/campaigns/${campaignId}`))).campaign;
    expect(
      refusal(await day.ops.put(`/ops/v1/campaigns/${campaignId}`, { version, minUnits: 6, reason: "提价" })),
    ).toMatchObject({ status: 409, code: "CAMPAIGN_STATE" });
    expect(refusal(await join(wang!, teamId, { units: 3 }))).toMatchObject({ code: "UNITS_LIMIT" });
    const asked = await Promise.all([1, 2].map(() => join(wang!, teamId, { units: 2 })));
    expect(asked.map(({ status }) => status).sort()).toEqual([201, 409]);
    const second: Seat = asked.find(({ status }) => status === 201)!.body;
    yield* pay(wang!, second);
    const third: Seat = await made(join(zhang!, teamId, { units: 2 }));
    yield* pay(zhang!, third);
    const gone = yield* joinAndPay(chen!, teamId);
    expect(await team(teamId)).toMatchObject({ quantity: { units: 7, unitFen: 799, frozen: false } });
    await made(chen!.post(`/v1/orders/${gone.orderId}/departure`));
    yield* until(
      "the cut-off",
      () => team(teamId),
      (t) => t.state !== "FORMING",
    );
    expect(await team(teamId)).toMatchObject({
      outcome: "natural",
      quantity: { units: 6, unitFen: 799, frozen: true },
    });
    expect(refusal(await wang!.post(`/v1/orders/${second.orderId}/departure`))).toMatchObject({ code: "LEAVE_CLOSED" });
    for (const [who, { orderId }, cause, refundFen] of [
      [wang!, second, "settled_difference", 200],
      [zhang!, third, "settled_difference", 200],
      [chen!, gone, "left", 899],
    ] as const) {
      const end = yield* until(
        `what ${who.name} gets back`,
        () => order(who, orderId),
        (o) => o.refunds[0]?.state === "SUCCESS",
      );
      expect(end.refunds).toMatchObject([{ cause, refundFen }]);
    }
    expect(await order(li!, first.orderId)).toMatchObject({ seat: "CONFIRMED", payableFen: 1104, refunds: [] });
    expect(await team(teamId)).toMatchObject({ quantity: { units: 6, unitFen: 799 } });
  }

  /** 9.99 × 0.8 is 7.99. Of two communities below the minimum one is completed, twice at once; then the campaign is cancelled. */
  async function* isCompletedThenCancelled([li, wang, zhang]: Neighbour[], campaignId: string): Story {
    const [one, other] = (await teamsOf(li!, campaignId)) as [string, string];
    const seats: Seat[] = [];
    for (const [who, teamId, units] of [
      [li!, one, 2],
      [wang!, one, 1],
      [zhang!, other, 2],
    ] as const) {
      const seat: Seat = await made(join(who, teamId, { units }));
      expect(seat.payableFen).toBe(799 * units);
      yield* pay(who, seat);
      seats.push(seat);
    }
    const complete = () => day.ops.post(`/ops/v1/teams/${one}/subsidised-completion`, { reason: "首团扶持" });
    const answers = await Promise.all([complete(), complete()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    await steer(campaignId, "cancellation");
    const end = yield* until(
      "the refund of the cancelled batch",
      () => order(zhang!, seats[2]!.orderId),
      (o) => o.seat === "REFUNDED",
    );
    expect(end.refunds).toMatchObject([{ cause: "team_failed", refundFen: 1598, state: "SUCCESS" }]);
    expect(await team(other)).toMatchObject({ state: "FAILED", outcome: "ops" });
    expect(await team(one)).toMatchObject({ outcome: "subsidised", paid: 2, subsidisedUnits: 7, subsidyFen: 600 });
    for (const [i, amountFen] of [400, 200].entries()) {
      const { orderId } = seats[i]!;
      const booked = yield* until(
        "what the platform bears",
        () => made(day.ops.get(`/ops/v1/orders/${orderId}/money`)),
        ({ transfers }) => transfers.some(({ kind }: { kind: string }) => kind === "subsidy"),
      );
      const lines = booked.transfers.filter(({ kind }: { kind: string }) => kind === "subsidy");
      expect(lines).toMatchObject([{ amountFen, debit: "platform:subsidy" }]);
      expect(await order([li!, wang!][i]!, orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [] });
    }
  }

  /** Below the floor nothing is published, whoever asks how often; the batch that keeps it fails at its cut-off for want of a unit. */
  async function* keepsTheFloor([li, wang]: Neighbour[], campaignId: string, below: string): Story {
    const refused = await day.ops.post(`/ops/v1/campaigns/${below}/publication`);
    expect(refusal(refused)).toMatchObject({ status: 422, code: "CAMPAIGN_RULE" });
    expect(refused.body.errors[0].message).toContain("551 fen is below the margin floor of 552 fen");
    const [teamId] = (await teamsOf(li!, campaignId)) as [string];
    const paid: Seat = await made(join(li!, teamId, { units: 3 }));
    yield* pay(li!, paid);
    const held: Seat = await made(join(wang!, teamId));
    const end = yield* until(
      "the refund of the failed batch",
      () => order(li!, paid.orderId),
      (o) => o.seat === "REFUNDED",
    );
    expect(end.refunds).toMatchObject([{ cause: "team_failed", refundFen: 2400, state: "SUCCESS" }]);
    expect(await team(teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", quantity: { units: 3 } });
    expect(await order(wang!, held.orderId)).toMatchObject({ seat: "RELEASED" });
  }

  test("teams fill, fail, dissolve and are cancelled; seats, leads and stores change; money comes late or not at all, goods come short; and nothing is left undone", async ({
    task,
  }) => {
    const names = (who: string, count: number) => Array.from({ length: count }, (_, i) => `${who}${i + 1}`);
    const cast = {
      fills: { tell: fills, who: await people(...names("李", 4)), with: { invitesRequired: 3 } },
      fails: { tell: fails, who: await people(...names("王", 3)), with: { invitesRequired: 3, durationMinutes: 40 } },
      races: { tell: racesForTheLastSeat, who: await people(...names("张", 14)), with: { invitesRequired: 2 } },
      leaves: { tell: passesTheLead, who: await people(...names("陈", 3)), with: { invitesRequired: 2 } },
      late: { tell: paysTooLate, who: await people(...names("赵", 3)), with: { invitesRequired: 1 } },
      abandoned: { tell: neverPays, who: await people(...names("周", 2)), with: {} },
      dissolved: { tell: dissolves, who: await people(...names("吴", 3)), with: { leaderLeaves: "dissolve" } },
      cancelled: { tell: isCancelled, who: await people(...names("郑", 4)), with: { invitesRequired: 1 } },
      soldOut: {
        tell: goesToTheNextStore,
        who: await people(...names("冯", 5)),
        with: { invitesRequired: 3, unitsPerStore: 2 },
      },
      again: { tell: asksOverAndOver, who: await people(...names("褚", 2)), with: { invitesRequired: 1 } },
      limited: { tell: wantsMoreThanAllowed, who: await people(...names("卫", 3)), with: { invitesRequired: 1 } },
      empty: { tell: waitsForTheTill, who: await people(...names("蒋", 2)), with: { invitesRequired: 3 } },
      pickup: { tell: fetchesAtTwoTills, who: await people(...names("孙", 2)), with: { invitesRequired: 1 } },
    };
    const stories: Record<string, Story> = {};
    for (const [name, { tell, who, with: terms }] of Object.entries(cast)) {
      const { campaignId } = await campaign({ unitsPerStore: 7, ...terms });
      stories[name] = tell(who, campaignId);
    }
    const buyers = await people(...names("韩", 3));
    const [near, far] = [await day.community([buyers[0]!, buyers[2]!]), await day.community([buyers[1]!])];
    const { campaignId } = await day.batch([near, far], {
      sourced: "to_order",
      minUnits: 2,
      at: { cutOff: 50 * minute, pickupFrom: 51 * minute },
    });
    stories.short = arrivesShort(buyers, campaignId);

    // articles of their own: the others' stock is given out
    const { articleId } = await day.newArticle({});
    const inTwoHours = { articleId, unitsPerStore: 10, at: { cutOff: 2 * hour, pickupFrom: 3 * hour } };
    const climbers = await people(...names("杨", 4));
    const ladder = await day.batch([await day.community(climbers)], {
      ...inTwoHours,
      perMemberLimit: 2,
      minUnits: 4,
      tiers: [
        { fromUnits: 4, unitFen: 899 },
        { fromUnits: 6, unitFen: 799 },
      ],
    });
    stories.climbs = reachesTheNextTier(climbers, ladder.campaignId, await day.coupon(climbers[0]!, 1_000));
    const few = await people(...names("朱", 3));
    const rounded = await day.batch([await day.community(few.slice(0, 2)), await day.community(few.slice(2))], {
      ...inTwoHours,
      articleId: (await day.newArticle({ priceFen: 999 })).articleId,
    });
    stories.completed = isCompletedThenCancelled(few, rounded.campaignId);
    const pair = await people(...names("秦", 2));
    const here = await day.community(pair);
    const short = await day.batch([here], { ...inTwoHours, minUnits: 4 });
    const below = await day.batch([here], { ...inTwoHours, minUnits: 4, shareBps: 5510, publish: false });
    stories.floor = keepsTheFloor(pair, short.campaignId, below.campaignId);
    try {
      await day.play(stories);
      await day.mend();
    } finally {
      task.meta.faults = day.faultsInjected();
      console.log(day.report());
    }
    await day.checkEverything();
  });
});
