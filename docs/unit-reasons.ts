import type { OperationName } from "../bench/units.ts";

/** Why a row is written: of an operation, else of any. `docs/units.md` is not made while a row has none. */
export const reasons: Partial<Record<OperationName | "any", Record<string, string>>> = {
  any: {
    "Put Limit": "how often one member may ask: a script is stopped before it costs more",
    "Update Allotment": "the store's units left, on condition that there are enough",
    "Put Idempotency": "the answer, kept 48 h for whoever asks again under the same key",
    "Put InboxMessage": "the member's message; one an event, however often the event comes",
    "Put PickTeam": "what the store's pick list of the day finds the team by: one a store, not one a seat",
    "Put Deal": "the lowest price of the day, which bounds what later campaigns may strike through",
    "Put Outbox seat.held": "the event: the seat counts for the community and the inviter",
    "Put Outbox seat.paid": "the event: the member is told",
    "Put Acquisition": "by whom the new customer came: only with the very first payment",
    "Put Due referral": "what the reward is found by, once the after-sale time is over",
    "Put Outbox team.formed": "the event: starts the deadline's timer and tells the leader",
    "Put Outbox team.succeeded": "the event: everybody in the team is told",
    "Put Outbox team.failed": "the event: starts a refund a paid seat, everybody is told",
    "Put Outbox order.pickup_code_issued": "the event: on record, nobody acts on it yet",
    "Put Outbox order.handed_over": "the event: starts the shipping upload, the member is told",
    "Put Outbox refund.requested": "the event: on record, nobody acts on it yet",
    "Put Outbox refund.succeeded": "the event: the member is told",
    "Put Due hold": "what the sweep finds the seat by, should it stay unpaid",
    "Put Due deadline": "what the sweep finds the team by, should its timer be lost",
    "Put Due refund": "what the reconciliation finds it by, should nobody finish it",
    "Put Due shipping": "what the reconciliation finds the order by until WeChat has been told",
    "Delete Due shipping": "WeChat has been told",
    "Put Due tasting": "what the member is asked by, two hours later, how it tasted",
    "Put Due settlement": "what the order is found by until the channel has let its money go",
    "Put RateToken": "one of the requests that WeChat allows the merchant this second",
  },
  open: {
    "Put Team": "the team with its terms and counters, and its place in the campaign's list",
    "Put Guard": "one live seat a member and campaign, and the units bought so far",
    "Put Order": "order, seat and payment in one; found by team, by member, and by store and day",
  },
  join: {
    "Update Team": "one seat less free, on condition that there is one and time to pay",
    "Put Guard": "one live seat a member and campaign, and the units bought so far",
    "Put Order": "order, seat and payment in one; found by team, by member, and by store and day",
  },
  pay_leader: {
    "Update Order": "prepaid, then paid",
    "Update Team": "visible from here on: counters and deadline",
    "Put Transfer": "the ledger line of the money; found by the day it was booked on",
    "Update Member": "no new customer any more: only with the very first payment",
  },
  pay: {
    "Update Order": "prepaid, then paid",
    "Update Team": "one held seat less, one paid more, on condition that the team forms",
    "Put Transfer": "the ledger line of the money; found by the day it was booked on",
    "Update Member": "no new customer any more: only with the very first payment",
  },
  pickup_code: {
    "Put PickupCode": "the code by its keyed hash, so that a till finds it without knowing it",
    "Update Order": "the code sealed for its member, and its hash; beyond 1 KB, so twice the units",
  },
  pickup: {
    "Update PickupCode": "used: of two tills at once one succeeds",
    "Update Order": "handed over, on condition that it is paid, here and by this code; beyond 1 KB",
    "Put Audit": "who did it",
  },
  shipping: {
    "Update Order": "WeChat has been told; beyond 1 KB",
  },
  post: {
    "Put Post": "waits for its check, then the whole row anew: with its keys in the feed and in its author's list",
    "Update Limit": "how often one member may post",
    "Put Due moderation": "what the sweep finds it by, should WeChat not answer",
    "Put Outbox post.submitted": "the event: starts the check",
    "Put Outbox post.passed": "the event: its publication is on record",
  },
  fail: {
    "Update Team": "failed, on condition that nobody holds a seat and as many paid as the event tells",
  },
  refund: {
    "Update Order": "names its refund, then refunded; beyond 1 KB with both",
    "Put Refund": "the intent with its number, before WeChat is asked",
    "Update Refund": "accepted, then arrived",
    "Put Transfer": "the ledger line of the money; found by the day it was booked on",
    "Put Guard": "the units no longer count against the member's limit",
  },
};
