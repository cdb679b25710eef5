import { createHash, createHmac } from "node:crypto";
import type { Env } from "../kernel/env.ts";
import { day, minute } from "../kernel/time.ts";

/**
 * A refresh token is the session's id and 256 secret bits: `SE….<base64url>`. Its successor is HMAC-SHA-256 of a fresh salt
 * under its own secret, so that whoever asks again with a token whose answer was lost gets the very same successor: no
 * second branch of tokens comes about, and the row still holds nothing a token could be made from without its predecessor.
 */
export const sessionLifetime = 30 * day;
/** How long the token just before is answered again, ms from its rotation, as long as its successor was not used. */
export const replayGrace = minute;

const secretPattern = /^[A-Za-z0-9_-]{43}$/;

export const freshSecret = (env: Pick<Env, "rng">): string => Buffer.from(env.rng.bytes(32)).toString("base64url");
export const successorOf = (secret: string, salt: string): string =>
  createHmac("sha256", Buffer.from(secret, "base64url")).update(salt).digest("base64url");
/** What a session row keeps of a secret. */
export const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("base64url");

export const writeRefreshToken = (sessionId: string, secret: string): string => `${sessionId}.${secret}`;
/** Undefined when it has not the form of one of ours. */
export function readRefreshToken(token: string): { sessionId: string; secret: string } | undefined {
  const [sessionId = "", secret = "", ...rest] = token.split(".");
  return rest.length === 0 && /^SE[0-9A-Z]{24}$/.test(sessionId) && secretPattern.test(secret)
    ? { sessionId, secret }
    : undefined;
}
