import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { providerNumber, siblingId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Vault } from "../kernel/vault.ts";
import { decide, type Table } from "../table/entity.ts";
import { dues, invoices, orders, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { type Buyer, sealBuyer } from "./buyer.ts";
import { invoiceLifecycle } from "./lifecycle.ts";
import type { Invoice } from "./model.ts";

/** Each refusal is a case for staff: after so many they talk to the member instead. */
const MOST_ATTEMPTS = 5;

/**
 * A member asks for the invoice of an order that was handed over: before that its amount may still change with what arrives and what
 * it weighs. One that was refused is asked for again, under the next number. The provider is asked by the job, which finds it by
 * its due row. Throws ORDER_NOT_FOUND, ORDER_STATE (not handed over), INVOICE_NOTHING (all of it was refunded), INVOICE_EXISTS,
 * INVOICE_ATTEMPTS.
 */
export async function requestInvoice(
  deps: { env: Env; table: Table; vault: Pick<Vault, "seal"> },
  input: { orderId: string; to: Buyer; once: Once<Invoice> },
): Promise<Invoice> {
  const { env, table } = deps;
  const { orderId, to, once } = input;
  return decide(async () => {
    const [order, known] = await Promise.all([table.load(orders, { orderId }), table.load(invoices, { orderId })]);
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    if (order.stage !== "HANDED_OVER") throw new DomainError("ORDER_STATE", "ask once the goods are handed over");
    if (known && !invoiceLifecycle.allows(known.state, "again"))
      throw new DomainError("INVOICE_EXISTS", `it is ${known.state}`);
    if (known && known.attempt >= MOST_ATTEMPTS) throw new DomainError("INVOICE_ATTEMPTS");
    if (order.payableFen <= (order.refundedFen ?? 0)) throw new DomainError("INVOICE_NOTHING");
    const { memberId, paymentNo } = order;
    const now = env.clock.now();
    const attempt = (known?.attempt ?? 0) + 1;
    const asked: Invoice = {
      orderId,
      memberId,
      paymentNo,
      attempt,
      invoiceNo: providerNumber(siblingId("IV", orderId), attempt),
      state: known ? invoiceLifecycle.to("again") : "REQUESTED",
      ...(await sealBuyer(deps, order, to)),
      requestedAt: now,
      redFen: 0,
    };
    await table.commit([
      known ? invoices.replace({ ...asked, version: known.version }) : invoices.create(asked),
      dues.create({ kind: "invoice", id: orderId, at: now, since: now }),
      outbox.create(
        makeEvent(env, {
          type: "invoice.requested",
          actor: { kind: "member", id: memberId },
          origin: order.origin,
          data: { orderId, memberId, invoiceNo: asked.invoiceNo, buyer: to.buyer },
        }),
      ),
      ...once(asked),
    ]);
    return asked;
  });
}
