import { expect, test } from "vitest";
import type { Deps } from "../../functions/runtime/deps.ts";
import { effect } from "../../functions/streams/effects.ts";
import {
  bookSubsidies,
  createCampaign,
  requestRefund,
  settleTeam,
  subsidiseTeam,
  type Team,
} from "../../shared/groupbuy/index.ts";
import { makeEvent } from "../../shared/kernel/event.ts";
import { providerNumber } from "../../shared/kernel/ids.ts";
import { day, dayOf, hour, minute, second } from "../../shared/kernel/time.ts";
import type { Order } from "../../shared/order/index.ts";
import type { PaymentChannel } from "../../shared/payment/index.ts";
import { allotments, articles, campaigns, communities, orders, teams, transfersOf } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

/** Orders of each batch, the most that a community may place. */
const SEATS = Number(process.env.BATCH_SEATS ?? 10_000);
/** Of so many seats that are owed a refund one is followed to its end; all are begun. */
const FOLLOWED = 50;
const AT_ONCE = 20;

const { table, env, clock } = await openTestTable();
const refunded = new Map<string, number>();
const channel = {
  refund: async ({ refundNo, paymentNo, refundFen, totalFen }) => {
    refunded.set(refundNo, refundFen);
    const refund = { refundNo, paymentNo, refundFen, totalFen, channelRefundId: refundNo, successTime: clock.now() };
    return { kind: "refund", refund: { ...refund, status: "SUCCESS" } };
  },
} as Partial<PaymentChannel> as PaymentChannel;
const begun = new Map<string, string>();
const workflows = { startRefund: async (orderId: string, refundId: string) => void begun.set(orderId, refundId) };
const deps = { table, env, channel, workflows } as unknown as Deps;
const once = () => [];

const createdAt = clock.now();
const storeId = env.ids.next("ST");
const articleId = env.ids.next("AR");
const communityId = env.ids.next("CM");
await table.commit([
  articles.create({
    articleId,
    name: "青菜",
    category: "蔬菜",
    sale: { by: "piece" },
    unit: "500g",
    priceFen: 1000,
    costFen: 500,
    perishable: true,
    retired: false,
    createdAt,
  }),
  communities.create({ communityId, storeId, name: "淮海坊", kind: "neighbourhood", createdAt }),
]);

/** A batch whose cut-off is an hour away, with `SEATS` paid orders of one or two units, written as the payments left them. */
async function fullBatch(more: {
  minUnits: number;
  casePack?: number;
  tiers: { fromUnits: number; unitFen: number }[];
}) {
  const cutOff = clock.now() + hour;
  const { campaignId } = await createCampaign(deps, {
    draft: {
      kind: "ladder",
      name: "有机青菜社区团",
      articleId,
      communityIds: [communityId],
      holdMs: 15 * minute,
      perMemberLimit: 99,
      opensAt: clock.now(),
      hardEnd: cutOff,
      pickupFrom: cutOff + day,
      pickupUntil: cutOff + 3 * day,
      seats: SEATS,
      sourced: "stock",
      ...more,
    },
    staffId: "story",
    once,
  });
  const campaign = (await table.load(campaigns, { campaignId }))!;
  const {
    createdAt: _at,
    state: _state,
    communityIds: _ids,
    kind,
    opensAt: _opens,
    closesAt: _closes,
    ...terms
  } = campaign;
  const teamId = env.ids.next("TM");
  const units = (i: number) => 1 + (i % 2);
  const unitFen = more.tiers[0]!.unitFen;
  const seats = Array.from({ length: SEATS }, (_, i): Order => {
    const orderId = env.ids.next("OR");
    const wanted = units(i);
    return {
      orderId,
      memberId: env.ids.next("MB"),
      storeId,
      campaignId,
      teamId,
      day: dayOf(clock.now()),
      seat: "PAID",
      stage: "PLACED",
      shipping: "NONE",
      paymentNo: providerNumber(orderId, 1),
      attempt: 1,
      paymentState: "SUCCESS",
      disposition: "SEATED",
      payableFen: wanted * unitFen,
      paidAt: clock.now() + Math.floor(i / 3) * second,
      lines: [{ articleId, name: "青菜", units: wanted, aloneFen: 1000, unitFen, amountFen: wanted * unitFen }],
      units: wanted,
      wantedUnits: wanted,
      upToUnits: wanted,
      createdAt: clock.now(),
      holdUntil: clock.now() + 15 * minute,
      firstOrder: false,
      routed: { by: "community", method: "great_circle", cell: "wtw3sj", distanceM: 0, passed: [] },
      origin: { channel: "batch" },
      pickupFrom: cutOff + day,
      pickupUntil: cutOff + 3 * day,
    };
  });
  const paidUnits = seats.reduce((sum, seat) => sum + seat.units, 0);
  const team: Team = {
    teamId,
    campaignId,
    state: "FORMING",
    size: SEATS,
    held: 0,
    paid: SEATS,
    free: 0,
    paidUnits,
    storeId,
    communityId,
    openedAt: clock.now(),
    deadline: cutOff,
    terms,
    origin: { channel: "batch" },
  };
  const opened = { state: "OPEN" as const, units: paidUnits, left: 0 };
  await table.commit([teams.create(team), allotments.create({ campaignId, storeId, articleId, ...opened })]);
  for (let start = 0; start < SEATS; start += 1_000)
    await Promise.all(
      Array.from({ length: 20 }, (_, part) => seats.slice(start + part * 50, start + (part + 1) * 50))
        .filter((some) => some.length > 0)
        .map((some) => table.commit(some.map((seat) => orders.create(seat)))),
    );
  return { campaignId, teamId, seats, paidUnits, settleAt: cutOff + 3 * minute, kind };
}

