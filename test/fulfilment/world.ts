import { createHmac } from "node:crypto";
import type { RoutePlanner, ShippingUpload } from "../../shared/fulfilment/index.ts";
import { cellOf } from "../../shared/fulfilment/routing-rules.ts";
import type { Point } from "../../shared/kernel/geo.ts";
import { greatCircle } from "../../shared/kernel/geo.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { dayOf, hour } from "../../shared/kernel/time.ts";
import type { Sealed, Vault } from "../../shared/kernel/vault.ts";
import type { Order } from "../../shared/order/index.ts";
import type { Store } from "../../shared/store/index.ts";
import type { Write } from "../../shared/table/entity.ts";
import { allotments, members, orders, stores, teams } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

const everyDay = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, opens: 8 * 60, closes: 21 * 60 }));

/** A point some metres north and east of another. */
export const near = (p: Point, north: number, east = 0): Point => ({
  lat: p.lat + north / 111_195,
  lng: p.lng + east / (111_195 * Math.cos((p.lat * Math.PI) / 180)),
  datum: p.datum,
});

/** The code of a refusal and its facts. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ code: string; facts?: Record<string, unknown> | undefined; retryAfter?: number | undefined }> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { code: error.code, facts: error.facts, retryAfter: error.retryAfter };
  }
  return { code: "none" };
}

/** Members, stores, teams and orders on the real engine, and ports whose answers a test sets. */
export async function openWorld() {
  const { table, env, clock } = await openTestTable(Date.parse("2026-11-23T10:00:00+08:00"));
  const vault: Pick<Vault, "seal" | "open"> = {
    seal: async (memberId, dataKey, field, text) =>
      `v1.${Buffer.from(JSON.stringify([memberId, dataKey, field, text])).toString("base64")}` as Sealed,
    open: async (memberId, dataKey, field, sealed) => {
      const [m, k, f, text] = JSON.parse(Buffer.from(sealed.slice(3), "base64").toString()) as string[];
      if (m !== memberId || k !== dataKey || f !== field) throw new Error("sealed for another member or field");
      return text!;
    },
  };
  const asked: { from: Point; to: readonly Point[] }[] = [];
  const planner: RoutePlanner & { answer: RoutePlanner["matrix"] } = {
    answer: async (from, to) =>
      to.map((p) => ({
        distanceM: Math.round(greatCircle(from, p) * 1.2),
        durationS: Math.round(greatCircle(from, p) / 5),
      })),
    matrix: async (from, to) => {
      asked.push({ from, to });
      return planner.answer(from, to);
    },
  };
  const uploads: unknown[] = [];
  const shippingUpload: ShippingUpload & { answer: Awaited<ReturnType<ShippingUpload["uploadPickup"]>> } = {
    answer: { kind: "uploaded" },
    uploadPickup: async (pickup) => {
      uploads.push(pickup);
      return shippingUpload.answer;
    },
    settlementOf: async () => ({ kind: "shipped" }),
  };
  const deps = {
    env,
    table,
    vault,
    planner,
    geocoder: {
      geocode: async (text: string) =>
        text === "人民广场"
          ? { point: { lat: 31.2325, lng: 121.4692, datum: "wgs84" as const }, label: text, relevance: 0.95 }
          : text === "黄浦区"
            ? { point: { lat: 31.23, lng: 121.48, datum: "wgs84" as const }, label: text, relevance: 0.3 }
            : undefined,
    },
    shippingUpload,
    blindIndex: (text: string) => createHmac("sha256", "test").update(text).digest("hex"),
  };

  async function addStore(wgs84: Point, more: Partial<Store> = {}): Promise<Store> {
    const store: Store = {
      storeId: env.ids.next("ST"),
      name: "测试门店",
      address: "测试路 1 号",
      wgs84,
      radiusM: 3000,
      hours: everyDay,
      suspended: false,
      createdAt: env.clock.now(),
      ...more,
    };
    await table.commit([stores.create(store)]);
    return store;
  }

  /** A paid order of two units in a team, with its member; `left` units stay in its store's allotment. */
  async function addOrder(
    store: Store,
    more: { team?: "FORMING" | "SUCCEEDED" | "FAILED"; left?: number; order?: Partial<Order> } = {},
  ) {
    const now = env.clock.now();
    const [memberId, orderId, teamId, campaignId, articleId] = [
      env.ids.next("MB"),
      env.ids.next("OR"),
      env.ids.next("TM"),
      env.ids.next("CP"),
      env.ids.next("AR"),
    ];
    const origin = { channel: "mini" as const };
    const order: Order = {
      orderId,
      memberId,
      storeId: store.storeId,
      day: dayOf(now),
      campaignId,
      teamId,
      seat: "PAID",
      stage: "PLACED",
      shipping: "NONE",
      lines: [{ articleId, name: "草莓", units: 2, aloneFen: 1000, unitFen: 800, amountFen: 1600 }],
      units: 2,
      createdAt: now,
      holdUntil: now + hour,
      firstOrder: true,
      routed: { by: "nearest", method: "matrix", cell: cellOf(store.wgs84), distanceM: 100, durationS: 30, passed: [] },
      origin,
      pickupFrom: now - hour,
      pickupUntil: now + 48 * hour,
      paymentNo: `${orderId}01`,
      attempt: 1,
      paymentState: "SUCCESS",
      payableFen: 1600,
      disposition: "SEATED",
      paidAt: now,
      ...more.order,
    };
    await table.commit([
      members.create({ memberId, openid: `o-${memberId}`, dataKey: "a2V5", joinedAt: now }),
      orders.create(order),
      allotments.create({
        campaignId,
        storeId: store.storeId,
        articleId,
        units: 10,
        left: more.left ?? 8,
        state: "OPEN",
      }),
      teams.create({
        teamId,
        campaignId,
        state: more.team ?? "SUCCEEDED",
        size: 2,
        held: 0,
        paid: 2,
        free: 0,
        leaderId: memberId,
        leaderOrderId: orderId,
        storeId: store.storeId,
        openedAt: now,
        terms: {
          name: "草莓团",
          articleId,
          articleName: "草莓",
          perishable: true,
          invitesRequired: 1,
          aloneFen: 1000,
          teamFen: 800,
          costFen: 500,
          durationMs: 24 * hour,
          holdMs: hour / 4,
          perMemberLimit: 5,
          admits: "anyone",
          leaderLeaves: "transfer",
          hardEnd: now + 24 * hour,
          pickupFrom: order.pickupFrom,
          pickupUntil: order.pickupUntil,
        },
        origin,
      }),
    ]);
    return { ...order, campaignId, articleId };
  }

  return { deps, table, env, clock, planner, asked, shippingUpload, uploads, addStore, addOrder };
}

export const never: (result: unknown) => readonly Write[] = () => [];
