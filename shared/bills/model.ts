import * as z from "zod";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** What the channel's bills of a day came to against the books. A later look at the same day replaces it. */
export const billDay = z.object({
  /** YYYY-MM-DD in Asia/Shanghai, the day on which the money moved. */
  day: z.string(),
  /** WAITING: no bill yet. REFUSED: a file that can't be believed. DIFFERENT: some matters wait for staff. */
  state: z.enum(["WAITING", "REFUSED", "DIFFERENT", "MATCHED"]),
  looks: z.int().min(1),
  at: epochMs,
  payments: z.int().min(0),
  paymentFen: z.int().min(0),
  refunds: z.int().min(0),
  payouts: z.int().min(0),
  /** What the channel kept, less what came back with refunds. */
  feeFen: z.int(),
  /** What of it is in the ledger. */
  bookedFeeFen: z.int(),
  /** Payments and refunds nobody had told us of: finished by asking the channel. */
  finished: z.int().min(0),
  /** How many differences are left, and the first of them. */
  differing: z.int().min(0),
  differences: z
    .array(
      z.object({
        kind: z.enum(["payment", "refund", "payout", "other"]),
        number: z.string(),
        billedFen: z.int().optional(),
        bookedFen: z.int().optional(),
      }),
    )
    .max(50),
  /** Of a refused file: which one, where, and why. Of a day that waits: what the channel said. */
  flaw: z.object({ bill: z.enum(["trade", "flow"]), line: z.int().optional(), why: text(0, 300) }).optional(),
});
export type BillDay = z.infer<typeof billDay>;
