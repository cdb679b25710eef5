import { createHmac } from "node:crypto";
import { callbackPath } from "../../shared/dispatch/index.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { decide } from "../../shared/table/entity.ts";
import { wechatTokens } from "../../shared/table/keys.ts";
import { awsJsonClient, orTryAgain } from "../adapters/aws/json-client.ts";
import { createDada, readDadaHint } from "../adapters/carriers/dada.ts";
import { createWeChatIntracity, readIntracityCallback } from "../adapters/carriers/wechat-intracity.ts";
import { dynamoTable } from "../adapters/dynamo/table.ts";
import { createInvoiceProvider } from "../adapters/invoice/provider.ts";
import { kmsVault } from "../adapters/kms/vault.ts";
import { createLocation } from "../adapters/location/location.ts";
import { bucketPlace, s3Evidence } from "../adapters/s3/evidence.ts";
import { stepFunctions } from "../adapters/sfn/workflows.ts";
import { createMemberTokens } from "../adapters/tokens/member-tokens.ts";
import { createStaffTokens } from "../adapters/tokens/staff-tokens.ts";
import { createWeChatApi } from "../adapters/wechat/api.ts";
import { createWeChatBills } from "../adapters/wechat/bills.ts";
import { createContentCheck } from "../adapters/wechat/content-check.ts";
import { createWeChatLogin } from "../adapters/wechat/login.ts";
import { createWeChatPay } from "../adapters/wechat/pay.ts";
import { createWeChatProfitSharing } from "../adapters/wechat/profit-sharing.ts";
import { keepRefundRate } from "../adapters/wechat/refund-rate.ts";
import { createShippingUpload } from "../adapters/wechat/shipping.ts";
import { createWeChatTransfers } from "../adapters/wechat/transfers.ts";
import { cursorsOf } from "./cursors.ts";
import type { Deps } from "./deps.ts";
import { systemEnv } from "./env.ts";
import { logger } from "./logger.ts";
import { readSecrets, type SecretName, type Secrets } from "./secrets.ts";

/** Secrets are read again after this, so that a rotated key is taken up without a deploy. */
const REREAD_AFTER_MS = 5 * 60_000;

