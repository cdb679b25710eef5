import { lifecycle } from "../kernel/lifecycle.ts";

/** What may become of a job that somebody has, or may have, before the goods are with a rider, and after. */
const withGoods = { delivered: "DELIVERED", returned: "RETURNED", failed: "FAILED" } as const;
const underWay = {
  pickedUp: "PICKED_UP",
  lost: "WAITING",
  cancelled: "CANCELLED",
  returning: "RETURNING",
  ...withGoods,
} as const;

/**
 * WAITING: nobody has the job yet; a rider of ours may accept it. UNKNOWN: a carrier was asked, and only its answer or a query can tell.
 * OFFERED: the carrier looks for a rider. lost: whoever had it gave it up before having the goods; it waits again, under the next attempt.
 * dropped: the rider gave it up and his carrier looks for another one. Once the goods are with a rider nothing begins anew by itself:
 * RETURNED and FAILED are for a person, who sends them once more (sentAgain) or carries them himself (taken).
 */
export const dispatchLifecycle = lifecycle({
  WAITING: { asked: "UNKNOWN", accepted: "ACCEPTED", taken: "PICKED_UP", cancelled: "CANCELLED" },
  UNKNOWN: { offered: "OFFERED", accepted: "ACCEPTED", arrived: "ARRIVED_STORE", ...underWay },
  OFFERED: { accepted: "ACCEPTED", arrived: "ARRIVED_STORE", ...underWay },
  ACCEPTED: { dropped: "OFFERED", arrived: "ARRIVED_STORE", ...underWay },
  ARRIVED_STORE: { dropped: "OFFERED", ...underWay },
  PICKED_UP: { returning: "RETURNING", ...withGoods },
  RETURNING: withGoods,
  DELIVERED: {},
  CANCELLED: { sentAgain: "WAITING", taken: "PICKED_UP" },
  RETURNED: { sentAgain: "WAITING", taken: "PICKED_UP" },
  FAILED: { sentAgain: "WAITING", taken: "PICKED_UP", returned: "RETURNED" },
});
