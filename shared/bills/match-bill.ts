import type { Transfer } from "../ledger/index.ts";
import type { BilledFlow, BilledPayment } from "./read-bill.ts";

/** What the books and the channel say of one number, where they differ. Absent: it is not there. Amounts in fen. */
export interface Difference {
  kind: "payment" | "refund" | "payout" | "other";
  number: string;
  billedFen?: number;
  bookedFen?: number;
}

/** What is moved under each number in all, fen. */
function byNumber(rows: readonly { number: string; amountFen: number }[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { number, amountFen } of rows) sums.set(number, (sums.get(number) ?? 0) + amountFen);
  return sums;
}

/**
 * Holds a day's bills against the ledger lines whose money moved on it, both directions, and adds up what the channel kept: a refund
 * comes out of the balance less the fee that comes back with it, so that its ledger line is at least what the bill has.
 */
export function matchBills(
  bills: { payments: readonly BilledPayment[]; flows: readonly BilledFlow[] },
  lines: readonly Pick<Transfer, "kind" | "reference" | "amountFen">[],
): { differences: Difference[]; feeFen: number } {
  const booked = (kind: Difference["kind"]) =>
    byNumber(
      lines
        .filter((line) => line.kind === kind)
        // a share is booked for each receiver, under its number
        .map(({ reference, amountFen }) => ({ number: reference.split("#")[0]!, amountFen })),
    );
  const differences: Difference[] = [];
  let feeFen = 0;
  const hold = (
    kind: Difference["kind"],
    rows: readonly { number: string; amountFen: number }[],
    fits: (billedFen: number, bookedFen: number) => boolean,
  ) => {
    const ours = booked(kind);
    for (const [number, amountFen] of byNumber(rows)) {
      const bookedFen = ours.get(number);
      ours.delete(number);
      if (bookedFen === undefined || !fits(amountFen, bookedFen))
        differences.push({
          kind,
          number,
          billedFen: amountFen,
          ...(bookedFen !== undefined && { bookedFen }),
        });
      else if (kind === "refund") feeFen -= bookedFen - amountFen;
    }
    for (const [number, bookedFen] of ours) differences.push({ kind, number, bookedFen });
  };
  const flows = (kind: BilledFlow["kind"]) =>
    bills.flows
      .filter((flow) => flow.kind === kind)
      .map(({ number, amountFen }) => ({ number, amountFen: -amountFen }));

  hold(
    "payment",
    bills.payments.map(({ paymentNo, amountFen }) => ({ number: paymentNo, amountFen })),
    (billedFen, bookedFen) => billedFen === bookedFen,
  );
  // both bills tell one amount of a payment
  const traded = new Map(bills.payments.map(({ paymentNo, amountFen }) => [paymentNo, amountFen]));
  for (const { kind, number, amountFen } of bills.flows)
    if (kind === "payment" && traded.get(number) !== amountFen && !differences.some((one) => one.number === number)) {
      const bookedFen = booked("payment").get(number);
      differences.push({ kind, number, billedFen: amountFen, ...(bookedFen !== undefined && { bookedFen }) });
    }
  // what comes back of the fee is below 2 %: more would be another amount
  hold(
    "refund",
    flows("refund"),
    (billedFen, bookedFen) => billedFen <= bookedFen && billedFen * 100 >= bookedFen * 98,
  );
  for (const { number, amountFen } of bills.flows.filter(({ kind }) => kind === "other"))
    differences.push({ kind: "other", number, billedFen: amountFen });
  hold("payout", flows("payout"), (billedFen, bookedFen) => billedFen === bookedFen);
  feeFen += flows("fee").reduce((sum, { amountFen }) => sum + amountFen, 0);
  return { differences, feeFen };
}