/** The variable, or an error that says what to set. */
function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}: the function was deployed without it`);
  return value;
}

/** Makes each value once, when it is first asked for. */
function lazily<T extends object>(makers: { [K in keyof T]: () => T[K] }): T {
  const made = {} as T;
  for (const name of Object.keys(makers) as (keyof T)[])
    Object.defineProperty(made, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = makers[name]();
        Object.defineProperty(made, name, { value, enumerable: true });
        return value;
      },
    });
  return made;
}

/**
 * What a function works with, made from its environment and the secrets it names; made anew every five minutes. Asking for
 * something whose variable or secret the function was not given is an error that names it.
 */
export function composeDeps(names: readonly SecretName[]): () => Promise<Deps> {
  const env = systemEnv;
  const table = lazily<{ it: Deps["table"] }>({ it: () => dynamoTable({ tableName: variable("TABLE_NAME"), env }) });
  let current: { deps: Promise<Deps>; until: number } | undefined;

  const build = async (): Promise<Deps> => {
    const secrets: Partial<Secrets> = names.length > 0 ? await readSecrets(variable("CONFIG_PREFIX"), names) : {};
    const secret = <N extends SecretName>(name: N): Secrets[N] => {
      const value = secrets[name];
      if (value === undefined)
        throw new Error(`this function does not read the secret ${name}: name it in composeDeps()`);
      return value;
    };
    const wechat = lazily({
      api: () => createWeChatApi(secret("wechat"), { apiUrl: variable("WECHAT_API_URL") }, env, tokenStore(table.it)),
      places: () =>
        createLocation({
          environment: process.env,
          onFailure: ({ call, error }) => logger.warn("LOCATION_FAILED", { error: error.name, message: call }),
        }),
    });
    return lazily<Deps>({
      env: () => env,
      table: () => table.it,
      vault: () =>
        kmsVault({ keyId: variable("DATA_KEY_ID"), rng: env.rng, call: orTryAgain(awsJsonClient("kms", { env })) }),
      blindIndex: () => {
        const key = secret("blind-index-key");
        return (text) => createHmac("sha256", key).update(text).digest("hex");
      },
      cursors: () => cursorsOf(secret("cursor-key")),
      memberTokens: () => createMemberTokens(secret("member-token-keys"), env),
      staffTokens: () =>
        createStaffTokens(
          {
            issuer: variable("STAFF_ISSUER"),
            clientId: variable("STAFF_CLIENT_ID"),
            jwksUrl: process.env.STAFF_JWKS_URL,
          },
          env,
        ),
      firstAdmin: () => process.env.FIRST_ADMIN_SUB || undefined,
      login: () => createWeChatLogin(secret("wechat"), wechat.api),
      merchant: () => ({ appid: secret("wechat").appid, mchid: secret("wechat").mchid }),
      channel: () =>
        keepRefundRate(
          createWeChatPay(
            secret("wechat"),
            { payUrl: variable("WECHAT_PAY_URL"), notifyBase: variable("PUBLIC_URL") },
            env,
          ),
          secret("wechat").mchid,
          { env, table: table.it },
        ),
      payouts: () =>
        createWeChatTransfers(
          secret("wechat"),
          { payUrl: variable("WECHAT_PAY_URL"), notifyBase: variable("PUBLIC_URL") },
          env,
        ),
      sharing: () => createWeChatProfitSharing(secret("wechat"), { payUrl: variable("WECHAT_PAY_URL") }, env),
      bills: () => createWeChatBills(secret("wechat"), { payUrl: variable("WECHAT_PAY_URL") }, env),
      shippingUpload: () => createShippingUpload({ mchid: secret("wechat").mchid }, wechat.api),
      carrierCallbacks: () => ({
        wechat(rawBody) {
          const { messageToken } = secret("carriers").wechat ?? {};
          if (messageToken === undefined) throw new DomainError("NOTIFICATION_FOREIGN", "we have no account there");
          return readIntracityCallback({ appid: secret("wechat").appid, messageToken }, rawBody);
        },
        dada: (rawBody) => readDadaHint(rawBody),
      }),
      carriers: () => {
        const { wechat: intracity, dada } = secret("carriers");
        const back = (name: "wechat" | "dada") => variable("PUBLIC_URL") + callbackPath(name);
        return [
          ...(intracity ? [createWeChatIntracity(intracity, wechat.api, back("wechat"), env)] : []),
          ...(dada ? [createDada(dada, { url: dada.url, callbackUrl: back("dada") }, env)] : []),
        ];
      },
      evidence: () => s3Evidence(bucketPlace(variable("EVIDENCE_BUCKET"), process.env), env),
      invoicing: () => createInvoiceProvider(secret("invoice"), env),
      content: () => createContentCheck(wechat.api),
      planner: () => wechat.places.planner,
      geocoder: () => wechat.places.geocoder,
      workflows: () =>
        stepFunctions({
          deadlineMachine: variable("DEADLINE_MACHINE_ARN"),
          refundMachine: variable("REFUND_MACHINE_ARN"),
          fulfilmentMachine: variable("FULFILMENT_MACHINE_ARN"),
          compensationMachine: variable("COMPENSATION_MACHINE_ARN"),
          call: awsJsonClient("states", { env }),
        }),
    });
  };

  return () => {
    const now = env.clock.now();
    if (!current || now >= current.until) {
      const deps = build();
      current = { deps, until: now + REREAD_AFTER_MS };
      deps.catch(() => {
        current = undefined; // the next call tries again
      });
    }
    return current.deps;
  };
}

/** WeChat's access token, kept in the table for all functions; the last one put wins. */
const tokenStore = (table: Deps["table"]) => ({
  async get(appid: string) {
    return table.load(wechatTokens, { appid });
  },
  // Two functions may fetch the first token at once: whoever comes second finds a row to change.
  async put(appid: string, entry: { token: string; expiresAt: number }) {
    await decide(async () => {
      const known = await table.load(wechatTokens, { appid });
      await table.commit([known ? wechatTokens.patch({ appid }).set(entry) : wechatTokens.create({ appid, ...entry })]);
    });
  },
});
