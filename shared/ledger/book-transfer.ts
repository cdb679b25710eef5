import type { Env } from "../kernel/env.ts";
import { dayOf } from "../kernel/time.ts";
import type { Write } from "../table/entity.ts";
import { transfers } from "../table/keys.ts";
import { type Transfer, transferKinds } from "./model.ts";

/** The ledger line of a cause, for the cause's own commit: its natural key books a cause once, in the books of the day it is written on. `party`: the account that the kind leaves open. */
export function booked(
  { clock }: Pick<Env, "clock">,
  line: Pick<Transfer, "subject" | "kind" | "reference" | "amountFen" | "at" | "storeId" | "party" | "goods">,
): Write {
  const { debit, credit } = transferKinds[line.kind];
  const account = (name: string) =>
    name === "order" ? `order:${line.subject}` : name === "party" ? (line.party ?? name) : name;
  return transfers.create({ ...line, debit: account(debit), credit: account(credit), bookedOn: dayOf(clock.now()) });
}
