import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lifecyclesPage } from "../docs/write-lifecycles.ts";
import { campaignLifecycle, teamLifecycle } from "../shared/groupbuy/index.ts";
import { providerNumber } from "../shared/kernel/ids.ts";
import type { Lifecycle } from "../shared/kernel/lifecycle.ts";
import { day, dayOf, hour, minute } from "../shared/kernel/time.ts";
import { importLifecycle } from "../shared/masterdata/index.ts";
import { orderLifecycle, seatLifecycle, shippingLifecycle } from "../shared/order/index.ts";
import { paymentLifecycle, refundLifecycle } from "../shared/payment/index.ts";
import { lotLifecycle, recallLifecycle, supplierLifecycle } from "../shared/supply/index.ts";
import { Stale, type Write } from "../shared/table/entity.ts";
import { campaigns, importRuns, lots, orders, recalls, refunds, suppliers, teams } from "../shared/table/keys.ts";
import { openTestTable } from "./engine/table.ts";

const { table, env } = await openTestTable();
const now = env.clock.now();

// Rows of no campaign in particular: only their states are looked at.
const terms = () => ({
  name: "邻里团",
  articleId: env.ids.next("AR"),
  articleName: "青菜",
  perishable: true,
  invitesRequired: 3,
  aloneFen: 1000,
  teamFen: 800,
  costFen: 500,
  durationMs: day,
  holdMs: 15 * minute,
  perMemberLimit: 1,
  admits: "anyone" as const,
  leaderLeaves: "transfer" as const,
  hardEnd: now + 2 * day,
  pickupFrom: now + day,
  pickupUntil: now + 3 * day,
});
const origin = { channel: "mini" as const };
const order = () => {
  const orderId = env.ids.next("OR");
  return {
    orderId,
    memberId: env.ids.next("MB"),
    storeId: env.ids.next("ST"),
    teamId: env.ids.next("TM"),
    day: dayOf(now),
    seat: "HELD" as const,
    stage: "PLACED" as const,
    shipping: "NONE" as const,
    paymentNo: providerNumber(orderId, 1),
    attempt: 1,
    paymentState: "CREATED" as const,
    payableFen: 800,
    lines: [{ articleId: env.ids.next("AR"), name: "青菜", units: 1, aloneFen: 1000, unitFen: 800, amountFen: 800 }],
    units: 1,
    createdAt: now,
    holdUntil: now + 15 * minute,
    firstOrder: true,
    routed: { by: "nearest" as const, method: "matrix" as const, cell: "wtw3sj", distanceM: 300, passed: [] },
    origin,
    pickupFrom: now + day,
    pickupUntil: now + 3 * day,
  };
};

/** One machine on the engine: a row put into a state, an event tried on it, and the state it is in then. */
interface Bench {
  machine: Lifecycle<string, string>;
  /** The arrows as the business tells them, written apart from the code's table: "from → to". */
  arrows: string;
  put(state: string): { write: Write; move(event: string): Write; read(): Promise<string | undefined> };
}
const any = <S extends string, E extends string>(machine: Lifecycle<S, E>) =>
  machine as unknown as Lifecycle<string, string>;
const ofOrder = (attribute: "seat" | "stage" | "shipping" | "paymentState", machine: unknown): Bench["put"] => {
  return (state) => {
    const row = { ...order(), [attribute]: state };
    const key = { orderId: row.orderId };
    return {
      write: orders.create(row),
      move: (event) => orders.patch(key).move(attribute, machine as never, event as never),
      read: async () => (await table.load(orders, key))?.[attribute],
    };
  };
};

