import type { FunctionName } from "./functions.ts";

/** Who gets up. */
export type Owner = "money" | "orders" | "platform";

export interface AlarmSpec {
  readonly owner: Owner;
  /** Who is hurt, and how, in one sentence. */
  readonly impact: string;
}

/**
 * Work that is late: for how many minutes the oldest due row of a kind may go undecided after the moment at which it should
 * have been. The function that sweeps them (`by`) tells it (log code SWEEP). `team` and `refund` count from the first look, which the clocks of the group
 * buy put some minutes after the deadline and half an hour after the refund was owed.
 */
export const lateWork: Record<string, AlarmSpec & { readonly minutes: number; readonly by: FunctionName }> = {
  hold: {
    by: "HoldSweep",
    minutes: 10,
    owner: "orders",
    impact: "Seats past their time are undecided: a member may have paid without a seat, others find the team full",
  },
  payment: {
    by: "Reconcile",
    minutes: 10,
    owner: "money",
    impact: "A payment that raced its order's end is neither seated nor on its way back: a member paid for nothing",
  },
  deadline: {
    by: "DeadlineSweep",
    // deadline + 3 minutes' grace + 2 minutes for the timer, then this: 5 minutes after deadline and grace
    minutes: 3,
    owner: "orders",
    impact: "Teams are still forming past deadline and grace: members who paid wait for goods or for their money",
  },
  refund: {
    by: "Reconcile",
    // the first look comes half an hour after the refund is owed
    minutes: 30,
    owner: "money",
    impact: "Refunds have been owed for more than an hour: members wait for money that is theirs",
  },
  campaign: {
    by: "CampaignWindow",
    minutes: 5,
    owner: "orders",
    impact: "Campaigns did not open, close or settle at the announced minute",
  },
  recall: {
    by: "Backlog",
    minutes: 15,
    owner: "orders",
    impact: "A recall is not carried out: its article may still be sold, and its buyers are not told",
  },
  promise: {
    by: "Backlog",
    minutes: 30,
    owner: "orders",
    impact: "Goods that were put off are not told of: members come for them, and know of no refund",
  },
  subsidy: {
    by: "Backlog",
    minutes: 30,
    owner: "money",
    impact: "A batch was completed at the platform's cost, and its orders' ledger does not say so yet",
  },
  referral: {
    by: "Backlog",
    minutes: 24 * 60,
    owner: "platform",
    impact: "Members who brought a neighbour do not get what they were promised",
  },
  commission: {
    by: "Backlog",
    minutes: 60,
    owner: "money",
    impact: "Leaders and KOC do not see what their orders earn, or can't have it paid out",
  },
  compensation: {
    by: "Backlog",
    minutes: 60,
    owner: "money",
    impact: "Buyers of a bad lot were promised a compensation and have not all got it",
  },
  claim: {
    by: "Backlog",
    // counted from its opening, and first looked at after ten working days, which are twelve days at least
    minutes: 11 * 24 * 60,
    owner: "orders",
    impact: "A claim has waited for ten working days: its member was promised an answer within fifteen",
  },
  payout: {
    by: "Reconcile",
    minutes: 25 * 60,
    owner: "money",
    impact: "A payout is neither done nor given up a day after its member could confirm it",
  },
  share: {
    by: "Reconcile",
    minutes: 31 * 24 * 60,
    owner: "money",
    impact:
      "Commissions that are shared out of a payment are neither paid nor available again, past the channel's own 30 days",
  },
  bill: {
    by: "Bills",
    minutes: 26 * 60,
    owner: "money",
    impact: "A day's bill that staff want looked at again is not: what differs in it stays unknown",
  },
  settlement: {
    by: "Reconcile",
    minutes: 14 * 24 * 60,
    owner: "money",
    impact: "The channel has kept the retailer's money for two weeks after goods were collected",
  },
  dispatch: {
    by: "Deliveries",
    minutes: 60,
    owner: "orders",
    impact: "Orders that were to be brought are not with their members an hour after they were promised",
  },
  moderation: {
    by: "DeadlineSweep",
    minutes: 30,
    owner: "platform",
    impact: "What members said waits for WeChat's check: their neighbours do not see it",
  },
  import: {
    by: "Backlog",
    minutes: 15,
    owner: "platform",
    impact: "An import that was accepted is not fully applied: articles, prices or stock are partly old, partly new",
  },
  tasting: {
    by: "Backlog",
    minutes: 12 * 60,
    owner: "platform",
    impact: "Members are not asked how their goods were: bad ones are heard of later",
  },
  uncollected: {
    by: "Backlog",
    // looked at from two hours before the end of pickup; kept for a day, then a day for the store
    minutes: 50 * 60,
    owner: "orders",
    impact:
      "Goods that nobody collected lie at a store a day longer than they are kept: they spoil, and their money stays frozen",
  },
  invoice: {
    by: "Invoices",
    minutes: 4 * 60,
    owner: "money",
    impact:
      "Invoices or red letters were asked for hours ago and are not made: members wait, or an invoice says too much",
  },
  shipping: {
    by: "Reconcile",
    minutes: 24 * 60,
    owner: "money",
    impact: "The channel has not been told of hand-overs for a day: it keeps the retailer's money frozen",
  },
};

/** Lines a function writes when something is wrong, by their code: one is enough. Without `by` any function may. */
export const codes: Record<string, AlarmSpec & { readonly by?: readonly FunctionName[] }> = {
  PAYMENT_CASE: {
    by: ["Effects", "Redrive"],
    owner: "money",
    impact: "A member's money or invoice waits for a person to decide (payment cases of the console)",
  },
  LEDGER_DRIFT: {
    by: ["Books"],
    owner: "money",
    impact:
      "The lines of a closed day are not what they were when it was closed: a statement that was given out is wrong",
  },
  INVARIANT: {
    owner: "platform",
    impact: "Something that must never be was seen and refused; money, seats or stock may be off",
  },
};

/** The rest of what is watched, by what it watches. */
export const watched = {
  iteratorAge: {
    minutes: 5,
    owner: "platform",
    impact: "A reader of the outbox is behind: deadlines, refunds and messages start late",
  },
  deadLetters: {
    owner: "platform",
    impact:
      "Work was given up: some team, refund, message or scheduled run is not done and comes again only by the redrive",
  },
  api5xx: { owner: "platform", impact: "Members and staff get errors in place of answers" },
  machineFailed: {
    owner: "orders",
    impact: "A team's deadline or a refund stopped halfway; the sweeps take it up, minutes late",
  },
} as const satisfies Record<string, AlarmSpec & { minutes?: number }>;
