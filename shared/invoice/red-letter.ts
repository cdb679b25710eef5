import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { providerNumber, siblingId } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { openCase, type Refund } from "../payment/index.ts";
import { decide, Stale, type Stored, type Table } from "../table/entity.ts";
import { dues, invoices, outbox, redLetters, redLettersOf, refundsOf } from "../table/keys.ts";
import { reddened } from "./bill.ts";
import { redLetterLifecycle } from "./lifecycle.ts";
import type { Invoice, RedLetter } from "./model.ts";
import type { InvoicePort } from "./ports.ts";

type Deps = { table: Table; env: Env };

/** More than any order has: each cause of a refund comes once. */
const ALL = { limit: 100 };

/** The refunds of the payment an invoice is about that have arrived. */
export async function refundsSettled(table: Table, { orderId, paymentNo }: Invoice): Promise<Refund[]> {
  const { items } = await table.page(refundsOf(orderId), ALL);
  return items.filter((refund) => refund.state === "SUCCESS" && refund.paymentNo === paymentNo);
}

/**
 * What a refund that arrived starts: where its order has an invoice, a look at it. The look finds whether the amount counts the refund
 * already; without an invoice there is nothing to do, for one that is asked for later counts it.
 */
export async function awaitRedLetter(deps: Deps, orderId: string, refundId: string): Promise<void> {
  if (!(await deps.table.load(invoices, { orderId }))) return;
  const now = deps.env.clock.now();
  try {
    await deps.table.write(dues.create({ kind: "invoice", id: `${orderId}#${refundId}`, at: now, since: now }));
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // the same event, in the same millisecond
  }
}

/**
 * The red letters of an issued invoice that are not made yet, each in a row of its own: one for every refund that arrived after its
 * amount was fixed, over exactly what was refunded.
 */
export async function owedRedLetters(deps: Deps, orderId: string): Promise<Stored<RedLetter>[]> {
  const { table, env } = deps;
  return decide(async () => {
    const invoice = await table.load(invoices, { orderId });
    invariant(
      invoice?.state === "ISSUED" && invoice.lines && invoice.counted,
      `order ${orderId} has an invoice in force`,
    );
    const [back, { items: known }] = await Promise.all([
      refundsSettled(table, invoice),
      table.page(redLettersOf(orderId), ALL),
    ]);
    const settled = new Set([...invoice.counted, ...known.map(({ refundId }) => refundId)]);
    const missing = back.filter(({ refundId }) => !settled.has(refundId));
    let { lines, redFen } = invoice;
    const made = missing.map(({ refundId, refundFen }): Stored<RedLetter> => {
      const { red, after } = reddened(lines!, refundFen);
      lines = after;
      redFen += refundFen;
      return {
        orderId,
        refundId,
        invoiceNo: invoice.invoiceNo,
        redNo: providerNumber(siblingId("RL", refundId), 1),
        state: "REQUESTED",
        amountFen: refundFen,
        lines: red,
        requestedAt: env.clock.now(),
        version: 1,
      };
    });
    invariant(redFen <= (invoice.amountFen ?? 0), `no more of invoice ${invoice.invoiceNo} goes back than it says`);
    // conditioned on the invoice as read, so that two looks don't take the same line twice
    if (made.length > 0)
      await table.commit([
        invoices.replace({ ...invoice, lines, redFen }),
        ...made.map((red) => redLetters.create(red)),
      ]);
    return [...known.filter(({ state }) => state !== "ISSUED"), ...made];
  });
}

/** Asks for a red letter, or how it stands, and keeps the answer. A refusal is a case for staff, and asked again. */
export async function settleRedLetter(
  deps: Deps & { invoicing: InvoicePort },
  invoice: Invoice,
  red: Stored<RedLetter>,
): Promise<"made" | "open" | "refused"> {
  const { redNo, amountFen, lines, orderId, refundId } = red;
  const { invoiceNo, officialNo, memberId } = invoice;
  invariant(officialNo !== undefined, `invoice ${invoiceNo} is in force`);
  const known = await deps.invoicing.query(redNo, amountFen);
  const said =
    known.kind === "absent" || known.kind === "refused"
      ? await deps.invoicing.redLetter({ redNo, invoiceNo, officialNo, amountFen, lines })
      : known;
  try {
    if (said.kind === "issued") {
      const { kind: _, ...made } = said;
      await deps.table.commit([
        redLetters
          .patch(red)
          .asRead(red)
          .move("state", redLetterLifecycle, "issued")
          .set({ ...made, refusal: undefined }),
        outbox.create(
          makeEvent(deps.env, {
            type: "red_letter.issued",
            actor: { kind: "system" },
            data: { orderId, memberId, refundId, invoiceNo, redNo, amountFen, officialNo: made.officialNo },
          }),
        ),
      ]);
      return "made";
    }
    if (said.kind === "accepted" && redLetterLifecycle.allows(red.state, "accepted"))
      await deps.table.write(redLetters.patch(red).asRead(red).move("state", redLetterLifecycle, "accepted"));
    if (said.kind === "refused" && red.refusal !== said.code)
      await deps.table.write(redLetters.patch(red).asRead(red).set({ refusal: said.code }));
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // another look was here
    return "open";
  }
  if (said.kind !== "refused") return "open";
  await openCase(deps, {
    reason: "red_letter_refused",
    number: redNo,
    orderId,
    detail: `the provider refuses the red letter, its invoice says more than was kept: ${said.code}`,
  });
  return "refused";
}
