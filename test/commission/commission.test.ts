import fc from "fast-check";
import { expect, test } from "vitest";
import {
  accountOf,
  accrueCommissions,
  awaitRelease,
  readAccount,
  releaseCommissions,
  takeBack,
} from "../../shared/commission/index.ts";
import type { Team } from "../../shared/groupbuy/index.ts";
import { providerNumber } from "../../shared/kernel/ids.ts";
import { shareOf } from "../../shared/kernel/money.ts";
import { day, hour } from "../../shared/kernel/time.ts";
import type { Order } from "../../shared/order/index.ts";
import type { ChannelShare, ChannelTransfer } from "../../shared/payment/index.ts";
import {
  bringPayout,
  bringShare,
  type PayoutChannel,
  type ProfitSharing,
  shareOut,
} from "../../shared/payout/index.ts";
import { chooseWay, requestPayout } from "../../shared/payout/work.ts";
import {
  commissionProgrammes,
  commissionsOfOrder,
  communities,
  dues,
  members,
  OUTBOX_BUCKETS,
  orders,
  outboxOf,
  payoutsOf,
  profitShares,
  teams,
  transfersOfParty,
} from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();

/** The channel as a map: each number is transferred once, and ends as it is told. */
const book = new Map<string, ChannelTransfer>();
const channel: PayoutChannel = {
  transfer: async ({ payoutNo, amountFen }) => {
    const known = book.get(payoutNo) ?? {
      payoutNo,
      channelTransferId: `C${payoutNo}`,
      state: "WAIT_USER_CONFIRM" as const,
      amountFen,
      packageInfo: "p",
      updatedAt: clock.now(),
    };
    book.set(payoutNo, known);
    return { kind: "transfer", transfer: known };
  },
  queryTransfer: async (payoutNo) => {
    const transfer = book.get(payoutNo);
    return transfer ? { kind: "transfer", transfer } : { kind: "absent" };
  },
};
/** Shares by their numbers; whether a receiver gets his part is decided when it is asked for. Every third answer is lost. */
const shared = new Map<string, ChannelShare>();
let asked = 0;
let receives: "SUCCESS" | "CLOSED" | "refused" = "SUCCESS";
const answered = (share: ChannelShare) =>
  ++asked % 3 === 0 ? { kind: "unknown" as const, reason: "lost" } : { kind: "share" as const, share };
const sharing: ProfitSharing = {
  addReceiver: async () =>
    receives === "refused" ? { kind: "refused", code: "NO_AUTH", message: "" } : { kind: "ok" },
  share: async ({ shareNo, transactionId, receivers }) => {
    const result = receives === "refused" ? "CLOSED" : receives;
    const known = shared.get(shareNo) ?? {
      shareNo,
      transactionId,
      state: "FINISHED",
      receivers: receivers.map((one) => ({ ...one, result })),
    };
    expect(known.receivers.map(({ amountFen }) => amountFen)).toEqual(receivers.map(({ amountFen }) => amountFen));
    shared.set(shareNo, known);
    return answered(known);
  },
  unfreeze: async ({ shareNo, transactionId }) => {
    const known = shared.get(shareNo) ?? { shareNo, transactionId, state: "FINISHED", receivers: [] };
    shared.set(shareNo, known);
    return answered(known);
  },
  queryShare: async ({ shareNo }) => {
    const share = shared.get(shareNo);
    return share ? answered(share) : { kind: "absent" };
  },
};
const vault = {
  seal: async () => {
    throw new Error("no name is asked for");
  },
  open: async () => {
    throw new Error("no name was given");
  },
};
const deps = { table, env, payouts: channel, sharing, vault };
const BPS = 700;
await table.commit([commissionProgrammes.create({ name: "commission", active: true, bps: { leader: BPS, koc: 0 } })]);

/** A team that filled by itself, of the community of a leader: an order a price. */
async function succeeded(
  leaderId: string,
  prices: number[],
  more: Partial<Order> = {},
): Promise<{ teamId: string; orderIds: string[] }> {
  const [communityId, teamId, storeId] = [env.ids.next("CM"), env.ids.next("TM"), env.ids.next("ST")];
  const now = clock.now();
  const paid = prices.map((payableFen) =>
    paidOrder(env, { teamId, storeId, payableFen, origin: { channel: "batch", communityId }, ...more }),
  );
  const team: Team = {
    teamId,
    campaignId: env.ids.next("CP"),
    state: "SUCCEEDED",
    outcome: "natural",
    size: Math.max(2, paid.length),
    paid: paid.length,
    held: 0,
    free: Math.max(2, paid.length) - paid.length,
    storeId,
    openedAt: now,
    terms: {
      name: "邻里团",
      articleId: env.ids.next("AR"),
      articleName: "青菜",
      perishable: true,
      invitesRequired: 3,
      aloneFen: 1_000,
      teamFen: 800,
      costFen: 500,
      durationMs: day,
      holdMs: hour,
      perMemberLimit: 1,
      admits: "anyone",
      leaderLeaves: "transfer",
      hardEnd: now,
      pickupFrom: now,
      pickupUntil: now + day,
    },
    origin: { channel: "mini" },
  };
  await table.commit([
    communities.create({
      communityId,
      storeId,
      name: "坊",
      kind: "neighbourhood",
      createdAt: now,
      leaders: [leaderId],
    }),
    teams.create(team),
    ...paid.map((order) => orders.create(order)),
  ]);
  return { teamId, orderIds: paid.map(({ orderId }) => orderId) };
}

