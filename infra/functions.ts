/** One Lambda function. */
export interface FunctionSpec {
  /** Path of the file below `functions/` that exports `handler`. */
  readonly entry: string;
  /** Who is hurt, and how, while it fails; stands in the function's description and in the template's metadata. */
  readonly impact: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
}

// The HTTP API gives up after 29 s. A client that waits that long has gone, so half of it is all that a request gets.
const http = { memoryMb: 1024, timeoutSeconds: 15 };
// One outside call of up to ten seconds and its settling, with room for the client's attempts.
const task = { memoryMb: 512, timeoutSeconds: 60 };
const reader = { memoryMb: 512, timeoutSeconds: 60 };
// Shorter than the minute between two starts: a job that hangs is over before the next one begins.
const minuteJob = { memoryMb: 512, timeoutSeconds: 50 };

/** Every function there is. The bundles, the stack and its tests are made from this table. */
export const functions = {
  Shop: {
    entry: "api/shop.ts",
    impact: "Members cannot sign in, see campaigns, join a team or pay",
    ...http,
  },
  Ops: {
    entry: "api/ops.ts",
    impact: "Staff cannot run campaigns, stores and stock, nor hand out orders by pickup code",
    ...http,
  },
  Hooks: {
    entry: "api/hooks.ts",
    impact: "Payments members have made are not noticed until the next reconciliation; their seats look unpaid",
    ...http,
  },
  Site: {
    entry: "api/site.ts",
    impact: "Developers cannot read the API's documentation; members and staff notice nothing",
    memoryMb: 256,
    timeoutSeconds: 10,
  },
  Effects: {
    entry: "streams/effects.ts",
    impact: "Teams get no deadline and members no refund until the sweeps start them, minutes late",
    ...reader,
  },
  Projections: {
    entry: "streams/projections.ts",
    impact: "Messages to members and the prices that may be struck through fall behind; money and seats stay right",
    ...reader,
  },
  Redrive: {
    entry: "streams/redrive.ts",
    impact: "Events that failed for good are not worked off: some teams, refunds and messages wait for a hand",
    memoryMb: 1024,
    timeoutSeconds: 900,
  },
  GroupDeadline: {
    entry: "workflows/group-deadline/handler.ts",
    impact: "Teams stay open past their deadline; members who paid wait for goods or for their money",
    ...task,
  },
  Refund: {
    entry: "workflows/refund/handler.ts",
    impact: "Members do not get back money that is theirs",
    ...task,
  },
  Fulfilment: {
    entry: "workflows/fulfilment/handler.ts",
    impact: "Nobody is sought to bring packed orders; they wait in the store until the sweep takes the next step",
    ...task,
  },
  Compensation: {
    entry: "workflows/compensation/handler.ts",
    impact: "Buyers of a bad lot get their compensation minutes late, and staff are not told of claims that wait",
    ...task,
  },
  CampaignWindow: {
    entry: "jobs/campaign-window.ts",
    impact: "Campaigns do not open or end at the announced minute",
    ...minuteJob,
  },
  HoldSweep: {
    entry: "jobs/hold-sweep.ts",
    impact: "Seats and stock of members who never paid stay taken, so others are told the team is full",
    ...minuteJob,
  },
  DeadlineSweep: {
    entry: "jobs/deadline-sweep.ts",
    impact:
      "A team or refund whose workflow was lost is not picked up again; its members wait, and so do unchecked posts",
    ...minuteJob,
  },
  Deliveries: {
    entry: "jobs/deliveries.ts",
    impact: "A delivery whose workflow was lost is not carried on; its member waits at the door",
    ...minuteJob,
  },
  Backlog: {
    entry: "jobs/backlog.ts",
    impact: "Recalled goods may still be sold and their buyers not told; imports stay half applied",
    ...minuteJob,
  },
  Invoices: {
    entry: "jobs/invoices.ts",
    impact: "Members wait for their electronic invoices; refunded amounts stay on invoices without a red letter",
    ...minuteJob,
  },
  Reconcile: {
    entry: "jobs/reconcile.ts",
    impact: "Payments and refunds whose notice was lost are not found; members paid without a seat",
    memoryMb: 1024,
    timeoutSeconds: 300,
  },
  Bills: {
    entry: "jobs/bills.ts",
    impact: "The channel's bills are not held against the books: money that differs is not noticed",
    memoryMb: 1024,
    timeoutSeconds: 300,
  },
  Books: {
    entry: "jobs/books.ts",
    impact: "Days of the ledger stay open: no statement, no period can be closed; money itself stays right",
    memoryMb: 512,
    timeoutSeconds: 300,
  },
} as const satisfies Record<string, FunctionSpec>;

export type FunctionName = keyof typeof functions;
export const functionNames = Object.keys(functions) as FunctionName[];
