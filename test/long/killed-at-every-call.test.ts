import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPlatformProcess } from "../platform-process.ts";
import { type Neighbour, openWorldOn, type Seat } from "../stories/world.ts";

const world = await openWorldOn(startPlatformProcess, { unitsPerStore: 10_000 });
const { campaign, open, join, made, local, order, team, pass, passTo, payAtChannel } = world;
const { minute, day } = world.times;
const GRACE = 3 * minute;
/** For a quick look, every so manieth point alone: `KILLS_EVERY=7 npm run test:long -- killed`. */
const EVERY = Number(process.env.KILLS_EVERY ?? 1);

let campaignId = "";
beforeAll(async () => {
  ({ campaignId } = await campaign({
    invitesRequired: 1,
    durationMinutes: 20,
    perMemberLimit: 99,
    unitsPerStore: 2_000,
    at: { closesAt: 25 * day, hardEnd: 27 * day, pickupUntil: 29 * day },
  }));
});

interface Pair {
  leader: Neighbour;
  other: Neighbour;
  lead: Seat;
  seat: Seat;
}
/** What is killed: the calls that count, what is there before, what sets them off, and how it must have ended. */
interface Chain {
  calls: string;
  /** A first payment leads to more calls than any later one: the members have paid before. */
  ofCustomers?: true;
  prepare(leader: Neighbour, other: Neighbour): Promise<Pair>;
  run(pair: Pair): Promise<void>;
  ended(pair: Pair): Promise<void>;
}

const leads = async (leader: Neighbour): Promise<Seat> => {
  const lead: Seat = await made(open(leader, campaignId));
  await payAtChannel(leader, lead.orderId);
  await world.platform.idle();
  return lead;
};
const refundsOf = async (...seats: Seat[]): Promise<unknown[]> =>
  (await world.book()).refunds.filter((r: { paymentNo: string }) =>
    seats.some(({ orderId }) => r.paymentNo.startsWith(orderId)),
  );
const chains: Record<string, Chain> = {
  "the deadline's machine": {
    calls: "^states Settle:|^wechat: (query|close)$",
    async prepare(leader, other) {
      const lead = await leads(leader);
      await pass(6 * minute); // so that the hold lasts until the deadline, and its machine finds it
      const seat: Seat = await made(join(other, lead.teamId));
      await made(other.post(`/v1/orders/${seat.orderId}/payment`));
      return { leader, other, lead, seat };
    },
    async run({ lead }) {
      const due = Date.parse((await team(lead.teamId)).deadline) + GRACE;
      await passTo(Math.max(due - 5_000, world.clock.now())); // the sweeps of the minutes between have their turn before
      await passTo(Math.max(due + 1_000, world.clock.now()));
    },
    async ended({ leader, other, lead, seat }) {
      expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "deadline", paid: 1 });
      expect(await order(leader, lead.orderId)).toMatchObject({ seat: "REFUNDED", refunds: [{ state: "SUCCESS" }] });
      expect(await order(other, seat.orderId)).toMatchObject({ seat: "RELEASED", refunds: [] });
      expect(await refundsOf(lead, seat)).toMatchObject([{ status: "SUCCESS", refundFen: 800 }]);
    },
  },
  "the refund's machine": {
    calls: "^states (Request|Check):|^wechat: (refund|queryRefund)$|^stream Effects:",
    async prepare(leader, other) {
      const lead = await leads(leader);
      // nobody tells of the refund's end: the machine has to ask
      await local("wechat/plan", { refundNo: `RF${lead.orderId.slice(2)}01`, notify: [{ drop: 16 }] });
      return { leader, other, lead, seat: lead };
    },
    async run({ leader, lead }) {
      await made(leader.post(`/v1/orders/${lead.orderId}/departure`));
      await world.platform.idle();
      await pass(minute + 1_000);
    },
    async ended({ leader, lead }) {
      expect(await team(lead.teamId)).toMatchObject({ state: "FAILED", outcome: "leader_left", paid: 0 });
      expect((await order(leader, lead.orderId)).refunds).toMatchObject([{ cause: "left", state: "SUCCESS" }]);
      expect(await refundsOf(lead)).toMatchObject([{ status: "SUCCESS", refundFen: 800 }]);
    },
  },
  "the payment's notification": {
    calls: "^POST /hooks/wechat/pay:|^stream Effects:",
    ofCustomers: true,
    async prepare(leader, other) {
      const lead = await leads(leader);
      const seat: Seat = await made(join(other, lead.teamId));
      await made(other.post(`/v1/orders/${seat.orderId}/payment`));
      return { leader, other, lead, seat };
    },
    async run({ seat }) {
      await local("wechat/pay", { paymentNo: `${seat.orderId}01` });
      await world.platform.idle();
    },
    async ended({ leader, other, lead, seat }) {
      expect(await team(lead.teamId)).toMatchObject({ state: "SUCCEEDED", outcome: "natural", paid: 2 });
      for (const [who, { orderId }] of [
        [leader, lead],
        [other, seat],
      ] as const)
        expect(await order(who, orderId)).toMatchObject({ seat: "CONFIRMED", refunds: [] });
      expect(await refundsOf(lead, seat)).toEqual([]);
    },
  },
};