async function leader(): Promise<string> {
  const memberId = env.ids.next("MB");
  await table.commit([members.create({ memberId, openid: memberId, dataKey: "none", joinedAt: clock.now() })]);
  return memberId;
}

/** A part of an order's payment goes back, as a refund's settlement writes it; at most what is left. */
async function refund(orderId: string, fen: number): Promise<void> {
  const order = (await table.load(orders, { orderId }))!;
  const refundedFen = Math.min(order.payableFen, (order.refundedFen ?? 0) + fen);
  await table.commit([orders.patch({ orderId }).set({ refundedFen })]);
}
const handOver = (orderId: string, at: number) =>
  table.commit([orders.patch({ orderId }).whenMissing("handedOverAt").set({ handedOverAt: at })]).catch(() => {});

async function withdraw(memberId: string, amountFen: number): Promise<boolean> {
  try {
    await requestPayout(deps, { memberId, amountFen, once: () => [] });
    return true;
  } catch (error) {
    expect((error as { code?: string }).code).toMatch(/PAYOUT_AMOUNT|TRY_AGAIN/);
    return false;
  }
}

/** A leader who has 700 fen available, of one order. */
async function released(): Promise<{ memberId: string; orderIds: string[] }> {
  const memberId = await leader();
  const { teamId, orderIds } = await succeeded(memberId, [10_000]);
  await accrueCommissions(deps, teamId, clock.now() + hour);
  await handOver(orderIds[0]!, clock.now());
  clock.advance(7 * day);
  await releaseCommissions(deps, orderIds[0]!);
  return { memberId, orderIds };
}

async function check(memberId: string, orderIds: readonly string[]): Promise<void> {
  const { frozenFen, availableFen, pendingFen, paidFen } = await readAccount(deps, memberId);
  let [left, frozen] = [0, 0];
  for (const orderId of orderIds) {
    const order = (await table.load(orders, { orderId }))!;
    const [one] = (await table.page(commissionsOfOrder(orderId), { limit: 5 })).items;
    const due = shareOf(order.payableFen - (order.refundedFen ?? 0), BPS);
    expect(one ? one.amountFen - one.returnedFen : 0).toBe(due);
    left += due;
    if (one?.state === "FROZEN") frozen += due;
  }
  const paid = (await table.page(payoutsOf(memberId), { limit: 50 })).items;
  const fen = (...states: string[]) =>
    paid.reduce((sum, one) => sum + (states.includes(one.state) ? one.amountFen : 0), 0);
  const parts = (
    await table.loadMany(
      profitShares,
      orderIds.map((orderId) => ({ orderId })),
    )
  ).flatMap(({ receivers }) => receivers);
  const part = (of: "PENDING" | "PAID") => parts.reduce((sum, one) => sum + (one.state === of ? one.amountFen : 0), 0);
  expect({ frozenFen, pendingFen, paidFen, availableFen }).toEqual({
    frozenFen: frozen,
    pendingFen: fen("REQUESTED", "UNKNOWN", "ACCEPTED") + part("PENDING"),
    paidFen: fen("PAID") + part("PAID"),
    availableFen: left - frozen - fen("REQUESTED", "UNKNOWN", "ACCEPTED", "PAID") - part("PENDING") - part("PAID"),
  });
  // what the channel gave is what the books say was given
  const numbers = new Set(orderIds.map((orderId) => providerNumber(orderId, 1)));
  const given = [...shared.values()]
    .filter(({ shareNo }) => numbers.has(shareNo))
    .flatMap(({ receivers }) => receivers)
    .reduce((sum, { result, amountFen }) => sum + (result === "SUCCESS" ? amountFen : 0), 0);
  expect(part("PAID")).toBe(given);
  const account = accountOf(memberId);
  const lines = (await table.page(transfersOfParty(account, "20"), { limit: 200 })).items;
  const owed = lines.reduce((sum, line) => sum + (line.credit === account ? line.amountFen : -line.amountFen), 0);
  expect(owed).toBe(frozenFen + availableFen + pendingFen);
}

