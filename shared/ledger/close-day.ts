import type { Env } from "../kernel/env.ts";
import { invariant } from "../kernel/invariant.ts";
import { day, dayOf, hour, parseIso, startOfDay } from "../kernel/time.ts";
import { decide, type Table } from "../table/entity.ts";
import {
  accountDays,
  dayBooks,
  LEDGER_BUCKETS,
  ledgerAccounts,
  ledgerCursors,
  storeDays,
  transfersBookedOn,
} from "../table/keys.ts";
import type { Bookings, LedgerCursor, Transfer } from "./model.ts";

type Deps = { table: Table; env: Env };

/**
 * How long a day is left to itself before it is closed, ms: longer than a commit may be under way, an index behind, and the clocks
 * of two functions apart.
 */
export const settlingMs = 2 * hour;
/** How many days before now a first close looks for the first day that has lines. */
const LOOK_BACK = 40;
/** Accounts that are written together: each is two rows. */
const ACCOUNTS_A_COMMIT = 40;

/** The first moment of a day YYYY-MM-DD in Asia/Shanghai, epoch ms. */
const startOf = (on: string): number => parseIso(`${on}T00:00:00+08:00`);
const dayAfter = (on: string): string => dayOf(startOf(on) + day);

/**
 * Closes day after day, up to the last one that has been over for `settlingMs`, and adds the last closed one up anew. Whoever comes
 * again, or beside another one, goes on at what is not closed: it stops at `untilMs` (epoch ms). Answers how many days it closed.
 * `drifted` is told of a closed day whose lines have become others, which nothing may cause.
 */
export async function closeDays(
  deps: Deps,
  untilMs: number,
  drifted: (on: string, found: { lines: number; amountFen: number }) => void,
): Promise<number> {
  const { env, table } = deps;
  const last = dayOf(startOfDay(env.clock.now() - settlingMs) - day);
  const cursor = await table.load(ledgerCursors, { name: "ledger" });
  if (cursor) await lookAgain(deps, cursor, drifted);
  let next = cursor ? dayAfter(cursor.closedUntil) : await firstDay(deps, last);
  let closed = 0;
  for (; next !== undefined && next <= last && env.clock.now() < untilMs; next = dayAfter(next)) {
    await closeDay(deps, next);
    closed += 1;
  }
  return closed;
}

/** Undefined where nothing was booked yet. */
async function firstDay({ table }: Deps, last: string): Promise<string | undefined> {
  for (let on = dayOf(startOf(last) - LOOK_BACK * day); on <= last; on = dayAfter(on))
    for (let bucket = 0; bucket < LEDGER_BUCKETS; bucket++)
      if ((await table.page(transfersBookedOn(on, bucket), { limit: 1 })).items.length > 0) return on;
  return undefined;
}

/** Every line of a day, a page at a time. */
export async function* linesBookedOn(table: Table, on: string): AsyncGenerator<Transfer> {
  for (let bucket = 0; bucket < LEDGER_BUCKETS; bucket++) {
    let after: Record<string, string> | undefined;
    do {
      const page = await table.page(transfersBookedOn(on, bucket), { limit: 100, after });
      yield* page.items;
      after = page.next;
    } while (after);
  }
}

interface Sums {
  bookings: Bookings;
  stores: Map<string, Bookings>;
  accounts: Map<string, { debitFen: number; creditFen: number }>;
  lines: number;
  amountFen: number;
}

async function addUp(table: Table, on: string): Promise<Sums> {
  const sums: Sums = { bookings: {}, stores: new Map(), accounts: new Map(), lines: 0, amountFen: 0 };
  const { stores, accounts } = sums;
  const account = (name: string) => {
    const known = name.startsWith("order:") ? "orders" : name;
    const sum = accounts.get(known) ?? { debitFen: 0, creditFen: 0 };
    accounts.set(known, sum);
    return sum;
  };
  for await (const line of linesBookedOn(table, on)) {
    sums.lines += 1;
    sums.amountFen += line.amountFen;
    account(line.debit).debitFen += line.amountFen;
    account(line.credit).creditFen += line.amountFen;
    book(sums.bookings, line);
    if (line.storeId === undefined) continue;
    const ofStore = stores.get(line.storeId) ?? {};
    stores.set(line.storeId, ofStore);
    book(ofStore, line);
  }
  return sums;
}

