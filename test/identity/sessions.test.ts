import { expect, test } from "vitest";
import { endSession, logIn, refreshSession, requireLiveSession } from "../../shared/identity/index.ts";
import { members, openidLinks, sessions } from "../../shared/table/keys.ts";
import { openPlatform } from "./platform.ts";

const { deps, table, clock, memberTokens, events } = await openPlatform();
let people = 0;
const signIn = () => logIn(deps, { code: `person${people++}` });
const refused = (code: string) => ({ code });

test("a first login makes the member, the next one finds it", async () => {
  const first = await logIn(deps, { code: "ann" });
  const again = await logIn(deps, { code: "ann/u-ann" });
  expect(first.newMember).toBe(true);
  expect(again).toMatchObject({ newMember: false, memberId: first.memberId, expiresInS: 900 });
  const member = await table.load(members, { memberId: first.memberId });
  expect(member).toMatchObject({ openid: "o-ann", unionid: "u-ann", joinedAt: clock.now() });
  expect(member?.firstPaidAt).toBeUndefined();
});

test("openids that differ in case are two people", async () => {
  const [lower, upper] = [await logIn(deps, { code: "case" }), await logIn(deps, { code: "CASE" })];
  expect(lower.memberId).not.toBe(upper.memberId);
});

test("eight first logins of one person at once end as one member with eight sessions", async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => logIn(deps, { code: "racer" })));
  expect(new Set(all.map((s) => s.memberId)).size).toBe(1);
  expect(all.filter((s) => s.newMember)).toHaveLength(1);
  const { memberId } = all[0]!;
  expect(await table.load(openidLinks, { appid: "wx1", openid: "o-racer" })).toMatchObject({ memberId });
  const joined = (await events("member.joined")).filter((e) => e.data.memberId === memberId);
  expect(joined).toHaveLength(1);
  for (const one of all) {
    const who = await memberTokens.verify(one.accessToken);
    expect(await table.load(sessions, { sessionId: who.sessionId })).toMatchObject({ memberId });
  }
});

test("a code that WeChat refuses writes nothing", async () => {
  await expect(logIn(deps, { code: "bad" })).rejects.toMatchObject(refused("LOGIN_CODE_INVALID"));
  expect(await table.load(openidLinks, { appid: "wx1", openid: "o-bad" })).toBeUndefined();
});

test("the row of a session holds no token", async () => {
  const { accessToken, refreshToken } = await signIn();
  const { sessionId } = await memberTokens.verify(accessToken);
  const secret = refreshToken.split(".")[1]!;
  expect(Buffer.from(secret, "base64url")).toHaveLength(32);
  expect(JSON.stringify(await table.load(sessions, { sessionId }))).not.toContain(secret);
});

test("each refresh gives a new token of the same session, through a month of use", async () => {
  let { refreshToken, accessToken } = await signIn();
  const { sessionId } = await memberTokens.verify(accessToken);
  for (let week = 0; week < 6; week++) {
    clock.advance(7 * 86_400_000);
    const before = refreshToken;
    ({ refreshToken, accessToken } = await refreshSession(deps, { refreshToken }));
    expect(refreshToken).not.toBe(before);
    expect((await memberTokens.verify(accessToken)).sessionId).toBe(sessionId);
  }
});

test("a token whose answer was lost may be sent again within a minute and gets the same successor", async () => {
  const { refreshToken } = await signIn();
  const lost = await refreshSession(deps, { refreshToken });
  clock.advance(59_999);
  const again = await refreshSession(deps, { refreshToken });
  expect(again.refreshToken).toBe(lost.refreshToken);
  const next = await refreshSession(deps, { refreshToken: again.refreshToken });
  expect(next.refreshToken).not.toBe(again.refreshToken);
});

test("six refreshes at once all get the same successor, and it works", async () => {
  const { refreshToken } = await signIn();
  const all = await Promise.all(Array.from({ length: 6 }, () => refreshSession(deps, { refreshToken })));
  expect(new Set(all.map((s) => s.refreshToken)).size).toBe(1);
  expect(await refreshSession(deps, { refreshToken: all[5]!.refreshToken })).toMatchObject({ expiresInS: 900 });
});

test("a token used again after the minute ends the session for everybody", async () => {
  const { refreshToken } = await signIn();
  const thief = await refreshSession(deps, { refreshToken });
  clock.advance(60_000);
  await expect(refreshSession(deps, { refreshToken })).rejects.toMatchObject(refused("REFRESH_REUSED"));
  await expect(refreshSession(deps, thief)).rejects.toMatchObject(refused("SESSION_REVOKED"));
});

test("a token used again after its successor was used ends the session, minute or not", async () => {
  const { refreshToken } = await signIn();
  const second = await refreshSession(deps, { refreshToken });
  const third = await refreshSession(deps, second);
  await expect(refreshSession(deps, { refreshToken })).rejects.toMatchObject(refused("REFRESH_REUSED"));
  await expect(refreshSession(deps, third)).rejects.toMatchObject(refused("SESSION_REVOKED"));
});

test("a session unused for 30 days has run out", async () => {
  const { refreshToken, accessToken } = await signIn();
  const who = await memberTokens.verify(accessToken);
  clock.advance(30 * 86_400_000 - 1);
  await requireLiveSession(deps, who);
  clock.advance(1);
  await expect(refreshSession(deps, { refreshToken })).rejects.toMatchObject(refused("SESSION_REVOKED"));
  await expect(requireLiveSession(deps, who)).rejects.toMatchObject(refused("SESSION_REVOKED"));
});

test("logging out ends this session at once, others of the member go on, and twice is no error", async () => {
  const here = await logIn(deps, { code: "two-devices" });
  const there = await logIn(deps, { code: "two-devices" });
  const who = await memberTokens.verify(here.accessToken);
  await requireLiveSession(deps, who);
  await endSession(deps, who);
  await endSession(deps, who);
  await expect(requireLiveSession(deps, who)).rejects.toMatchObject(refused("SESSION_REVOKED"));
  await expect(refreshSession(deps, here)).rejects.toMatchObject(refused("SESSION_REVOKED"));
  expect(await refreshSession(deps, there)).toMatchObject({ expiresInS: 900 });
  const ended = (await events("session.ended")).filter((e) => e.data.sessionId === who.sessionId);
  expect(ended.map((e) => e.data.reason)).toEqual(["logout"]);
});

test("a session of somebody else is not one's own", async () => {
  const who = await memberTokens.verify((await signIn()).accessToken);
  const other = await memberTokens.verify((await signIn()).accessToken);
  await expect(requireLiveSession(deps, { memberId: who.memberId, sessionId: other.sessionId })).rejects.toMatchObject(
    refused("SESSION_REVOKED"),
  );
});

test.each(["", "x", "SE.abc", `SE${"0".repeat(24)}.short`, `SE${"0".repeat(24)}.${"A".repeat(43)}.more`])(
  "%j is no refresh token",
  async (refreshToken) => {
    await expect(refreshSession(deps, { refreshToken })).rejects.toMatchObject(refused("UNAUTHENTICATED"));
  },
);
