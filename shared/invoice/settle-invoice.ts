import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { hour, minute } from "../kernel/time.ts";
import type { Vault } from "../kernel/vault.ts";
import { caseWrites } from "../payment/index.ts";
import { decide, Stale, type Stored, type Table, type Write } from "../table/entity.ts";
import { articles, invoices, orders, outbox } from "../table/keys.ts";
import { billOf, taxBpsOf } from "./bill.ts";
import { openBuyer } from "./buyer.ts";
import { invoiceLifecycle } from "./lifecycle.ts";
import type { Invoice } from "./model.ts";
import type { InvoicePort, Said } from "./ports.ts";
import { owedRedLetters, refundsSettled, settleRedLetter } from "./red-letter.ts";

type Deps = { table: Table; env: Env; vault: Pick<Vault, "open">; invoicing: InvoicePort };

/** How long (ms) until a document that is not made is looked at again: later each time, counted from `since`. */
const waitFrom = (since: number, now: number): number => Math.min(hour, Math.max(minute, now - since));
/** After a refused red letter, which staff must see to. */
const REFUSED_WAIT = 6 * hour;

/**
 * Brings the invoice of an order forward, and once it is issued a red letter for each refund that its amount does not count yet. Whatever
 * was asked before is queried under its number first, and asked for, under the same number, only where the provider never heard of it.
 * For `sweep`: true when nothing is left to do, else when to look again (epoch ms).
 */
export async function settleInvoice(deps: Deps, orderId: string, since: number): Promise<true | number> {
  const found = await fixed(deps, orderId);
  if (!found) return true;
  const invoice = found.invoice.state === "ISSUED" ? found.invoice : await asked(deps, found.invoice, found.fresh);
  const now = deps.env.clock.now();
  if (invoice?.state === "REFUSED") return true;
  if (invoice?.state !== "ISSUED") return now + waitFrom(since, now);
  let next: true | number = true;
  for (const red of await owedRedLetters(deps, orderId)) {
    const outcome = await settleRedLetter(deps, invoice, red);
    if (outcome === "made") continue;
    next = now + (outcome === "refused" ? REFUSED_WAIT : waitFrom(since, now));
  }
  return next;
}

/**
 * The invoice with its amount fixed: what was paid, without every refund that has arrived by then; a later one gets its red letter. Undefined
 * where nothing is to be asked for. `fresh`: fixed just now, so that nobody can have asked yet.
 */
async function fixed(deps: Deps, orderId: string): Promise<{ invoice: Stored<Invoice>; fresh: boolean } | undefined> {
  const { table } = deps;
  return decide(async () => {
    const invoice = await table.load(invoices, { orderId });
    if (!invoice || invoice.state === "REFUSED" || invoice.state === "VOID") return undefined;
    if (invoice.state !== "REQUESTED") return { invoice, fresh: false };
    const [order, back] = await Promise.all([table.load(orders, { orderId }), refundsSettled(table, invoice)]);
    invariant(order, `invoice ${invoice.invoiceNo} has its order`);
    const amountFen = order.payableFen - back.reduce((sum, refund) => sum + refund.refundFen, 0);
    invariant(amountFen >= 0, `order ${orderId} was refunded no more than it paid`);
    if (amountFen === 0) {
      await table.commit([invoices.replace({ ...invoice, state: invoiceLifecycle.to("emptied") })]);
      return undefined;
    }
    const sold = await table.loadMany(
      articles,
      [...new Set(order.lines.map(({ articleId }) => articleId))].map((articleId) => ({ articleId })),
    );
    const goods = order.lines.map(({ articleId, name, units, amountFen }) => ({
      name,
      units,
      amountFen,
      taxBps: taxBpsOf(sold.find((article) => article.articleId === articleId)),
    }));
    const next: Stored<Invoice> = {
      ...invoice,
      state: invoiceLifecycle.to("asked"),
      amountFen,
      lines: billOf(amountFen, goods, order.delivery?.feeFen ?? 0).map((line) => ({ ...line, redFen: 0 })),
      counted: back.map(({ refundId }) => refundId),
    };
    await table.commit([invoices.replace(next)]);
    return { invoice: { ...next, version: invoice.version + 1 }, fresh: true };
  });
}

/** Asks the provider and keeps what it says; undefined where somebody else kept it meanwhile. */
async function asked(deps: Deps, invoice: Stored<Invoice>, fresh: boolean): Promise<Stored<Invoice> | undefined> {
  const { invoiceNo, amountFen, lines, buyer } = invoice;
  invariant(amountFen !== undefined && lines, `invoice ${invoiceNo} has its amount`);
  const known = fresh ? { kind: "absent" as const } : await deps.invoicing.query(invoiceNo, amountFen);
  if (known.kind !== "absent") return kept(deps, invoice, known);
  const said = await deps.invoicing.issue({
    invoiceNo,
    buyer,
    ...(await openBuyer(deps, invoice)),
    amountFen,
    lines: lines.map(({ redFen: _, ...line }) => line),
  });
  return kept(deps, invoice, said);
}

async function kept(deps: Deps, invoice: Stored<Invoice>, said: Said): Promise<Stored<Invoice> | undefined> {
  const next: Stored<Invoice> = { ...invoice };
  const also: Write[] = [];
  if (said.kind === "issued") {
    const { officialNo, url, issuedAt } = said;
    Object.assign(next, { state: invoiceLifecycle.to("issued"), officialNo, url, issuedAt });
    also.push(told(deps, "invoice.issued", invoice, { officialNo }));
  } else if (said.kind === "refused") {
    Object.assign(next, { state: invoiceLifecycle.to("refused"), refusal: said.code });
    also.push(
      told(deps, "invoice.refused", invoice, { code: said.code }),
      ...caseWrites(deps.env, {
        reason: "invoice_refused",
        number: invoice.invoiceNo,
        orderId: invoice.orderId,
        detail: `the provider refuses the invoice: ${said.code}; the member may ask again with another title`,
      }),
    );
  } else if (said.kind === "accepted" && invoiceLifecycle.allows(invoice.state, "accepted"))
    next.state = invoiceLifecycle.to("accepted");
  else return invoice;
  try {
    await deps.table.commit([invoices.replace(next), ...also]);
  } catch (error) {
    if (error instanceof Stale) return undefined;
    throw error;
  }
  return { ...next, version: invoice.version + 1 };
}

const told = (deps: Deps, type: string, invoice: Invoice, more: Record<string, string>): Write =>
  outbox.create(
    makeEvent(deps.env, {
      type,
      actor: { kind: "system" },
      data: {
        orderId: invoice.orderId,
        memberId: invoice.memberId,
        invoiceNo: invoice.invoiceNo,
        amountFen: invoice.amountFen ?? 0,
        ...more,
      },
    }),
  );
