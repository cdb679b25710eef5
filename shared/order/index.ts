export { afterSaleMs } from "./after-sale.ts";
export { type Arrival, arrivalAt, arrivalOf, lineIdOf } from "./arrival.ts";
export {
  arrivedUnits,
  type BatchSeat,
  cutArrival,
  keptOf,
  type SeatShare,
  seatShare,
  splitCases,
  unitsAfter,
  unsettledShare,
} from "./batch-share.ts";
export { openRecipient, type Recipient } from "./deliver-to.ts";
export { orderLifecycle, seatLifecycle, shippingLifecycle } from "./lifecycle.ts";
export type { Order, Routed } from "./model.ts";
export {
  atItsStore,
  couponBack,
  couponBooked,
  couponFen,
  orderFacts,
  requestedRefund,
} from "./order-writes.ts";
export { couponPaid, orphanRefund, paidOrder, paymentBooked, toldOfPayment } from "./payment-writes.ts";
export { hasUnits, leaveLine, openAllotment, returnUnits, takeUnits, unitsByArticle } from "./return-units.ts";
export { loadTeam, memberState, memberStates, type SeatState, seatState } from "./rules.ts";
export {
  type KitPart,
  keptFen,
  linesOf,
  nameOf,
  netPaidFen,
  nominalGrams,
  notGoneBackFen,
  resold,
  soldOf,
  unweighed,
  weighed,
  weightOf,
  without,
} from "./sold.ts";
