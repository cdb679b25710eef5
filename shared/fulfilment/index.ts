/** The door of fulfilment: which store serves an order, and how it is handed over. */

export { followSettlement } from "./follow-settlement.ts";
export { issuePickupCode, pickupCodePattern } from "./issue-pickup-code.ts";
export { dispatchOrder, makeReady, readRecipient } from "./make-ready.ts";
export { type Place, place } from "./model.ts";
export { notePickOfOrder, notePicks, notePicksOfLine } from "./note-picks.ts";
export { labelsOf, pickList } from "./pick-list.ts";
export type { RoutePlanner, ShippingUpload } from "./ports.ts";
export { askForTaste, awaitTasting, rateGoods } from "./rate-goods.ts";
export { rerouteOrder } from "./reroute-order.ts";
export {
  communityStore,
  offerStores,
  type RouteChoice,
  type RouteRequest,
  type RoutingDeps,
  routeOrder,
} from "./route-order.ts";
export { explainRoute, hoursText } from "./route-texts.ts";
export { disposeOrder, lookAtUncollected, uncollectedText } from "./uncollected.ts";
export { uploadShipping } from "./upload-shipping.ts";
export { verifyPickup } from "./verify-pickup.ts";
