/** The door of dispatch: who brings an order to its member, and how far it is. */

export {
  decideDispatch,
  dispatchBegun,
  dispatchHandedOver,
  dispatchTaken,
} from "./by-hand.ts";
export { carryDelivery, watchPreparation } from "./carry-delivery.ts";
export { dispatchLifecycle } from "./lifecycle.ts";
export { carrierName, type Dispatch } from "./model.ts";
export {
  type Asked,
  type CancelReason,
  type Carrier,
  type CarrierJob,
  type CarrierNews,
  type CarrierState,
  callbackPath,
} from "./ports.ts";
export { readTrail, type Trail } from "./read-trail.ts";
export { actOnJob, readRound, setShift } from "./rider.ts";
export { takeHint } from "./take-hint.ts";
export { takeNews } from "./take-news.ts";
