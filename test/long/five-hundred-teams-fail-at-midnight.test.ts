import { expect, test } from "vitest";
import { startOfDay } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld, type Seat } from "../stories/world.ts";

/** Teams that fail at one midnight, each with its leader's payment. */
const TEAMS = Number(process.env.MIDNIGHT_TEAMS ?? 500);
/** WeChat Pay takes so many refund calls of a merchant in a second, and so many where it refuses them. */
const MOST_A_SECOND = 150;
const MOST_REFUSED_A_SECOND = 6;
const AT_ONCE = 10;

const world = await openWorld({ unitsPerStore: 20_000, concurrency: { default: 4 } });
const { made, neighbour, campaign, open, pass, passTo, recount, clock, local, unfinished } = world;
const { minute, hour, day } = world.times;

/** Does it for each, a few at a time. */
async function each<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...list];
  const lane = async () => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}
const asked = () => world.lines.filter((line) => line.includes("POST /v3/refund/domestic/refunds")).length;
const refundsOfBook = async (): Promise<{ createdAt: number; status: string }[]> =>
  (await local("wechat/book")).refunds;

test(`${TEAMS} teams fail at one midnight with an empty merchant account: the channel's rates are kept, and once it is topped up each is refunded, once`, async () => {
  const midnight = startOfDay(clock.now()) + 2 * day;
  const campaigns: string[] = [];
  const until = midnight - clock.now();
  for (let i = 0; i < TEAMS; i += 500)
    campaigns.push(
      (
        await campaign({
          durationMinutes: 72 * 60,
          unitsPerStore: 1_000,
          at: { closesAt: until - hour, hardEnd: until, pickupUntil: until + 3 * day },
        })
      ).campaignId,
    );
  const seats: Seat[] = [];
  await each(
    Array.from({ length: TEAMS }, (_, i) => i),
    async (i) => {
      const who: Neighbour = await neighbour(`午夜${i}`);
      const seat: Seat = await made(open(who, campaigns[i % campaigns.length]!));
      const { paymentNo } = await made(who.post(`/v1/orders/${seat.orderId}/payment`));
      await local("wechat/pay", { paymentNo });
      seats.push(seat);
    },
  );
  await world.platform.idle(120_000);
  const formed = ((await world.rows()).get("Team") ?? []) as { state: string; deadline: number }[];
  expect(formed.filter(({ state, deadline }) => state === "FORMING" && deadline === midnight)).toHaveLength(TEAMS);

  await local("wechat/refund-plan", { default: true, outcome: "not-enough" });
  await passTo(midnight);
  const began = clock.now();
  // the grace, then a few minutes in which everything is refused
  for (let i = 0; i < 10; i++) {
    await pass(minute);
    await world.platform.idle(120_000);
  }
  const refused = asked();
  const seconds = (clock.now() - began) / 1_000;
  expect(refused).toBeGreaterThan(0);
  expect(refused / seconds).toBeLessThanOrEqual(MOST_REFUSED_A_SECOND);
  expect(await refundsOfBook()).toEqual([]);

  await local("wechat/top-up", {});
  let left = TEAMS;
  for (let round = 0; round < 60 && left > 0; round++) {
    await pass(10 * minute);
    await world.platform.idle(300_000);
    left = TEAMS - (await refundsOfBook()).filter(({ status }) => status === "SUCCESS").length;
  }
  const done = await refundsOfBook();
  expect(done.map(({ status }) => status)).toEqual(Array.from({ length: TEAMS }, () => "SUCCESS"));
  const aSecond = Map.groupBy(done, ({ createdAt }) => Math.floor(createdAt / 1_000));
  const most = Math.max(...Array.from(aSecond.values(), (some) => some.length));
  expect(most).toBeLessThanOrEqual(MOST_A_SECOND);
  await pass(day);
  await world.platform.idle(300_000);
  expect(await unfinished()).toEqual([]);
  await recount();
  process.stdout.write(
    `midnight: ${TEAMS} teams, ${refused} refund calls in ${Math.round(seconds)} s while refused, ${asked() - refused} afterwards, at most ${most} a second\n`,
  );
});
