import type { Vault } from "../kernel/vault.ts";
import type { Table } from "../table/entity.ts";
import { members } from "../table/keys.ts";

/** Whoever has no nickname. */
const NAMELESS = "邻居";

/** What other members may see of members, by their ids: the first character of the nickname, as in `王**`. */
export async function shortNames(
  deps: { table: Pick<Table, "loadMany">; vault: Pick<Vault, "open"> },
  memberIds: Iterable<string>,
): Promise<(memberId: string) => string> {
  const wanted = [...new Set(memberIds)].map((memberId) => ({ memberId }));
  const names = new Map<string, string>();
  for (const { memberId, dataKey, nickname } of await deps.table.loadMany(members, wanted, { eventually: true }))
    if (nickname !== undefined)
      names.set(memberId, `${[...(await deps.vault.open(memberId, dataKey, "nickname", nickname))][0]}**`);
  return (memberId) => names.get(memberId) ?? NAMELESS;
}
