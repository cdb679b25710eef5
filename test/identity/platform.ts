import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import type { AwsCall } from "../../functions/adapters/aws/json-client.ts";
import { kmsVault } from "../../functions/adapters/kms/vault.ts";
import { createMemberTokens } from "../../functions/adapters/tokens/member-tokens.ts";
import { cursorsOf } from "../../functions/runtime/cursors.ts";
import type { Deps } from "../../functions/runtime/deps.ts";
import { httpApp } from "../../functions/runtime/http.ts";
import type { Route } from "../../functions/runtime/route.ts";
import type { Role, WeChatLogin } from "../../shared/identity/index.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { dayOf } from "../../shared/kernel/time.ts";
import { auditOf, OUTBOX_BUCKETS, outboxOf, staffMembers } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

export async function es256Key(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid };
}

/**
 * The real table, tokens and vault (over a KMS that keeps its keys in the blob), and a WeChat that knows people by their code:
 * `ann` is the login code of openid `o-ann`, `+8613…` the phone code of that number.
 */
export async function openPlatform(routes: readonly Route[] = []) {
  const { table, env, clock } = await openTestTable();
  const kms = async (action: string, input: { CiphertextBlob?: string }) =>
    action === "Decrypt" ? { Plaintext: input.CiphertextBlob } : { CiphertextBlob: randomBytes(32).toString("base64") };
  const login: WeChatLogin = {
    async exchangeCode(code) {
      if (code === "bad") throw new DomainError("LOGIN_CODE_INVALID");
      const [name, unionid] = code.split("/");
      return { openid: `o-${name}`, ...(unionid && { unionid }) };
    },
    phoneNumber: async (code) => code,
  };
  const deps = {
    env,
    table,
    vault: kmsVault({ keyId: "key", rng: env.rng, call: kms as AwsCall }),
    blindIndex: (text: string) => `index-of-${Buffer.from(text).toString("hex")}`,
    cursors: cursorsOf(randomBytes(32)),
    memberTokens: createMemberTokens([await es256Key("one")], env),
    staffTokens: { verify: async (token: string) => ({ staffId: token.slice("access-token-of-staff-".length) }) },
    firstAdmin: undefined as string | undefined,
    login,
    merchant: { appid: "wx1", mchid: "1900000001" },
    geocoder: {
      geocode: async (text: string) =>
        text.includes("淮海")
          ? { point: { lat: 31.22, lng: 121.47, datum: "wgs84" as const }, label: text, relevance: 1 }
          : text.includes("大约")
            ? { point: { lat: 31.2, lng: 121.4, datum: "wgs84" as const }, label: text, relevance: 0.4 }
            : undefined,
    },
  } satisfies Partial<Deps>;
  const app = httpApp(routes, async () => deps as unknown as Deps);

  return {
    ...deps,
    deps,
    clock,
    /** Sends a request; `as` is a member's access token or a staff id made by `hire`. */
    async call(
      method: string,
      path: string,
      sent: {
        token?: string;
        staff?: string;
        body?: unknown;
        csv?: string | Uint8Array<ArrayBuffer>;
        key?: string;
      } = {},
      // biome-ignore lint/suspicious/noExplicitAny: an answer is looked at by expectations, which fail on any other shape
    ): Promise<{ status: number; headers: Headers; body: any; text: string }> {
      clock.advance(1); // ids sort by the millisecond they were made in
      const token = sent.token ?? (sent.staff && `access-token-of-staff-${sent.staff}`);
      const response = await app.request(path, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(sent.body !== undefined && { "content-type": "application/json" }),
          ...(sent.csv !== undefined && { "content-type": "text/csv; charset=utf-8" }),
          ...(sent.key && { "idempotency-key": sent.key }),
        },
        ...(sent.body !== undefined && { body: JSON.stringify(sent.body) }),
        ...(sent.csv !== undefined && { body: sent.csv }),
      });
      const text = await response.text();
      const json = /json/.test(response.headers.get("content-type") ?? "");
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: json ? text && JSON.parse(text) : undefined,
      };
    },
    async hire(staffId: string, roles: Role[], storeIds: string[] = []): Promise<string> {
      await table.commit([staffMembers.create({ staffId, name: staffId, roles, storeIds, active: true })]);
      return staffId;
    },
    /** Today's audit rows of one target, oldest first. */
    async auditOf(target: string) {
      const { items } = await table.page(auditOf(dayOf(clock.now())), { limit: 500 });
      return items.filter((row) => row.target === target).reverse();
    },
    /** Events of this hour of one type. */
    async events(type: string) {
      const pages = await Promise.all(
        Array.from({ length: OUTBOX_BUCKETS }, (_, bucket) =>
          table.page(outboxOf(clock.now(), bucket), { limit: 500 }),
        ),
      );
      return pages.flatMap((page) => page.items).filter((event) => event.type === type);
    },
  };
}
