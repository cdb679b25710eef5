import type { InvoiceLine } from "./model.ts";

/** The provider made it. `officialNo` is the tax office's, `issuedAt` epoch ms. */
export interface Issued {
  kind: "issued";
  officialNo: string;
  url: string;
  issuedAt: number;
}
/** Taken, and still being made: ask how it stands. */
interface Accepted {
  kind: "accepted";
}
/** No, and no again until its cause is gone. The code alone: a message may repeat the title. */
interface Refused {
  kind: "refused";
  code: string;
}
/** The provider's rate limit: nothing was done. */
interface Busy {
  kind: "busy";
}
/** What became of it is not known: query under the same number. `reason` holds no secret and no personal data. */
interface Unknown {
  kind: "unknown";
  reason: string;
}
/** No document has the number. */
interface Absent {
  kind: "absent";
}

export type Said = Issued | Accepted | Refused | Busy | Unknown;

/** A provider of electronic invoices (数电发票). Amounts are fen, tax included; an expected outcome is a value, nothing throws. */
export interface InvoicePort {
  /** Called again under the same number it must carry identical parameters, and answers the document as it stands. */
  issue(invoice: {
    invoiceNo: string;
    buyer: "person" | "company";
    title: string;
    taxId?: string | undefined;
    amountFen: number;
    /** The delivery fee is a line of its own; all sum to the amount. */
    lines: readonly InvoiceLine[];
  }): Promise<Said>;

  /** Takes `amountFen` from an invoice that is issued. Repeated like `issue`. */
  redLetter(red: {
    redNo: string;
    invoiceNo: string;
    officialNo: string;
    amountFen: number;
    lines: readonly InvoiceLine[];
  }): Promise<Said>;

  /** How an invoice or a red letter stands, by our number; one of another amount than ours is `unknown`. */
  query(number: string, amountFen: number): Promise<Said | Absent>;
}
