/** What staff do about goods bought to order or by weight: the door to what is loaded with the first request to it. */

export { compensateOrder } from "./compensate-order.ts";
export { movePromise } from "./move-promise.ts";
export { packOrder } from "./pack-order.ts";
export { lineOf, receiveArrival } from "./receive-arrival.ts";
export { shortPick } from "./short-pick.ts";
