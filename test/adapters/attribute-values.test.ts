import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromItem, toItem } from "../../functions/adapters/dynamo/attribute-values.ts";

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "grapheme" }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("row"),
  ),
  // the SDK loses an attribute of the name __proto__, and takes a map with one of the name constructor for no map
  row: fc.dictionary(
    fc.string({ minLength: 1 }).filter((name) => name !== "__proto__" && name !== "constructor"),
    tie("value"),
    { maxKeys: 5, noNullPrototype: true },
  ),
})).row as fc.Arbitrary<Record<string, unknown>>;

test("a row goes over the wire as the SDK sends it, and comes back as it was", () => {
  fc.assert(
    fc.property(values, (row) => {
      const item = toItem(row);
      expect(item).toEqual(marshall(row));
      expect(fromItem(JSON.parse(JSON.stringify(item)))).toEqual(row);
      // biome-ignore lint/suspicious/noExplicitAny: the SDK's type of the same thing
      expect(unmarshall(item as any)).toEqual(row);
    }),
  );
});

test("an attribute may have any name, and changes nothing but itself", () => {
  const row = JSON.parse('{"__proto__":{"a":1},"constructor":{"__proto__":"b"}}');
  const item = toItem(row);
  expect(JSON.stringify(item)).toBe('{"__proto__":{"M":{"a":{"N":"1"}}},"constructor":{"M":{"__proto__":{"S":"b"}}}}');
  const back = fromItem(JSON.parse(JSON.stringify(item)));
  expect(JSON.stringify(back)).toBe(JSON.stringify(row));
  expect(back.a).toBeUndefined();
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
});

test("bytes come back as bytes, also those of a part of a larger buffer", () => {
  const bytes = Buffer.from("..answer..").subarray(2, 8);
  expect(toItem({ body: bytes })).toEqual({ body: { B: Buffer.from("answer").toString("base64") } });
  expect(Buffer.from(fromItem(toItem({ body: bytes })).body as Uint8Array).toString()).toBe("answer");
});

test("what is undefined is left out, in maps within too", () => {
  expect(toItem({ a: undefined, b: { c: undefined, d: 1 } })).toEqual({ b: { M: { d: { N: "1" } } } });
});

test.each([
  ["no number", Number.NaN, "lines[0].fen can't be kept exactly: NaN"],
  ["a number beyond 2⁵³", 2 ** 53, "lines[0].fen can't be kept exactly"],
  ["a set", new Set(), "lines[0].fen is nothing a row can hold: [object Set]"],
  ["a date", new Date(0), "lines[0].fen is nothing a row can hold: [object Date]"],
])("%s is refused with its place", (_what, fen, message) => {
  expect(() => toItem({ lines: [{ fen }] })).toThrow(message);
});
