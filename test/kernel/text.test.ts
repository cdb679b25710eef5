import fc from "fast-check";
import { expect, test } from "vitest";
import * as z from "zod";
import { allRoutes } from "../../functions/api/routes.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import * as tables from "../../shared/table/keys.ts";

const fits = (schema: z.ZodType, value: string) => schema.safeParse(value).success;

test("a text is as long as it has characters, whatever they take in memory", () => {
  fc.assert(
    fc.property(fc.nat(4), fc.nat(4), fc.string({ unit: "grapheme", maxLength: 12 }), (min, more, value) => {
      const count = Array.from(value).length;
      expect(fits(text(min, min + more), value)).toBe(count >= min && count <= min + more);
    }),
  );
  expect(fits(text(1, 2), "🥬🥬")).toBe(true);
  expect(fits(text(1, 2), "🥬🥬🥬")).toBe(false);
  expect(fits(text(2, 9), "🥬")).toBe(false);
});

test("half a character is none", () => {
  for (const half of ["\ud83e", "a\udd6c", "\udd6c\ud83e"]) expect(fits(text(0, 9), half)).toBe(false);
});

test("what is typed counts without the space around it", () => {
  expect(typedText(1, 2).parse(" 🥬菜\n")).toBe("🥬菜");
  expect(fits(typedText(1, 2), "  ")).toBe(false);
});

test("its limits stand in the document", () => {
  expect(z.toJSONSchema(text(1, 40))).toMatchObject({ type: "string", minLength: 1, maxLength: 40 });
  expect(z.toJSONSchema(text(0, 40))).not.toHaveProperty("minLength");
});

/** The places of a schema where a length is counted by zod, in UTF-16 units. */
function countedByZod(schema: unknown, place: string): string[] {
  const { def } = (schema as z.ZodType)._zod;
  if (def.type === "string") {
    const checks = (def.checks ?? []).map((check) => check._zod.def.check);
    return checks.filter((check) => /_length$/.test(check)).map((check) => `${place}: ${check}`);
  }
  const within: [string, unknown][] = Object.entries(def).flatMap(([key, value]) => {
    if (key === "shape") return Object.entries(value as object);
    if (Array.isArray(value)) return value.map((item, i): [string, unknown] => [`${key}[${i}]`, item]);
    return [[key, value]];
  });
  return within
    .filter(([, value]) => (value as z.ZodType | null)?._zod?.def !== undefined)
    .flatMap(([key, value]) => countedByZod(value, `${place}.${key}`));
}

test("no text of a route or a row is counted in any other way", () => {
  const ofRoutes = allRoutes.flatMap(({ method, path, params, query, body }) =>
    [params, query, body].flatMap((schema) => (schema ? countedByZod(schema, `${method} ${path}`) : [])),
  );
  const rows = Object.values(tables).filter((one) => typeof one === "object" && one !== null && "schema" in one);
  expect(rows.length).toBeGreaterThan(20);
  const ofRows = rows.flatMap((row) => countedByZod(row.schema, row.name));
  expect([...ofRoutes, ...ofRows]).toEqual([]);
  expect(countedByZod(z.object({ a: z.array(z.string().max(3)).optional() }), "it")).toHaveLength(1);
});
