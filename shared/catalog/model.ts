import * as z from "zod";
import { idOf, ownCode } from "../kernel/ids.ts";
import { basisPoints, fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { temperatureZones } from "../kernel/zone.ts";

/** How an article is sold: by piece, by weight (price estimated, settled after packing), or as a kit of others. */
export const sale = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("piece") }),
  z.strictObject({ by: z.literal("weight"), grams: z.int().min(1).max(100_000) }),
  z.strictObject({
    by: z.literal("kit"),
    components: z
      .array(z.strictObject({ articleId: idOf("AR"), units: z.int().min(1).max(99) }))
      .min(1)
      .max(20),
  }),
]);

export const article = z.object({
  articleId: idOf("AR"),
  /** 货号, unique while it is set. */
  code: ownCode.optional(),
  name: text(1, 40),
  description: text(0, 500).optional(),
  category: text(1, 20),
  sale,
  /** What one unit is called: 份, 500g, 箱. */
  unit: text(1, 10),
  priceFen: fen.min(1),
  costFen: fen,
  perishable: z.boolean(),
  /** Who delivers it, and whether each lot must have a certificate; nothing is known where they are left out. */
  supplierId: idOf("SP").optional(),
  needsCertificate: z.boolean().optional(),
  /** VAT in its price, basis points of the net price; 0 exempt. Left out: the rate of its category. */
  taxBps: basisPoints.optional(),
  /** How it is kept; ambient where it is left out. */
  temperatureZone: z.enum(temperatureZones).optional(),
  /** Pictures, the first one in lists. */
  images: z.array(text(1, 300)).max(9).optional(),
  retired: z.boolean(),
  createdAt: epochMs,
});
export type Article = z.infer<typeof article>;

/** Finds the article of a code. */
export const articleCode = z.object({ code: ownCode, articleId: idOf("AR") });

/** What a store has of an article, in units: `online` may be sold online and is not yet given to a campaign. */
export const stock = z.object({
  storeId: idOf("ST"),
  articleId: idOf("AR"),
  online: z.int().min(0),
});
export type Stock = z.infer<typeof stock>;

/** Why `online` changed; append-only, they sum to it. */
export const stockMovement = z.object({
  storeId: idOf("ST"),
  articleId: idOf("AR"),
  /** Natural key of the cause: `adjust#<event>`, `open#<campaign>`, `return#<campaign>`, `late#<order>`, `import#<import>`, `stocktake#<stock-take>`, `instead#<order>#<version>`, `lot#<lot>`, `surplus#<purchase line>`, `pos#<file>#<run>#<row>`. */
  cause: text(0, 80),
  delta: z.int(),
  at: epochMs,
});
