import { stockLimit } from "../catalog/index.ts";
import { type Role, roles } from "../identity/index.ts";
import type { Column } from "./cells.ts";
import {
  called,
  code,
  components,
  degrees,
  hours,
  id,
  money,
  oneOf,
  several,
  staffId,
  whole,
  words,
  yesNo,
} from "./cells.ts";
import type { FileKind } from "./model.ts";

const zh: Record<Role, string> = {
  store_staff: "店员",
  store_manager: "店长",
  rider: "骑手",
  community_operator: "社群运营",
  live_host: "主播",
  customer_service: "客服",
  ops: "运营",
  finance: "财务",
  analyst: "分析",
  executive: "高管",
  admin: "管理员",
};
const role = oneOf(Object.fromEntries(roles.map((name) => [name, [zh[name]]])));

/** What each kind of file is called, and its columns. */
export const fileColumns: Record<FileKind, { zh: string; columns: readonly Column[] }> = {
  articles: {
    zh: "商品",
    columns: [
      { name: "id", zh: "商品ID", optional: true, ...id("AR") },
      { name: "code", zh: "货号", optional: true, ...code },
      { name: "name", zh: "名称", required: true, ...words(40) },
      { name: "description", zh: "描述", optional: true, ...words(500) },
      { name: "category", zh: "分类", required: true, ...words(20) },
      { name: "unit", zh: "单位", required: true, ...words(10) },
      { name: "price", zh: "售价", required: true, ...money(1) },
      { name: "cost", zh: "成本", required: true, ...money(0) },
      { name: "perishable", zh: "鲜活易腐", required: true, ...yesNo },
      {
        name: "sale",
        zh: "销售方式",
        required: true,
        ...oneOf({ piece: ["按件"], weight: ["按重量"], kit: ["套装"] }),
      },
      { name: "grams", zh: "克重", optional: true, ...whole(1, 100_000) },
      { name: "components", zh: "组成", optional: true, ...components },
      { name: "supplier", zh: "供应商ID", optional: true, ...id("SP") },
      { name: "certificate", zh: "需要合格证", ...yesNo },
      { name: "tax", zh: "税率基点", optional: true, ...whole(0, 10_000) },
      {
        name: "zone",
        zh: "温区",
        optional: true,
        ...oneOf({ ambient: ["常温"], chilled: ["冷藏"], frozen: ["冷冻"] }),
      },
      { name: "retired", zh: "已下架", optional: true, note: true, ...yesNo },
    ],
  },
  prices: {
    zh: "价格",
    columns: [
      { name: "article", zh: "商品", required: true, ...called },
      { name: "name", zh: "名称", optional: true, note: true, ...words(40) },
      { name: "price", zh: "售价", required: true, ...money(1) },
      { name: "cost", zh: "成本", required: true, ...money(0) },
    ],
  },
  stock: {
    zh: "门店线上库存",
    columns: [
      { name: "store", zh: "门店", required: true, ...called },
      { name: "article", zh: "商品", required: true, ...called },
      { name: "name", zh: "名称", optional: true, note: true, ...words(40) },
      { name: "online", zh: "线上库存", required: true, ...whole(0, stockLimit) },
    ],
  },
  stores: {
    zh: "门店",
    columns: [
      { name: "id", zh: "门店ID", optional: true, ...id("ST") },
      { name: "code", zh: "门店编码", optional: true, ...code },
      { name: "name", zh: "名称", required: true, ...words(60) },
      { name: "address", zh: "地址", required: true, ...words(200) },
      { name: "lat", zh: "纬度", required: true, ...degrees(90) },
      { name: "lng", zh: "经度", required: true, ...degrees(180) },
      { name: "datum", zh: "坐标系", required: true, ...oneOf({ gcj02: ["火星坐标"], wgs84: ["gps坐标"] }) },
      { name: "radius", zh: "服务半径米", required: true, ...whole(100, 50_000) },
      { name: "hours", zh: "营业时间", required: true, optional: true, ...hours },
    ],
  },
  staff: {
    zh: "员工",
    columns: [
      { name: "staff", zh: "员工ID", required: true, ...staffId },
      { name: "name", zh: "姓名", required: true, ...words(40) },
      { name: "roles", zh: "角色", required: true, ...several(role, roles.length) },
      { name: "stores", zh: "门店", required: true, optional: true, ...several(called, 100) },
      { name: "active", zh: "在职", required: true, ...yesNo },
    ],
  },
};
