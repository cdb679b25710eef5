import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, expect, test, vi } from "vitest";
import { readDadaHint } from "../../functions/adapters/carriers/dada.ts";
import { readIntracityCallback } from "../../functions/adapters/carriers/wechat-intracity.ts";
import { createStaffTokens } from "../../functions/adapters/tokens/staff-tokens.ts";
import { createWeChatPay } from "../../functions/adapters/wechat/pay.ts";
import { allRoutes } from "../../functions/api/routes.ts";
import type { Deps } from "../../functions/runtime/deps.ts";
import { httpApp } from "../../functions/runtime/http.ts";
import { runCampaign } from "../../shared/groupbuy/index.ts";
import type { Role } from "../../shared/identity/index.ts";
import type { ProblemCode } from "../../shared/kernel/problem.ts";
import { hour } from "../../shared/kernel/time.ts";
import { memberships, shares } from "../../shared/table/keys.ts";
import { openPlatform } from "../identity/platform.ts";
import { openShop, type Sample, samplesOf } from "./shop.ts";

/**
 * Who may do what: authorization.csv says it for every route and every kind of caller, written from what the product
 * promises and not from the declarations. Routes are called from its first row to its last: those that end something
 * (signing out, cancelling) stand last. A store role without ' works at the store in question, with ' at another one.
 */
const words = {
  signin: "UNAUTHENTICATED",
  expired: "TOKEN_EXPIRED",
  ended: "SESSION_REVOKED",
  role: "FORBIDDEN",
  store: "STORE_OUT_OF_SCOPE",
  order: "ORDER_NOT_FOUND",
  team: "TEAM_NOT_VISIBLE",
  leads: "NOT_LEADER",
  job: "NOT_YOUR_JOB",
  unsigned: "NOTIFICATION_UNSIGNED",
  malformed: "NOTIFICATION_MALFORMED",
} as const satisfies Record<string, ProblemCode>;
const refusals: readonly string[] = Object.values(words);

const [header, ...rows] = readFileSync(join(import.meta.dirname, "authorization.csv"), "utf8")
  .trim()
  .split("\n")
  .map((line) => line.split(",").map((cell) => cell.trim()));
const principals = header!.slice(2);

const chain: Record<string, Role[]> = {
  admin: ["admin"],
  ops: ["ops"],
  finance: ["finance"],
  service: ["customer_service"],
  analyst: ["analyst"],
  executive: ["executive"],
};
const ofStore: Record<string, Role[]> = {
  operator: ["community_operator"],
  host: ["live_host"],
  manager: ["store_manager"],
  clerk: ["store_staff"],
  rider: ["rider"],
  mixed: ["analyst", "store_manager"],
};

const platform = await openPlatform();
const { table, env, clock } = platform;

// The staff issuer: its keys are fetched over HTTP, its tokens are verified for real.
const issuerKey = await generateKeyPair("RS256");
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(issuerKey.publicKey)), kid: "k1", alg: "RS256" }] });
const server = createServer((_, response) => response.end(jwks));
await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
afterAll(() => new Promise((done) => server.close(done)));
const issuer = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
const staffToken = (sub: string, ageS = 0) => {
  const iat = Math.floor(clock.now() / 1000) - ageS;
  const claims = { sub, iss: issuer, client_id: "console", token_use: "access", scope: "ops/console", iat };
  return new SignJWT({ ...claims, exp: iat + 3600 })
    .setProtectedHeader({ alg: "RS256", kid: "k1" })
    .sign(issuerKey.privateKey);
};

// WeChat Pay is out of reach: who is let through comes to learn that, who is not must not get as far.
const pair = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const merchant = {
  appid: "wx1",
  appSecret: "secret",
  mchid: "1900000001",
  merchantSerial: "5157F09EFDC096DE15EBE81A47057A72",
  merchantPrivateKey: pair.privateKey,
  apiV3Key: "0123456789abcdef0123456789abcdef",
  platformKeys: { PUB_KEY_ID_0119000000012026112300000001: pair.publicKey },
};
const deps = {
  ...platform.deps,
  staffTokens: createStaffTokens({ issuer, clientId: "console" }, env),
  channel: createWeChatPay(merchant, { payUrl: "http://127.0.0.1:9", notifyBase: "https://shop.example" }, env),
  planner: { matrix: async () => undefined },
  carriers: [],
  carrierCallbacks: {
    wechat: (body: string) => readIntracityCallback({ appid: "wx1", messageToken: "token" }, body),
    dada: readDadaHint,
  },
  evidence: { upload: () => ({ url: "", fields: {}, maxBytes: 1, expiresAt: 0 }) },
} as unknown as Deps;
const app = httpApp(allRoutes, async () => deps);

let calls = 0;
async function call(method: string, path: string, token: string | undefined, sample: Sample = {}) {
  clock.advance(1);
  const response = await app.request(path + (sample.query ?? ""), {
    method: method.toUpperCase(),
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(sample.body && { "content-type": "application/json" }),
      ...(sample.csv && { "content-type": "text/csv" }),
      "idempotency-key": `authorization-${++calls}`,
    },
    ...(sample.body && { body: JSON.stringify(sample.body) }),
    ...(sample.csv && { body: sample.csv }),
  });
  const text = await response.text();
  const json = text && /json/.test(response.headers.get("content-type") ?? "");
  // biome-ignore lint/suspicious/noExplicitAny: an answer is looked at by expectations
  return { status: response.status, body: (json ? JSON.parse(text) : undefined) as any };
}
const made = async (...request: Parameters<typeof call>) => {
  const { status, body } = await call(...request);
  if (status >= 300) throw new Error(`${request[1]}: ${JSON.stringify(body)}`);
  return body;
};
const login = (name: string) => made("post", "/v1/login", undefined, { body: { code: name } });

