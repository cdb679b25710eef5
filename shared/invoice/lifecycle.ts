import { lifecycle } from "../kernel/lifecycle.ts";

/**
 * REQUESTED: to be asked for; its amount is not fixed yet. ASKED: fixed, and the provider was asked or is about to be: only a query
 * under the same number can tell. ACCEPTED: being made. VOID: all of the money went back before it was asked for.
 */
export const invoiceLifecycle = lifecycle({
  REQUESTED: { asked: "ASKED", emptied: "VOID" },
  ASKED: { accepted: "ACCEPTED", issued: "ISSUED", refused: "REFUSED" },
  ACCEPTED: { issued: "ISSUED", refused: "REFUSED" },
  REFUSED: { again: "REQUESTED" },
  ISSUED: {},
  VOID: {},
});

/** A refusal is no end: what was refunded must leave the invoice, so it is asked for again, under its number, until it is ISSUED. */
export const redLetterLifecycle = lifecycle({
  REQUESTED: { accepted: "ACCEPTED", issued: "ISSUED" },
  ACCEPTED: { issued: "ISSUED" },
  ISSUED: {},
});
