import * as z from "zod";
import { point } from "../kernel/geo.ts";
import { idOf, ownCode } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** Open from `opens` to `closes`, minutes after midnight in Asia/Shanghai, `closes` excluded; weekday 0 is Monday. */
export const openingHours = z
  .array(
    z
      .strictObject({
        weekday: z.int().min(0).max(6),
        opens: z.int().min(0).max(1439),
        closes: z.int().min(1).max(1440),
      })
      .refine((h) => h.opens < h.closes, "opens must be before closes; split hours that pass midnight"),
  )
  .max(21)
  .meta({ id: "OpeningHours" });

export const store = z.object({
  storeId: idOf("ST"),
  /** The chain's own number of the store, unique while it is set. */
  code: ownCode.optional(),
  name: text(1, 60),
  address: text(1, 200),
  wgs84: point,
  /** Serves addresses up to this great-circle distance, metres. */
  radiusM: z.int().min(100).max(50_000),
  hours: openingHours,
  suspended: z.boolean(),
  createdAt: epochMs,
});
/** Finds the store of a code. */
export const storeCode = z.object({ code: ownCode, storeId: idOf("ST") });
export type Store = z.infer<typeof store>;
