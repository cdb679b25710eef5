import fc from "fast-check";

/** JSON Schema as far as the generated document uses it. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  pattern?: string;
  format?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}
type Json = Record<string, unknown>;

/** Stands in a generated value for something an earlier answer told: its kind (`ST`, `cursor` …) and which of them. */
export class Known {
  readonly kind: string;
  readonly which: number;
  constructor(kind: string, which: number) {
    this.kind = kind;
    this.which = which;
  }
}

const idPattern = /^\^([A-Z]{2})\[0-9A-HJKMNP-TV-Z\]\{24\}\$$/;
const letters = [..."0123456789ABCDEFGHJKMNPQRSTVWXYZ"];
const known = (kind: string) => fc.nat().map((which) => new Known(kind, which));
const words = fc.constantFrom("青菜", "邻里团", "烘焙", "Ännchen", "a", "O'Neil", "<b>", "豆腐🥬", "0");
const textOf = (min: number, max: number) =>
  fc
    .array(words, { minLength: 1, maxLength: 4 })
    .map((some) => some.join("").padEnd(min, "菜"))
    .map((text) => [...text].slice(0, Math.max(min, Math.min(max, 12))).join(""));

/**
 * Values that fit a schema of `document`. Ids are mostly known ones, and what `named` has a kind for (by property) is too.
 * `at` (epoch ms) is the moment around which times lie.
 */
export function fromSchema(document: Json, named: Record<string, string>, at: number) {
  const shape = (schema: Schema): Schema => (schema.$ref ? resolve(document, schema.$ref) : schema);

  function valid(given: Schema, name = ""): fc.Arbitrary<unknown> {
    const schema = shape(given);
    const kind = named[name] ?? (schema.pattern && idPattern.exec(schema.pattern)?.[1]);
    if (kind && schema.type === "string")
      return fc.oneof({ weight: 9, arbitrary: known(kind) }, { weight: 1, arbitrary: plain(schema, name) });
    if (kind && (schema.type === "integer" || schema.type === "number")) return known(kind);
    return plain(schema, name);
  }

  function plain(schema: Schema, name: string): fc.Arbitrary<unknown> {
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const some = schema.anyOf ?? schema.oneOf;
    if (some) return fc.oneof(...some.map((one) => valid(one, name)));
    if (schema.allOf)
      return fc.tuple(...schema.allOf.map((one) => valid(one, name))).map((parts) => Object.assign({}, ...parts));
    const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
    if (type === "object" || schema.properties) {
      const fields = Object.entries(schema.properties ?? {}).map(([key, value]) => [key, valid(value, key)] as const);
      return fc.record(Object.fromEntries(fields), { requiredKeys: schema.required ?? [] });
    }
    if (type === "array")
      return fc.array(valid(schema.items ?? {}, name), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, Math.max(schema.minItems ?? 0, 5)),
      });
    if (type === "boolean") return fc.boolean();
    if (type === "integer" || type === "number") return numberIn(schema, type === "integer");
    if (type === "string") return stringIn(schema);
    return fc.constant(null);
  }

  function numberIn(schema: Schema, whole: boolean): fc.Arbitrary<number> {
    const min = Math.max(schema.minimum ?? schema.exclusiveMinimum ?? -1_000, -1_000_000);
    const max = Math.min(schema.maximum ?? schema.exclusiveMaximum ?? 100_000, 1_000_000);
    const near = fc.integer({ min: Math.ceil(min), max: Math.min(Math.ceil(min) + 20, Math.floor(max)) });
    const any = whole
      ? fc.integer({ min: Math.ceil(min), max: Math.floor(max) })
      : fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
    return fc.oneof(near, any, fc.constantFrom(Math.ceil(min), Math.floor(max)));
  }

  function stringIn(schema: Schema): fc.Arbitrary<string> {
    if (schema.format === "date-time")
      return fc.integer({ min: -5, max: 200 }).map((hours) => new Date(at + hours * 3_600_000).toISOString());
    if (schema.format === "date")
      return fc.integer({ min: -2, max: 2 }).map((days) => new Date(at + days * 86_400_000).toISOString().slice(0, 10));
    const id = schema.pattern && idPattern.exec(schema.pattern);
    if (id)
      return fc.array(fc.constantFrom(...letters), { minLength: 24, maxLength: 24 }).map((l) => id[1] + l.join(""));
    if (schema.pattern === "^[0-9A-HJKMNP-TV-Z]{16}$")
      return fc.array(fc.constantFrom(...letters), { minLength: 16, maxLength: 16 }).map((l) => l.join(""));
    if (schema.pattern && !schema.pattern.includes("\\p{Cc}")) return fc.stringMatching(new RegExp(schema.pattern));
    return textOf(schema.minLength ?? 0, schema.maxLength ?? 40);
  }

  return valid;
}

