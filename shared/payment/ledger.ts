import type { Write } from "../table/entity.ts";
import { transfers } from "../table/keys.ts";
import { type Transfer, transferKinds } from "./model.ts";

/** The ledger line of a cause (of a coupon with who bears it), for the cause's own commit. Its natural key (order, kind, reference) books a cause once. */
export function booked({
  funder = "",
  ...line
}: Pick<Transfer, "orderId" | "kind" | "reference" | "amountFen" | "at"> & { funder?: string }): Write {
  const { debit, credit } = transferKinds[line.kind];
  const account = (name: string) => (name === "order" ? `order:${line.orderId}` : name === "funder" ? funder : name);
  return transfers.create({ ...line, debit: account(debit), credit: account(credit) });
}
