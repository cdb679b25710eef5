import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Query, type Stored, type Table } from "../table/entity.ts";
import { accountDaysOf, allAccounts, dayBooksOf, ledgerCursors, ledgerPeriods, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { type Bookings, type LedgerPeriod, transferKind } from "./model.ts";

type Deps = { table: Table; env: Env };

/** Every row of a query. */
export async function* rowsOf<T>(table: Table, query: Query<T>): AsyncGenerator<Stored<T>> {
  let after: Record<string, string> | undefined;
  do {
    const page = await table.page(query, { limit: 100, after });
    yield* page.items;
    after = page.next;
  } while (after);
}

/** What was booked in all of them together. */
export function total(of: readonly Bookings[]): Bookings {
  const sums: Bookings = {};
  for (const kind of transferKind.options)
    for (const bookings of of) {
      const one = bookings[kind];
      if (!one) continue;
      const sum = sums[kind] ?? { lines: 0, amountFen: 0 };
      sums[kind] = { lines: sum.lines + one.lines, amountFen: sum.amountFen + one.amountFen };
    }
  return sums;
}

/** The last day of a month YYYY-MM. */
const lastDayOf = (month: string): string => {
  const [year, number] = month.split("-").map(Number) as [number, number];
  const days =
    number === 2
      ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
        ? 29
        : 28
      : 30 + ((number + (number > 7 ? 1 : 0)) % 2);
  return `${month}-${days}`;
};

/**
 * Closes a month (YYYY-MM): its figures and balances stand from then on, and what belongs to it and comes later, a refund of one of
 * its payments, is in the books of the month in which it comes. Every day of it must be closed, and the month before, where that has
 * books. Closing it twice changes nothing. Throws PERIOD_STATE.
 */
export function closePeriod(
  deps: Deps,
  { month, staffId, once }: { month: string; staffId: string; once: Once<LedgerPeriod> },
): Promise<LedgerPeriod> {
  const { table, env } = deps;
  return decide(async () => {
    const known = await table.load(ledgerPeriods, { month });
    if (known) {
      await table.commit([ledgerPeriods.check({ month }), ...once(known)]);
      return known;
    }
    const cursor = await table.load(ledgerCursors, { name: "ledger" });
    const until = lastDayOf(month);
    if (!cursor || cursor.closedUntil < until || cursor.since.slice(0, 7) > month)
      throw new DomainError(
        "PERIOD_STATE",
        "not every day of it is closed: the last one is, two hours after its midnight",
        {
          facts: { month, ...(cursor && { since: cursor.since, closedUntil: cursor.closedUntil }) },
        },
      );
    if (cursor.since.slice(0, 7) < month) {
      const before = monthBefore(month);
      if (!(await table.load(ledgerPeriods, { month: before })))
        throw new DomainError("PERIOD_STATE", `close ${before} first`, { facts: { month: before } });
    }
    const days: Bookings[] = [];
    const period: LedgerPeriod = {
      month,
      bookings: {},
      lines: 0,
      amountFen: 0,
      balances: await balancesAt(table, until),
      closedAt: env.clock.now(),
      closedBy: staffId,
    };
    for await (const book of rowsOf(table, dayBooksOf(month))) {
      days.push(book.bookings);
      period.lines += book.lines;
      period.amountFen += book.amountFen;
    }
    period.bookings = total(days);
    await table.commit([
      ledgerPeriods.create(period),
      audited(env, { staffId, action: "ledger.close", target: month, change: { lines: period.lines } }),
      outbox.create(
        makeEvent(env, { type: "ledger.period_closed", actor: { kind: "staff", id: staffId }, data: { month } }),
      ),
      ...once(period),
    ]);
    return period;
  });
}

const monthBefore = (month: string): string => {
  const [year, number] = month.split("-").map(Number) as [number, number];
  return number === 1 ? `${year - 1}-12` : `${year}-${String(number - 1).padStart(2, "0")}`;
};

/** What the accounts of each class held when a day was over; together they hold nothing. */
async function balancesAt(table: Table, on: string): Promise<Record<string, number>> {
  const balances: Record<string, number> = {};
  for await (const { account, day, balanceFen } of rowsOf(table, allAccounts())) {
    const held =
      day <= on ? balanceFen : ((await table.page(accountDaysOf(account, on), { limit: 1 })).items[0]?.balanceFen ?? 0);
    const kind = account.split(":")[0]!;
    balances[kind] = (balances[kind] ?? 0) + held;
  }
  invariant(Object.values(balances).reduce((a, b) => a + b, 0) === 0, `the balances of ${on} sum to nothing`);
  return balances;
}