const now = clock.now();
/** What the rows speak of: a store with an open campaign, in it a team whose leader, the owner, has not paid yet. */
const world = await (async () => {
  await platform.hire("root", ["admin"]);
  const root = await staffToken("root");
  const [owner, stranger, leader] = await Promise.all(["owner", "stranger", "leader"].map(login));
  const shop = await openShop(made, {
    root,
    owner: owner.accessToken,
    now,
    opened: (campaignId) => runCampaign(deps, campaignId, clock.now() + hour),
  });
  const { storeId, communityId, campaignId, teamId } = shop;
  const ended = await login("owner");
  await made("post", "/v1/session/logout", ended.accessToken);
  await table.commit([
    memberships.create({ communityId, memberId: leader.memberId, role: "leader", joinedAt: now }),
    memberships.create({ communityId, memberId: owner.memberId, role: "member", joinedAt: now }),
  ]);
  const token = "0123456789ABCDEF";
  await table.commit([shares.create({ token, inviterId: owner.memberId, teamId, campaignId, at: now })]);
  await platform.hire("target", ["rider"], [storeId]);

  const at = clock.now();
  clock.set(at - hour);
  const old = await deps.memberTokens.issue({ memberId: owner.memberId, sessionId: env.ids.next("SE") });
  clock.set(at);
  const tokens: Record<string, string | undefined> = {
    nobody: undefined,
    ended: ended.accessToken,
    owner: owner.accessToken,
    stranger: stranger.accessToken,
    leader: leader.accessToken,
    unhired: await staffToken("unhired"),
  };
  const hire = async (id: string, roles: Role[], stores: string[]) => {
    await platform.hire(id, roles, stores);
    tokens[id] = await staffToken(id);
  };
  for (const [name, roles] of Object.entries(chain)) await hire(name, roles, []);
  for (const [name, roles] of Object.entries(ofStore)) {
    await hire(name, roles, [storeId]);
    await platform.hire(`${name}-elsewhere`, roles, [shop.otherStoreId]);
    tokens[`${name}'`] = await staffToken(`${name}-elsewhere`);
  }
  await hire("inactive", ["admin", "ops", "store_manager"], [storeId]);
  await made("put", "/ops/v1/staff/inactive", root, {
    body: { name: "离职", roles: ["admin", "ops", "store_manager"], storeIds: [storeId], active: false },
  });
  const expired = { member: old.accessToken, staff: await staffToken("root", 2 * 3600) };
  const refundId = env.ids.next("RF");
  const none = {
    importId: env.ids.next("IM"),
    supplierId: env.ids.next("SP"),
    lotId: env.ids.next("LT"),
    fileId: env.ids.next("PF"),
    recallId: env.ids.next("RC"),
    couponId: env.ids.next("CT"),
    grantId: env.ids.next("CG"),
    postId: env.ids.next("PS"),
    payoutId: env.ids.next("PT"),
    purchaseOrderId: env.ids.next("PO"),
    addressId: env.ids.next("AD"),
  };
  return { ids: { ...shop, ...none, refundId, token, staffId: "target", memberId: owner.memberId }, tokens, expired };
})();
const { ids, tokens, expired } = world;
const samples = samplesOf({ ...ids, now, refreshToken: async () => (await login("refresher")).refreshToken });

test("every route has its row, every row its route, every cell a word", () => {
  const declared = allRoutes.map(({ method, path }) => `${method} ${path}`);
  expect(rows.map(([method, path]) => `${method} ${path}`).sort()).toEqual(declared.sort());
  expect(declared.length).toBeGreaterThan(50);
  expect(principals.filter((name) => name !== "expired" && !(name in tokens))).toEqual([]);
  expect(Object.keys(samples).filter((name) => !declared.includes(name))).toEqual([]);
  for (const row of rows) {
    expect(row).toHaveLength(header!.length);
    expect(row.slice(2).filter((cell) => cell !== "ok" && !(cell in words))).toEqual([]);
  }
});

test("each caller is let in, or refused with the code of the table", async () => {
  const wrong: string[] = [];
  let cells = 0;
  const log = vi.spyOn(process.stdout, "write").mockReturnValue(true); // a line a request would bury what fails
  for (const [method, pattern, ...expected] of rows) {
    const path = pattern!.replaceAll(/\{(\w+)\}/g, (_, name: keyof typeof ids) => String(ids[name]));
    for (const [i, principal] of principals.entries()) {
      const token =
        principal === "expired" ? (path.startsWith("/ops/") ? expired.staff : expired.member) : tokens[principal];
      const sample = await samples[`${method} ${pattern}`]?.();
      const { status, body } = await call(method!, path, token, sample);
      const code: string = body?.code ?? String(status);
      // What is wrong with the request itself would hide whether its sender may make it.
      const seen = ["INPUT_INVALID", "BODY_MALFORMED", "CSV_INVALID", "INTERNAL", "TRY_AGAIN"].includes(code)
        ? `${code} ${JSON.stringify(body.errors)}`
        : refusals.includes(code)
          ? code
          : "ok";
      const word = expected[i]!;
      const right = word === "ok" ? "ok" : words[word as keyof typeof words];
      if (seen !== right) wrong.push(`${method} ${pattern} as ${principal}: ${seen}, not ${right}`);
      cells++;
    }
  }
  log.mockRestore();
  process.stdout.write(`authorization: ${rows.length} routes × ${principals.length} callers = ${cells} cells\n`);
  expect(wrong).toEqual([]);
  expect(cells).toBe(rows.length * principals.length);
});
