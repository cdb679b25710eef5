import { beforeAll, expect, test } from "vitest";
import { communityOps, communityShop } from "../../functions/api/community-routes.ts";
import { inboxShop } from "../../functions/api/inbox-routes.ts";
import { isMemberOf } from "../../shared/community/index.ts";
import { logIn } from "../../shared/identity/index.ts";
import { fileMessage, type InboxMessage } from "../../shared/journey/index.ts";
import { stores } from "../../shared/table/keys.ts";
import { openPlatform } from "../identity/platform.ts";

const platform = await openPlatform([...communityOps, ...communityShop, ...inboxShop]);
const { deps, table, env, clock, call, hire, auditOf, events } = platform;
const storeId = env.ids.next("ST");
let keys = 0;

beforeAll(async () => {
  const wgs84 = { lat: 31.22, lng: 121.47, datum: "wgs84" as const };
  const store = { storeId, name: "店", address: "路", wgs84, radiusM: 1000, hours: [], suspended: false };
  await table.commit([stores.create({ ...store, createdAt: clock.now() })]);
  await hire("operator", ["community_operator"], [storeId]);
});
const found = (name: string, store = storeId) =>
  call("POST", "/ops/v1/communities", {
    staff: "operator",
    key: `key-number-${keys++}`,
    body: { storeId: store, name, kind: "neighbourhood" },
  });
const membership = (communityId: string) => `/v1/communities/${communityId}/membership`;

test("a community is founded on the record, by those who keep its store, and seen by neighbours", async () => {
  const { status, body } = await found("淮海坊");
  expect(status).toBe(201);
  expect(await auditOf(body.communityId)).toMatchObject([{ staffId: "operator", action: "community.create" }]);
  expect(await found("别处", env.ids.next("ST"))).toMatchObject({ body: { code: "STORE_OUT_OF_SCOPE" } });
  const { accessToken: token } = await logIn(deps, { code: "viewer" });
  const seen = await call("GET", `/v1/stores/${storeId}/communities`, { token });
  expect(seen.body.items).toContainEqual(body);
  const ops = await call("GET", `/ops/v1/stores/${storeId}/communities`, { staff: "operator" });
  expect(ops.body).toEqual(seen.body);
  const none = await call("GET", `/v1/stores/${env.ids.next("ST")}/communities`, { token });
  expect(none).toMatchObject({ status: 404, body: { code: "STORE_NOT_FOUND" } });
});

test("a member joins several communities, each once, sees them, leaves and comes back", async () => {
  const [a, b] = [(await found("甲坊")).body.communityId, (await found("乙坊")).body.communityId];
  const { accessToken: token, memberId } = await logIn(deps, { code: "neighbour" });
  const joins = await Promise.all([1, 2, 3].map(() => call("POST", membership(a), { token })));
  expect(joins.map((r) => r.status).sort()).toEqual([201, 409, 409]);
  expect(joins.find((r) => r.status === 409)?.body.code).toBe("ALREADY_MEMBER");
  await call("POST", membership(b), { token });
  const mine = async () =>
    (await call("GET", "/v1/me/communities", { token })).body.items.map(
      (m: { community: { communityId: string } }) => m.community.communityId,
    );
  expect((await mine()).sort()).toEqual([a, b].sort());
  expect(await isMemberOf(deps, a, memberId)).toBe(true);

  expect(await call("DELETE", membership(a), { token })).toMatchObject({ status: 204, text: "" });
  expect((await call("DELETE", membership(a), { token })).status).toBe(204);
  expect(await isMemberOf(deps, a, memberId)).toBe(false);
  expect(await mine()).toEqual([b]);
  expect((await call("POST", membership(a), { token })).status).toBe(201);
  const of = async (type: string) => (await events(type)).filter((e) => e.data.memberId === memberId).length;
  expect([await of("community.joined"), await of("community.left")]).toEqual([3, 1]);
});

test("joining nothing is a 404", async () => {
  const { accessToken: token } = await logIn(deps, { code: "lost" });
  const answer = await call("POST", membership(env.ids.next("CM")), { token });
  expect(answer).toMatchObject({ status: 404, body: { code: "COMMUNITY_NOT_FOUND" } });
});

test("a member's communities come in pages, each once", async () => {
  const { accessToken: token } = await logIn(deps, { code: "pager" });
  for (const name of ["一", "二", "三", "四", "五"])
    await call("POST", membership((await found(name)).body.communityId), { token });
  const names: string[] = [];
  let cursor = "";
  do {
    const { body } = await call("GET", `/v1/me/communities?limit=2${cursor}`, { token });
    names.push(...body.items.map((m: { community: { name: string } }) => m.community.name));
    cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : "";
  } while (cursor);
  expect(names.sort()).toEqual(["一", "三", "二", "五", "四"].sort());
});

test("an event files one message a member, and the inbox shows the newest first to its owner alone", async () => {
  const { accessToken: token, memberId } = await logIn(deps, { code: "reader" });
  const { accessToken: other } = await logIn(deps, { code: "other-reader" });
  const messages: InboxMessage[] = [];
  for (const title of ["已支付", "已成团", "可提货"]) {
    clock.advance(1000);
    messages.push({ memberId, eventId: env.ids.next("EV"), at: clock.now(), kind: "Test", title, body: "内容" });
  }
  for (const message of [...messages, ...messages]) await fileMessage(table, message);
  await Promise.all([1, 2, 3].map(() => fileMessage(table, messages[0]!)));
  const first = await call("GET", "/v1/inbox?limit=2", { token });
  expect(first.body.items.map((m: { title: string }) => m.title)).toEqual(["可提货", "已成团"]);
  expect(first.body.items[0].at).toMatch(/\+08:00$/);
  const rest = await call("GET", `/v1/inbox?limit=2&cursor=${first.body.nextCursor}`, { token });
  expect(rest.body.items.map((m: { title: string }) => m.title)).toEqual(["已支付"]);
  expect((await call("GET", "/v1/inbox", { token: other })).body).toEqual({ items: [] });
  const stolen = await call("GET", `/v1/inbox?cursor=${first.body.nextCursor}`, { token: other });
  expect(stolen).toMatchObject({ status: 422, body: { code: "CURSOR_INVALID" } });
});
