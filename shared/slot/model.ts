import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { epochMs } from "../kernel/time.ts";

/** pickup: the member comes; delivery: somebody is sent. */
export const slotKind = z.enum(["pickup", "delivery"]);
export type SlotKind = z.infer<typeof slotKind>;

const span = { from: z.int().min(0).max(1439), until: z.int().min(1).max(1440) };
const weekday = z.int().min(0).max(6).meta({ description: "0 is Monday" });

/** Minutes after midnight in Asia/Shanghai, `until` excluded. An order takes one place of `capacity`, until `leadMinutes` before `from`. */
const slotWindow = z
  .strictObject({
    weekday,
    ...span,
    capacity: z.int().min(1).max(9_999).meta({ description: "Orders" }),
    leadMinutes: z.int().min(0).max(2_880).meta({ description: "Orders are taken until so long before it begins" }),
  })
  .refine((one) => one.from < one.until, "from must be before until; split a window that passes midnight");

/** Spans of weekdays of which no two overlap; the later one of a pair is named. */
const apart =
  (name: string) =>
  (spans: readonly { weekday: number; from: number; until: number }[], context: z.RefinementCtx): void => {
    for (const [i, one] of spans.entries()) {
      const other = spans.findIndex(
        (two, j) => j < i && two.weekday === one.weekday && two.from < one.until && one.from < two.until,
      );
      if (other >= 0) context.addIssue({ code: "custom", path: [i], message: `overlaps ${name}[${other}]` });
    }
  };

/** When a store hands over, or delivers. */
export const slotWindows = z.strictObject({
  daysAhead: z.int().min(0).max(14).meta({ description: "So many days after today are offered" }),
  windows: z.array(slotWindow).min(1).max(100).superRefine(apart("windows")),
});

/** A store's slots; a kind that is left out has none: collected at any opening time, or not delivered at all. */
export const slotPlan = z.object({
  storeId: idOf("ST"),
  pickup: slotWindows.optional(),
  delivery: slotWindows.optional(),
});
export type SlotPlan = z.infer<typeof slotPlan>;

/** `D-20261127-0900-1100`: kind, day and window; the same window of the same day is always the same slot. */
export const slotId = z
  .string()
  .regex(/^[PD]-\d{8}-\d{4}-\d{4}$/, "a slot as it was offered")
  .meta({ description: "Id of a slot", example: "D-20261127-0900-1100" });

/** How many orders hold a place of a slot. */
export const slotCount = z.object({ storeId: idOf("ST"), slotId, taken: z.int().min(0), until: epochMs });

const surcharge = { fen: fen, ...span };
/** What delivery costs. Amounts in fen, distances in metres of travel, weights in grams; minutes after midnight in Asia/Shanghai. */
export const deliveryFeeRules = z.strictObject({
  baseFen: fen.meta({ description: "Up to baseDistanceM" }),
  baseDistanceM: z.int().min(0).max(50_000),
  perKmFen: fen.meta({ description: "Each kilometre begun beyond it" }),
  baseGrams: z.int().min(0).max(1_000_000),
  perKgFen: fen.meta({ description: "Each kilogram begun beyond baseGrams" }),
  night: z
    .strictObject(surcharge)
    .refine((one) => one.from !== one.until, "from and until must differ")
    .optional()
    .meta({ description: "May pass midnight: from 1320 until 360" }),
  peaks: z
    .array(
      z
        .strictObject({ weekday, ...surcharge })
        .refine((one) => one.from < one.until, "from must be before until; split a peak that passes midnight"),
    )
    .max(28)
    .superRefine(apart("peaks"))
    .default([]),
  freeOverFen: fen.optional().meta({ description: "Goods of so much after discounts are brought free" }),
  maxDistanceM: z.int().min(1).max(100_000),
  maxGrams: z.int().min(1).max(1_000_000),
});
export type DeliveryFeeRules = z.infer<typeof deliveryFeeRules>;

/** The rules of the chain, or of one store, which then hold in their place. */
export const deliveryFees = z.object({ scope: z.union([z.literal("chain"), idOf("ST")]), rules: deliveryFeeRules });
