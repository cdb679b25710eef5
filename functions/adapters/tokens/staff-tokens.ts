import { compactVerify, createRemoteJWKSet, errors } from "jose";
import * as z from "zod";
import type { Env } from "../../../shared/kernel/env.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";

/** Reads staff's access tokens. */
export interface StaffTokens {
  /**
   * Throws DomainError TOKEN_EXPIRED where only its time has run out, TRY_AGAIN where the issuer's keys can't be had,
   * FORBIDDEN without the console's scope, UNAUTHENTICATED for anything else.
   */
  verify(token: string): Promise<{ staffId: string }>;
}

const consoleScope = "ops/console";
/** Cognito's clock and ours may differ by this much, seconds. */
const skewS = 60;
const maxLength = 8192;

// Cognito adds claims as it grows, so what else is in there is not held against the token.
const claims = z.object({
  sub: z.string().min(1).max(64),
  iss: z.string(),
  client_id: z.string(),
  token_use: z.string(),
  scope: z.string().default(""),
  iat: z.int(),
  nbf: z.int().optional(),
  exp: z.int(),
});

/**
 * Verifies Cognito access tokens of the console's own client: RS256 under the issuer's published keys, which are kept for 10
 * minutes and asked for again when a token names a new one. The gateway's authorizer checks the same before us. `jwksUrl` is
 * the issuer's `/.well-known/jwks.json` unless it is kept elsewhere.
 */
export function createStaffTokens(
  options: { issuer: string; clientId: string; jwksUrl?: string | undefined },
  env: Pick<Env, "clock">,
): StaffTokens {
  const { issuer, clientId, jwksUrl = `${issuer}/.well-known/jwks.json` } = options;
  const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 3_000, cooldownDuration: 10_000 });

  return {
    async verify(token) {
      if (token.length > maxLength) throw new DomainError("UNAUTHENTICATED", "the token is too long");
      const { payload } = await compactVerify(token, keys, { algorithms: ["RS256"] }).catch((error) => {
        throw failure(error);
      });
      const body = claims.safeParse(readJson(payload));
      if (!body.success) throw new DomainError("UNAUTHENTICATED", "the token lacks claims of an access token");
      const { sub, iss, client_id, token_use, scope, iat, nbf, exp } = body.data;
      const nowS = Math.floor(env.clock.now() / 1000);
      if (iss !== issuer || client_id !== clientId || token_use !== "access")
        throw new DomainError("UNAUTHENTICATED", "the token is not an access token of the console");
      if (iat > nowS + skewS || (nbf ?? iat) > nowS + skewS)
        throw new DomainError("UNAUTHENTICATED", "the token is not valid yet");
      if (exp <= nowS) throw new DomainError("TOKEN_EXPIRED");
      if (!scope.split(" ").includes(consoleScope))
        throw new DomainError("FORBIDDEN", `scope ${consoleScope} is missing`);
      return { staffId: sub };
    },
  };
}

/** A token that jose refuses is the caller's fault; keys that can't be fetched are not. */
function failure(error: unknown): DomainError {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid)
    return new DomainError("TRY_AGAIN", "the staff issuer's keys can't be had");
  // The key set's own refusal of an answer that is not 200, and fetch's TypeError, are no verdict on the token either.
  if (error instanceof TypeError || (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC"))
    return new DomainError("TRY_AGAIN", "the staff issuer's keys can't be had");
  return new DomainError("UNAUTHENTICATED", error instanceof errors.JOSEError ? error.code : "the token can't be read");
}

function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return undefined;
  }
}
