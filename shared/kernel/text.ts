import * as z from "zod";

/**
 * A text of `min` to `max` characters: code points, as JSON Schema counts them, where zod's own limits count UTF-16 units and
 * take 🥬 for two. Half of a surrogate pair is no character, and the table could not keep it.
 */
export const text = (min: number, max: number) => bounded(z.string(), min, max);

/** The same as somebody types it: the space around it does not count, and is not kept. */
export const typedText = (min: number, max: number) => bounded(z.string().trim(), min, max);

/** Where a picture lies: an https address that needs no escaping. */
export const pictureUrl = z
  .string()
  .regex(/^https:\/\/[A-Za-z0-9][A-Za-z0-9._~:/?&=%@!+,;-]{0,280}$/, "an https address of at most 289 characters");

function bounded(schema: z.ZodString, min: number, max: number): z.ZodString {
  return schema
    .refine((value) => value.isWellFormed(), "half a character: send well-formed Unicode")
    .refine((value) => value.length >= 2 * min || characters(value) >= min, `at least ${min} characters`)
    .refine((value) => value.length <= max || characters(value) <= max, `at most ${max} characters`)
    .meta({ ...(min > 0 && { minLength: min }), maxLength: max });
}

function characters(value: string): number {
  let count = 0;
  for (const _ of value) count++;
  return count;
}
