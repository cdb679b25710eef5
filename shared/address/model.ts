import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { epochMs } from "../kernel/time.ts";
import { pii } from "../kernel/vault.ts";

/** A member's address book: JSON of all entries, the default one first, sealed under the member's key. */
export const addressBook = z.object({ memberId: idOf("MB"), entries: pii(), changedAt: epochMs });
