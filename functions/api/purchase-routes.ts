import * as z from "zod";
import { idOf } from "../../shared/kernel/ids.ts";
import { yuan } from "../../shared/kernel/money.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoInput, isoOutput, toIso } from "../../shared/kernel/time.ts";
import {
  certificate,
  type PurchaseLine,
  type PurchaseOrder,
  purchaseLine,
  purchaseOrder,
} from "../../shared/supply/index.ts";
import {
  allPurchaseOrders,
  communities,
  purchaseLines,
  purchaseOrders,
  stores,
  suppliers,
} from "../../shared/table/keys.ts";
import { writeCsv } from "../runtime/csv.ts";
import type { Deps } from "../runtime/deps.ts";
import { formatQuery, listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/groupbuy/work.ts");
const buyers = {
  actor: "staff",
  owns: "none",
  roles: ["admin", "ops", "finance", "analyst"],
  scope: "chain",
} as const;
const atStore = {
  actor: "staff",
  owns: "none",
  roles: ["admin", "ops", "store_manager", "store_staff"],
  scope: "store",
} as const;
const linePath = z.strictObject({ storeId: idOf("ST"), campaignId: idOf("CP") });

const orderView = purchaseOrder.extend({ orderedAt: isoOutput }).meta({
  id: "PurchaseOrder",
  description: "What a campaign that is bought to order buys of a supplier at its cut-off; costs in fen",
});
const toOrder = (row: PurchaseOrder) => ({ ...row, orderedAt: toIso(row.orderedAt) });

const lineView = purchaseLine
  .omit({ cut: true })
  .extend({
    pickupFrom: isoOutput.meta({ description: "When it is promised for" }),
    pickupUntil: isoOutput,
    movedAt: isoOutput.optional().meta({ description: "When that was put off last" }),
    closedAt: isoOutput.optional(),
  })
  .meta({ id: "PurchaseLine", description: "A store's part of a purchase order, and what came of it" });
const maybeIso = (ms: number | undefined) => (ms === undefined ? undefined : toIso(ms));
const toLine = ({ cut: _, ...row }: PurchaseLine) => ({
  ...row,
  pickupFrom: toIso(row.pickupFrom),
  pickupUntil: toIso(row.pickupUntil),
  movedAt: maybeIso(row.movedAt),
  closedAt: maybeIso(row.closedAt),
});

/** A purchase order with its lines, and what everybody in it is called. */
async function wholeOrder({ table }: Deps, purchaseOrderId: string) {
  const order = await table.load(purchaseOrders, { purchaseOrderId });
  if (!order) throw new DomainError("PURCHASE_NOT_FOUND");
  const lines = await table.loadMany(
    purchaseLines,
    order.lineIds.map((lineId) => ({ lineId })),
  );
  const { supplierId } = order;
  const [supplier, places, groups] = await Promise.all([
    supplierId === undefined ? undefined : table.load(suppliers, { supplierId }),
    table.loadMany(stores, lines),
    table.loadMany(
      communities,
      lines.flatMap((line) => line.communities),
    ),
  ]);
  const names = new Map<string, string>();
  if (supplier) names.set(supplier.supplierId, supplier.name);
  for (const { storeId, name } of places) names.set(storeId, name);
  for (const { communityId, name } of groups) names.set(communityId, name);
  return { order, lines, nameOf: (id: string) => names.get(id) ?? id };
}

export const purchaseOps: Route[] = [
  route({
    ...buyers,
    method: "get",
    path: "/ops/v1/purchase-orders",
    summary: "采购单列表",
    description: "Those of the newest campaign first.",
    query: listQuery.extend(formatQuery.shape),
    ok: listOf(orderView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allPurchaseOrders(), "purchase orders", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toOrder), nextCursor }),
    csv: async ({ items }) => ({
      fileName: "purchase-orders.csv",
      text: await writeCsv(
        [
          ["采购单", "活动", "供应商", "状态", "份数", "金额(元)", "门店数", "下单时间"],
          ...items.map((one) => [
            one.purchaseOrderId,
            one.campaignName,
            one.supplierId ?? "",
            one.state,
            one.units,
            yuan(one.costFen),
            one.lineIds.length,
            toIso(one.orderedAt),
          ]),
        ],
        { bom: true },
      ),
    }),
  }),
  route({
    ...buyers,
    method: "get",
    path: "/ops/v1/purchase-orders/{purchaseOrderId}",
    summary: "采购单",
    description: "A line a store, and in it a part a community. As CSV: a row a community.",
    params: z.strictObject({ purchaseOrderId: idOf("PO") }),
    query: formatQuery,
    ok: z.object({
      order: orderView,
      supplierName: z.string().optional().meta({ description: "Absent: the article names no supplier" }),
      lines: z.array(lineView),
    }),
    problems: ["PURCHASE_NOT_FOUND"],
    run: (deps, { params }) => wholeOrder(deps, params.purchaseOrderId),
    view: ({ order, lines, nameOf }) => ({
      order: toOrder(order),
      ...(order.supplierId !== undefined && { supplierName: nameOf(order.supplierId) }),
      lines: lines.map(toLine),
    }),
    csv: async ({ order, lines, nameOf }) => ({
      fileName: `purchase-order-${order.purchaseOrderId}.csv`,
      text: await writeCsv(
        [
          ["采购单", "供应商", "商品", "门店", "社群", "份数", "箱数", "单价(元)", "金额(元)", "到店时间"],
          ...lines.flatMap((line) =>
            line.communities.map((part) => [
              order.purchaseOrderId,
              order.supplierId === undefined ? "" : nameOf(order.supplierId),
              line.articleName,
              nameOf(line.storeId),
              nameOf(part.communityId),
              part.units,
              part.cases ?? "",
              yuan(line.unitCostFen),
              yuan(part.costFen),
              toIso(line.pickupFrom),
            ]),
          ),
        ],
        { bom: true },
      ),
    }),
  }),
  route({
    ...atStore,
    method: "get",
    path: "/ops/v1/stores/{storeId}/purchases/{campaignId}",
    summary: "门店到货情况",
    storeOf: (_deps, { params }) => params.storeId,
    params: linePath,
    ok: lineView,
    problems: ["CAMPAIGN_NOT_FOUND", "PURCHASE_NOT_FOUND"],
    run: async (deps, { params }) => (await work()).lineOf(deps, params),
    view: (line) => toLine(line),
  }),
  route({
    ...atStore,
    method: "post",
    path: "/ops/v1/stores/{storeId}/purchases/{campaignId}/arrivals",
    summary: "按采购单收货",
    description:
      "What came is a lot of its own; its good units go to who ordered them, in the order of payment over all the store's communities. `last` closes the store's line: what is too much goes into the store's online stock, what lacks is refunded to who paid last, and each is told. With 0 units it closes the line as it is.",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: linePath,
    body: z
      .strictObject({
        units: z.int().min(0).max(100_000).meta({ description: "Units that came, damaged ones too", example: 18 }),
        rejected: z.int().min(0).max(100_000).default(0).meta({ description: "Damaged units, turned away" }),
        reason: typedText(1, 200).optional().meta({ example: "压伤" }),
        certificate: certificate.optional().meta({ example: { number: "ZJ-2026-1123-01" } }),
        bestBefore: z.iso.date().optional().meta({ description: "Last good day" }),
        last: z.boolean().default(false).meta({ description: "Nothing more comes" }),
      })
      .refine(({ rejected, reason }) => rejected === 0 || reason !== undefined, {
        message: "say why units were rejected",
        path: ["reason"],
      })
      .refine(({ units, last }) => units > 0 || last, { message: "0 only with last", path: ["units"] }),
    ok: lineView,
    problems: ["CAMPAIGN_NOT_FOUND", "PURCHASE_NOT_FOUND", "PURCHASE_STATE"],
    run: async (deps, { actor, params, body, once }) =>
      (await work()).receiveArrival(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (line) => toLine(line),
  }),
  route({
    ...atStore,
    method: "post",
    path: "/ops/v1/stores/{storeId}/purchases/{campaignId}/promise",
    summary: "到货延期",
    description:
      "Pickup of the store's orders then begins at `expectedAt` and lasts as long as before. Each member is told, and may take a full refund until the goods are there; who says nothing keeps the order.",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: linePath,
    body: z.strictObject({
      expectedAt: isoInput.meta({ description: "After what was promised before, at most 60 days away" }),
      reason: typedText(1, 200).meta({ example: "产地大雨,晚一天到" }),
    }),
    ok: lineView,
    problems: ["CAMPAIGN_NOT_FOUND", "PURCHASE_NOT_FOUND", "PURCHASE_STATE"],
    run: async (deps, { actor, params, body, once }) =>
      (await work()).movePromise(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (line) => toLine(line),
  }),
];
