import type { Env } from "../kernel/env.ts";
import { DomainError } from "../kernel/problem.ts";
import { decide, type Table } from "../table/entity.ts";
import { sessions } from "../table/keys.ts";
import { endingOf } from "./end-session.ts";
import type { MemberTokens } from "./ports.ts";
import {
  freshSecret,
  hashOf,
  readRefreshToken,
  replayGrace,
  sessionLifetime,
  successorOf,
  writeRefreshToken,
} from "./refresh-token.ts";

/**
 * Rotates a session's refresh token and answers it with a new access token. The token just before may be sent again within
 * `replayGrace` while its successor was not used: the answer is that same successor, so that neither a lost answer nor two
 * refreshes at once log a member out. Any other token of the session is a reuse and ends it.
 * Throws UNAUTHENTICATED (not a token of ours), SESSION_REVOKED (ended or run out), REFRESH_REUSED.
 */
export async function refreshSession(
  deps: { env: Env; table: Table; memberTokens: Pick<MemberTokens, "issue"> },
  input: { refreshToken: string },
): Promise<{ accessToken: string; expiresInS: number; refreshToken: string }> {
  const { env, table } = deps;
  const given = readRefreshToken(input.refreshToken);
  if (!given) throw new DomainError("UNAUTHENTICATED", "not a refresh token: sign in again");
  const { sessionId, secret } = given;
  const hash = hashOf(secret);

  const { memberId, next } = await decide(async () => {
    const now = env.clock.now();
    const session = await table.load(sessions, { sessionId });
    if (!session || session.endedAt !== undefined || session.expiresAt <= now) throw new DomainError("SESSION_REVOKED");

    if (hash === session.refreshHash) {
      const salt = freshSecret(env);
      const next = successorOf(secret, salt);
      await table.commit([
        sessions.replace({
          ...session,
          refreshHash: hashOf(next),
          previousHash: hash,
          salt,
          rotatedAt: now,
          expiresAt: now + sessionLifetime,
        }),
      ]);
      return { memberId: session.memberId, next };
    }

    const { previousHash, salt, rotatedAt } = session;
    if (hash === previousHash && salt !== undefined && rotatedAt !== undefined && now < rotatedAt + replayGrace)
      return { memberId: session.memberId, next: successorOf(secret, salt) };

    await table.commit(endingOf(env, session, "reuse"));
    throw new DomainError("REFRESH_REUSED");
  });

  const access = await deps.memberTokens.issue({ memberId, sessionId });
  return { ...access, refreshToken: writeRefreshToken(sessionId, next) };
}
