import { readFileSync } from "node:fs";
import { day, toIso } from "../../shared/kernel/time.ts";
import type { Platform } from "../platform.ts";
import type { Answer, Any, Caller, Client } from "./client.ts";
import type { Parameters } from "./parameters.ts";

/** People's Square; stores stand along a line eastwards from it. */
const HERE = { lat: 31.2304, lng: 121.4737 };
const weekdays = [0, 1, 2, 3, 4, 5, 6];
const because = { reason: "模拟运行" };

export interface SimulatedStore {
  storeId: string;
  name: string;
  communityId: string;
  clerk: Caller;
  manager: Caller;
  rider: Caller;
  riderId: string;
  /** Codes that members hold out at the counter. */
  counter: { code: string; orderId: string }[];
}
/** A team that somebody told the neighbourhood of. */
interface KnownTeam {
  teamId: string;
  campaignId: string;
  storeId: string;
}
export interface Chain {
  ops: Caller;
  finance: Caller;
  stores: SimulatedStore[];
  articles: { articleId: string; priceFen: number; name: string }[];
  /** Campaigns that ops opened, in the order of their opening. */
  campaigns: { campaignId: string; kind: string; teams: KnownTeam[] }[];
  /** Teams that take members, the newest last. */
  openTeams: KnownTeam[];
  /** Who is at home when something is brought. */
  owners: Map<string, Caller>;
  /** Orders that are paid and wait at a store. */
  placed: { orderId: string; storeId: string; memberId: string }[];
}

/** What was asked for is there; throws with what was told instead. */
export async function made(answer: Promise<Answer>): Promise<Any> {
  const { ok, status, body } = await answer;
  if (!ok) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}
export const placeAt = (i: number) => ({ lat: HERE.lat + 0.001, lng: HERE.lng + i * 0.01, datum: "wgs84" });

/** The chain as it stands on the first morning: stores with their people, goods, slots, fees, communities, programmes. */
export async function openChain(
  platform: Platform,
  client: Client,
  { stores: count, parameters }: { stores: number; parameters: Parameters },
): Promise<Chain> {
  const admin = JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")) as { username: string; password: string };
  const ops = client.staff(admin.username, admin.password);
  const hire = async (name: string, role: string, storeIds: string[]): Promise<Caller & { staffId: string }> => {
    const password = `${name}-Passw0rd!`;
    const { sub } = platform.cognito.createUser({ username: name, password });
    await made(ops.post("/ops/v1/staff", { staffId: sub, name, roles: [role], storeIds }));
    return { staffId: sub, ...client.staff(name, password) };
  };
  const finance = await hire("finance", "finance", []);
  await made(
    finance.put("/ops/v1/commission-programme", {
      active: true,
      bps: { leader: 500, koc: 300 },
      version: 0,
      ...because,
    }),
  );
  const articles: Chain["articles"] = [];
  for (const goods of parameters.goods) {
    const { articleId } = await made(
      ops.post("/ops/v1/articles", { ...goods, category: "生鲜", unit: "份", perishable: true, sale: { by: "piece" } }),
    );
    articles.push({ articleId, priceFen: goods.priceFen, name: goods.name });
  }
  const hours = weekdays.map((weekday) => ({ weekday, opens: 7 * 60, closes: 22 * 60 }));
  const windows = weekdays.flatMap((weekday) =>
    parameters.slots.hours.map((from) => ({
      weekday,
      from: from * 60,
      until: from * 60 + 60,
      capacity: parameters.slots.capacity,
      leadMinutes: parameters.slots.leadMinutes,
    })),
  );
  const stores: SimulatedStore[] = [];
  for (let i = 0; i < count; i++) {
    const name = `鲜邻${i + 1}号店`;
    const { storeId } = await made(
      ops.post("/ops/v1/stores", {
        name,
        address: `上海市黄浦区人民大道${i + 1}号`,
        point: { ...HERE, lng: HERE.lng + i * 0.01, datum: "wgs84" },
        radiusM: 5000,
        hours,
      }),
    );
    for (const { articleId } of articles)
      await made(
        ops.post(`/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, {
          delta: parameters.unitsPerStore,
          reason: "到货",
        }),
      );
    await made(
      ops.put(`/ops/v1/stores/${storeId}/slot-plan`, { delivery: { daysAhead: 1, windows }, version: 0, ...because }),
    );
    const { communityId } = await made(
      ops.post("/ops/v1/communities", { storeId, name: `${name}邻居群`, kind: "neighbourhood" }),
    );
    const rider = await hire(`rider-${i + 1}`, "rider", [storeId]);
    stores.push({
      storeId,
      name,
      communityId,
      clerk: await hire(`clerk-${i + 1}`, "store_staff", [storeId]),
      manager: await hire(`manager-${i + 1}`, "store_manager", [storeId]),
      rider,
      riderId: rider.staffId,
      counter: [],
    });
  }
  const rules = {
    baseFen: 300,
    baseDistanceM: 3000,
    perKmFen: 100,
    baseGrams: 2000,
    perKgFen: 100,
    night: { fen: 200, from: 20 * 60, until: 6 * 60 },
    peaks: [],
    freeOverFen: 9900,
    maxDistanceM: 15_000,
    maxGrams: 50_000,
  };
  await made(ops.put("/ops/v1/delivery-fees", { rules, version: 0, ...because }));
  const { couponId } = await made(
    ops.post("/ops/v1/coupons", {
      name: "新邻居券",
      off: { by: "amount", fen: 200 },
      thresholdFen: 900,
      validFrom: toIso(platform.clock.now()),
      validUntil: toIso(platform.clock.now() + 60 * day),
      funder: { by: "platform" },
      budgetFen: 100_000,
    }),
  );
  await made(
    ops.put("/ops/v1/referral-programme", { active: true, inviterCouponId: couponId, version: 0, ...because }),
  );
  return { ops, finance, stores, articles, campaigns: [], openTeams: [], owners: new Map(), placed: [] };
}
