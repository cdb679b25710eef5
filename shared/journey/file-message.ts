import { Stale, type Table } from "../table/entity.ts";
import { inbox } from "../table/keys.ts";
import type { InboxMessage } from "./model.ts";

/**
 * Puts a message into a member's inbox. A member gets one message an event: filing it again, as a redelivered event does,
 * changes nothing.
 */
export async function fileMessage(table: Pick<Table, "write">, message: InboxMessage): Promise<void> {
  try {
    await table.write(inbox.create(message));
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
  }
}
