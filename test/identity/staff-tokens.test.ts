import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, expect, test } from "vitest";
import { createStaffTokens } from "../../functions/adapters/tokens/staff-tokens.ts";
import { testEnv } from "../engine/table.ts";

const { env, clock } = testEnv();
const ours = await generateKeyPair("RS256");
const other = await generateKeyPair("RS256");
let asked = 0;
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(ours.publicKey)), kid: "k1", alg: "RS256", use: "sig" }] });
const server = createServer((request, response) => {
  asked++;
  response.writeHead(request.url === "/pool/.well-known/jwks.json" ? 200 : 503).end(jwks);
});
await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
afterAll(() => new Promise((done) => server.close(done)));
const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
const issuer = `${base}/pool`;
const tokens = createStaffTokens({ issuer, clientId: "console" }, env);

const nowS = Math.floor(clock.now() / 1000);
const good = {
  sub: "6b1f0c1e-6f0a-4a6e-9d53-2f1f0a7f3c11",
  iss: issuer,
  client_id: "console",
  token_use: "access",
  scope: "openid ops/console",
  iat: nowS,
  exp: nowS + 3600,
  username: "li",
};
const made = (claims: object = {}, head: object = {}, key = ours.privateKey) =>
  new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: "RS256", kid: "k1", ...head }).sign(key);

test("an access token of the console names its subject, and the issuer's keys are fetched once", async () => {
  expect(await tokens.verify(await made())).toEqual({ staffId: good.sub });
  expect(await tokens.verify(await made())).toEqual({ staffId: good.sub });
  expect(asked).toBe(1);
});

test.each<[string, string, object, object?]>([
  ["UNAUTHENTICATED", "another issuer", { iss: "https://example.com" }],
  ["UNAUTHENTICATED", "another client", { client_id: "shop" }],
  ["UNAUTHENTICATED", "the use of an ID token", { token_use: "id" }],
  ["UNAUTHENTICATED", "a birth in the future", { iat: nowS + 120 }],
  ["UNAUTHENTICATED", "a start in the future", { nbf: nowS + 120 }],
  ["UNAUTHENTICATED", "no expiry", { exp: undefined }],
  ["UNAUTHENTICATED", "no subject", { sub: undefined }],
  ["UNAUTHENTICATED", "an unknown kid", {}, { kid: "k2" }],
  ["TOKEN_EXPIRED", "a past expiry", { exp: nowS }],
  ["FORBIDDEN", "another scope", { scope: "openid ops/console.read" }],
  ["FORBIDDEN", "no scope", { scope: undefined }],
])("%s: a token with %s", async (code, _, claims, head) => {
  await expect(tokens.verify(await made(claims, head))).rejects.toMatchObject({ code });
});

test("a stranger's signature, another algorithm and a monster are refused", async () => {
  const hs = await new SignJWT(good)
    .setProtectedHeader({ alg: "HS256", kid: "k1" })
    .sign(new TextEncoder().encode(jwks));
  for (const token of [await made({}, {}, other.privateKey), hs, "x".repeat(9000), "a.b.c"])
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});

test("keys that can't be had are a reason to try again, not a verdict on the token", async () => {
  const token = await made();
  for (const jwksUrl of [`${base}/down`, "http://127.0.0.1:1/jwks.json"]) {
    const cut = createStaffTokens({ issuer, clientId: "console", jwksUrl }, env);
    await expect(cut.verify(token)).rejects.toMatchObject({ code: "TRY_AGAIN" });
  }
});