/** What a value that is wrong somewhere may hold there. */
const odd = fc.constantFrom<unknown[]>(
  null,
  true,
  0,
  -1,
  0.5,
  1e21,
  Number.MAX_SAFE_INTEGER,
  "",
  " ",
  "x".repeat(5_000),
  "\u0000",
  "\ud800",
  "NaN",
  "1",
  [],
  {},
  [[]],
  { $gt: "" },
  { toString: 1 },
  "2026-02-30T00:00:00Z",
  "-1",
  "１２",
  "__proto__",
  Array(2_000).fill(0),
);

/** The value with one thing wrong, at any depth: left out, of another kind, added. */
export function mutated(value: unknown): fc.Arbitrary<unknown> {
  const places: (string | number)[][] = [];
  const walk = (node: unknown, path: (string | number)[]): void => {
    places.push(path);
    if (node instanceof Known || node === null || typeof node !== "object") return;
    for (const key of Object.keys(node)) walk((node as Json)[key], [...path, key]);
  };
  walk(value, []);
  return fc
    .tuple(
      fc.constantFrom(...places),
      fc.constantFrom("replace", "drop", "add"),
      odd,
      fc.constantFrom("extra", "__proto__", "状态", "price", "version"),
    )
    .map(([path, how, wrong, extra]) => {
      const copy = (node: unknown, depth: number): unknown => {
        if (depth === path.length) {
          if (how !== "add" || node === null || typeof node !== "object" || node instanceof Known) return wrong;
          if (Array.isArray(node)) return [...node, wrong];
          return Object.defineProperty({ ...node }, extra, { value: wrong, enumerable: true });
        }
        if (Array.isArray(node))
          return node.map((item, i) => (String(i) === path[depth] ? copy(item, depth + 1) : item));
        const entries = Object.entries(node as Json).flatMap(([key, item]) => {
          if (key !== path[depth]) return [[key, item]];
          return how === "drop" && depth === path.length - 1 ? [] : [[key, copy(item, depth + 1)]];
        });
        return Object.fromEntries(entries);
      };
      return copy(value, 0);
    });
}

/** What of a value does not fit the schema, with its place; empty where all fits. */
export function flaws(document: Json, given: Schema, value: unknown, place = "body"): string[] {
  const schema = given.$ref ? resolve(document, given.$ref) : given;
  if (schema.const !== undefined && value !== schema.const) return [`${place} is not ${String(schema.const)}`];
  if (schema.enum && !schema.enum.includes(value))
    return [`${place}: ${String(value)} is none of ${schema.enum.join()}`];
  const some = schema.anyOf ?? schema.oneOf;
  if (some) {
    const each = some.map((one) => flaws(document, one, value, place));
    return each.some((found) => found.length === 0) ? [] : each.flat();
  }
  if (schema.allOf) return schema.allOf.flatMap((one) => flaws(document, one, value, place));
  const actual = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const types = schema.type === undefined ? [] : [schema.type].flat();
  const fits = (type: string) => type === actual || (type === "integer" && Number.isInteger(value));
  if (types.length > 0 && !types.some(fits)) return [`${place} is ${actual}, not ${types.join(" or ")}`];
  if (typeof value === "number") {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
    return value < minimum || value > maximum ? [`${place}: ${value} is out of bounds`] : [];
  }
  if (typeof value === "string") {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
    if (value.length < minLength || value.length > maxLength) return [`${place} is ${value.length} characters long`];
    if (pattern && !new RegExp(pattern, "u").test(value)) return [`${place}: ${value} does not match ${pattern}`];
    return [];
  }
  if (Array.isArray(value))
    return value.flatMap((item, i) => flaws(document, schema.items ?? {}, item, `${place}[${i}]`));
  if (actual !== "object") return [];
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const object = value as Json;
  return [
    ...required.filter((key) => !(key in object)).map((key) => `${place}.${key} is missing`),
    ...Object.entries(object).flatMap(([key, item]) => {
      const declared = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (declared) return flaws(document, declared, item, `${place}.${key}`);
      if (additionalProperties === false) return [`${place}.${key} is not documented`];
      return additionalProperties === true ? [] : flaws(document, additionalProperties, item, `${place}.${key}`);
    }),
  ];
}

function resolve(document: Json, ref: string): Schema {
  const found = ref
    .slice(2)
    .split("/")
    .reduce<unknown>((node, key) => (node as Json | undefined)?.[key], document);
  if (!found) throw new Error(`${ref} is not in the document`);
  return found as Schema;
}
