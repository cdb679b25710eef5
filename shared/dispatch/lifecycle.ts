import { lifecycle } from "../kernel/lifecycle.ts";

/**
 * WAITING: nobody has the job yet. OFFERED: asked of a carrier, who looks for a rider. UNKNOWN: a carrier did not answer, only a query can tell.
 * lost: its carrier gave the job up before it had the goods; it waits again, under the next attempt. dropped: the rider gave it up and his
 * carrier looks for another one. Once the goods are with a rider nothing begins anew: RETURNED and FAILED are for a person.
 */
export const dispatchLifecycle = lifecycle({
  WAITING: { offered: "OFFERED", timedOut: "UNKNOWN", accepted: "ACCEPTED", cancelled: "CANCELLED" },
  UNKNOWN: {
    offered: "OFFERED",
    accepted: "ACCEPTED",
    arrived: "ARRIVED_STORE",
    pickedUp: "PICKED_UP",
    delivered: "DELIVERED",
    lost: "WAITING",
    cancelled: "CANCELLED",
    returning: "RETURNING",
    returned: "RETURNED",
    failed: "FAILED",
  },
  OFFERED: {
    accepted: "ACCEPTED",
    arrived: "ARRIVED_STORE",
    pickedUp: "PICKED_UP",
    delivered: "DELIVERED",
    lost: "WAITING",
    cancelled: "CANCELLED",
    returning: "RETURNING",
    returned: "RETURNED",
    failed: "FAILED",
  },
  ACCEPTED: {
    dropped: "OFFERED",
    arrived: "ARRIVED_STORE",
    pickedUp: "PICKED_UP",
    delivered: "DELIVERED",
    lost: "WAITING",
    cancelled: "CANCELLED",
    returning: "RETURNING",
    returned: "RETURNED",
    failed: "FAILED",
  },
  ARRIVED_STORE: {
    dropped: "OFFERED",
    pickedUp: "PICKED_UP",
    delivered: "DELIVERED",
    lost: "WAITING",
    cancelled: "CANCELLED",
    returning: "RETURNING",
    returned: "RETURNED",
    failed: "FAILED",
  },
  PICKED_UP: { delivered: "DELIVERED", returning: "RETURNING", returned: "RETURNED", failed: "FAILED" },
  RETURNING: { delivered: "DELIVERED", returned: "RETURNED", failed: "FAILED" },
  DELIVERED: {},
  CANCELLED: {},
  RETURNED: {},
  FAILED: {},
});
