import type { Stored, Table } from "../table/entity.ts";
import { accountDaysOf, ledgerPeriods, storeDaysOf, transfersOfParty } from "../table/keys.ts";
import { rowsOf, total } from "./close-period.ts";
import type { Bookings, StoreDay, Transfer } from "./model.ts";

/** A month of an account: what we owed it before, what moved it, and what we owe it after; below zero it owes us. Amounts in fen. */
export interface AccountStatement {
  account: string;
  month: string;
  /** The month is closed: the statement will not change. */
  final: boolean;
  openingFen: number;
  lines: { line: Stored<Transfer>; dueFen: number; balanceFen: number }[];
  closingFen: number;
}

/**
 * The statement of a supplier (`supplier:<id>`), a store that bears coupons or a member for a month (YYYY-MM). A line's `dueFen` is what
 * it adds to what is owed.
 */
export async function accountStatement(
  { table }: { table: Table },
  { account, month }: { account: string; month: string },
): Promise<AccountStatement> {
  const [before] = (await table.page(accountDaysOf(account, `${month}-00`), { limit: 1 })).items;
  const openingFen = 0 - (before?.balanceFen ?? 0);
  const lines: AccountStatement["lines"] = [];
  let balanceFen = openingFen;
  for await (const line of rowsOf(table, transfersOfParty(account, month))) {
    const dueFen = line.credit === account ? line.amountFen : -line.amountFen;
    balanceFen += dueFen;
    lines.push({ line, dueFen, balanceFen });
  }
  const final = (await table.load(ledgerPeriods, { month })) !== undefined;
  return { account, month, final, openingFen, lines, closingFen: balanceFen };
}

/** A store's closed days of a month (YYYY-MM), the first one first, and what they come to. */
export async function storeStatement(
  { table }: { table: Table },
  { storeId, month }: { storeId: string; month: string },
): Promise<{ storeId: string; month: string; final: boolean; days: StoreDay[]; bookings: Bookings }> {
  const days: StoreDay[] = [];
  for await (const one of rowsOf(table, storeDaysOf(storeId, month))) days.push(one);
  const final = (await table.load(ledgerPeriods, { month })) !== undefined;
  return { storeId, month, final, days, bookings: total(days.map(({ bookings }) => bookings)) };
}
