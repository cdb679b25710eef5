import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { text, typedText } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import {
  lotLifecycle,
  purchaseLifecycle,
  purchaseLineLifecycle,
  recallLifecycle,
  supplierLifecycle,
} from "./lifecycle.ts";

/** A licence of a supplier; it holds until the end of the day `validUntil` (YYYY-MM-DD, Asia/Shanghai). */
export const licence = z.strictObject({
  kind: typedText(1, 40),
  number: typedText(1, 60),
  validUntil: z.iso.date(),
});

export const supplier = z.object({
  supplierId: idOf("SP"),
  name: text(1, 60),
  licences: z.array(licence).max(10),
  state: z.enum(supplierLifecycle.states),
  /** Why it was suspended or resumed. */
  reason: text(0, 200).optional(),
  createdAt: epochMs,
});
export type Supplier = z.infer<typeof supplier>;

/** The inspection certificate of a lot: its number, and where it is kept. */
export const certificate = z.strictObject({
  number: typedText(1, 60),
  link: z
    .url()
    .refine((value) => [...value].length <= 300, "at most 300 characters")
    .meta({ maxLength: 300 })
    .optional(),
});

/** Units of an article that come to a store together. */
export const lot = z.object({
  lotId: idOf("LT"),
  storeId: idOf("ST"),
  articleId: idOf("AR"),
  supplierId: idOf("SP").optional(),
  /** Came for a campaign's purchase order: its good units go to who ordered them, not into stock. */
  campaignId: idOf("CP").optional(),
  units: z.int().min(1).max(100_000),
  certificate: certificate.optional(),
  /** Last good day, YYYY-MM-DD in Asia/Shanghai. */
  bestBefore: z.iso.date().optional(),
  state: z.enum(lotLifecycle.states),
  /** Of a checked lot: units turned away, why, by whom and when. */
  rejected: z.int().min(0).optional(),
  reason: text(0, 200).optional(),
  checkedBy: z.string().optional(),
  receivedAt: epochMs.optional(),
  createdAt: epochMs,
});
export type Lot = z.infer<typeof lot>;

/** 采购单: what a campaign buys of a supplier at its cut-off, for all its stores. Its lines are rows of their own. */
export const purchaseOrder = z.object({
  /** Made of campaign and supplier, so that it can't be written twice. */
  purchaseOrderId: idOf("PO"),
  campaignId: idOf("CP"),
  campaignName: z.string(),
  supplierId: idOf("SP").optional(),
  state: z.enum(purchaseLifecycle.states),
  lineIds: z.array(idOf("PL")).min(1).max(50),
  /** Lines that are closed. */
  closed: z.int().min(0),
  units: z.int().min(1),
  costFen: fen,
  orderedAt: epochMs,
});
export type PurchaseOrder = z.infer<typeof purchaseOrder>;

/**
 * What a purchase order brings to a store, and what came of it. Which seat gets how much follows from where it ends (`cut`), in
 * the order of payment over all its communities: nothing is known before something came (EXPECTED), what lies behind the cut is
 * open until the line is closed (RECEIVED).
 */
export const purchaseLine = z.object({
  /** Made of campaign, store and article. */
  lineId: idOf("PL"),
  purchaseOrderId: idOf("PO"),
  campaignId: idOf("CP"),
  storeId: idOf("ST"),
  articleId: idOf("AR"),
  articleName: z.string(),
  state: z.enum(purchaseLineLifecycle.states),
  casePack: z.int().optional(),
  /** As of the campaign. */
  unitCostFen: fen,
  communities: z
    .array(
      z.object({
        communityId: idOf("CM"),
        teamId: idOf("TM"),
        units: z.int().min(1),
        cases: z.int().optional(),
        costFen: fen,
      }),
    )
    .min(1)
    .max(50),
  /** The sum of its communities. */
  units: z.int().min(1),
  costFen: fen,
  /** When it is promised for: what pickup begins and ends by. `movedAt`: when that was put off last. */
  pickupFrom: epochMs,
  pickupUntil: epochMs,
  movedAt: epochMs.optional(),
  /** How often something came, and what: good units, and those that were turned away. */
  arrivals: z.int().min(0),
  good: z.int().min(0),
  damaged: z.int().min(0),
  /** Units that members gave back since, because they were late or another store serves them. */
  withdrawn: z.int().min(0),
  cut: z.object({ paidAt: epochMs, orderId: idOf("OR"), units: z.int().min(0) }).optional(),
  /** Of a closed line: good units beyond what was owed, which went into stock. */
  surplus: z.int().min(0).optional(),
  closedAt: epochMs.optional(),
});
export type PurchaseLine = z.infer<typeof purchaseLine>;

