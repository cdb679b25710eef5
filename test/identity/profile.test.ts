import { expect, test } from "vitest";
import { identityShop } from "../../functions/api/identity-routes.ts";
import { bindPhone, logIn } from "../../shared/identity/index.ts";
import { members, phoneLinks } from "../../shared/table/keys.ts";
import { openPlatform } from "./platform.ts";

const { deps, table, call, events } = await openPlatform(identityShop);
const signIn = async (name: string) => {
  const { status, body } = await call("POST", "/v1/login", { body: { code: name } });
  expect(status).toBe(200);
  return body as { accessToken: string; memberId: string; refreshToken: string };
};

test("a member signs in, reads itself, refreshes, logs out and can't refresh any more", async () => {
  const { accessToken: token, memberId, refreshToken } = await signIn("whole");
  const me = await call("GET", "/v1/me", { token });
  expect(me.status).toBe(200);
  expect(me.body).toEqual({ memberId, joinedAt: "2026-11-23T10:00:00+08:00", newCustomer: true });
  const refreshed = await call("POST", "/v1/session/refresh", { body: { refreshToken } });
  expect(refreshed.status).toBe(200);
  expect(await call("POST", "/v1/session/logout", { token })).toMatchObject({ status: 204, text: "" });
  const after = await call("POST", "/v1/session/refresh", { body: { refreshToken: refreshed.body.refreshToken } });
  expect(after).toMatchObject({ status: 401, body: { code: "SESSION_REVOKED" } });
  expect(await call("GET", "/v1/me")).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
});

test("nickname and phone lie sealed in the table and come back to their member alone, the phone masked", async () => {
  const { accessToken: token, memberId } = await signIn("sealed");
  await call("PUT", "/v1/me", { token, body: { nickname: " 王阿姨 " } });
  const me = await call("POST", "/v1/me/phone", { token, body: { code: "+8613812345678" } });
  expect(me.body).toMatchObject({ memberId, nickname: "王阿姨", phone: "+86138****5678" });
  const row = await table.load(members, { memberId });
  expect(row?.nickname).toMatch(/^v1\./);
  expect(row?.phone).toMatch(/^v1\./);
  expect(JSON.stringify([row, await events("member.renamed"), await events("member.phone_bound")])).not.toMatch(
    /王阿姨|13812345678/,
  );
});

test.each([[""], ["   "], ["一".repeat(21)], ["a\u0000b"], ["a\u202eb"]])("%j is no nickname", async (nickname) => {
  const { accessToken: token } = await signIn("picky");
  const answer = await call("PUT", "/v1/me", { token, body: { nickname } });
  expect(answer).toMatchObject({ status: 422, body: { code: "INPUT_INVALID" } });
});

test("what a member may not set is refused, not ignored", async () => {
  const { accessToken: token } = await signIn("greedy");
  const answer = await call("PUT", "/v1/me", {
    token,
    body: { nickname: "a", firstPaidAt: 1, phone: "+8613800000000" },
  });
  expect(answer).toMatchObject({ status: 422, body: { code: "INPUT_INVALID" } });
});

test("a phone belongs to one member, until that member binds another", async () => {
  const [ann, ben] = [await signIn("phone-ann"), await signIn("phone-ben")];
  const bind = (who: { accessToken: string }, code: string) =>
    call("POST", "/v1/me/phone", { token: who.accessToken, body: { code } });
  expect((await bind(ann, "+8613900000001")).status).toBe(200);
  expect((await bind(ann, "+8613900000001")).status).toBe(200);
  expect(await bind(ben, "+8613900000001")).toMatchObject({ status: 409, body: { code: "PHONE_TAKEN" } });
  expect((await bind(ann, "+8613900000002")).status).toBe(200);
  expect((await bind(ben, "+8613900000001")).status).toBe(200);
  const row = await table.load(members, { memberId: ben.memberId });
  expect(await table.load(phoneLinks, { phoneIndex: row!.phoneIndex! })).toMatchObject({ memberId: ben.memberId });
});

test("of six members who bind one phone at once exactly one gets it", async () => {
  const people = await Promise.all(Array.from({ length: 6 }, (_, i) => logIn(deps, { code: `crowd${i}` })));
  const tried = await Promise.allSettled(
    people.map(({ memberId }) => bindPhone(deps, { memberId, code: "+8613900000009" })),
  );
  expect(tried.filter((t) => t.status === "fulfilled")).toHaveLength(1);
  for (const t of tried) if (t.status === "rejected") expect(t.reason).toMatchObject({ code: "PHONE_TAKEN" });
  const bound = await table.loadMany(members, people);
  expect(bound.filter((m) => m.phoneIndex !== undefined)).toHaveLength(1);
});

test("one member who binds one phone from two devices at once has it bound", async () => {
  const { memberId } = await logIn(deps, { code: "eager" });
  const code = "+8613900000010";
  const both = await Promise.all([bindPhone(deps, { memberId, code }), bindPhone(deps, { memberId, code })]);
  expect(both.map((p) => p.phone)).toEqual(["+86139****0010", "+86139****0010"]);
});
