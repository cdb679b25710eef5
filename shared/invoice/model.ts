import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { basisPoints, fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { pii } from "../kernel/vault.ts";
import { invoiceLifecycle, redLetterLifecycle } from "./lifecycle.ts";

/** What an invoice says of an article, or of the delivery. Amounts include the tax, fen; a rate of 0 is exempt (免税). */
export const invoiceLine = z.object({
  kind: z.enum(["goods", "delivery"]),
  name: text(1, 40),
  units: z.int().min(1),
  amountFen: fen.min(1),
  taxBps: basisPoints,
  taxFen: fen,
});
export type InvoiceLine = z.infer<typeof invoiceLine>;

/** What the tax office calls it: the 20 digits of a 数电发票, where to get it, and when it was made. */
const official = {
  officialNo: text(1, 40).optional(),
  url: text(1, 500).optional(),
  issuedAt: epochMs.optional(),
};

/** The invoice of an order: one, of which at most one number is live. */
export const invoice = z.object({
  orderId: idOf("OR"),
  memberId: idOf("MB"),
  /** The payment it is about: refunds of another one do not concern it. */
  paymentNo: z.string(),
  attempt: z.int().min(1).max(99),
  /** Our number at the provider: fixed before it is asked, a next one only after a refusal. */
  invoiceNo: z.string(),
  state: z.enum(invoiceLifecycle.states),
  buyer: z.enum(["person", "company"]),
  title: pii(),
  taxId: pii().optional(),
  requestedAt: epochMs,
  /** Fixed as it is asked for: what was paid, without the refunds `counted`. */
  amountFen: fen.optional(),
  counted: z.array(idOf("RF")).optional(),
  /** `redFen`: what red letters took from the line since. */
  lines: z.array(invoiceLine.extend({ redFen: fen })).optional(),
  redFen: fen,
  ...official,
  /** Why the provider refused: its code. */
  refusal: text(1, 60).optional(),
});
export type Invoice = z.infer<typeof invoice>;

/** 红字发票: takes from an invoice in force what one refund gave back; one a refund, under one number. */
export const redLetter = z.object({
  orderId: idOf("OR"),
  refundId: idOf("RF"),
  invoiceNo: z.string(),
  redNo: z.string(),
  state: z.enum(redLetterLifecycle.states),
  amountFen: fen.min(1),
  lines: z.array(invoiceLine),
  requestedAt: epochMs,
  ...official,
  refusal: text(1, 60).optional(),
});
export type RedLetter = z.infer<typeof redLetter>;
