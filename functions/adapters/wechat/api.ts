import * as z from "zod";
import type { TokenStore } from "../../../shared/identity/ports.ts";
import { second } from "../../../shared/kernel/time.ts";
import type { WeChatConfig, WeChatEndpoints, WeChatEnv } from "./config.ts";
import { readJson, send } from "./send.ts";

/** How api.weixin.qq.com answers: HTTP 200 with an errcode, absent or 0 when all is well. */
const answer = z.looseObject({ errcode: z.int().default(0), errmsg: z.string().default("") });
const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

export type ApiReply =
  | { kind: "ok"; body: unknown }
  | { kind: "error"; errcode: number; errmsg: string }
  | { kind: "unknown"; reason: string };

export type WeChatApi = ReturnType<typeof createWeChatApi>;

/** Codes by which WeChat says that the access token is no longer good. */
const badToken = new Set([40001, 40014, 42001]);

/**
 * The mini-program server API of one app. Calls are sent once, 5 s at most, save one case: an access token that WeChat
 * no longer takes is fetched anew once and the call sent a second time (so at most 2 sends of a call, 2 of the token).
 */
export function createWeChatApi(
  config: Pick<WeChatConfig, "appid" | "appSecret">,
  endpoints: Pick<WeChatEndpoints, "apiUrl" | "timeoutMs">,
  env: Pick<WeChatEnv, "clock">,
  tokens: TokenStore,
) {
  let fetching: Promise<string | ApiReply> | undefined;

  async function call(method: "GET" | "POST", pathAndQuery: string, content?: unknown): Promise<ApiReply> {
    const reply = await send(
      `${endpoints.apiUrl}${pathAndQuery}`,
      {
        method,
        headers: {
          Accept: "application/json",
          "User-Agent": "commensal",
          ...(content !== undefined && { "Content-Type": "application/json" }),
        },
        ...(content !== undefined && { body: JSON.stringify(content) }),
      },
      endpoints.timeoutMs,
    );
    if (reply.kind === "unknown") return reply;
    if (reply.status !== 200) return { kind: "unknown", reason: `HTTP ${reply.status}` };
    const body = readJson(reply.body);
    const head = answer.safeParse(body);
    if (!head.success) return { kind: "unknown", reason: "the answer is not WeChat's" };
    const { errcode, errmsg } = head.data;
    return errcode === 0 ? { kind: "ok", body } : { kind: "error", errcode, errmsg };
  }

  /** Normal mode is idempotent, so workers that fetch at the same time get the same token. */
  async function fetchToken(): Promise<string | ApiReply> {
    const reply = await call("POST", "/cgi-bin/stable_token", {
      grant_type: "client_credential",
      appid: config.appid,
      secret: config.appSecret,
    });
    if (reply.kind !== "ok") return reply;
    const parsed = tokenAnswer.safeParse(reply.body);
    if (!parsed.success) return { kind: "unknown", reason: "the token's answer holds no token" };
    // WeChat renews within the last 300 s, while the old token still works.
    const expiresAt = env.clock.now() + (parsed.data.expires_in - 300) * second;
    await tokens.put(config.appid, { token: parsed.data.access_token, expiresAt });
    return parsed.data.access_token;
  }

  const freshToken = (): Promise<string | ApiReply> => {
    fetching ??= fetchToken().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };

  async function currentToken(): Promise<string | ApiReply> {
    const kept = await tokens.get(config.appid);
    return kept && kept.expiresAt > env.clock.now() ? kept.token : await freshToken();
  }

  return {
    call,

    /** A POST that needs the access token. */
    async callWithToken(path: string, content: unknown): Promise<ApiReply> {
      let token = await currentToken();
      if (typeof token !== "string") return token;
      const send = (value: string) => call("POST", `${path}?access_token=${encodeURIComponent(value)}`, content);
      const reply = await send(token);
      if (reply.kind !== "error" || !badToken.has(reply.errcode)) return reply;
      // Another worker may have put a newer one meanwhile; asking WeChat answers the current one either way.
      token = await freshToken();
      return typeof token === "string" ? await send(token) : token;
    },
  };
}
