import { compactVerify, errors, importJWK, type JWK, SignJWT } from "jose";
import * as z from "zod";
import type { MemberTokens } from "../../../shared/identity/ports.ts";
import type { Env } from "../../../shared/kernel/env.ts";
import { idOf } from "../../../shared/kernel/ids.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";

export type { MemberTokens };

const issuer = "commensal";
const audience = "commensal-shop";
const lifetimeS = 15 * 60;
/** Two functions' clocks may differ by this much, seconds: a token from the future beyond it is refused. */
const skewS = 60;
const maxLength = 2048;

const header = z.strictObject({ alg: z.literal("ES256"), typ: z.literal("at+jwt"), kid: z.string() });
const claims = z.strictObject({
  sub: idOf("MB"),
  sid: idOf("SE"),
  /** Version of these claims. */
  ver: z.literal(1),
  iat: z.int(),
  exp: z.int(),
  iss: z.literal(issuer),
  aud: z.literal(audience),
});

/**
 * Members' access tokens: ES256 JWTs, RFC 9068 type. `keys` are one or two private P-256 JWKs with a `kid`: the first signs,
 * each verifies, so that a key is replaced by putting the new one first and dropping the old one 15 minutes later.
 */
export function createMemberTokens(keys: readonly JWK[], env: Pick<Env, "clock">): MemberTokens {
  const [first] = keys;
  if (!first?.kid) throw new Error("member-token-keys: give at least one ES256 JWK with a kid");
  const signing = importJWK(first, "ES256");
  const verifying = new Map(
    keys.map(({ kty, crv, x, y, kid }) => [kid, importJWK({ kty: kty!, crv: crv!, x: x!, y: y! }, "ES256")]),
  );
  const nowS = () => Math.floor(env.clock.now() / 1000);

  return {
    async issue({ memberId, sessionId }) {
      const iat = nowS();
      const accessToken = await new SignJWT({ sid: sessionId, ver: 1 })
        .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: first.kid! })
        .setSubject(memberId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(iat)
        .setExpirationTime(iat + lifetimeS)
        .sign(await signing);
      return { accessToken, expiresInS: lifetimeS };
    },

    async verify(token) {
      if (token.length > maxLength) throw new DomainError("UNAUTHENTICATED", "the token is too long");
      const { payload, protectedHeader } = await compactVerify(
        token,
        async ({ kid }) => {
          const key = await verifying.get(kid);
          if (!key) throw new errors.JWKSNoMatchingKey();
          return key;
        },
        { algorithms: ["ES256"] },
      ).catch((error) => {
        throw new DomainError("UNAUTHENTICATED", reason(error));
      });
      const head = header.safeParse(protectedHeader);
      const body = claims.safeParse(readJson(payload));
      if (!head.success || !body.success) throw new DomainError("UNAUTHENTICATED", "the token is not one of ours");
      const { sub, sid, iat, exp } = body.data;
      if (iat > nowS() + skewS || exp <= iat || exp - iat > lifetimeS)
        throw new DomainError("UNAUTHENTICATED", "the token's times do not fit");
      if (exp <= nowS()) throw new DomainError("TOKEN_EXPIRED");
      return { memberId: sub, sessionId: sid };
    },
  };
}

/** jose's code of a refusal, for the client's developer; anything else that is thrown on a hostile token says nothing. */
const reason = (error: unknown) => (error instanceof errors.JOSEError ? error.code : "the token can't be read");

function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return undefined;
  }
}
