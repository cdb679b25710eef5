import { dayOf } from "../kernel/time.ts";
import type { Order } from "../order/index.ts";
import { Stale, type Table } from "../table/entity.ts";
import { orders, pickTeams, purchaseLines } from "../table/keys.ts";

/** A team whose seats a store hands over from a day on. */
type PickTeam = { storeId: string; day: string; teamId: string; from: number };

/** Notes for the pick lists of their stores the seats of a team that succeeded. May be told again. */
export const notePicks = (table: Table, seats: readonly Order[]): Promise<void> =>
  note(
    table,
    seats.flatMap(({ storeId, teamId, pickupFrom: from }) =>
      teamId === undefined ? [] : [{ storeId, teamId, from, day: dayOf(from) }],
    ),
  );

/** The same of an order that another store took over; one from the cart is found without. */
export async function notePickOfOrder(table: Table, orderId: string): Promise<void> {
  await notePicks(table, await table.loadMany(orders, [{ orderId }]));
}

/** The same of all teams of a store's line whose goods were put off to `from` (epoch ms). */
export async function notePicksOfLine(table: Table, lineId: string, from: number): Promise<void> {
  const [line] = await table.loadMany(purchaseLines, [{ lineId }]);
  if (!line) return;
  const { storeId, communities } = line;
  await note(
    table,
    communities.map(({ teamId }) => ({ storeId, teamId, from, day: dayOf(from) })),
  );
}

async function note(table: Table, rows: readonly PickTeam[]): Promise<void> {
  const once = new Map(rows.map((row) => [`${row.storeId} ${row.day} ${row.teamId}`, row]));
  for (const row of once.values()) {
    try {
      await table.write(pickTeams.create(row));
    } catch (error) {
      if (!(error instanceof Stale)) throw error; // it is there
    }
  }
}
