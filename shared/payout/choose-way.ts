import { type CommissionAccount, readAccount } from "../commission/index.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { commissionAccounts } from "../table/keys.ts";

/** A member says how he is paid out from now on: what is on its way already goes on as it began. */
export function chooseWay(
  { table }: { table: Table },
  { memberId, way }: { memberId: string; way: "transfer" | "sharing" },
): Promise<Stored<CommissionAccount>> {
  return decide(async () => {
    const { way: before, ...account } = await readAccount({ table }, memberId);
    if ((before ?? "transfer") === way) return { ...account, ...(before && { way: before }) };
    const next = { ...account, ...(way === "sharing" && { way }) };
    await table.commit([account.version === 0 ? commissionAccounts.create(next) : commissionAccounts.replace(next)]);
    return { ...next, version: account.version + 1 };
  });
}
