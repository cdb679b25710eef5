import { expect, test } from "vitest";
import { storeOps, storeShop } from "../../functions/api/store-routes.ts";
import { greatCircle, toWgs84 } from "../../shared/kernel/geo.ts";
import { stores } from "../../shared/table/keys.ts";
import { openPlatform } from "../identity/platform.ts";

const { table, env, call, hire, auditOf, events } = await openPlatform([...storeOps, ...storeShop]);
const ops = await hire("ops", ["ops"]);
let keys = 0;
const key = () => `key-number-${keys++}`;
const hours = [{ weekday: 0, opens: 480, closes: 1320 }];
const point = { lat: 31.2231, lng: 121.4737, datum: "gcj02" as const };
const facts = { name: "淮海店", address: "上海市黄浦区淮海中路300号", radiusM: 3000, hours };
const open = async (body: object = {}) =>
  (await call("POST", "/ops/v1/stores", { staff: ops, key: key(), body: { ...facts, point, ...body } })).body;

test("a store given in gcj02 is kept in wgs84, and the mini-program gets its gcj02 back", async () => {
  const { storeId, point: kept } = await open();
  expect(kept.datum).toBe("wgs84");
  expect(greatCircle(kept, toWgs84(point))).toBeLessThan(0.1);
  expect(greatCircle({ ...kept, datum: "gcj02" }, point)).toBeGreaterThan(400);
  const { status, body } = await call("GET", `/v1/stores/${storeId}`);
  expect(status).toBe(200);
  expect(greatCircle(body.point, point)).toBeLessThan(1);
  expect(Object.keys(body).sort()).toEqual([
    "address",
    "hours",
    "name",
    "point",
    "specialDays",
    "storeId",
    "suspended",
  ]);
});

test("without a point the address is looked up; what is not found, or only guessed, is refused", async () => {
  const found = await open({ point: undefined });
  expect(found.point).toEqual({ lat: 31.22, lng: 121.47, datum: "wgs84" });
  for (const address of ["火星一号", "大约在附近"]) {
    const body = { ...facts, address };
    const answer = await call("POST", "/ops/v1/stores", { staff: ops, key: key(), body });
    expect(answer).toMatchObject({ status: 422, body: { code: "ADDRESS_NOT_FOUND" } });
  }
});

test.each([
  ["0,0", { point: { lat: 0, lng: 0, datum: "wgs84" } }],
  ["swapped coordinates", { point: { lat: 121.47, lng: 31.22, datum: "wgs84" } }],
  ["coordinates of no datum", { point: { lat: 31.22, lng: 121.47 } }],
  ["hours that end before they begin", { hours: [{ weekday: 0, opens: 600, closes: 600 }] }],
  ["a field that is not ours", { suspended: true }],
])("a store with %s is refused", async (_, body) => {
  const answer = await call("POST", "/ops/v1/stores", { staff: ops, key: key(), body: { ...facts, point, ...body } });
  expect(answer).toMatchObject({ status: 422, body: { code: "INPUT_INVALID" } });
});

test("creating needs a key, and the same key makes one store", async () => {
  const sent = { staff: ops, key: key(), body: { ...facts, point } };
  const [a, b] = await Promise.all([call("POST", "/ops/v1/stores", sent), call("POST", "/ops/v1/stores", sent)]);
  expect(a.text).toBe(b.text);
  expect(await auditOf(a.body.storeId)).toHaveLength(1);
  const without = await call("POST", "/ops/v1/stores", { staff: ops, body: sent.body });
  expect(without).toMatchObject({ status: 400, body: { code: "IDEMPOTENCY_KEY_MISSING" } });
});

test("a change is made from the version that was seen: of two at once one is told to look again", async () => {
  const { storeId, version } = await open();
  const put = (name: string, from = version) =>
    call("PUT", `/ops/v1/stores/${storeId}`, { staff: ops, body: { ...facts, name, version: from } });
  const answers = await Promise.all([put("甲"), put("乙")]);
  expect(answers.map((r) => r.status).sort()).toEqual([200, 409]);
  expect(answers.find((r) => r.status === 409)?.body.code).toBe("VERSION_CONFLICT");
  expect((await put("丙", version + 1)).body).toMatchObject({ name: "丙", version: version + 2 });
  expect((await auditOf(storeId)).map((row) => row.action)).toEqual(["store.create", "store.update", "store.update"]);
});

test("a changed store keeps its place while its address stays, and moves with a new one", async () => {
  const { storeId, version, point: before } = await open({ address: "无名路1号" });
  const put = (address: string, from: number) =>
    call("PUT", `/ops/v1/stores/${storeId}`, { staff: ops, body: { ...facts, address, version: from } });
  expect((await put("无名路1号", version)).body.point).toEqual(before);
  expect((await put("淮海中路1号", version + 1)).body.point).toEqual({ lat: 31.22, lng: 121.47, datum: "wgs84" });
});

test("suspending is recorded with its reason, once", async () => {
  const { storeId } = await open();
  const say = (suspended: boolean) =>
    call("POST", `/ops/v1/stores/${storeId}/suspension`, { staff: ops, body: { suspended, reason: "停电" } });
  const twins = await Promise.all([say(true), say(true), say(true)]);
  for (const twin of twins) expect(twin).toMatchObject({ status: 200, body: { suspended: true } });
  expect((await call("GET", `/v1/stores/${storeId}`)).body.suspended).toBe(true);
  await say(false);
  const recorded = (await auditOf(storeId)).slice(1);
  expect(recorded).toMatchObject([
    { action: "store.suspend", reason: "停电" },
    { action: "store.resume", reason: "停电" },
  ]);
  expect((await events("store.suspended")).filter((e) => e.data.storeId === storeId)).toHaveLength(1);
});

test("a store manager suspends the own store only, a clerk none, and nobody a store that is not there", async () => {
  const [mine, other] = [await open(), await open()];
  await hire("manager", ["store_manager"], [mine.storeId]);
  await hire("clerk", ["store_staff"], [mine.storeId]);
  const say = (staff: string, storeId: string) =>
    call("POST", `/ops/v1/stores/${storeId}/suspension`, { staff, body: { suspended: true, reason: "盘点" } });
  expect((await say("manager", mine.storeId)).status).toBe(200);
  expect(await say("manager", other.storeId)).toMatchObject({ status: 403, body: { code: "STORE_OUT_OF_SCOPE" } });
  expect(await say("clerk", mine.storeId)).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect(await say(ops, env.ids.next("ST"))).toMatchObject({ status: 404, body: { code: "STORE_NOT_FOUND" } });
  expect(await table.load(stores, other)).toMatchObject({ suspended: false });
});
