import * as z from "zod";

/** Who bears something, as staff name it: one of the words, or a supplier's id. */
export const bearerOf = <const W extends string>(words: readonly [W, ...W[]]) =>
  z
    .union([z.enum(words), z.templateLiteral(["SP", z.string().regex(/^[0-9A-HJKMNP-TV-Z]{24}$/)])])
    .meta({ description: "Who bears it: the chain, the store that served it, or a supplier's id", example: "store" });