/** Packed orders of the shop that are to be brought, and the carriers that bring them. */
const { ops } = world;
const [store = ""] = world.stores;
const addressOf = new Map<string, string>();
const because = { reason: "试运行" };
beforeAll(async () => {
  const windows = [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) =>
    Array.from({ length: 13 }, (_, i) => ({
      weekday,
      from: (i + 8) * 60,
      until: (i + 9) * 60,
      capacity: 99,
      leadMinutes: 30,
    })),
  );
  const plan = { delivery: { daysAhead: 1, windows }, version: 0, ...because };
  await made(ops.put(`/ops/v1/stores/${store}/slot-plan`, plan));
  const rules = { baseFen: 300, baseDistanceM: 3000, perKmFen: 100, baseGrams: 2000, perKgFen: 100, peaks: [] };
  const limits = { freeOverFen: 99_000, maxDistanceM: 10_000, maxGrams: 20_000 };
  await made(ops.put("/ops/v1/delivery-fees", { rules: { ...rules, ...limits }, version: 0, ...because }));
  const steps = ["ACCEPTED", "PICKED_UP", "DELIVERED"].map((state, i) => ({ state, afterMs: (i + 1) * minute }));
  await local("carriers/plan", { carrier: "dada", feeFen: 500, steps });
  await local("carriers/plan", { carrier: "wechat", feeFen: 600, steps });
});
chains["the fulfilment machine"] = {
  calls:
    "^states Step: (dynamodb TransactWriteItems|dynamodb UpdateItem|kms)|^wechat: intracity|^carriers:|^POST /hooks/carriers[^:]*: dynamodb TransactWriteItems",
  async prepare(leader, other) {
    const home = { name: "王", phone: "13912345678", address: "人民大道200号", point: world.here };
    if (!addressOf.has(leader.memberId))
      addressOf.set(leader.memberId, (await made(leader.post("/v1/me/addresses", home))).addressId);
    const [slot] = (await made(leader.get(`/v1/stores/${store}/slots`))).items;
    const lead: Seat = await made(
      leader.post("/v1/orders", {
        lines: [{ articleId: world.articleId, units: 1 }],
        fulfilment: "delivery",
        addressId: addressOf.get(leader.memberId)!,
        storeId: store,
        slotId: slot.slotId,
      }),
    );
    await payAtChannel(leader, lead.orderId);
    await world.platform.idle();
    await passTo(Date.parse(slot.from) - 30 * minute);
    await made(ops.post(`/ops/v1/stores/${store}/orders/${lead.orderId}/ready`));
    await world.platform.idle();
    // our own people have had their three minutes
    await passTo(Date.parse(slot.from) - 12 * minute - 5_000);
    return { leader, other, lead, seat: lead };
  },
  async run() {
    for (let i = 0; i < 5; i++) await pass(minute);
  },
  async ended({ leader, lead }) {
    expect(await made(leader.get(`/v1/orders/${lead.orderId}/trail`))).toMatchObject({ state: "DELIVERED" });
    const jobs: { jobNo: string; state: string }[] = await local("carriers/book");
    const mine = jobs.filter(({ jobNo }) => jobNo.startsWith(lead.orderId));
    expect(mine.filter(({ state }) => state !== "CANCELLED")).toMatchObject([{ state: "DELIVERED" }]);
    const { transfers } = await world.money(lead.orderId);
    expect(transfers.filter(({ kind }: { kind: string }) => kind === "delivery")).toHaveLength(1);
  },
};

