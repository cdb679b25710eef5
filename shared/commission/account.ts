import { Stale, type Stored, type Table, type Write } from "../table/entity.ts";
import { commissionAccounts } from "../table/keys.ts";
import type { CommissionAccount } from "./model.ts";

/** A beneficiary's ledger account. */
export const accountOf = (memberId: string): string => `member:${memberId}`;

const nothing = { frozenFen: 0, availableFen: 0, pendingFen: 0, paidFen: 0 };

/** What a member has; nothing where he never earned any. */
export const readAccount = async (
  { table }: { table: Pick<Table, "load"> },
  memberId: string,
): Promise<Stored<CommissionAccount>> =>
  (await table.load(commissionAccounts, { memberId })) ?? { memberId, ...nothing, version: 0 };

/** The write that changes an account as it was read, by so many fen; it fails where the account changed since. */
export function accountChanged(
  known: Stored<CommissionAccount>,
  by: Partial<Omit<CommissionAccount, "memberId" | "way">>,
): Write {
  const { version, memberId } = known;
  const next = {
    memberId,
    ...(known.way && { way: known.way }),
    frozenFen: known.frozenFen + (by.frozenFen ?? 0),
    availableFen: known.availableFen + (by.availableFen ?? 0),
    pendingFen: known.pendingFen + (by.pendingFen ?? 0),
    paidFen: known.paidFen + (by.paidFen ?? 0),
  };
  // what it is taken from was read at another moment than the account
  if (next.frozenFen < 0 || next.pendingFen < 0) throw new Stale(`the commission account of ${memberId}`);
  return version === 0 ? commissionAccounts.create(next) : commissionAccounts.replace({ ...next, version });
}
