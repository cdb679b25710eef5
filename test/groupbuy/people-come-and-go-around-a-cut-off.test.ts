import fc from "fast-check";
import { expect, test } from "vitest";
import {
  allotUnits,
  arrivalRefundId,
  batchTeamId,
  createCampaign,
  joinTeam,
  leaveTeam,
  publishCampaign,
  requestRefund,
  runCampaign,
  settlePayment,
  settleTeam,
} from "../../shared/groupbuy/index.ts";
import { receiveArrival } from "../../shared/groupbuy/work.ts";
import { siblingId } from "../../shared/kernel/ids.ts";
import { day, hour, minute, second } from "../../shared/kernel/time.ts";
import type { ChannelRefund, PaidTransaction, PaymentChannel } from "../../shared/payment/index.ts";
import {
  allotments,
  articles,
  communities,
  members,
  memberships,
  orders,
  stocks,
  stores,
  teams,
  transfersOf,
} from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

const { table, env, clock } = await openTestTable();
const UNITS = 200;
const tiers = [
  { fromUnits: 4, unitFen: 900 },
  { fromUnits: 8, unitFen: 800 },
  { fromUnits: 16, unitFen: 650 },
];
const HOW_MANY = 14;
const once = () => [];
const staffId = "story";

// The channel as far as a batch needs it: what was paid when, what was closed, and what went back.
const paid = new Map<string, PaidTransaction>();
const closed = new Set<string>();
const refunded = new Map<string, ChannelRefund>();
const channel: PaymentChannel = {
  prepay: async ({ paymentNo }) => ({ kind: "ok", prepayId: paymentNo }),
  payParameters: () => ({ timeStamp: "", nonceStr: "", package: "", signType: "RSA", paySign: "" }),
  query: async (paymentNo) => {
    const base = { paymentNo, mchid: "m", appid: "a" };
    const transaction = paid.get(paymentNo) ?? { ...base, state: closed.has(paymentNo) ? "CLOSED" : "NOTPAY" };
    return { kind: "transaction", transaction };
  },
  close: async (paymentNo) => {
    closed.add(paymentNo);
    return { kind: "closed" };
  },
  refund: async ({ refundNo, paymentNo, refundFen, totalFen }) => {
    const refund = refunded.get(refundNo) ?? {
      refundNo,
      paymentNo,
      channelRefundId: refundNo,
      status: "SUCCESS" as const,
      successTime: clock.now(),
      refundFen,
      totalFen,
    };
    refunded.set(refundNo, refund);
    return { kind: "refund", refund };
  },
  queryRefund: async (refundNo) => {
    const refund = refunded.get(refundNo);
    return refund ? { kind: "refund", refund } : { kind: "absent" };
  },
  readNotification: () => Promise.reject(new Error("no notification comes this way")),
};
const planner = { matrix: async () => undefined };
const deps = {
  table,
  env,
  channel,
  planner,
  geocoder: { geocode: async () => undefined },
  blindIndex: (text: string) => text,
};

const storeId = env.ids.next("ST");
const articleId = env.ids.next("AR");
const communityId = env.ids.next("CM");
const people = Array.from({ length: HOW_MANY }, () => env.ids.next("MB"));
const createdAt = clock.now();
await table.commit([
  stores.create({
    storeId,
    name: "鲜邻1号店",
    address: "人民大道1号",
    wgs84: { lat: 31.23, lng: 121.47, datum: "wgs84" },
    radiusM: 3000,
    hours: Array.from({ length: 7 }, (_, weekday) => ({ weekday, opens: 0, closes: 1440 })),
    suspended: false,
    createdAt,
  }),
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
  stocks.create({ storeId, articleId, online: 100 * UNITS }),
  communities.create({ communityId, storeId, name: "淮海坊", kind: "neighbourhood", createdAt }),
  ...people.flatMap((memberId) => [
    members.create({ memberId, openid: memberId, dataKey: "k", joinedAt: createdAt }),
    memberships.create({ communityId, memberId, role: "member", joinedAt: createdAt }),
  ]),
]);

/**
 * told: paid, and heard of at once. late: paid in time, heard of only by asking at the cut-off. tooLate: paid at the cut-off's
 * second. raced: given up unpaid and closed, yet paid in time, which is told at the moment of settling: a seat or a refund.
 * never: not paid. Minutes are before the cut-off.
 */
