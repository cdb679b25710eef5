import { constants, createPublicKey, publicEncrypt } from "node:crypto";
import * as z from "zod";
import { parseIso } from "../../../shared/kernel/time.ts";
import type { Busy, Refused, Unknown } from "../../../shared/payment/index.ts";
import type { WeChatConfig, WeChatEndpoints, WeChatEnv } from "./config.ts";
import { createSeal } from "./seal.ts";
import { type Answer, readJson, send } from "./send.ts";

const problemAnswer = z.object({ code: z.string().min(1), message: z.string().default("") });

/** A time as WeChat Pay writes it, as epoch ms. */
export const time = z.string().transform((text, context) => {
  try {
    return parseIso(text);
  } catch {
    context.addIssue({ code: "custom", message: "no RFC 3339 date-time" });
    return z.NEVER;
  }
});

/** Allowed distance between a signed timestamp and our clock, in seconds: WeChat Pay's own rule. */
export const signedWithinS = 300;

/** How long a bill of a large day may take, ms of real time. */
const downloadMs = 30_000;

/** What the channel said no with; `number` is its own, finer number of the problem. */
export type PayProblem = { kind: "problem"; status: number; code: string; message: string; number: string };
export type PayReply = { kind: "ok"; body: unknown } | PayProblem | Busy | Unknown;

export const isAbsent = ({ status, code }: PayProblem): boolean =>
  status === 404 || code === "ORDER_NOT_EXIST" || code === "ORDERNOTEXIST" || code === "RESOURCE_NOT_EXISTS";
export const refused = ({ code, message }: PayProblem): Refused => ({ kind: "refused", code, message });
export const misfit = (what: string): Unknown => ({ kind: "unknown", reason: `the answer ${what}` });

/**
 * Signed calls to WeChat Pay v3. Every call is sent once (retry count 0: the worker that owns the row calls again under the same
 * number) and takes 5 s at most. An answer counts only when its signature fits: WeChat Pay signs each answer to a
 * request whose own signature was right, so an unsigned one, a time-out and a 5xx are all `unknown`.
 */
export function createPayCalls(
  config: WeChatConfig,
  endpoints: Pick<WeChatEndpoints, "payUrl" | "timeoutMs">,
  env: WeChatEnv,
) {
  const seal = createSeal(config);
  const { origin, pathname: basePath } = new URL(endpoints.payUrl);
  const prefix = basePath === "/" ? "" : basePath;
  const publicKeyId = Object.keys(config.platformKeys).find((serial) => serial.startsWith("PUB_KEY_ID_"));
  const nonce = () => Buffer.from(env.rng.bytes(16)).toString("hex").toUpperCase();
  const seconds = () => String(Math.floor(env.clock.now() / 1000));

  /** Sends a request that we signed; `target` is its path and query, whole. */
  function ask(method: "GET" | "POST", target: string, body = "", timeoutMs = endpoints.timeoutMs): Promise<Answer> {
    const timestamp = seconds();
    const nonceStr = nonce();
    const signature = seal.sign(method, target, timestamp, nonceStr, body);
    return send(
      `${origin}${target}`,
      {
        method,
        headers: {
          Accept: "application/json",
          "User-Agent": "commensal",
          Authorization: `WECHATPAY2-SHA256-RSA2048 mchid="${config.mchid}",nonce_str="${nonceStr}",timestamp="${timestamp}",serial_no="${config.merchantSerial}",signature="${signature}"`,
          ...(publicKeyId && { "Wechatpay-Serial": publicKeyId }),
          ...(body && { "Content-Type": "application/json" }),
        },
        ...(body && { body }),
      },
      timeoutMs,
    );
  }

  async function call(method: "GET" | "POST", path: string, content?: unknown): Promise<PayReply> {
    const answer = await ask(method, `${prefix}${path}`, content === undefined ? "" : JSON.stringify(content));
    if (answer.kind === "unknown") return answer;
    const { status } = answer;
    // Nothing was done and the same number is tried again later: safe to believe even from a gateway that can't sign.
    if (status === 429) return { kind: "busy" };
    const flaw =
      seal.flaw((header) => answer.headers.get(header) ?? undefined, answer.body) ??
      (seal.age(answer.headers.get("wechatpay-timestamp") ?? undefined, env.clock.now()) <= signedWithinS
        ? undefined
        : "its timestamp is off by more than 300 s");
    if (flaw) {
      const remedy = status === 401 ? ": WeChat Pay refuses our signature, check merchantSerial, key and clock" : "";
      return { kind: "unknown", reason: `HTTP ${status} can't be trusted (${flaw})${remedy}` };
    }
    if (status >= 500) return { kind: "unknown", reason: `HTTP ${status}` };
    if (status >= 200 && status < 300) return { kind: "ok", body: readJson(answer.body) };
    const problem = problemAnswer.safeParse(readJson(answer.body));
    if (status < 400 || !problem.success) return { kind: "unknown", reason: `HTTP ${status} that is no problem` };
    if (problem.data.code === "FREQUENCY_LIMITED" || problem.data.code === "RATELIMIT_EXCEEDED")
      return { kind: "busy" };
    // The request id ends in WeChat Pay's own, finer number of the problem.
    const number = answer.headers.get("request-id")?.split("-").at(-1) ?? "";
    return { kind: "problem", status, ...problem.data, number };
  }

  /** A file, which the channel does not sign; `target` is its path and query at the channel's own host. */
  async function download(target: string): Promise<{ kind: "file"; body: Buffer } | Busy | Unknown> {
    const answer = await ask("GET", target, "", downloadMs);
    if (answer.kind === "unknown") return answer;
    if (answer.status === 429) return { kind: "busy" };
    return answer.status === 200
      ? { kind: "file", body: answer.body }
      : { kind: "unknown", reason: `HTTP ${answer.status} for the file` };
  }

  // the key that our calls name in Wechatpay-Serial, or the one that there is
  const sealingKey = createPublicKey(config.platformKeys[publicKeyId ?? Object.keys(config.platformKeys)[0]!]!);
  /** A sensitive field sealed for the channel: RSAES-OAEP with SHA-1, base64. */
  const sealFor = (plain: string): string =>
    publicEncrypt(
      { key: sealingKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" },
      Buffer.from(plain),
    ).toString("base64");

  return { call, download, seal, seconds, nonce, sealFor };
}
