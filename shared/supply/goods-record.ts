import type { Stored, Table, Write } from "../table/entity.ts";
import { goodsRecords } from "../table/keys.ts";
import type { GoodsRecord, Lot } from "./model.ts";

type Key = Pick<GoodsRecord, "of" | "id">;
/** How many lots a record remembers. */
const REMEMBERED = 20;

/** The record as it becomes by `change`, on condition that it is as it was read. */
export async function changeRecord(
  table: Table,
  key: Key,
  change: (record: GoodsRecord) => GoodsRecord,
): Promise<Write> {
  const current: Stored<GoodsRecord> | undefined = await table.load(goodsRecords, key);
  const next = change(current ?? { ...key, lots: [], recalls: [] });
  return current ? goodsRecords.replace({ ...next, version: current.version }) : goodsRecords.create(next);
}

/** The writes by which article and supplier remember a lot: the newest come first, an older word on the same lot goes. */
export const remember = (table: Table, lot: Lot): Promise<Write[]> => {
  const entry: GoodsRecord["lots"][number] = {
    lotId: lot.lotId,
    at: lot.receivedAt ?? lot.createdAt,
    units: lot.units,
    ...(lot.rejected !== undefined && { rejected: lot.rejected }),
    certified: lot.certificate !== undefined,
    ...(lot.bestBefore !== undefined && { bestBefore: lot.bestBefore }),
  };
  const of: Key[] = [
    { of: "article", id: lot.articleId },
    ...(lot.supplierId === undefined ? [] : [{ of: "supplier" as const, id: lot.supplierId }]),
  ];
  return Promise.all(
    of.map((key) =>
      changeRecord(table, key, (record) => ({
        ...record,
        lots: [entry, ...record.lots.filter(({ lotId }) => lotId !== lot.lotId)].slice(0, REMEMBERED),
      })),
    ),
  );
};
