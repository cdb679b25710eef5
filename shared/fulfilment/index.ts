/** The door of fulfilment: which store serves an order, and how it is handed over. */

export { type IssuedCode, issuePickupCode, pickupCodePattern } from "./issue-pickup-code.ts";
export { type Place, place } from "./model.ts";
export type { RoutePlanner, ShippingUpload } from "./ports.ts";
export { type Rerouted, rerouteOrder } from "./reroute-order.ts";
export {
  offerStores,
  type PickedPlace,
  type RouteChoice,
  type RouteRequest,
  type RoutingDeps,
  routeOrder,
  type StoreOffer,
} from "./route-order.ts";
export { explainRoute, hoursText } from "./route-texts.ts";
export { type ShippingOutcome, uploadShipping } from "./upload-shipping.ts";
export { type HandedOver, verifyPickup } from "./verify-pickup.ts";
