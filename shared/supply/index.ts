export { judgeGoods, standingRecall } from "./judge-goods.ts";
export { lotLifecycle, recallLifecycle, supplierLifecycle } from "./lifecycle.ts";
export {
  certificate,
  type GoodsException,
  goodsException,
  goodsRules,
  type Lot,
  licence,
  lot,
  type Recall,
  recall,
  type Supplier,
  supplier,
} from "./model.ts";
export { qualityScore } from "./quality.ts";
export { qualityPolicy } from "./quality-policy.ts";
