import { generateKeyPair, importJWK, SignJWT } from "jose";
import { expect, test } from "vitest";
import { createMemberTokens } from "../../functions/adapters/tokens/member-tokens.ts";
import { testEnv } from "../engine/table.ts";
import { es256Key } from "./platform.ts";

const { env, clock } = testEnv();
const [first, second, stranger] = await Promise.all([es256Key("first"), es256Key("second"), es256Key("first")]);
const tokens = createMemberTokens([first, second], env);
const who = { memberId: env.ids.next("MB"), sessionId: env.ids.next("SE") };
const nowS = Math.floor(clock.now() / 1000);

const good = {
  sub: who.memberId,
  sid: who.sessionId,
  ver: 1,
  iat: nowS,
  exp: nowS + 900,
  iss: "commensal",
  aud: "commensal-shop",
};
const header = { alg: "ES256", typ: "at+jwt", kid: "first" };
const made = async (claims: object = {}, head: object = {}, key = first) =>
  new SignJWT({ ...good, ...claims }).setProtectedHeader({ ...header, ...head }).sign(await importJWK(key, "ES256"));
const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

test("an issued token names its member and session for 15 minutes, not a second longer", async () => {
  const at = clock.now();
  const { accessToken, expiresInS } = await tokens.issue(who);
  expect(expiresInS).toBe(900);
  expect(await tokens.verify(accessToken)).toEqual(who);
  clock.set(at + 899_999);
  expect(await tokens.verify(accessToken)).toEqual(who);
  clock.set(at + 900_000);
  await expect(tokens.verify(accessToken)).rejects.toMatchObject({ code: "TOKEN_EXPIRED" });
  clock.set(at);
});

test("the hand-made twin of an issued token is taken: what the refusals below change is what they are refused for", async () => {
  expect(await tokens.verify(await made())).toEqual(who);
});

test("both keys verify while one replaces the other, and a dropped one does not", async () => {
  const { accessToken } = await tokens.issue(who);
  const after = createMemberTokens([second, first], env);
  expect(await after.verify(accessToken)).toEqual(who);
  expect(await tokens.verify((await after.issue(who)).accessToken)).toEqual(who);
  await expect(createMemberTokens([second], env).verify(accessToken)).rejects.toMatchObject({
    code: "UNAUTHENTICATED",
  });
});

const rsa = await generateKeyPair("RS256");
const secret = new TextEncoder().encode(JSON.stringify({ x: first.x, y: first.y }));
const [head, payload, signature] = (await made()).split(".") as [string, string, string];
const { d: _, ...publicStranger } = stranger;
test.each<[string, string]>([
  ["nothing", ""],
  ["no token at all", "abc"],
  ["two parts", `${head}.${payload}`],
  ["no signature", `${head}.${payload}.`],
  ["alg none", `${b64({ alg: "none", typ: "at+jwt", kid: "first" })}.${payload}.`],
  ["another algorithm in the header", `${b64({ ...header, alg: "RS256" })}.${payload}.${signature}`],
  ["HS256 under the public key", await new SignJWT(good).setProtectedHeader({ ...header, alg: "HS256" }).sign(secret)],
  ["RS256", await new SignJWT(good).setProtectedHeader({ ...header, alg: "RS256" }).sign(rsa.privateKey)],
  ["a stranger's key under our kid", await made({}, {}, stranger)],
  ["a key of its own in the header", await made({}, { jwk: publicStranger }, stranger)],
  ["a header parameter we never send", await made({}, { jku: "https://example.com/keys" })],
  ["an unknown kid", await made({}, { kid: "third" })],
  ["no kid", await made({}, { kid: undefined })],
  ["the other kid", await made({}, { kid: "second" })],
  ["another typ", await made({}, { typ: "JWT" })],
  ["no typ", await made({}, { typ: undefined })],
  ["a tampered payload", `${head}.${b64({ ...good, sub: env.ids.next("MB") })}.${signature}`],
  ["another issuer", await made({ iss: "somebody" })],
  ["another audience", await made({ aud: "commensal-ops" })],
  ["several audiences", await made({ aud: ["commensal-shop", "commensal-ops"] })],
  ["no audience", await made({ aud: undefined })],
  ["a subject that is no member", await made({ sub: env.ids.next("ST") })],
  ["no session", await made({ sid: undefined })],
  ["another version", await made({ ver: 2 })],
  ["no expiry", await made({ exp: undefined })],
  ["an expiry as text", await made({ exp: String(nowS + 900) } as object)],
  ["a life longer than ours", await made({ exp: nowS + 901 })],
  ["a birth in the future", await made({ iat: nowS + 61, exp: nowS + 900 })],
  ["a claim we never make", await made({ role: "admin" })],
  ["more than 2 kB", await made({ pad: "x".repeat(2048) })],
])("a token with %s is refused", async (_, token) => {
  await expect(tokens.verify(token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});