/** How long something took, told at the end of the run. */
async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const answer = await work();
  console.log(`${SEATS} seats, ${what}: ${Math.round(performance.now() - from)} ms`);
  return answer;
}
const told = async (teamId: string, type: string, more: Record<string, string | number> = {}) => {
  const team = (await table.load(teams, { teamId }))!;
  const data = { teamId, kind: "ladder", size: team.paid, paid: team.paid, ...more };
  return effect(deps, makeEvent(env, { type, actor: { kind: "system" }, data }));
};
const subsidyFen = async ({ orderId }: Order): Promise<number> => {
  const { items } = await table.page(transfersOf(orderId), { limit: 10 });
  return items.filter(({ kind }) => kind === "subsidy").reduce((sum, { amountFen }) => sum + amountFen, 0);
};
async function eachOf<T>(list: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < list.length; start += AT_ONCE)
    await Promise.all(list.slice(start, start + AT_ONCE).map(work));
}
/** Follows some of what was begun, and holds every fen that went back against what was owed: `backFen` of a seat. */
async function followed(seats: readonly Order[], backFen: (seat: Order) => number): Promise<void> {
  const some = seats.filter((_, i) => i % FOLLOWED === 0);
  refunded.clear();
  await timed(`one refund in ${FOLLOWED} of them to its end`, () =>
    eachOf(some, ({ orderId }) => requestRefund(deps, { orderId, refundId: begun.get(orderId)!, round: 0 })),
  );
  expect([...refunded.values()].reduce((sum, fen) => sum + fen, 0)).toBe(
    some.reduce((sum, seat) => sum + backFen(seat), 0),
  );
}

test("a ladder of ten thousand orders is frozen at its last tier by one write, and a refund begins for each", async () => {
  const batch = await fullBatch({
    minUnits: 10,
    tiers: [
      { fromUnits: 10, unitFen: 900 },
      { fromUnits: SEATS, unitFen: 750 },
    ],
  });
  clock.set(batch.settleAt);
  expect(await timed("the end of a ladder", () => settleTeam(deps, batch.teamId))).toMatchObject({
    state: "SUCCEEDED",
  });
  expect((await table.load(teams, batch))?.frozen).toEqual({ units: batch.paidUnits, unitFen: 750 });
  begun.clear();
  await timed("the beginning of every refund", () => told(batch.teamId, "team.succeeded", { outcome: "natural" }));
  expect(begun.size).toBe(SEATS);
  await followed(batch.seats, ({ units }) => units * 150);
});

test("a batch of ten thousand orders fails by one write, and everybody's refund begins", async () => {
  const batch = await fullBatch({ minUnits: 3 * SEATS, tiers: [{ fromUnits: 3 * SEATS, unitFen: 800 }] });
  clock.set(batch.settleAt);
  expect(await timed("the failing of a batch", () => settleTeam(deps, batch.teamId))).toMatchObject({
    state: "FAILED",
  });
  begun.clear();
  await timed("the beginning of every refund", () => told(batch.teamId, "team.failed"));
  expect(begun.size).toBe(SEATS);
  await followed(batch.seats, ({ payableFen }) => payableFen);
});

test("a batch of ten thousand orders is completed by one write; its subsidies are booked once each, however often it breaks off", async () => {
  const casePack = 11;
  const minUnits = 3 * SEATS - ((3 * SEATS) % casePack);
  const batch = await fullBatch({ minUnits, casePack, tiers: [{ fromUnits: minUnits, unitFen: 800 }] });
  const { teamId } = batch;
  const input = { teamId, reason: "首团扶持", staffId: "story", once };
  const team = await timed("the completion of a batch", () => subsidiseTeam(deps, input));
  // the units of the last case that is not whole are not bought
  const bought = batch.paidUnits - (batch.paidUnits % casePack);
  expect(bought).toBeLessThan(batch.paidUnits);
  expect(team).toMatchObject({ state: "SUCCEEDED", outcome: "subsidised", subsidyFen: bought * 200 });
  expect((await table.load(campaigns, batch))?.subsidySpentFen).toBe(bought * 200);

  // each commit takes a second of the clock, so that a run ends after a few pages, and two run at a time; the first time through
  // the index does not show a seat yet
  const commit: typeof table.commit = async (writes) => {
    clock.advance(second);
    return table.commit(writes);
  };
  let behind = 2;
  const page: typeof table.page = async (query, how) => {
    const found = await table.page(query, how);
    if (behind === 0) return found;
    behind -= 1;
    return { ...found, items: found.items.slice(1) };
  };
  const slow = { env, table: { ...table, commit, page } };
  let runs = 0;
  const booked = () => bookSubsidies(slow, teamId, clock.now() + 20 * second);
  await timed("the booking of every subsidy", async () => {
    for (let done = false; !done; runs += 2) {
      expect(runs).toBeLessThan(SEATS);
      done = (await Promise.all([booked(), booked()])).includes(true);
    }
  });
  expect(runs).toBeGreaterThan(2);
  expect((await table.load(teams, { teamId }))?.subsidyBooking).toBeUndefined();
  expect(await bookSubsidies(deps, teamId, clock.now() + minute)).toBe(true);
  let sum = 0;
  await eachOf(batch.seats, async (seat) => {
    const fen = await subsidyFen(seat);
    expect(fen).toBeLessThanOrEqual(seat.units * 200);
    sum += fen;
  });
  expect(sum).toBe(bought * 200);
});
