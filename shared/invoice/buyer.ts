import { invariant } from "../kernel/invariant.ts";
import type { Sealed, Vault } from "../kernel/vault.ts";
import type { Table } from "../table/entity.ts";
import { members } from "../table/keys.ts";
import type { Invoice } from "./model.ts";

/** To whom an invoice is made out, as the member types it. */
export type Buyer = { buyer: "person"; title: string } | { buyer: "company"; title: string; taxId: string };

/** A sealed datum opens for its order alone. */
const sealedAs = (field: "title" | "taxId", orderId: string): string => `invoice.${field}#${orderId}`;

async function dataKeyOf(table: Pick<Table, "load">, memberId: string): Promise<string> {
  const member = await table.load(members, { memberId });
  invariant(member, `member ${memberId} of an invoice exists`);
  return member.dataKey;
}

/** What an invoice's row keeps of it: title and tax id are personal data. */
export async function sealBuyer(
  deps: { table: Pick<Table, "load">; vault: Pick<Vault, "seal"> },
  { orderId, memberId }: Pick<Invoice, "orderId" | "memberId">,
  to: Buyer,
): Promise<Pick<Invoice, "buyer" | "title" | "taxId">> {
  const dataKey = await dataKeyOf(deps.table, memberId);
  const seal = (field: "title" | "taxId", plain: string): Promise<Sealed> =>
    deps.vault.seal(memberId, dataKey, sealedAs(field, orderId), plain);
  const title = await seal("title", to.title);
  return { buyer: to.buyer, title, ...(to.buyer === "company" && { taxId: await seal("taxId", to.taxId) }) };
}

/** The same in plain text: for the provider, and for the member. */
export async function openBuyer(
  deps: { table: Pick<Table, "load">; vault: Pick<Vault, "open"> },
  invoice: Invoice,
): Promise<{ title: string; taxId?: string }> {
  const { orderId, memberId } = invoice;
  const dataKey = await dataKeyOf(deps.table, memberId);
  const open = (field: "title" | "taxId", sealed: Sealed): Promise<string> =>
    deps.vault.open(memberId, dataKey, sealedAs(field, orderId), sealed);
  const title = await open("title", invoice.title);
  return { title, ...(invoice.taxId !== undefined && { taxId: await open("taxId", invoice.taxId) }) };
}
