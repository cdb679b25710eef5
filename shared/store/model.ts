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

/** A day on which other hours hold than on its weekday, all day long; none: closed. The date is one of Asia/Shanghai. */
const specialDay = z.strictObject({
  date: z.iso.date(),
  hours: z
    .array(
      z
        .strictObject({ opens: z.int().min(0).max(1439), closes: z.int().min(1).max(1440) })
        .refine((h) => h.opens < h.closes, "opens must be before closes; split hours that pass midnight"),
    )
    .max(3),
  /** What the day is called: 国庆节, 盘点. */
  name: text(1, 20).optional(),
});
export type SpecialDay = z.infer<typeof specialDay>;
export const specialDays = z
  .array(specialDay)
  .max(400)
  .refine((days) => new Set(days.map(({ date }) => date)).size === days.length, "each date once")
  .meta({ id: "SpecialDays" });

const corner = z.object({ lat: z.number(), lng: z.number() });
export type Corner = z.infer<typeof corner>;
/** Where a store serves: within one ring at least. The corners of a ring in their order; the last one joins the first. */
export const area = z.object({ datum: z.literal("wgs84"), rings: z.array(z.array(corner)) }).meta({ id: "StoreArea" });
export type Area = z.infer<typeof area>;

export const store = z.object({
  storeId: idOf("ST"),
  /** The chain's own number of the store, unique while it is set. */
  code: ownCode.optional(),
  name: text(1, 60),
  address: text(1, 200),
  wgs84: point,
  /** Serves addresses up to this great-circle distance, metres. */
  radiusM: z.int().min(100).max(50_000),
  /** Serves the addresses within, and the radius says nothing. */
  area: area.optional(),
  hours: openingHours,
  /** Before the weekly hours, by date. */
  specialDays: specialDays.optional(),
  suspended: z.boolean(),
  createdAt: epochMs,
});
/** Finds the store of a code. */
export const storeCode = z.object({ code: ownCode, storeId: idOf("ST") });
export type Store = z.infer<typeof store>;
