import { type Role, type Staff, staffWrites } from "../identity/index.ts";
import { findStores, type Store } from "../store/index.ts";
import { allStaff, staffMembers, stores } from "../table/keys.ts";
import { nameOfStore, parts, yes, yesOrNo } from "./cells.ts";
import { type FileType, same, upTo, type Verdict, wrong } from "./file.ts";
import type { Cells } from "./model.ts";

const cellsOf = (staff: Staff, store: (id: string) => Store | undefined): Cells => ({
  staff: staff.staffId,
  name: staff.name,
  roles: [...staff.roles].sort().join("|"),
  stores: staff.storeIds
    .map((id) => {
      const found = store(id);
      return found ? nameOfStore(found) : id;
    })
    .sort()
    .join("|"),
  active: yesOrNo(staff.active),
});

/** Who works here, under the subjects of their sign-ins, which exist already. */
export const staffFile: FileType = {
  register: "staff",

  async judge({ env, table }, rows, how) {
    const known = new Map(
      (
        await table.loadMany(
          staffMembers,
          rows.map(({ cells }) => ({ staffId: cells.staff! })),
        )
      ).map((row) => [row.staffId, row]),
    );
    const named = rows.flatMap(({ cells }) => parts(cells.stores ?? ""));
    const find = await findStores(table, [...named, ...[...known.values()].flatMap((row) => row.storeIds)]);
    return rows.map(({ cells }): Verdict => {
      const target = cells.staff!;
      const current = known.get(target);
      const places = parts(cells.stores ?? "").map((name) => ({ name, storeId: find(name)?.storeId }));
      const missing = places.find(({ storeId }) => storeId === undefined);
      if (missing) return wrong("stores", `没有门店 ${missing.name}:填写已有门店的编码或门店ID`);
      const storeIds = [...new Set(places.map(({ storeId }) => storeId!))];
      const next: Staff = {
        staffId: target,
        name: cells.name!,
        roles: parts(cells.roles!) as Role[],
        storeIds,
        active: yes(cells.active!),
      };
      if (target === how.by && !(next.active && next.roles.includes("admin")))
        return wrong("roles", "不能停用自己或取消自己的管理员角色");
      if (current && same(cellsOf(next, find), cellsOf(current, find))) return { target, action: "same" };
      return {
        target,
        action: current ? "change" : "create",
        writes: () => staffWrites(env, how.by, current, next),
      };
    });
  },

  async page(table, page) {
    const { items, next } = await upTo(table, allStaff(), page);
    const storeIds = [...new Set(items.flatMap((row) => row.storeIds))].map((storeId) => ({ storeId }));
    const byId = new Map((await table.loadMany(stores, storeIds)).map((store) => [store.storeId, store]));
    return { rows: items.map((row) => cellsOf(row, (id) => byId.get(id))), next };
  },
};