const visits = fc.array(
  fc.record({
    wanted: fc.integer({ min: 1, max: 3 }),
    more: fc.nat(2),
    minutes: fc.integer({ min: 3, max: 40 }),
    pays: fc.constantFrom("told", "told", "told", "late", "raced", "tooLate", "never"),
    leavesAfter: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined, freq: 3 }),
  }),
  { minLength: 1, maxLength: HOW_MANY },
);
/** What comes of goods that are bought at the cut-off, lot by lot; absent: they are in stock. */
const arrivals = fc.option(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }), { nil: undefined, freq: 2 });
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** What each paying seat should get: unit by unit, without the rule under test. Seats in the order of payment. */
function expectedUnits(seats: readonly { wanted: number; upTo: number }[], casePack: number): number[] {
  const got = seats.map((seat) => seat.wanted);
  const spare = seats.flatMap((seat, i) => Array.from({ length: seat.upTo - seat.wanted }, () => i));
  const missing = (casePack - (sum(got) % casePack)) % casePack;
  if (spare.length >= missing) for (const i of spare.slice(0, missing)) got[i]! += 1;
  else while (sum(got) % casePack > 0) got[got.findLastIndex((units) => units > 0)]! -= 1;
  return got;
}

/**
 * Has the goods of a batch ordered and received, each step twice at the same time where it may come twice; answers what each of
 * `units`, in the order of payment, gets of what came.
 */
async function receive(campaignId: string, comes: readonly number[], units: readonly number[]): Promise<number[]> {
  expect(await Promise.all([1, 2].map(() => runCampaign(deps, campaignId, clock.now() + hour)))).toEqual([true, true]);
  const arrival = { by: staffId, campaignId, storeId, rejected: 0, last: false, once };
  const last = { ...arrival, units: 0, last: true };
  if (sum(units) === 0) {
    await expect(receiveArrival(deps, last)).rejects.toMatchObject({ code: "PURCHASE_NOT_FOUND" });
    return [];
  }
  await Promise.all(comes.map((came) => receiveArrival(deps, { ...arrival, units: came })));
  const ends = await Promise.allSettled([receiveArrival(deps, last), receiveArrival(deps, last)]);
  const [line] = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  let left = sum(comes);
  expect(line).toMatchObject({ units: sum(units), good: left, surplus: Math.max(0, left - sum(units)) });
  return units.map((sold) => {
    const got = Math.min(sold, left);
    left -= got;
    return got;
  });
}

async function aBatch(
  casePack: number | undefined,
  sourced: "stock" | "to_order",
): Promise<{ campaignId: string; teamId: string; cutOff: number }> {
  const now = clock.now();
  const cutOff = now + hour;
  const { campaignId } = await createCampaign(deps, {
    staffId,
    once,
    draft: {
      kind: "ladder",
      name: "青菜",
      articleId,
      holdMs: 15 * minute,
      perMemberLimit: 9,
      opensAt: now,
      hardEnd: cutOff,
      pickupFrom: cutOff,
      pickupUntil: cutOff + day,
      communityIds: [communityId],
      minUnits: 4,
      seats: 50,
      sourced,
      tiers,
      casePack,
    },
  });
  await allotUnits(deps, { campaignId, staffId, once, allotments: [{ storeId, units: UNITS }] });
  await publishCampaign(deps, { campaignId, staffId, once });
  expect(await runCampaign(deps, campaignId, now + hour)).toBe(true);
  return { campaignId, teamId: batchTeamId(campaignId, communityId), cutOff };
}

