import * as z from "zod";
import { idOf } from "../../shared/kernel/ids.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoInput, isoOutput, toIso } from "../../shared/kernel/time.ts";
import { loadStore } from "../../shared/store/index.ts";
import {
  certificate,
  type GoodsException,
  goodsException,
  goodsRules,
  judgeGoods,
  type Lot,
  licence,
  lot,
  passedOver,
  qualityPolicy,
  type Recall,
  recall,
  type Supplier,
  supplier,
} from "../../shared/supply/index.ts";
import { allSuppliers, buyersOf, lotsOfStore, orders } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/supply/work.ts");
const keepers = { actor: "staff", owns: "none", roles: ["admin", "ops"], scope: "chain" } as const;
const atStore = { actor: "staff", owns: "none", scope: "store" } as const;
const receivers = ["admin", "ops", "store_manager", "store_staff"] as const;

const reason = typedText(1, 200);
const supplierPath = z.strictObject({ supplierId: idOf("SP") });
const articlePath = z.strictObject({ articleId: idOf("AR") });
const storePath = z.strictObject({ storeId: idOf("ST") });
const recallPath = z.strictObject({ recallId: idOf("RC") });

const supplierFacts = {
  name: typedText(1, 60).meta({ example: "奉贤果蔬合作社" }),
  licences: z
    .array(licence)
    .max(10)
    .meta({
      description: "Each holds until the end of its day, Asia/Shanghai",
      example: [{ kind: "食品经营许可证", number: "JY13101200000001", validUntil: "2027-06-30" }],
    }),
};
const supplierView = supplier
  .extend({ createdAt: isoOutput, version: z.int().meta({ description: "Send it back with a change" }) })
  .meta({ id: "Supplier" });
const toSupplier = (row: Supplier & { version: number }) => ({ ...row, createdAt: toIso(row.createdAt) });

const lotView = lot
  .extend({ createdAt: isoOutput, receivedAt: isoOutput.optional() })
  .meta({ id: "Lot", description: "Units of an article that come to a store together" });
const toLot = (row: Lot) => ({
  ...row,
  createdAt: toIso(row.createdAt),
  receivedAt: row.receivedAt === undefined ? undefined : toIso(row.receivedAt),
});
const check = {
  rejected: z.int().min(0).max(100_000).meta({ description: "Units turned away: 0 accepts all, all rejects the lot" }),
  reason: reason.optional().meta({ example: "压伤" }),
};
const mustSayWhy = ({ rejected, reason: why }: { rejected: number; reason?: string | undefined }) =>
  rejected === 0 || why !== undefined;
const whyText = { message: "say why units were rejected", path: ["reason"] };

const scoreView = z.object({
  score: z.int().optional().meta({ description: "0 to 100; absent: nothing is known" }),
  lines: z.array(z.object({ line: z.literal("rejects"), text: z.string(), points: z.int() })),
});
const exceptionView = goodsException.extend({ at: isoOutput, expiresAt: isoOutput }).meta({ id: "GoodsException" });
const toException = (row: GoodsException) => ({ ...row, at: toIso(row.at), expiresAt: toIso(row.expiresAt) });
const goodsView = z
  .object({
    threshold: z.int().meta({ description: "Below this score nothing new is published" }),
    article: scoreView,
    supplier: scoreView.optional(),
    ratings: z.object({ tasty: z.int(), all: z.int() }).optional().meta({
      description: "好吃吗?: how often members said that it tasted good, and how often anything; no part of the score",
    }),
    broken: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .meta({ description: "What would refuse a campaign whose pickup ends at `until`" }),
    exceptions: z.array(exceptionView),
    notes: z.array(z.string()).meta({ description: "What is not known" }),
  })
  .meta({ id: "GoodsJudgement" });

const recallView = recall
  .extend({ at: isoOutput, since: isoOutput.optional(), listedAt: isoOutput.optional() })
  .meta({ id: "Recall" });
const maybeIso = (ms: number | undefined) => (ms === undefined ? undefined : toIso(ms));
const toRecall = (row: Recall) => ({
  ...row,
  at: toIso(row.at),
  since: maybeIso(row.since),
  listedAt: maybeIso(row.listedAt),
});