test("whatever is refunded, collected, released, withdrawn, shared out and turned down, in any order and at once: what is owed is what was kept, to the fen", async () => {
  const step = fc.oneof(
    fc.record({ does: fc.constant("refund" as const), which: fc.nat(5), fen: fc.integer({ min: 1, max: 1_500 }) }),
    fc.record({ does: fc.constant("collect" as const), which: fc.nat(5) }),
    fc.record({ does: fc.constant("accrue" as const) }),
    fc.record({ does: fc.constant("pass" as const), days: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ does: fc.constant("withdraw" as const), fen: fc.integer({ min: 10, max: 200 }) }),
    fc.record({ does: fc.constant("end" as const), how: fc.constantFrom("SUCCESS" as const, "FAIL" as const) }),
    fc.record({ does: fc.constant("choose" as const), way: fc.constantFrom("transfer" as const, "sharing" as const) }),
    fc.record({ does: fc.constant("share" as const), ends: fc.constantFrom("SUCCESS", "CLOSED", "refused" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 10 }),
      async (prices, rounds) => {
        const memberId = await leader();
        const { teamId, orderIds } = await succeeded(memberId, prices, {
          profitSharing: true,
          transactionId: "T",
          shipping: "SETTLED",
        });
        await chooseWay(deps, { memberId, way: "sharing" });
        const later = () => clock.now() + hour;
        const release = async (orderId: string) => {
          if (
            (await releaseCommissions(deps, orderId)) === true &&
            (await table.load(orders, { orderId }))?.handedOverAt
          )
            await Promise.all([shareOut(deps, orderId), shareOut(deps, orderId)]);
        };
        const bring = (orderId: string) => Promise.all([bringShare(deps, orderId), bringShare(deps, orderId)]);
        const act = async (one: (typeof rounds)[number][number]): Promise<unknown> => {
          if (one.does === "accrue") return accrueCommissions(deps, teamId, later());
          if (one.does === "choose") return chooseWay(deps, { memberId, way: one.way });
          if (one.does === "share") {
            receives = one.ends;
            return Promise.all(orderIds.map(bring));
          }
          if (one.does === "withdraw") return withdraw(memberId, one.fen);
          if (one.does === "pass") return clock.advance(one.days * day);
          if (one.does === "end") {
            for (const { payoutId, payoutNo } of (await table.page(payoutsOf(memberId), { limit: 50 })).items) {
              await bringPayout(deps, payoutId);
              const known = book.get(payoutNo);
              if (known?.state === "WAIT_USER_CONFIRM") book.set(payoutNo, { ...known, state: one.how });
              await Promise.all([bringPayout(deps, payoutId), bringPayout(deps, payoutId)]);
            }
            return undefined;
          }
          const orderId = orderIds[one.which % orderIds.length]!;
          if (one.does === "collect") {
            await handOver(orderId, clock.now());
            return awaitRelease(deps, orderId);
          }
          await refund(orderId, one.fen);
          return Promise.all([takeBack(deps, orderId), takeBack(deps, orderId)]);
        };
        for (const round of rounds) {
          await Promise.all(round.map(act));
          await Promise.all(orderIds.map(release));
        }
        // what a crash or the index left open comes again
        await Promise.all([accrueCommissions(deps, teamId, later()), accrueCommissions(deps, teamId, later())]);
        for (const orderId of orderIds) await takeBack(deps, orderId);
        for (let look = 0; look < 4; look++) await Promise.all(orderIds.map(bring));
        await check(memberId, orderIds);
        expect(
          (
            await table.loadMany(
              profitShares,
              orderIds.map((orderId) => ({ orderId })),
            )
          ).map(({ state }) => state),
        ).toEqual(expect.not.arrayContaining(["REQUESTED", "ACCEPTED", "UNFREEZING"]));
      },
    ),
    { numRuns: 100, endOnFailure: true },
  );
}, 120_000);

