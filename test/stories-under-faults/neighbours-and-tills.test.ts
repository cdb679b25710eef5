import { describe, expect, test } from "vitest";
import { faultLevels } from "../../local/faults.ts";
import { type Neighbour, refusal, type Seat } from "../stories/world.ts";
import { openBadDay, type Story } from "./bad-day.ts";

/** Another day: `FAULT_SEEDS=3,4 FAULT_LEVEL=storm npx vitest run test/stories-under-faults`. */
const seeds = (process.env.FAULT_SEEDS ?? "11,2026").split(",").map(Number);
const level = faultLevels.find((one) => one === process.env.FAULT_LEVEL) ?? "swarm";

describe.each(seeds)("on a bad day (seed %i)", async (seed) => {
  const day = await openBadDay(seed, level);
  const { people, campaign, join, made, order, team, until, pay, lead, joinAndPay, local } = day;
  const { minute } = day.times;
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

  test("teams fill and fail, seats and leads change hands, money comes late, one till hands over; and nothing is left undone", async () => {
    const names = (who: string, count: number) => Array.from({ length: count }, (_, i) => `${who}${i + 1}`);
    const cast = {
      fills: { tell: fills, who: await people(...names("李", 4)), with: { invitesRequired: 3 } },
      fails: { tell: fails, who: await people(...names("王", 3)), with: { invitesRequired: 3, durationMinutes: 40 } },
      races: { tell: racesForTheLastSeat, who: await people(...names("张", 14)), with: { invitesRequired: 2 } },
      leaves: { tell: passesTheLead, who: await people(...names("陈", 3)), with: { invitesRequired: 2 } },
      late: { tell: paysTooLate, who: await people(...names("赵", 3)), with: { invitesRequired: 1 } },
      pickup: { tell: fetchesAtTwoTills, who: await people(...names("孙", 2)), with: { invitesRequired: 1 } },
    };
    const stories: Record<string, Story> = {};
    for (const [name, { tell, who, with: terms }] of Object.entries(cast)) {
      const { campaignId } = await campaign({ unitsPerStore: 10, ...terms });
      stories[name] = tell(who, campaignId);
    }
    try {
      await day.play(stories);
      await day.mend();
    } finally {
      console.log(day.report());
    }
    await day.checkEverything();
  });
});
