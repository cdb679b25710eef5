/** The door of dispatch: who brings an order to its member, and how far it is. */

export {
  type DispatchDecision,
  decideDispatch,
  dispatchBegun,
  dispatchHandedOver,
  dispatchTaken,
} from "./by-hand.ts";
export { carryDelivery, type DeliveryStep, watchPreparation } from "./carry-delivery.ts";
export { dispatchLifecycle } from "./lifecycle.ts";
export { carrierName, type Dispatch, type RiderShift } from "./model.ts";
export {
  type Asked,
  type CancelReason,
  type Carrier,
  type CarrierCallbacks,
  type CarrierJob,
  type CarrierNews,
  type CarrierState,
  callbackPath,
} from "./ports.ts";
export { readTrail, type Trail, type TrailEntry } from "./read-trail.ts";
export { actOnJob, type RiderAct, readRound, setShift } from "./rider.ts";
export { takeHint } from "./take-hint.ts";
export { takeNews } from "./take-news.ts";