const benches: Record<string, Bench> = {
  campaign: {
    machine: any(campaignLifecycle),
    arrows: `DRAFT → SCHEDULED, SCHEDULED → OPEN, OPEN → CUTOFF, CUTOFF → SETTLED, OPEN → SUSPENDED, SUSPENDED → OPEN,
      SUSPENDED → CUTOFF, DRAFT → CANCELLED, SCHEDULED → CANCELLED, OPEN → CANCELLED, SUSPENDED → CANCELLED`,
    put(state) {
      const key = { campaignId: env.ids.next("CP") };
      const times = { opensAt: now, closesAt: now + day, createdAt: now };
      const row = { ...terms(), ...key, ...times, kind: "neighbour", shareBps: 8000, origin, state } as never;
      return {
        write: campaigns.create(row),
        move: (event) => campaigns.patch(key).move("state", campaignLifecycle, event as never),
        read: async () => (await table.load(campaigns, key))?.state,
      };
    },
  },
  team: {
    machine: any(teamLifecycle),
    arrows: "OPENING → FORMING, OPENING → ABANDONED, FORMING → SUCCEEDED, FORMING → FAILED",
    put(state) {
      const key = { teamId: env.ids.next("TM") };
      const [campaignId, leaderId, leaderOrderId, storeId] = (["CP", "MB", "OR", "ST"] as const).map(env.ids.next);
      const places = { size: 4, held: 1, paid: 0, free: 3, openedAt: now };
      const row = { ...key, campaignId, leaderId, leaderOrderId, storeId, ...places, terms: terms(), origin, state };
      return {
        write: teams.create(row as never),
        move: (event) => teams.patch(key).move("state", teamLifecycle, event as never),
        read: async () => (await table.load(teams, key))?.state,
      };
    },
  },
  seat: {
    machine: any(seatLifecycle),
    arrows: `HELD → PAID, HELD → RELEASED, PAID → CONFIRMED, PAID → REFUND_DUE, CONFIRMED → REFUND_DUE, RELEASED → PAID,
      REFUND_DUE → REFUNDED, REFUND_DUE → REFUND_ATTENTION, REFUND_ATTENTION → REFUNDED,
      PAID → REFUNDED, PAID → REFUND_ATTENTION`,
    put: ofOrder("seat", seatLifecycle),
  },
  order: {
    machine: any(orderLifecycle),
    arrows: `PLACED → READY, PLACED → HANDED_OVER, PLACED → CANCELLED, READY → HANDED_OVER, READY → CANCELLED,
      READY → DISPATCHED, DISPATCHED → HANDED_OVER, DISPATCHED → READY, READY → PLACED, READY → DISPOSED`,
    put: ofOrder("stage", orderLifecycle),
  },
  shipping: {
    machine: any(shippingLifecycle),
    arrows: "NONE → SENT, SENT → SETTLED, SENT → LATE, LATE → SETTLED",
    put: ofOrder("shipping", shippingLifecycle),
  },
  payment: {
    machine: any(paymentLifecycle),
    arrows: `CREATED → UNKNOWN, CREATED → PREPAID, CREATED → CLOSED, CREATED → SUCCESS, UNKNOWN → PREPAID,
      UNKNOWN → SUCCESS, UNKNOWN → CLOSED, PREPAID → SUCCESS, PREPAID → CLOSED, CLOSED → SUCCESS,
      SUCCESS → PARTIALLY_REFUNDED, SUCCESS → REFUNDED, PARTIALLY_REFUNDED → PARTIALLY_REFUNDED,
      PARTIALLY_REFUNDED → REFUNDED`,
    put: ofOrder("paymentState", paymentLifecycle),
  },
  refund: {
    machine: any(refundLifecycle),
    arrows: `REQUESTED → UNKNOWN, REQUESTED → ACCEPTED, REQUESTED → SUCCESS, REQUESTED → ABNORMAL, REQUESTED → CLOSED,
      UNKNOWN → ACCEPTED, UNKNOWN → SUCCESS, UNKNOWN → ABNORMAL, UNKNOWN → CLOSED, ACCEPTED → SUCCESS,
      ACCEPTED → ABNORMAL, ACCEPTED → CLOSED, ABNORMAL → SUCCESS, CLOSED → REQUESTED`,
    put(state) {
      const key = { orderId: env.ids.next("OR"), refundId: env.ids.next("RF") };
      const numbers = { paymentNo: providerNumber(key.orderId, 1), refundNo: providerNumber(key.refundId, 1) };
      const facts = { attempt: 1, cause: "left", refundFen: 800, totalFen: 800, requestedAt: now - hour };
      return {
        write: refunds.create({ ...key, ...numbers, ...facts, memberId: env.ids.next("MB"), state } as never),
        move: (event) => refunds.patch(key).move("state", refundLifecycle, event as never),
        read: async () => (await table.load(refunds, key))?.state,
      };
    },
  },
  supplier: {
    machine: any(supplierLifecycle),
    arrows: "ACTIVE → SUSPENDED, SUSPENDED → ACTIVE",
    put(state) {
      const key = { supplierId: env.ids.next("SP") };
      return {
        write: suppliers.create({ ...key, name: "合作社", licences: [], createdAt: now, state } as never),
        move: (event) => suppliers.patch(key).move("state", supplierLifecycle, event as never),
        read: async () => (await table.load(suppliers, key))?.state,
      };
    },
  },
  lot: {
    machine: any(lotLifecycle),
    arrows: "EXPECTED → ACCEPTED, EXPECTED → PARTLY_ACCEPTED, EXPECTED → REJECTED",
    put(state) {
      const key = { lotId: env.ids.next("LT") };
      const [storeId, articleId] = (["ST", "AR"] as const).map(env.ids.next);
      return {
        write: lots.create({ ...key, storeId, articleId, units: 10, createdAt: now, state } as never),
        move: (event) => lots.patch(key).move("state", lotLifecycle, event as never),
        read: async () => (await table.load(lots, key))?.state,
      };
    },
  },
  recall: {
    machine: any(recallLifecycle),
    arrows: "OPEN → CLOSED",
    put(state) {
      const key = { recallId: env.ids.next("RC") };
      const facts = { articleId: env.ids.next("AR"), reason: "农残", by: "ops", at: now, buyers: 0 };
      return {
        write: recalls.create({ ...key, ...facts, state } as never),
        move: (event) => recalls.patch(key).move("state", recallLifecycle, event as never),
        read: async () => (await table.load(recalls, key))?.state,
      };
    },
  },
  import: {
    machine: any(importLifecycle),
    arrows: "PLANNED → APPLYING, APPLYING → APPLYING, APPLYING → APPLIED",
    put(state) {
      const key = { importId: env.ids.next("IM") };
      const counts = { rows: 1, created: 1, changed: 0, unchanged: 0, applied: 0, notes: [] };
      return {
        write: importRuns.create({ ...key, kind: "prices", by: "ops", at: now, ...counts, state } as never),
        move: (event) => importRuns.patch(key).move("state", importLifecycle, event as never),
        read: async () => (await table.load(importRuns, key))?.state,
      };
    },
  },
};

