import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Vault } from "../kernel/vault.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { members, outbox, phoneLinks } from "../table/keys.ts";
import type { Member } from "./model.ts";
import type { WeChatLogin } from "./ports.ts";

/** What a member sees of itself. `phone` has its middle digits hidden; `newCustomer`: never paid a seat or an order. */
export interface Profile {
  memberId: string;
  nickname?: string;
  phone?: string;
  joinedAt: number;
  newCustomer: boolean;
}

/** Throws MEMBER_NOT_FOUND. */
export async function loadMember(deps: { table: Pick<Table, "load"> }, memberId: string): Promise<Stored<Member>> {
  const member = await deps.table.load(members, { memberId });
  if (!member) throw new DomainError("MEMBER_NOT_FOUND");
  return member;
}

export async function readProfile(
  deps: { table: Table; vault: Pick<Vault, "open"> },
  input: { memberId: string },
): Promise<Profile> {
  const member = await loadMember(deps, input.memberId);
  const open = (field: "nickname" | "phone") => {
    const sealed = member[field];
    return sealed && deps.vault.open(member.memberId, member.dataKey, field, sealed);
  };
  const [nickname, phone] = await Promise.all([open("nickname"), open("phone")]);
  return {
    memberId: member.memberId,
    ...(nickname !== undefined && { nickname }),
    ...(phone !== undefined && { phone: maskPhone(phone) }),
    joinedAt: member.joinedAt,
    newCustomer: member.firstPaidAt === undefined,
  };
}

/** `+86138****5678`: the last four digits and what comes before the four hidden ones. */
export const maskPhone = (e164: string): string =>
  e164.length < 9 ? "****" : `${e164.slice(0, -8)}****${e164.slice(-4)}`;

/** Sets the member's nickname, which is stored sealed. */
export async function renameMember(
  deps: { env: Env; table: Table; vault: Pick<Vault, "seal" | "open"> },
  input: { memberId: string; nickname: string },
): Promise<Profile> {
  const { memberId, dataKey } = await loadMember(deps, input.memberId);
  const nickname = await deps.vault.seal(memberId, dataKey, "nickname", input.nickname);
  await deps.table.commit([
    members.patch({ memberId }).set({ nickname }).or("MEMBER_NOT_FOUND"),
    outbox.create(
      makeEvent(deps.env, { type: "member.renamed", actor: { kind: "member", id: memberId }, data: { memberId } }),
    ),
  ]);
  return readProfile(deps, { memberId });
}

/**
 * Binds the phone that WeChat gives for the code of its phone number button; the phone bound before is let go. A phone
 * belongs to one member: PHONE_TAKEN otherwise. Throws what `WeChatLogin.phoneNumber` throws.
 */
export async function bindPhone(
  deps: {
    env: Env;
    table: Table;
    vault: Pick<Vault, "seal" | "open">;
    login: Pick<WeChatLogin, "phoneNumber">;
    blindIndex(text: string): string;
  },
  input: { memberId: string; code: string },
): Promise<Profile> {
  const { memberId } = input;
  const phone = await deps.login.phoneNumber(input.code);
  const phoneIndex = deps.blindIndex(phone);
  const { dataKey } = await loadMember(deps, memberId);
  const sealed = await deps.vault.seal(memberId, dataKey, "phone", phone);
  await decide(async () => {
    const member = await loadMember(deps, memberId);
    if (member.phoneIndex === phoneIndex) return;
    await deps.table.commit([
      // First, so that a second binding of the same phone by this member reads again instead of finding its own link taken.
      members.patch({ memberId }).asRead(member).set({ phone: sealed, phoneIndex }),
      phoneLinks.create({ phoneIndex, memberId }).or("PHONE_TAKEN"),
      ...(member.phoneIndex === undefined ? [] : [phoneLinks.remove({ phoneIndex: member.phoneIndex })]),
      outbox.create(
        makeEvent(deps.env, {
          type: "member.phone_bound",
          actor: { kind: "member", id: memberId },
          data: { memberId },
        }),
      ),
    ]);
  });
  return readProfile(deps, { memberId });
}
