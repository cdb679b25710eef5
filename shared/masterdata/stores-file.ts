import { datum, point, toWgs84 } from "../kernel/geo.ts";
import { findStores, type Store, storeWrites } from "../store/index.ts";
import { allStores } from "../table/keys.ts";
import { hoursOf, hoursText } from "./cells.ts";
import { type FileType, same, upTo, type Verdict, wrong } from "./file.ts";
import type { Cells } from "./model.ts";

const cellsOf = (store: Store): Cells => ({
  id: store.storeId,
  code: store.code ?? "",
  name: store.name,
  address: store.address,
  lat: String(store.wgs84.lat),
  lng: String(store.wgs84.lng),
  datum: "wgs84",
  radius: String(store.radiusM),
  hours: hoursText(store.hours),
});

export const storesFile: FileType = {
  register: "stores",

  async judge({ env, table }, rows, how) {
    const named = rows.flatMap(({ cells }) => [cells.id ?? "", cells.code ?? ""]).filter(Boolean);
    const find = await findStores(table, named);
    return rows.map(({ cells }): Verdict => {
      const ofCode = cells.code ? find(cells.code) : undefined;
      const current = cells.id ? find(cells.id) : ofCode;
      if (!cells.id && !cells.code) return wrong("code", "填写门店编码,或填写已有门店的门店ID");
      if (cells.id && !current) return wrong("id", "没有这个门店;新门店请把门店ID留空");
      if (ofCode && ofCode.storeId !== current?.storeId) return wrong("code", `编码属于另一个门店“${ofCode.name}”`);
      if (current?.code !== undefined && cells.code !== undefined && cells.code !== current.code)
        return wrong("code", `这个门店的编码是 ${current.code},导入不能修改编码`);
      const target = current?.storeId ?? `code ${cells.code}`;
      if (current && same(cells, cellsOf(current))) return { target, action: "same" };
      const given = point.safeParse({
        lat: Number(cells.lat),
        lng: Number(cells.lng),
        datum: datum.parse(cells.datum),
      });
      if (!given.success) return wrong("lat", "坐标不是一个地址:核对纬度(中国为3到54)和经度(73到136)是否填反");
      const itsCode = cells.code || current?.code;
      const facts = {
        ...(itsCode && { code: itsCode }),
        name: cells.name!,
        address: cells.address!,
        wgs84: toWgs84(given.data),
        radiusM: Number(cells.radius),
        hours: hoursOf(cells.hours!) ?? [],
      };
      return {
        target,
        action: current ? "change" : "create",
        writes: () =>
          storeWrites(
            env,
            how.by,
            current,
            current
              ? { ...current, ...facts }
              : { storeId: env.ids.next("ST"), ...facts, suspended: false, createdAt: env.clock.now() },
          ),
      };
    });
  },

  async page(table, page) {
    const { items, next } = await upTo(table, allStores(), page);
    return { rows: items.map(cellsOf), next };
  },
};