test("whoever comes, goes, pays late or never around a cut-off: one price, whole cases, what comes by payment time, every fen and unit accounted for", async () => {
  await fc.assert(
    fc.asyncProperty(visits, fc.constantFrom(undefined, 4, 2), arrivals, async (visitors, casePack, comes) => {
      const { campaignId, teamId, cutOff } = await aBatch(casePack, comes ? "to_order" : "stock");
      const came = visitors.map((visit, i) => ({
        ...visit,
        memberId: people[i]!,
        upTo: visit.wanted + (casePack === undefined ? 0 : visit.more),
        orderId: "",
        paidAt: 0,
        stays: ["told", "late"].includes(visit.pays),
      }));
      const told = (one: (typeof came)[number], successTime: number) => {
        const paymentNo = `${one.orderId}01`;
        const transaction: PaidTransaction = {
          paymentNo,
          mchid: "m",
          appid: "a",
          state: "SUCCESS",
          transactionId: paymentNo,
          successTime,
          totalFen: one.upTo * tiers[0]!.unitFen,
          currency: "CNY",
          openid: one.memberId,
        };
        paid.set(paymentNo, transaction);
        return transaction;
      };
      const moments = came.flatMap((one) => {
        const at = cutOff - one.minutes * minute;
        const leavesAt = at + (one.leavesAfter ?? 0) * minute;
        return [
          {
            at,
            run: async () => {
              const { order } = await joinTeam(deps, {
                teamId,
                memberId: one.memberId,
                units: one.wanted,
                ...(casePack !== undefined && { upToUnits: one.upTo }),
                fulfilment: "pickup",
                once,
              });
              one.orderId = order.orderId;
              if (one.pays === "never") return;
              one.paidAt = one.pays === "tooLate" ? cutOff : clock.now() + second;
              if (one.pays === "raced") await leaveTeam(deps, { orderId: one.orderId, once });
              const transaction = told(one, one.paidAt);
              if (one.pays === "told") expect(await settlePayment(deps, transaction)).toBe("seated");
            },
          },
          {
            at: leavesAt,
            run: async () => {
              if (one.leavesAfter === undefined || one.pays !== "told") return;
              if (leavesAt < cutOff) one.stays = false;
              const leaving = leaveTeam(deps, { orderId: one.orderId, once });
              if (leavesAt < cutOff) await leaving;
              else await expect(leaving).rejects.toMatchObject({ code: "LEAVE_CLOSED" });
            },
          },
        ];
      });
      for (const { at, run } of moments.sort((a, b) => a.at - b.at)) {
        clock.set(at);
        await run();
      }
      clock.set(Math.max(clock.now(), cutOff + 4 * minute));
      const raced = came.filter((one) => one.pays === "raced");
      await Promise.all([
        settleTeam(deps, teamId),
        ...raced.map((one) => settlePayment(deps, paid.get(`${one.orderId}01`)!)),
        settleTeam(deps, teamId),
      ]);
      await settleTeam(deps, teamId); // as the machine does, where the first found it undecided
      for (const one of raced)
        one.stays = (await table.load(orders, { orderId: one.orderId }))?.disposition === "SEATED";
      const refundsAsked = async (refundIdOf: (orderId: string) => string) => {
        for (const { orderId } of came) {
          const asked = { orderId, refundId: refundIdOf(orderId), round: 0 };
          await Promise.all([requestRefund(deps, asked), requestRefund(deps, asked)]);
        }
      };
      const ofTeamsEnd = (orderId: string) => siblingId("RF", orderId);
      if (!comes) await refundsAsked(ofTeamsEnd);

      const stayed = came
        .filter((one) => one.stays)
        .sort((a, b) => a.paidAt - b.paidAt || (a.orderId < b.orderId ? -1 : 1));
      const quantity = sum(stayed.map((one) => one.wanted));
      const succeeded = quantity >= tiers[0]!.fromUnits;
      const unitFen = Math.min(...tiers.filter((tier) => tier.fromUnits <= quantity).map((tier) => tier.unitFen));
      const team = await table.load(teams, { teamId });
      expect(team).toMatchObject({
        state: succeeded ? "SUCCEEDED" : "FAILED",
        held: 0,
        paid: stayed.length,
        free: 50 - stayed.length,
        paidUnits: quantity,
        ...(succeeded && { frozen: { units: quantity, unitFen } }),
      });
      const sold = succeeded ? expectedUnits(stayed, casePack ?? 1) : stayed.map(() => 0);
      const units = comes ? await receive(campaignId, comes, sold) : sold;
      if (comes) {
        // what did not come is begun first: the difference must not be lost, nor come twice
        await refundsAsked((orderId) => arrivalRefundId({ orderId, campaignId }));
        await refundsAsked(ofTeamsEnd);
      }
      for (const one of came) {
        const got = units[stayed.indexOf(one)] ?? 0;
        const order = await table.load(orders, { orderId: one.orderId });
        const keptFen = got > 0 ? got * unitFen : 0;
        const capturedFen = one.pays === "never" ? 0 : one.upTo * tiers[0]!.unitFen;
        const backFen = sum(
          [...refunded.values()].filter((r) => r.paymentNo === order!.paymentNo).map((r) => r.refundFen),
        );
        const lines = await table.page(transfersOf(one.orderId), { limit: 20 });
        const balanceFen = sum(lines.items.map((t) => (t.credit.startsWith("order:") ? t.amountFen : -t.amountFen)));
        expect({ ...one, backFen, balanceFen }).toEqual({
          ...one,
          backFen: capturedFen - keptFen,
          balanceFen: keptFen,
        });
        if (got > 0) {
          expect(order).toMatchObject({
            seat: "PAID",
            units: got,
            lines: [{ units: got, unitFen, amountFen: keptFen }],
          });
          expect(order!.paymentState).toBe(backFen > 0 ? "PARTIALLY_REFUNDED" : "SUCCESS");
        } else expect(["REFUNDED", "RELEASED"]).toContain(order!.seat);
      }
      const allotment = await table.load(allotments, { campaignId, storeId, articleId });
      expect(allotment!.left).toBe(comes ? 0 : UNITS - sum(units));
    }),
    { numRuns: 12 },
  );
});
