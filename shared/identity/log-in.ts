import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import type { Vault } from "../kernel/vault.ts";
import { decide, type Table } from "../table/entity.ts";
import { members, openidLinks, outbox, sessions } from "../table/keys.ts";
import type { MemberTokens, WeChatLogin } from "./ports.ts";
import { freshSecret, hashOf, sessionLifetime, writeRefreshToken } from "./refresh-token.ts";

/** What a client keeps of a sign-in. `expiresInS`: seconds that the access token lasts. */
export interface SignedIn {
  accessToken: string;
  expiresInS: number;
  refreshToken: string;
  memberId: string;
  newMember: boolean;
}

/**
 * Signs in whoever WeChat says the code of wx.login belongs to. A first login makes the member, its openid link and the
 * session in one commit; of two racing first logins one makes the member, the other finds it. Throws what
 * `WeChatLogin.exchangeCode` and `admit` throw; of `deviceId` a keyed hash is kept, of the last five; `admit` may refuse an openid before anything is written.
 */
export async function logIn(
  deps: {
    env: Env;
    table: Table;
    vault: Pick<Vault, "newKey">;
    login: Pick<WeChatLogin, "exchangeCode">;
    memberTokens: Pick<MemberTokens, "issue">;
    merchant: { appid: string };
    blindIndex(text: string): string;
  },
  input: { code: string; deviceId?: string | undefined; admit?: (openid: string) => Promise<void> },
): Promise<SignedIn> {
  const { env, table } = deps;
  const { appid } = deps.merchant;
  // The code is good for one exchange: only what follows is tried again.
  const { openid, unionid } = await deps.login.exchangeCode(input.code);
  await input.admit?.(openid);
  const sessionId = env.ids.next("SE");
  const device = input.deviceId === undefined ? undefined : deps.blindIndex(`device ${input.deviceId}`);
  const secret = freshSecret(env);
  let unborn: { memberId: string; dataKey: string } | undefined;

  const { memberId, newMember } = await decide(async () => {
    const now = env.clock.now();
    const start = (memberId: string, type: "member.joined" | "member.signed_in") => [
      sessions.create({
        sessionId,
        memberId,
        refreshHash: hashOf(secret),
        createdAt: now,
        expiresAt: now + sessionLifetime,
      }),
      outbox.create(makeEvent(env, { type, actor: { kind: "member", id: memberId }, data: { memberId, sessionId } })),
    ];

    const link = await table.load(openidLinks, { appid, openid });
    if (link) {
      const member = await table.load(members, { memberId: link.memberId });
      invariant(member, `an openid link names ${link.memberId}, who does not exist`);
      const { devices = [] } = member;
      const news = {
        ...(unionid !== undefined && member.unionid === undefined && { unionid }),
        ...(device !== undefined && !devices.includes(device) && { devices: [...devices, device].slice(-5) }),
      };
      const learned =
        Object.keys(news).length > 0 ? [members.patch({ memberId: member.memberId }).asRead(member).set(news)] : [];
      await table.commit([...start(member.memberId, "member.signed_in"), ...learned]);
      return { memberId: member.memberId, newMember: false };
    }

    if (!unborn) {
      const memberId = env.ids.next("MB");
      unborn = { memberId, dataKey: await deps.vault.newKey(memberId) };
    }
    await table.commit([
      openidLinks.create({ appid, openid, memberId: unborn.memberId }),
      members.create({
        ...unborn,
        openid,
        ...(unionid !== undefined && { unionid }),
        ...(device !== undefined && { devices: [device] }),
        joinedAt: now,
      }),
      ...start(unborn.memberId, "member.joined"),
    ]);
    return { memberId: unborn.memberId, newMember: true };
  });

  const access = await deps.memberTokens.issue({ memberId, sessionId });
  return { ...access, refreshToken: writeRefreshToken(sessionId, secret), memberId, newMember };
}