export const supplyOps: Route[] = [
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/suppliers",
    summary: "新建供应商",
    idempotent: true,
    body: z.strictObject(supplierFacts),
    status: 201,
    ok: supplierView,
    problems: [],
    run: async (deps, { actor, body, once }) =>
      (await work()).createSupplier(deps, { by: actor.staffId, supplier: body, once }),
    view: (row) => toSupplier(row),
  }),
  route({
    ...keepers,
    method: "put",
    path: "/ops/v1/suppliers/{supplierId}",
    summary: "修改供应商和证照",
    params: supplierPath,
    body: z.strictObject({ ...supplierFacts, version: z.int().min(1) }),
    ok: supplierView,
    problems: ["SUPPLIER_NOT_FOUND", "VERSION_CONFLICT"],
    run: async (deps, { actor, params, body: { version, ...facts } }) =>
      (await work()).updateSupplier(deps, { by: actor.staffId, ...params, version, supplier: facts }),
    view: (row) => toSupplier(row),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/suppliers/{supplierId}/suspension",
    summary: "暂停或恢复供应商",
    description: "Nothing new of a suspended supplier is published. Saying what is so already changes nothing.",
    params: supplierPath,
    body: z.strictObject({ suspended: z.boolean(), reason: reason.meta({ example: "抽检不合格" }) }),
    ok: supplierView,
    problems: ["SUPPLIER_NOT_FOUND"],
    run: async (deps, { actor, params, body }) =>
      (await work()).suspendSupplier(deps, { by: actor.staffId, ...params, ...body }),
    view: (row) => toSupplier(row),
  }),
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/suppliers",
    summary: "供应商列表",
    roles: ["admin", "ops", "finance", "analyst", "executive", "store_manager"],
    query: listQuery,
    ok: listOf(supplierView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allSuppliers(), "suppliers", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toSupplier), nextCursor }),
  }),
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/articles/{articleId}/goods",
    summary: "商品质量与上架条件",
    description: "The quality score line by line, and what would refuse a campaign (价值优先).",
    roles: ["admin", "ops", "finance", "analyst", "executive", "store_manager"],
    params: articlePath,
    query: z.strictObject({
      until: isoInput.optional().meta({ description: "End of pickup of the campaign in mind; left out: now" }),
    }),
    ok: goodsView,
    problems: ["ARTICLE_NOT_FOUND"],
    run: (deps, { params, query }) => judgeGoods(deps, { ...params, until: query.until ?? deps.env.clock.now() }),
    view: (judged) => ({
      ...judged,
      threshold: qualityPolicy.threshold,
      exceptions: judged.exceptions.map(toException),
    }),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/articles/{articleId}/exceptions",
    summary: "批准上架例外",
    description:
      "Lets campaigns of the article be published although a rule of its goods is broken, at your name, until `expiresAt`. A later one for the rule takes its place.",
    roles: ["admin", "executive"],
    idempotent: true,
    params: articlePath,
    body: z.strictObject({
      rule: z.enum(goodsRules),
      reasonCode: goodsException.shape.reasonCode,
      reason: reason.meta({ example: "新证已受理,附受理通知书" }),
      expiresAt: isoInput.meta({ description: "At most 90 days away" }),
    }),
    status: 201,
    ok: exceptionView,
    problems: ["ARTICLE_NOT_FOUND"],
    run: async (deps, { actor, params, body, once }) =>
      (await work()).grantException(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (row) => toException(row),
  }),
  route({
    ...atStore,
    method: "post",
    path: "/ops/v1/stores/{storeId}/lots",
    summary: "登记到货批次",
    description:
      "With `check` it is received at once: what is accepted goes into the store's online stock in the same commit. Without, it is expected.",
    roles: receivers,
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: storePath,
    body: z.strictObject({
      articleId: idOf("AR"),
      supplierId: idOf("SP").optional().meta({ description: "Left out: the article's" }),
      units: z.int().min(1).max(100_000).meta({ example: 120 }),
      certificate: certificate.optional().meta({ example: { number: "ZJ-2026-1123-01" } }),
      bestBefore: z.iso.date().optional().meta({ description: "Last good day" }),
      check: z.strictObject(check).refine(mustSayWhy, whyText).optional(),
    }),
    status: 201,
    ok: lotView,
    problems: ["STORE_NOT_FOUND", "ARTICLE_NOT_FOUND", "SUPPLIER_NOT_FOUND"],
    run: async (deps, { actor, params, body, once }) =>
      (await work()).announceLot(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (row) => toLot(row),
  }),
  route({
    ...atStore,
    method: "post",
    path: "/ops/v1/stores/{storeId}/lots/{lotId}/check",
    summary: "验收到货批次",
    description: "Once. What is accepted goes into the store's online stock in the same commit.",
    roles: receivers,
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: z.strictObject({ storeId: idOf("ST"), lotId: idOf("LT") }),
    body: z.strictObject(check).refine(mustSayWhy, whyText),
    ok: lotView,
    problems: ["LOT_NOT_FOUND", "LOT_STATE"],
    run: async (deps, { actor, params, body, once }) =>
      (await work()).checkLot(deps, { by: actor.staffId, ...params, check: body, once }),
    view: (row) => toLot(row),
  }),
  route({
    ...atStore,
    method: "get",
    path: "/ops/v1/stores/{storeId}/lots",
    summary: "门店到货批次",
    description: "Newest first.",
    roles: [...receivers, "finance", "analyst"],
    storeOf: (_deps, { params }) => params.storeId,
    params: storePath,
    query: listQuery,
    ok: listOf(lotView),
    problems: ["STORE_NOT_FOUND", "CURSOR_INVALID"],
    run: async (deps, { params: { storeId }, query }) => {
      await loadStore(deps, storeId);
      return listPage(deps, lotsOfStore(storeId), `lots ${storeId}`, query);
    },
    view: ({ items, nextCursor }) => ({ items: items.map(toLot), nextCursor }),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/recalls",
    summary: "发起召回",
    description:
      "Of an article, or of one lot of it. Its open campaigns are suspended, nothing of it is published or resumed, and every buyer who paid and was not refunded is told once.",
    idempotent: true,
    body: z.strictObject({
      articleId: idOf("AR"),
      lotId: idOf("LT").optional(),
      reason: reason.meta({ example: "农残超标" }),
    }),
    status: 201,
    ok: recallView,
    problems: ["ARTICLE_NOT_FOUND", "LOT_NOT_FOUND"],
    run: async (deps, { actor, body, once }) => (await work()).openRecall(deps, { by: actor.staffId, ...body, once }),
    view: (row) => toRecall(row),
  }),
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/recalls/{recallId}",
    summary: "召回进度",
    roles: ["admin", "ops", "customer_service"],
    params: recallPath,
    ok: recallView,
    problems: ["RECALL_NOT_FOUND"],
    run: async (deps, { params }) => (await work()).loadRecall(deps, params.recallId),
    view: (row) => toRecall(row),
  }),
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/recalls/{recallId}/buyers",
    summary: "召回涉及的订单",
    description: "Complete once `listedAt` of the recall is set; `seat` is the order's as it is now.",
    roles: ["admin", "ops", "customer_service"],
    params: recallPath,
    query: listQuery,
    ok: listOf(
      z
        .object({
          orderId: z.string(),
          memberId: z.string(),
          storeId: z.string(),
          units: z.int(),
          seat: z.string(),
          handedOver: z.boolean(),
          toldAt: isoOutput,
          givenFen: z.int().optional().meta({ description: "What it was compensated" }),
          passed: z.enum(passedOver).optional().meta({ description: "Why it was given nothing" }),
        })
        .meta({ id: "RecallBuyer" }),
    ),
    problems: ["RECALL_NOT_FOUND", "CURSOR_INVALID"],
    run: async (deps, { params: { recallId }, query }) => {
      const { items, nextCursor } = await listPage(deps, buyersOf(recallId), `buyers ${recallId}`, query);
      await (await work()).loadRecall(deps, recallId);
      const known = new Map((await deps.table.loadMany(orders, items)).map((order) => [order.orderId, order]));
      return { items: items.map((row) => ({ ...row, order: known.get(row.orderId) })), nextCursor };
    },
    view: ({ items, nextCursor }) => ({
      items: items.map(({ order, ...row }) => ({
        ...row,
        seat: order?.seat ?? "",
        handedOver: order?.handedOverAt !== undefined,
        toldAt: toIso(row.toldAt),
        givenFen: row.outcome?.givenFen,
        passed: row.outcome?.passed,
      })),
      nextCursor,
    }),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/recalls/{recallId}/closing",
    summary: "结束召回",
    description: "The article may be published again; suspended campaigns stay so until they are resumed.",
    idempotent: true,
    params: recallPath,
    body: z.strictObject({ reason }),
    ok: recallView,
    problems: ["RECALL_NOT_FOUND", "RECALL_STATE"],
    run: async (deps, { actor, params, body, once }) =>
      (await work()).closeRecall(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (row) => toRecall(row),
  }),
];