/** Adds a line to what was booked. */
function book(bookings: Bookings, { kind, amountFen }: Pick<Transfer, "kind" | "amountFen">): void {
  const known = bookings[kind] ?? { lines: 0, amountFen: 0 };
  bookings[kind] = { lines: known.lines + 1, amountFen: known.amountFen + amountFen };
}

/** Accounts and stores first, each once under its day; then the day itself with the cursor, which makes it closed. */
async function closeDay(deps: Deps, on: string): Promise<void> {
  const { table, env } = deps;
  const sums = await addUp(table, on);
  const accounts = [...sums.accounts].sort(([a], [b]) => (a < b ? -1 : 1));
  for (let i = 0; i < accounts.length; i += ACCOUNTS_A_COMMIT)
    await closeAccounts(table, on, accounts.slice(i, i + ACCOUNTS_A_COMMIT));
  await closeStores(table, on, [...sums.stores]);
  await decide(async () => {
    const cursor = await table.load(ledgerCursors, { name: "ledger" });
    if (cursor && cursor.closedUntil >= on) return; // somebody else was as far
    invariant(!cursor || dayAfter(cursor.closedUntil) === on, `the books of ${on} follow those of the day before`);
    const { bookings, lines, amountFen } = sums;
    await table.commit([
      dayBooks.create({ day: on, bookings, lines, amountFen, closedAt: env.clock.now() }),
      cursor
        ? ledgerCursors.patch(cursor).asRead(cursor).set({ closedUntil: on })
        : ledgerCursors.create({ name: "ledger", since: on, closedUntil: on }),
    ]);
  });
}

function closeStores(table: Table, on: string, stores: readonly [string, Bookings][]): Promise<void> {
  return decide(async () => {
    const keys = stores.map(([storeId]) => ({ storeId, day: on }));
    const there = new Set((await table.loadMany(storeDays, keys)).map(({ storeId }) => storeId));
    const left = stores.filter(([storeId]) => !there.has(storeId));
    for (let i = 0; i < left.length; i += 50)
      await table.commit(
        left.slice(i, i + 50).map(([storeId, bookings]) => storeDays.create({ storeId, day: on, bookings })),
      );
  });
}

function closeAccounts(
  table: Table,
  on: string,
  sums: readonly [string, { debitFen: number; creditFen: number }][],
): Promise<void> {
  return decide(async () => {
    const names = sums.map(([account]) => ({ account }));
    const [known, written] = await Promise.all([
      table.loadMany(ledgerAccounts, names),
      table.loadMany(
        accountDays,
        names.map(({ account }) => ({ account, day: on })),
      ),
    ]);
    const there = new Set(written.map(({ account }) => account));
    const before = new Map(known.map((row) => [row.account, row]));
    const writes = sums
      .filter(([account]) => !there.has(account))
      .flatMap(([account, { debitFen, creditFen }]) => {
        const row = before.get(account);
        const balanceFen = (row?.balanceFen ?? 0) + debitFen - creditFen;
        const next = { account, day: on, balanceFen };
        return [
          accountDays.create({ ...next, debitFen, creditFen }),
          row ? ledgerAccounts.replace({ ...next, version: row.version }) : ledgerAccounts.create(next),
        ];
      });
    if (writes.length > 0) await table.commit(writes);
  });
}

async function lookAgain(
  { table }: Deps,
  { closedUntil }: LedgerCursor,
  drifted: Parameters<typeof closeDays>[2],
): Promise<void> {
  const book = await table.load(dayBooks, { day: closedUntil });
  invariant(book, `the closed day ${closedUntil} has its books`);
  const { lines, amountFen } = await addUp(table, closedUntil);
  if (lines !== book.lines || amountFen !== book.amountFen) drifted(closedUntil, { lines, amountFen });
}