chains["the compensation machine"] = {
  calls: "^states Look:|^stream Effects: states",
  async prepare(leader, other) {
    const { articleId } = await world.newArticle({ perishable: false });
    const lines = [{ articleId, units: 1 }];
    const lead: Seat = await made(leader.post("/v1/orders", { lines, place: world.here }));
    await payAtChannel(leader, lead.orderId);
    await world.platform.idle();
    await pass(61 * minute);
    const { code } = await made(leader.post(`/v1/orders/${lead.orderId}/pickup-code`));
    await made(ops.post(`/ops/v1/stores/${lead.storeId}/pickups`, { code }));
    const { recallId } = await made(ops.post("/ops/v1/recalls", { articleId, ...because }));
    await world.platform.idle();
    await pass(minute);
    recallOf.set(lead.orderId, recallId);
    return { leader, other, lead, seat: lead };
  },
  async run({ lead }) {
    const rule = { by: "amount", fen: 100 };
    const asked = { rule, bearer: "platform", reason: "整批次不新鲜" };
    await made(ops.post(`/ops/v1/recalls/${recallOf.get(lead.orderId)}/compensations`, asked));
    await world.platform.idle();
    await pass(2_000);
  },
  async ended({ leader, lead }) {
    const told = await made(ops.get(`/ops/v1/recalls/${recallOf.get(lead.orderId)}/compensations`));
    expect(told).toMatchObject({ given: 1, doneAt: expect.any(String) });
    expect((await order(leader, lead.orderId)).refunds).toMatchObject([{ cause: "compensation", state: "SUCCESS" }]);
    expect(await refundsOf(lead)).toMatchObject([{ status: "SUCCESS", refundFen: 100 }]);
  },
};
const recallOf = new Map<string, string>();

let points = 0;
const struck: string[] = [];
const began = performance.now();

describe.each(Object.entries(chains))("killed before and after each outside call, %s", (name, chain) => {
  test("ends once and as it would have", async () => {
    const [leader, other] = await world.neighbours(`${name}的团长`, `${name}的邻居`);
    if (chain.ofCustomers) await chain.run(await chain.prepare(leader!, other!));
    const uninterrupted = await chain.prepare(leader!, other!);
    await local("power-cut", { calls: chain.calls });
    await chain.run(uninterrupted);
    const calls: string[] = (await local("power-cut")).seen;
    await endsWell(chain, uninterrupted);
    expect(calls.length).toBeGreaterThan(3);

    const moments = calls.flatMap((call, i) =>
      (["before", "after"] as const).map((when) => ({ call, at: i + 1, when })),
    );
    const taken = moments.filter((_, i) => i % EVERY === 0);
    let killed = 0;
    for (const { call, at, when } of taken) {
      const pair = await chain.prepare(leader!, other!);
      await local("power-cut", { calls: chain.calls, at, when });
      if (await dies(() => chain.run(pair))) killed += 1;
      await endsWell(chain, pair).catch((error: unknown) => {
        throw new Error(`killed ${when} call ${at}, about ${call}: ${error}`, { cause: error });
      });
    }
    points += killed;
    struck.push(`${name} ${killed} (of ${calls.length} calls)`);
    // a chain that runs beside others may need a call or two less than it did when counted
    expect(killed).toBeGreaterThanOrEqual(taken.length - 6);
    await pass(25 * minute); // the timers of teams that are full ring too
    await world.recount();
    expect(await world.unfinished()).toEqual([]);
  });
});

afterAll(() => {
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`kills: ${points} at the outside calls of ${struck.join(", ")}; ${seconds} s`);
});

/** Whether the platform died of it; then it was started again, and has done what it could do at once. */
async function dies(run: () => Promise<void>): Promise<boolean> {
  const { platform } = world;
  try {
    await run();
    // it needed fewer calls than were counted: nothing may strike later, when nobody expects it
    await local("power-cut", { calls: "^none$" });
    return false;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    await platform.ended;
  }
  await world.restart();
  await world.platform.idle();
  return true;
}

/** The machine's next look, or the channel's repetitions, bring it to its end. */
async function endsWell(chain: Chain, pair: Pair): Promise<void> {
  for (let patience = 8; ; patience--) {
    await pass(minute + 1_000);
    try {
      return await chain.ended(pair);
    } catch (error) {
      if (patience === 0) throw error;
    }
  }
}