test("what was paid out and then refunded is owed by the leader: nothing is paid out until later commissions make up for it", async () => {
  const memberId = await leader();
  const first = await succeeded(memberId, [10_000]);
  await accrueCommissions(deps, first.teamId, clock.now() + hour);
  await handOver(first.orderIds[0]!, clock.now());
  clock.advance(7 * day);
  await releaseCommissions(deps, first.orderIds[0]!);
  expect(await withdraw(memberId, 700)).toBe(true);
  const [asked] = (await table.page(payoutsOf(memberId), { limit: 1 })).items;
  await bringPayout(deps, asked!.payoutId);
  book.set(asked!.payoutNo, { ...book.get(asked!.payoutNo)!, state: "SUCCESS" });
  expect(await bringPayout(deps, asked!.payoutId)).toBe(true);
  await refund(first.orderIds[0]!, 4_000);
  await takeBack(deps, first.orderIds[0]!);
  expect(await readAccount(deps, memberId)).toMatchObject({ availableFen: -280, paidFen: 700 });
  expect(await withdraw(memberId, 10)).toBe(false);

  const second = await succeeded(memberId, [5_000]);
  await accrueCommissions(deps, second.teamId, clock.now() + hour);
  await handOver(second.orderIds[0]!, clock.now());
  clock.advance(7 * day);
  await releaseCommissions(deps, second.orderIds[0]!);
  expect(await readAccount(deps, memberId)).toMatchObject({ availableFen: 70 });
  expect(await withdraw(memberId, 71)).toBe(false);
  expect(await withdraw(memberId, 70)).toBe(true);
  await check(memberId, [...first.orderIds, ...second.orderIds]);
});

test("a refused transfer fails once the channel, asked, has none; one that it has is never given up", async () => {
  const { memberId, orderIds } = await released();
  const refusing: PayoutChannel = {
    ...channel,
    transfer: async () => ({ kind: "refused", code: "ACCOUNT_ERROR", message: "" }),
  };
  await withdraw(memberId, 100);
  await withdraw(memberId, 200);
  const [second, first] = (await table.page(payoutsOf(memberId), { limit: 2 })).items;
  const sent = first!.amountFen === 100 ? first! : second!;
  const unsent = sent === first ? second! : first!;
  await bringPayout(deps, sent.payoutId);
  expect(await bringPayout({ ...deps, payouts: refusing }, unsent.payoutId)).toBe(true);
  expect(await bringPayout({ ...deps, payouts: refusing }, sent.payoutId)).toBeGreaterThan(clock.now());
  expect(await readAccount(deps, memberId)).toMatchObject({ pendingFen: 100, availableFen: 600 });
  await check(memberId, orderIds);
});

test("what the channel first only processes can be confirmed once it waits for the member, who is told then", async () => {
  const { memberId } = await released();
  const told = async () => {
    const buckets = Array.from({ length: OUTBOX_BUCKETS }, (_, bucket) => outboxOf(clock.now(), bucket));
    const pages = await Promise.all(buckets.map((bucket) => table.page(bucket, { limit: 1_000 })));
    return pages
      .flatMap(({ items }) => items)
      .filter(({ type, data }) => type === "payout.waits" && data.memberId === memberId);
  };
  await withdraw(memberId, 100);
  const [asked] = (await table.page(payoutsOf(memberId), { limit: 1 })).items;
  const slow: PayoutChannel = {
    ...channel,
    transfer: async (p) => {
      const answer = await channel.transfer(p);
      if (answer.kind !== "transfer") return answer;
      const { packageInfo: _, ...rest } = answer.transfer;
      return { kind: "transfer", transfer: { ...rest, state: "PROCESSING" } };
    },
  };
  await bringPayout({ ...deps, payouts: slow }, asked!.payoutId);
  expect(await told()).toHaveLength(0);
  const seen: PayoutChannel = {
    ...channel,
    queryTransfer: async (no) => {
      const { packageInfo: _, ...rest } = book.get(no)!;
      return { kind: "transfer", transfer: rest };
    },
  };
  await bringPayout({ ...deps, payouts: seen }, asked!.payoutId);
  const [after] = (await table.page(payoutsOf(memberId), { limit: 1 })).items;
  expect(after).toMatchObject({ state: "ACCEPTED", packageInfo: "p" });
  expect(await told()).toHaveLength(1);
});

test("what an order earns that nobody collected is released a week after its goods were disposed of, not before", async () => {
  const memberId = await leader();
  const { teamId, orderIds } = await succeeded(memberId, [10_000]);
  const [orderId = ""] = orderIds;
  await accrueCommissions(deps, teamId, clock.now() + hour);
  await table.commit([orders.patch({ orderId }).set({ disposedAt: clock.now() })]);
  await awaitRelease(deps, orderId);
  const at = clock.now() + 7 * day;
  expect(await table.load(dues, { kind: "commission", id: orderId, at })).toBeDefined();
  expect(await releaseCommissions(deps, orderId)).toBe(at);
  clock.advance(7 * day);
  expect(await releaseCommissions(deps, orderId)).toBe(true);
  expect(await readAccount(deps, memberId)).toMatchObject({ frozenFen: 0, availableFen: 700 });
  await check(memberId, orderIds);
});
