export { orderLifecycle, seatLifecycle, shippingLifecycle } from "./lifecycle.ts";
export type { Order, Routed } from "./model.ts";
export { type SeatState, seatState } from "./rules.ts";
