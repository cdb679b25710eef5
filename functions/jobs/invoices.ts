import { sweep } from "../../shared/groupbuy/index.ts";
import { settleInvoice } from "../../shared/invoice/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Asks the provider for invoices and red letters, and follows them until they are made. A job of its own: a provider that is slow, or not set up, keeps nothing else waiting. */
export const handler = jobHandler("invoices", composeDeps(["invoice"]), (deps, untilMs) =>
  sweep(deps, "invoice", (due) => settleInvoice(deps, due.id.split("#")[0]!, due.since), {
    untilMs,
    late: lateWork,
    failed: (due, error) => logger.unexpected("INVOICE_FAILED", error, { number: due.id }),
  }),
);
