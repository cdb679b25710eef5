import type { FunctionName } from "./functions.ts";

/** Names of the SecureStrings below the stage's SSM path; the operator makes them, the template never does. */
type SecretName = "member-token-keys" | "cursor-key" | "blind-index-key" | "wechat";

/** The state machines a function may start executions of. */
export type MachineName = "GroupDeadlineMachine" | "RefundMachine";

/** What one function may reach. Its policy and its environment both come from here, so neither can be forgotten. */
export interface Grants {
  /** Item operations on the table; "read" includes queries of its indexes. */
  readonly table?: readonly ("read" | "write")[];
  readonly secrets?: readonly SecretName[];
  /** Make and unwrap members' data keys. */
  readonly dataKey?: true;
  /** Amazon Location: road distances, and addresses to points. */
  readonly location?: readonly ("routes" | "places")[];
  readonly starts?: readonly MachineName[];
  /** Answers HTTP, and first asks whether the edge sent the request. */
  readonly origin?: true;
  /** Is told which staff pool to believe; needs no permission. */
  readonly staff?: true;
}

const readWrite = ["read", "write"] as const;

/** Who may do what. Tighten here: a right that is not in this table is not in any policy. */
export const grants: Record<FunctionName, Grants> = {
  Shop: {
    origin: true,
    table: readWrite,
    secrets: ["member-token-keys", "cursor-key", "blind-index-key", "wechat"],
    dataKey: true,
    location: ["routes", "places"],
  },
  Ops: {
    origin: true,
    table: readWrite,
    // Stopping a campaign and leaving a team close payments at WeChat.
    secrets: ["cursor-key", "blind-index-key", "wechat"],
    dataKey: true,
    location: ["places"],
    staff: true,
  },
  Hooks: { origin: true, table: readWrite, secrets: ["wechat"] },
  Site: { origin: true },
  // WeChat wants to be told of handed-over orders before it pays out (shipping upload).
  Effects: { table: readWrite, secrets: ["wechat"], starts: ["GroupDeadlineMachine", "RefundMachine"] },
  Projections: { table: readWrite },
  // The work of both readers.
  Redrive: { table: readWrite, secrets: ["wechat"], starts: ["GroupDeadlineMachine", "RefundMachine"] },
  GroupDeadline: { table: readWrite, secrets: ["wechat"] },
  Refund: { table: readWrite, secrets: ["wechat"] },
  CampaignWindow: { table: readWrite },
  HoldSweep: { table: readWrite, secrets: ["wechat"] },
  DeadlineSweep: { table: readWrite, secrets: ["wechat"], starts: ["GroupDeadlineMachine", "RefundMachine"] },
  Reconcile: { table: readWrite, secrets: ["wechat"], starts: ["GroupDeadlineMachine", "RefundMachine"] },
};