test.each(Object.entries(benches))("the %s's table has the arrows of the business, and no other", (_, bench) => {
  const { machine } = bench;
  const found = machine.states.flatMap((from) => Object.values(machine.table[from]!).map((to) => `${from} → ${to}`));
  const told = bench.arrows.split(",").map((arrow) => arrow.trim());
  expect([...new Set(found)].sort()).toEqual(told.sort());
});

test.each(Object.entries(benches))(
  "the engine takes or refuses every event in every state of the %s",
  async (_, bench) => {
    const { machine, put } = bench;
    const pairs = machine.states.flatMap((state) => machine.events.map((event) => ({ state, event })));
    expect(pairs.length).toBeGreaterThanOrEqual(2);
    const outcomes = await Promise.all(
      pairs.map(async ({ state, event }) => {
        const row = put(state);
        await table.commit([row.write]);
        const refused = await table.commit([row.move(event)]).then(
          () => undefined,
          (error: unknown) => error,
        );
        return { state, event, refused, after: await row.read() };
      }),
    );
    for (const { state, event, refused, after } of outcomes) {
      const to = machine.table[state]?.[event];
      expect({ state, event, after }).toEqual({ state, event, after: to ?? state });
      if (to) expect(refused).toBeUndefined();
      else expect(refused).toBeInstanceOf(Stale);
    }
  },
);

test("docs/lifecycles.md is what `npm run lifecycles` makes of the tables", () => {
  expect(readFileSync(join(import.meta.dirname, "../docs/lifecycles.md"), "utf8")).toBe(lifecyclesPage());
});
