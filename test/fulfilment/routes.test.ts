import { expect, it } from "vitest";
import { fulfilmentOps, fulfilmentShop } from "../../functions/api/fulfilment-routes.ts";
import { cursorsOf } from "../../functions/runtime/cursors.ts";
import type { Deps } from "../../functions/runtime/deps.ts";
import { httpApp } from "../../functions/runtime/http.ts";
import type { Role } from "../../shared/identity/index.ts";
import { allotments, sessions, staffMembers } from "../../shared/table/keys.ts";
import { near, openWorld } from "./world.ts";

const world = await openWorld();
const { table, env } = world;
const deps = {
  ...world.deps,
  cursors: cursorsOf(Buffer.alloc(32, 1)),
  memberTokens: {
    verify: async (token: string) => ({
      memberId: token.split(".")[1]!,
      sessionId: `SE${token.split(".")[1]!.slice(2)}`,
    }),
  },
  staffTokens: { verify: async (token: string) => ({ staffId: token.split(".")[1]! }) },
  firstAdmin: undefined,
} as unknown as Deps;
const app = httpApp([...fulfilmentShop, ...fulfilmentOps], async () => deps);

/** A member's session, which every write asks for. */
async function signIn(memberId: string) {
  const now = env.clock.now();
  const sessionId = `SE${memberId.slice(2)}`;
  const session = { sessionId, memberId, refreshHash: "-", createdAt: now, expiresAt: now + 1e9 };
  await table.commit([sessions.create(session as never)]);
  return memberId;
}

async function call(method: string, path: string, as: string, body?: unknown, key?: string) {
  const response = await app.request(path, {
    method,
    headers: {
      authorization: `Bearer access-token-of.${as}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(key && { "idempotency-key": key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: an answer is looked at by expectations, which fail on any other shape
  return { status: response.status, text, body: JSON.parse(text) as any };
}
async function hire(roles: Role[], storeIds: string[] = []) {
  const staffId = env.ids.next("SF");
  await table.commit([staffMembers.create({ staffId, name: "店员", roles, storeIds, active: true })]);
  return staffId;
}

const square = { lat: 31.2325, lng: 121.4692, datum: "wgs84" as const };
const store = await world.addStore(square);
const other = await world.addStore(near(square, 700));
const clerk = await hire(["store_staff"], [store.storeId]);
const pickups = (at = store) => `/ops/v1/stores/${at.storeId}/pickups`;

it("gives a member the code of an own order only", async () => {
  const order = await world.addOrder(store);
  const path = `/v1/orders/${order.orderId}/pickup-code`;
  const own = await call("POST", path, await signIn(order.memberId));
  expect(own.status).toBe(200);
  expect(own.body).toMatchObject({ orderId: order.orderId, store: { storeId: store.storeId } });
  expect(own.body.pickupFrom).toBe("2026-11-23T09:00:00+08:00");
  const stranger = await call("POST", path, await signIn(env.ids.next("MB")));
  expect([stranger.status, stranger.body.code]).toEqual([404, "ORDER_NOT_FOUND"]);
});

it("hands over at the staff member's store, answers a repetition to the byte, and needs a key", async () => {
  const order = await world.addOrder(store);
  const { code } = (await call("POST", `/v1/orders/${order.orderId}/pickup-code`, await signIn(order.memberId))).body;
  expect((await call("POST", pickups(), clerk, { code })).body.code).toBe("IDEMPOTENCY_KEY_MISSING");
  expect((await call("POST", pickups(other), clerk, { code }, "key-0000")).body.code).toBe("STORE_OUT_OF_SCOPE");
  const first = await call("POST", pickups(), clerk, { code }, "key-0001");
  expect(first.status).toBe(200);
  expect(first.body).toEqual({
    orderId: order.orderId,
    day: "2026-11-23",
    units: 2,
    lines: [{ articleId: order.articleId, name: "草莓", units: 2 }],
    card: { bought: [], ask: "第一次来取货,是邻居介绍的吗?" },
    zones: [{ zone: "ambient", name: "常温", lines: [{ articleId: order.articleId, name: "草莓", units: 2 }] }],
    handedOverAt: "2026-11-23T10:00:00+08:00",
  });
  expect((await call("POST", pickups(), clerk, { code }, "key-0001")).text).toBe(first.text);
  expect((await call("POST", pickups(), clerk, { code }, "key-0002")).body.code).toBe("PICKUP_CODE_USED");
});

it("refuses a code that is no code, and roles that hand nothing over", async () => {
  expect((await call("POST", pickups(), clerk, { code: "12345" }, "key-0003")).body.code).toBe("INPUT_INVALID");
  const analyst = await hire(["analyst"]);
  expect((await call("POST", pickups(), analyst, { code: "000000000000" }, "key-0004")).body.code).toBe("FORBIDDEN");
});

it("lists a store's orders of a day page by page, with the seats as people see them", async () => {
  const shop = await world.addStore(near(square, 1500));
  const seller = await hire(["store_manager"], [shop.storeId]);
  const made = [];
  for (const team of ["SUCCEEDED", "FORMING", "FAILED"] as const) made.push(await world.addOrder(shop, { team }));
  const seen: { orderId: string; seat: string }[] = [];
  let cursor: string | undefined;
  do {
    const at = `/ops/v1/stores/${shop.storeId}/orders?day=2026-11-23&limit=2${cursor ? `&cursor=${cursor}` : ""}`;
    const { status, body } = await call("GET", at, seller);
    expect(status).toBe(200);
    expect(body.items.length).toBeLessThanOrEqual(2);
    seen.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor);
  expect(new Map(seen.map((o) => [o.orderId, o.seat]))).toEqual(
    new Map(made.map((o, i) => [o.orderId, ["CONFIRMED", "PAID", "REFUND_DUE"][i]])),
  );
  expect(JSON.stringify(seen)).not.toContain("memberId");
  const elsewhere = await call("GET", `/ops/v1/stores/${shop.storeId}/orders?day=2026-11-23`, clerk);
  expect(elsewhere.body.code).toBe("STORE_OUT_OF_SCOPE");
  expect((await call("GET", `/ops/v1/stores/${shop.storeId}/orders?day=today`, seller)).status).toBe(422);
});

it("re-routes for the manager of the order's store, and tells nobody else", async () => {
  const order = await world.addOrder(store);
  const { campaignId, articleId } = order;
  await table.commit([
    allotments.create({ campaignId, storeId: other.storeId, articleId, units: 5, left: 5, state: "OPEN" }),
  ]);
  const path = `/ops/v1/orders/${order.orderId}/reroute`;
  const stranger = await hire(["store_manager"], [other.storeId]);
  expect((await call("POST", path, stranger, { reason: "停电" }, "key-0005")).body.code).toBe("STORE_OUT_OF_SCOPE");
  expect((await call("POST", path, clerk, { reason: "停电" }, "key-0006")).body.code).toBe("FORBIDDEN");
  const manager = await hire(["store_manager"], [store.storeId]);
  const moved = await call("POST", path, manager, { reason: "停电" }, "key-0007");
  expect(moved.status).toBe(200);
  expect(moved.body).toMatchObject({ fromStoreId: store.storeId, storeId: other.storeId });
  expect(moved.body.routed.cell).toBeUndefined();
  const none = await call("POST", `/ops/v1/orders/${env.ids.next("OR")}/reroute`, manager, { reason: "x" }, "key-0008");
  expect([none.status, none.body.code]).toEqual([404, "ORDER_NOT_FOUND"]);
});
