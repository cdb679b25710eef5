import * as z from "zod";
import { roles } from "../../shared/identity/index.ts";
import { point, toGcj02 } from "../../shared/kernel/geo.ts";
import { idOf, ownCode } from "../../shared/kernel/ids.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import {
  area,
  areaInput,
  createStore,
  loadStore,
  openingHours,
  type Store,
  specialDays as specialDaysOf,
  suspendStore,
  updateStore,
} from "../../shared/store/index.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { allStores } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const storePath = z.strictObject({ storeId: idOf("ST") });
const name = typedText(1, 60).meta({ example: "鲜邻优选·淮海店" });
const address = typedText(1, 200).meta({ example: "上海市黄浦区淮海中路300号" });
const radiusM = z
  .int()
  .min(100)
  .max(50_000)
  .meta({ description: "Serves addresses up to this straight-line distance, metres", example: 3000 });
const hours = openingHours.meta({
  description: "Weekly hours: weekday 0 is Monday; minutes after midnight, Asia/Shanghai. None on a day: closed",
  example: [{ weekday: 0, opens: 480, closes: 1320 }],
});
const specialDays = specialDaysOf.meta({
  description:
    "Days of Asia/Shanghai on which these hours hold instead of the weekday's, from midnight to midnight; none: closed. At most 400, each date once",
  example: [{ date: "2027-02-06", hours: [], name: "春节" }],
});
const areaFact = areaInput.optional().meta({
  description:
    "Serves addresses within one of these rings, or on an edge, instead of within `radiusM`. The corners of each in their order, the first one may be said again at the end; 3 to 200 in all rings together, no edge touches another. Left out: the radius counts. Kept in wgs84",
  example: {
    datum: "gcj02",
    rings: [
      [
        { lat: 31.22, lng: 121.47 },
        { lat: 31.22, lng: 121.48 },
        { lat: 31.23, lng: 121.475 },
      ],
    ],
  },
});
const code = ownCode.optional().meta({ description: "The chain's own number of the store, unique", example: "S01" });
const facts = {
  code,
  name,
  address,
  point: point.optional().meta({ description: "Where it is. Left out: the address is looked up on the map" }),
  radiusM,
  area: areaFact,
  hours,
  specialDays: specialDays.optional(),
};

const shopView = z
  .object({
    storeId: idOf("ST"),
    name,
    address,
    point,
    hours,
    specialDays,
    suspended: z.boolean().meta({ description: "Takes no new orders at present" }),
  })
  .meta({ id: "Store" });
const opsView = z
  .object({
    storeId: idOf("ST"),
    code,
    name,
    address,
    point,
    radiusM,
    area: area.optional(),
    hours,
    specialDays,
    suspended: z.boolean(),
    createdAt: isoOutput,
    version: z.int().meta({ description: "Send it back with a change" }),
  })
  .meta({ id: "OpsStore" });
const toOps = (store: Stored<Store>) => ({
  ...store,
  specialDays: store.specialDays ?? [],
  point: store.wgs84,
  createdAt: toIso(store.createdAt),
});

export const storeShop: Route[] = [
  route({
    method: "get",
    path: "/v1/stores/{storeId}",
    summary: "门店详情",
    description: "The point is in gcj02, as `wx.openLocation` takes it.",
    actor: "public",
    owns: "none",
    params: storePath,
    ok: shopView,
    problems: ["STORE_NOT_FOUND"],
    run: (deps, { params }) => loadStore(deps, params.storeId),
    view: (store) => ({ ...store, specialDays: store.specialDays ?? [], point: toGcj02(store.wgs84) }),
  }),
];

export const storeOps: Route[] = [
  route({
    method: "post",
    path: "/ops/v1/stores",
    summary: "新建门店",
    description:
      "Give `point` with its datum, or leave it out to have the address looked up; ADDRESS_NOT_FOUND asks for the point.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops"],
    scope: "chain",
    idempotent: true,
    body: z.strictObject(facts),
    status: 201,
    ok: opsView,
    problems: ["ADDRESS_NOT_FOUND", "CODE_TAKEN"],
    run: (deps, { actor, body, once }) => createStore(deps, { by: actor.staffId, store: body, once }),
    view: (row) => toOps(row),
  }),
  route({
    method: "put",
    path: "/ops/v1/stores/{storeId}",
    summary: "修改门店",
    description:
      "Without `point` a store whose address stays keeps its place; a new address is looked up. The whole of a store is said anew: `code`, `area` and `specialDays` that are left out are no more.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops"],
    scope: "chain",
    params: storePath,
    body: z.strictObject({ ...facts, version: z.int().min(1) }),
    ok: opsView,
    problems: ["STORE_NOT_FOUND", "ADDRESS_NOT_FOUND", "CODE_TAKEN", "VERSION_CONFLICT"],
    run: (deps, { actor, params, body: { version, ...store } }) =>
      updateStore(deps, { by: actor.staffId, storeId: params.storeId, version, store }),
    view: (row) => toOps(row),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/suspension",
    summary: "暂停或恢复门店",
    description:
      "A suspended store is given no new orders; those it has stay. Saying what is so already changes nothing.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "store_manager"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    params: storePath,
    body: z.strictObject({
      suspended: z.boolean(),
      reason: typedText(1, 200).meta({ example: "停电抢修" }),
    }),
    ok: opsView,
    problems: ["STORE_NOT_FOUND"],
    run: (deps, { actor, params, body }) => suspendStore(deps, { by: actor.staffId, ...params, ...body }),
    view: (row) => toOps(row),
  }),
  route({
    method: "get",
    path: "/ops/v1/stores",
    summary: "门店列表",
    actor: "staff",
    owns: "none",
    roles,
    scope: "chain",
    query: listQuery,
    ok: listOf(opsView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allStores(), "stores", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toOps), nextCursor }),
  }),
];
