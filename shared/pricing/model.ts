import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";

/** The lowest price that a unit of an article was sold at on a day (YYYY-MM-DD, Asia/Shanghai), all stores together. */
export const deal = z.object({ articleId: idOf("AR"), day: z.string(), lowFen: fen.min(1) });
