import type { IndexName, RowOperation } from "./constructs/data-table.ts";
import type { EvidenceRight } from "./constructs/evidence.ts";
import type { FunctionName } from "./functions.ts";

/** Names of the SecureStrings below the stage's SSM path; the operator makes them, the template never does. */
type SecretName = "member-token-keys" | "cursor-key" | "blind-index-key" | "wechat" | "invoice" | "carriers";

/** The state machines a function may start executions of. */
export type MachineName = "GroupDeadlineMachine" | "RefundMachine" | "FulfilmentMachine" | "CompensationMachine";

/** What one function may reach. Its policy and its environment both come from here, so neither can be forgotten. */
export interface Grants {
  /** What it does to rows of the table. */
  readonly rows?: readonly RowOperation[];
  /** The indexes it queries. They hold keys alone; the rows are read by BatchGetItem. */
  readonly indexes?: readonly IndexName[];
  readonly secrets?: readonly SecretName[];
  /** Unwrap members' data keys; `make` also makes new ones. */
  readonly dataKey?: "open" | "make";
  /** Amazon Location: road distances, and addresses to points. */
  readonly location?: readonly ("routes" | "places")[];
  /** Pictures of claims: sign what sends one, and what sees one. */
  readonly evidence?: readonly EvidenceRight[];
  readonly starts?: readonly MachineName[];
  /** Answers HTTP, and first asks whether the edge sent the request. */
  readonly origin?: true;
  /** Is told which staff pool to believe; needs no permission. */
  readonly staff?: true;
}

/** Reads rows by their keys, and commits new and changed ones. */
const change = ["GetItem", "PutItem", "UpdateItem"] as const;
/** Goes through the due rows of a kind, changes what they name, and takes each away or puts it off. */
const sweep = [...change, "Query", "DeleteItem"] as const;

/**
 * Who may do what. Tighten here: a right that is not in this table is not in any policy. A whole test run fails on a right that
 * none of its calls needed, and every call without its right is refused, so the table says neither more nor less than is used.
 */
export const grants: Record<FunctionName, Grants> = {
  Shop: {
    origin: true,
    rows: [...change, "BatchGetItem", "Query", "DeleteItem", "ConditionCheckItem"],
    indexes: ["gsi1", "gsi2"],
    secrets: ["member-token-keys", "cursor-key", "blind-index-key", "wechat"],
    dataKey: "make",
    location: ["routes", "places"],
    evidence: ["send", "see"],
  },
  Ops: {
    origin: true,
    rows: [...change, "BatchGetItem", "Query", "DeleteItem", "ConditionCheckItem"],
    indexes: ["gsi1", "gsi2", "gsi3"],
    secrets: ["cursor-key", "blind-index-key"],
    // to whom an order is brought is opened for whoever brings it
    dataKey: "open",
    location: ["places"],
    evidence: ["see"],
    staff: true,
  },
  Hooks: { origin: true, rows: [...change, "BatchGetItem"], secrets: ["wechat", "carriers"] },
  Site: { origin: true },
  Effects: {
    rows: [...change, "BatchGetItem", "Query", "DeleteItem"],
    indexes: ["gsi1", "gsi2"],
    // WeChat wants to be told of handed-over orders before it pays out (shipping upload).
    secrets: ["wechat"],
    starts: ["GroupDeadlineMachine", "RefundMachine", "FulfilmentMachine", "CompensationMachine"],
  },
  // Files messages, and reads nothing but a team's seats.
  Projections: { rows: ["BatchGetItem", "PutItem"], indexes: ["gsi1"] },
  // The work of both readers, on what it finds in the outbox.
  Redrive: {
    rows: [...change, "BatchGetItem", "Query", "DeleteItem"],
    indexes: ["gsi1", "gsi2"],
    secrets: ["wechat"],
    starts: ["GroupDeadlineMachine", "RefundMachine", "FulfilmentMachine", "CompensationMachine"],
  },
  GroupDeadline: { rows: [...change, "BatchGetItem"], indexes: ["gsi1"], secrets: ["wechat"] },
  // Counts the parts that a payment has had.
  Refund: { rows: [...change, "Query"], secrets: ["wechat"] },
  // Tells carriers to whom an order goes.
  Fulfilment: {
    rows: [...change, "BatchGetItem"],
    indexes: ["gsi1"],
    secrets: ["wechat", "carriers"],
    dataKey: "open",
  },
  Compensation: { rows: [...change, "Query", "BatchGetItem"] },
  CampaignWindow: { rows: [...sweep, "BatchGetItem"], indexes: ["gsi1"] },
  HoldSweep: { rows: [...sweep, "BatchGetItem"], secrets: ["wechat"] },
  DeadlineSweep: { rows: [...sweep, "BatchGetItem"], indexes: ["gsi1"], secrets: ["wechat"] },
  Deliveries: {
    rows: [...sweep, "BatchGetItem"],
    secrets: ["wechat", "carriers"],
    dataKey: "open",
  },
  Backlog: { rows: [...sweep, "BatchGetItem"], indexes: ["gsi1", "gsi2"] },
  Invoices: {
    rows: ["GetItem", "PutItem", "UpdateItem", "Query", "DeleteItem", "BatchGetItem"],
    secrets: ["invoice"],
    // Titles go to the provider in plain text.
    dataKey: "open",
  },
  // Begins and asks for refunds itself: the machine's execution may be dead, and its name taken for good.
  // And of payouts, with the real name that the channel wants of large ones.
  Reconcile: { rows: [...sweep, "BatchGetItem"], indexes: ["gsi1"], secrets: ["wechat"], dataKey: "open" },
  Bills: { rows: [...sweep, "BatchGetItem"], indexes: ["gsi1"], secrets: ["wechat"] },
  Books: { rows: [...change, "BatchGetItem"], indexes: ["gsi1"] },
};
