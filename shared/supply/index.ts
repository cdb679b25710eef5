export { countRating } from "./count-rating.ts";
export { type GoodsJudgement, judgeGoods, recallAt, standingRecall } from "./judge-goods.ts";
export {
  lotLifecycle,
  purchaseLifecycle,
  purchaseLineLifecycle,
  recallLifecycle,
  supplierLifecycle,
} from "./lifecycle.ts";
export {
  certificate,
  type GoodsException,
  goodsException,
  goodsRules,
  type Lot,
  licence,
  lot,
  type PurchaseLine,
  type PurchaseOrder,
  passedOver,
  purchaseLine,
  purchaseOrder,
  type Rating,
  type Recall,
  type RecallBuyer,
  recall,
  type Supplier,
  supplier,
} from "./model.ts";
export { qualityScore } from "./quality.ts";
export { qualityPolicy } from "./quality-policy.ts";
export { lotOfPurchase } from "./receive-lot.ts";
