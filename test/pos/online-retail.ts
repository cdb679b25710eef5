import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createGunzip, gunzipSync } from "node:zlib";
import type { Env } from "../../shared/kernel/env.ts";
import type { Table } from "../../shared/table/entity.ts";
import { articleCodes, articles, stores } from "../../shared/table/keys.ts";

const folder = join(import.meta.dirname, "../../../shared/data");
const linesFile = join(folder, "online-retail-lines.csv.gz");

/** Whether the real records lie beside the project; they are not part of it. */
export const onlineRetailIsHere = existsSync(linesFile);

/** The data set as bytes: its header and all lines, or the first so many. */
export async function* onlineRetail(lines = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  let left = lines + 1;
  for await (const chunk of createReadStream(linesFile).pipe(createGunzip()) as AsyncIterable<Uint8Array>) {
    let end = 0;
    while (left > 0 && end < chunk.length) {
      const next = chunk.indexOf(10, end);
      if (next < 0) end = chunk.length;
      else {
        end = next + 1;
        left -= 1;
      }
    }
    yield chunk.subarray(0, end);
    if (left === 0) return;
  }
}

/** A store, and an article for each product of the data set whose code is one of ours. */
export async function openOnlineRetail({ table, env }: { table: Table; env: Env }): Promise<{ storeId: string }> {
  const storeId = env.ids.next("ST");
  const createdAt = env.clock.now();
  const store = {
    ...{ storeId, name: "线上店", address: "上海市黄浦区", radiusM: 1000, hours: [], suspended: false, createdAt },
    wgs84: { lat: 31.23, lng: 121.47, datum: "wgs84" as const },
  };
  await table.commit([stores.create(store)]);
  const rows = gunzipSync(readFileSync(join(folder, "online-retail-products.csv.gz")))
    .toString()
    .split("\n")
    .slice(1);
  const codes = rows.flatMap((row) => /^([A-Za-z0-9][A-Za-z0-9._-]{0,31}),/.exec(row)?.[1] ?? []);
  for (let i = 0; i < codes.length; i += 50)
    await table.commit(
      codes.slice(i, i + 50).flatMap((code) => {
        const articleId = env.ids.next("AR");
        const facts = { name: code, category: "礼品", unit: "件", priceFen: 100, costFen: 50, perishable: false };
        return [
          articles.create({ articleId, code, ...facts, sale: { by: "piece" }, retired: false, createdAt }),
          articleCodes.create({ code, articleId }),
        ];
      }),
    );
  return { storeId };
}
