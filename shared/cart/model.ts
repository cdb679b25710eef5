import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** So many different articles a cart and an order hold. */
export const MOST_LINES = 20;
/** So many units of each. */
export const MOST_UNITS = 99;

/** Lines of a cart: each article once. `originId` is what made the member want it: a recipe, a show. */
export const cartLines = z
  .array(
    z.strictObject({
      articleId: idOf("AR"),
      units: z.int().min(1).max(MOST_UNITS),
      originId: text(1, 64).optional(),
    }),
  )
  .max(MOST_LINES)
  .refine((lines) => new Set(lines.map(({ articleId }) => articleId)).size === lines.length, "each article once")
  .meta({ id: "CartLines" });
export type CartLine = z.infer<typeof cartLines>[number];

/** What a member has put aside to order; prices and stock are those of the moment it is looked at. */
export const cart = z.object({ memberId: idOf("MB"), lines: cartLines, changedAt: epochMs });
export type Cart = z.infer<typeof cart>;
