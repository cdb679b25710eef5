import { lifecycle } from "../kernel/lifecycle.ts";

/**
 * A seat's states. CONFIRMED, and REFUND_DUE of a failed team, are not stored: they are read from the seat and its team
 * (`seatState`); the events `confirmed` and `failed` therefore never write. unserved: a batch's last case, or what arrived for it, came
 * to be without it. cancelled: an order without a team, by its member or its store. withdrawn: the member would not wait for goods that are late.
 */
export const seatLifecycle = lifecycle({
  HELD: { paid: "PAID", released: "RELEASED" },
  PAID: {
    confirmed: "CONFIRMED",
    left: "REFUND_DUE",
    unserved: "REFUND_DUE",
    withdrawn: "REFUND_DUE",
    cancelled: "REFUND_DUE",
    failed: "REFUND_DUE",
    refundedOfFailed: "REFUNDED",
    stuckOfFailed: "REFUND_ATTENTION",
  },
  CONFIRMED: { claimed: "REFUND_DUE" },
  RELEASED: { reseated: "PAID" },
  REFUND_DUE: { refunded: "REFUNDED", stuck: "REFUND_ATTENTION" },
  REFUND_ATTENTION: { resolved: "REFUNDED" },
  REFUNDED: {},
});

export const orderLifecycle = lifecycle({
  PLACED: { ready: "READY", handedOver: "HANDED_OVER", cancelled: "CANCELLED" },
  READY: {
    handedOver: "HANDED_OVER",
    cancelled: "CANCELLED",
    dispatched: "DISPATCHED",
    rerouted: "PLACED",
    disposed: "DISPOSED",
  },
  DISPATCHED: { handedOver: "HANDED_OVER", returned: "READY" },
  HANDED_OVER: {},
  DISPOSED: {},
  CANCELLED: {},
});

/** The upload of shipping information that lets the channel release the money. */
export const shippingLifecycle = lifecycle({
  NONE: { sent: "SENT" },
  SENT: { settled: "SETTLED", late: "LATE" },
  LATE: { settled: "SETTLED" },
  SETTLED: {},
});
