export { openBuyer } from "./buyer.ts";
export { invoiceLifecycle, redLetterLifecycle } from "./lifecycle.ts";
export { type Invoice, invoiceLine } from "./model.ts";
export { awaitRedLetter } from "./red-letter.ts";
export { requestInvoice } from "./request-invoice.ts";
export { settleInvoice } from "./settle-invoice.ts";
