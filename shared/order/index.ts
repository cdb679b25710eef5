export { type BatchSeat, type CaseSplit, type SeatShare, seatShare, splitCases, unitsAfter } from "./batch-share.ts";
export { orderLifecycle, seatLifecycle, shippingLifecycle } from "./lifecycle.ts";
export type { Order, Routed } from "./model.ts";
export { openAllotment, returnUnits, unitsByArticle } from "./return-units.ts";
export { type SeatState, seatState } from "./rules.ts";
