import type { Table } from "../../shared/table/entity.ts";

/** A table whose process dies ("killed") before its second commit, or after its first one without knowing that it was made. */
export function dyingTable(table: Table, when: "before" | "after"): Table {
  let commits = 0;
  return {
    ...table,
    async commit(writes) {
      commits += 1;
      if (commits === 2 && when === "before") throw new Error("killed");
      await table.commit(writes);
      if (commits === 1 && when === "after") throw new Error("killed");
    },
  };
}