/** What is known of the goods of an article or a supplier: its last lots, and the recalls that stand. One row, read whole. */
export const goodsRecord = z.object({
  of: z.enum(["article", "supplier"]),
  id: z.string(),
  lots: z
    .array(
      z.object({
        lotId: idOf("LT"),
        at: epochMs,
        units: z.int().min(1),
        /** Absent while the lot is expected. */
        rejected: z.int().min(0).optional(),
        certified: z.boolean(),
        bestBefore: z.iso.date().optional(),
      }),
    )
    .max(20),
  recalls: z.array(idOf("RC")).max(50),
  /** Of an article: how often members said how it tasted, and how often that it was good. */
  ratings: z.object({ tasty: z.int().min(0), all: z.int().min(0) }).optional(),
});
export type GoodsRecord = z.infer<typeof goodsRecord>;

/** 好吃吗?: what a member said of an article of an order; once. */
export const rating = z.object({
  orderId: idOf("OR"),
  articleId: idOf("AR"),
  memberId: idOf("MB"),
  storeId: idOf("ST"),
  tasty: z.boolean(),
  at: epochMs,
  /** It is in the article's record. */
  counted: z.literal(true).optional(),
});
export type Rating = z.infer<typeof rating>;

/** What must hold of the goods, and of their price, before they are sold. */
export const goodsRules = ["supplier", "licence", "certificate", "score", "recall", "margin"] as const;
export type GoodsRule = (typeof goodsRules)[number];

/** Why a rule is not kept; perishable, seasonal and left-over goods may be sold below their cost (价格法 14). */
export const exceptionReasons = [
  "paperwork_under_way",
  "checked_by_hand",
  "supplier_changed",
  "perishable",
  "seasonal",
  "clearance",
  "other",
] as const;

/** A rule that somebody answers for not keeping, for an article and a time. */
export const goodsException = z.object({
  articleId: idOf("AR"),
  rule: z.enum(goodsRules),
  reasonCode: z.enum(exceptionReasons),
  reason: text(0, 200),
  approver: z.string(),
  at: epochMs,
  expiresAt: epochMs,
});
export type GoodsException = z.infer<typeof goodsException>;

export const recall = z.object({
  recallId: idOf("RC"),
  articleId: idOf("AR"),
  /** Only this lot: then only who is served by its store, and was not before it came. */
  lotId: idOf("LT").optional(),
  storeId: idOf("ST").optional(),
  since: epochMs.optional(),
  reason: text(0, 200),
  state: z.enum(recallLifecycle.states),
  by: z.string(),
  at: epochMs,
  /** Buyers found and told so far, and when all that there were had been. */
  buyers: z.int().min(0),
  listedAt: epochMs.optional(),
});
export type Recall = z.infer<typeof recall>;

/** Why a recall's compensation gives an order nothing. */
export const passedOver = ["not_handed_over", "refunded", "nothing_left"] as const;

/** An order whose buyer was told of a recall. */
export const recallBuyer = z.object({
  recallId: idOf("RC"),
  orderId: idOf("OR"),
  memberId: idOf("MB"),
  storeId: idOf("ST"),
  units: z.int().min(1),
  toldAt: epochMs,
  /** What the recall's compensation came to for it: what was given, fen, or why nothing was. */
  outcome: z
    .object({ at: epochMs, givenFen: z.int().min(1).optional(), passed: z.enum(passedOver).optional() })
    .optional(),
});
export type RecallBuyer = z.infer<typeof recallBuyer>;
