import * as z from "zod";
import { point } from "../kernel/geo.ts";
import { idOf } from "../kernel/ids.ts";
import { typedText } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** Where the member is: a point in either datum, or an address to be located. */
export const place = z
  .union([point, z.strictObject({ address: typedText(2, 200) })])
  .meta({ id: "Place", description: "Coordinates with their datum, or an address" });
export type Place = z.infer<typeof place>;

/** Stores ranked for a geohash-7 cell (some 150 m): our decision by travel distance, not the provider's data. */
export const routeCell = z.object({
  cell: z.string().length(7),
  ranked: z.array(z.object({ storeId: idOf("ST"), distanceM: z.int(), durationS: z.int() })).max(8),
  decidedAt: epochMs,
  /** Which stores were asked about; another set of candidates is another decision. */
  asked: z.string(),
});
export type RouteCell = z.infer<typeof routeCell>;

/** A one-use code, found by its keyed hash only. */
export const pickupCode = z.object({
  codeHash: z.string(),
  orderId: idOf("OR"),
  storeId: idOf("ST"),
  state: z.enum(["ISSUED", "USED", "VOID"]),
  issuedAt: epochMs,
});

/** A team with seats that a store hands over from a day (YYYY-MM-DD in Asia/Shanghai) on, `from` epoch ms. */
export const pickTeam = z.object({
  storeId: idOf("ST"),
  day: z.string(),
  teamId: idOf("TM"),
  from: epochMs,
});

/** The last number that was given out of a store's shelf on a day (YYYY-MM-DD in Asia/Shanghai), and when. */
export const shelfCount = z.object({
  storeId: idOf("ST"),
  day: z.string(),
  last: z.int().min(1).max(999),
  at: epochMs,
});

/** Wrong codes entered by a staff member at a store within one minute; the last ten minutes together make the lock. */
export const pickupTries = z.object({
  staffId: z.string(),
  storeId: idOf("ST"),
  /** Epoch ms at which the minute began. */
  window: epochMs,
  wrong: z.int().min(0),
});
