import { createHash } from "node:crypto";
import { minute } from "../../shared/kernel/time.ts";
import type { Platform } from "../platform.ts";
import type { Dice } from "./dice.ts";

// Answers are read as their documentation says; what lacks shows at once.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Any = any;
export interface Answer {
  ok: boolean;
  status: number;
  code: string | undefined;
  body: Any;
}
type Json = Record<string, unknown>;

/** Somebody who calls the API and does not give up: what fails for the moment he asks again, under the same Idempotency-Key. */
export interface Caller {
  get(path: string): Promise<Answer>;
  post(path: string, body?: Json): Promise<Answer>;
  put(path: string, body: Json): Promise<Answer>;
}

/** What a client may be told with a 5xx: it then asks again. */
const PASSING = ["TRY_AGAIN", "PAYMENT_UNKNOWN", "WECHAT_UNAVAILABLE", "LOGIN_BUSY"];
const TRIES = 60;

/**
 * Callers of a platform. Every request is counted; an answer that no client should ever see, and a repetition that is answered
 * differently, go to `wrong`.
 */
export function createClient(
  platform: Pick<Platform, "url" | "clock" | "cognito">,
  options: { repeats: number; dice: Dice; wrong(invariant: "E1" | "API", where: string, what: string): void },
) {
  const { url, clock, cognito } = platform;
  const { wrong } = options;
  const counted = { requests: 0, repetitions: 0, answers: {} as Record<string, number> };
  let keys = 0;

  async function once(method: string, path: string, token?: string, body?: Json, key?: string) {
    const response = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(30_000),
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { "content-type": "application/json" }),
        ...(key && { "idempotency-key": key }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  async function stubborn(
    method: string,
    path: string,
    token: () => Promise<string | undefined>,
    body?: Json,
    key?: string,
  ) {
    for (let attempt = 0; ; attempt++) {
      counted[attempt === 0 ? "requests" : "repetitions"]++;
      let last = "";
      try {
        const { status, text } = await once(method, path, await token(), body, key);
        const code = status >= 400 && text.startsWith("{") ? (JSON.parse(text) as { code?: string }).code : undefined;
        if (status < 500 && status !== 429) return { status, text, code };
        last = `${status} ${text}`;
        // the gateway's own words: its function died, or was late
        const gateway = text === '{"message":"Internal Server Error"}' || text === '{"message":"Service Unavailable"}';
        if (status >= 500 && !gateway && !PASSING.includes(code ?? "")) wrong("API", `${method} ${path}`, last);
      } catch (error) {
        last = String(error);
        if (!/fetch failed|timeout|aborted|no sign-in/i.test(last)) throw error;
      }
      if (attempt === TRIES) throw new Error(`${method} ${path}: still no answer after ${TRIES} repetitions: ${last}`);
      await new Promise((resolve) => setTimeout(resolve, Math.min(20 * 2 ** attempt, 500)));
    }
  }

  async function call(
    method: string,
    path: string,
    token: () => Promise<string | undefined>,
    body?: Json,
  ): Promise<Answer> {
    const key = method === "POST" ? `simulated-${++keys}` : undefined;
    const { status, text, code } = await stubborn(method, path, token, body, key);
    // a refusal is decided anew; what was done is told again
    if (key && status < 300 && !path.startsWith("/v1/login") && options.dice.hits(options.repeats)) {
      const again = await stubborn(method, path, token, body, key);
      const same = again.status === status && again.text === text;
      // routes that take no key do again what they do
      if (!same && again.status < 300 && /"orderId"/.test(text) && !/pickup-code|payment$/.test(path))
        wrong("E1", `${method} ${path}`, `${hash(text)}: ${text.slice(0, 200)} then ${again.text.slice(0, 200)}`);
    }
    const said = `${method} ${path.replace(/[A-Z]{2}[0-9A-Z]{24}/g, "…").split("?")[0]} ${status}${code ? ` ${code}` : ""}`;
    counted.answers[said] = (counted.answers[said] ?? 0) + 1;
    return { ok: status < 300, status, code, body: text.startsWith("{") ? JSON.parse(text) : undefined };
  }

  const caller = (token: () => Promise<string | undefined>): Caller => ({
    get: (path) => call("GET", path, token),
    post: (path, body) => call("POST", path, token, body),
    put: (path, body) => call("PUT", path, token, body),
  });
  /** Tokens last minutes: each call signs in anew when its token has run out. */
  const renewed = (lifetimeMs: number, signIn: () => Promise<string>) => {
    let kept: { token: Promise<string>; until: number } | undefined;
    return () => {
      if (!kept || clock.now() >= kept.until) {
        const token = signIn();
        token.catch(() => {
          kept = undefined;
        });
        kept = { token, until: clock.now() + lifetimeMs };
      }
      return kept.token;
    };
  };
  const nobody = async () => undefined;
  const local = async (path: string, body?: Json): Promise<Any> => {
    const { status, text } = await once(body ? "POST" : "GET", `/_local/${path}`, undefined, body);
    return status < 300 ? JSON.parse(text || "{}") : { refused: status, text };
  };

  return {
    counted,
    local,
    nobody: caller(nobody),
    staff: (username: string, password: string): Caller =>
      caller(
        renewed(50 * minute, async () => {
          const signedIn = await cognito.signIn(username, password);
          if (!signedIn) throw new Error(`no sign-in for ${username}`);
          return signedIn.access_token;
        }),
      ),
    /** A WeChat user who signs in. */
    async member(name: string): Promise<Caller & { name: string; memberId: string }> {
      let memberId = "";
      const token = renewed(13 * minute, async () => {
        for (let tries = 0; ; tries++) {
          const { code } = await local("wechat/login-code", { user: name });
          const answer = await stubborn("POST", "/v1/login", nobody, { code });
          if (answer.status < 300) {
            const told = JSON.parse(answer.text) as { memberId: string; accessToken: string };
            memberId = told.memberId;
            return told.accessToken;
          }
          // a code is good once, and its answer may have been lost
          if (tries === 20) throw new Error(`${name} can't sign in: ${answer.status} ${answer.text}`);
        }
      });
      await token();
      return { ...caller(token), name, memberId };
    },
  };
}
export type Client = ReturnType<typeof createClient>;

const hash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 8);
