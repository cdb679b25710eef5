import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { outbox, sessions } from "../table/keys.ts";
import type { Session } from "./model.ts";

/** The writes that end a session as it was read. */
export function endingOf(
  env: Pick<Env, "clock" | "ids">,
  session: Stored<Session>,
  reason: "logout" | "reuse",
): Write[] {
  const { sessionId, memberId } = session;
  const actor = reason === "logout" ? ({ kind: "member", id: memberId } as const) : ({ kind: "system" } as const);
  return [
    sessions.patch({ sessionId }).asRead(session).set({ endedAt: env.clock.now() }),
    outbox.create(makeEvent(env, { type: "session.ended", actor, data: { memberId, sessionId, reason } })),
  ];
}

/** Ends the caller's session: its refresh token is worth nothing from now on. Ending it again changes nothing. */
export async function endSession(deps: { env: Env; table: Table }, input: { sessionId: string }): Promise<void> {
  await decide(async () => {
    const session = await deps.table.load(sessions, { sessionId: input.sessionId });
    if (session && session.endedAt === undefined) await deps.table.commit(endingOf(deps.env, session, "logout"));
  });
}

/**
 * The revocation check of writes of money and seats: an access token lives up to 15 minutes longer than its session.
 * Throws SESSION_REVOKED unless the caller's session goes on.
 */
export async function requireLiveSession(
  deps: { env: Pick<Env, "clock">; table: Pick<Table, "load"> },
  actor: { memberId: string; sessionId: string },
): Promise<void> {
  const session = await deps.table.load(sessions, { sessionId: actor.sessionId });
  const live =
    session &&
    session.memberId === actor.memberId &&
    session.endedAt === undefined &&
    session.expiresAt > deps.env.clock.now();
  if (!live) throw new DomainError("SESSION_REVOKED");
}
