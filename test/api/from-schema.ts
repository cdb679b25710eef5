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

/** Stands in a generated value for something that an earlier answer told: its kind, and which of them. */
export class Known {
  readonly kind: string;
  readonly which: number;
  /** What to say as long as nothing is known. */
  readonly otherwise: unknown;
  constructor(kind: string, which: number, otherwise: unknown) {
    this.kind = kind;
    this.which = which;
    this.otherwise = otherwise;
  }
}
/** Stands in a generated value for a time, `ms` from when it is sent. */
export class Moment {
  readonly ms: number;
  readonly form: "date-time" | "date";
  constructor(ms: number, form: Moment["form"]) {
    this.ms = ms;
    this.form = form;
  }
}
const standsIn = (node: unknown) => node instanceof Known || node instanceof Moment;

const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ourAlphabet = /^\^([A-Z]*)\[0-9A-HJKMNP-TV-Z\]\{(\d+)\}\$$/;
/** So many letters of ids and tokens, always the same from the same number. */
export function lettersFrom(from: number, count: number): string {
  let text = "";
  for (let state = from >>> 0, i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += letters[state >>> 27];
  }
  return text;
}

const hour = 3_600_000;
const words = ["青菜", "邻里团", "烘焙", "Ännchen", "a", "O'Neil", "<b>", "豆腐🥬", "0"];
const textOf = (min: number, max: number) =>
  fc.oneof(
    {
      weight: 7,
      arbitrary: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }).map((some) =>
        Array.from(some.join("").padEnd(min, "菜"))
          .slice(0, Math.max(min, Math.min(max, 12)))
          .join(""),
      ),
    },
    // as long as it may be, in characters that take two units each
    { weight: 1, arbitrary: fc.constant("🥬".repeat(Math.min(max, 600))) },
  );

/** The schema that a reference leads to. */
export function resolve(document: object, given: Schema): Schema {
  if (given.$ref === undefined) return given;
  let found: unknown = document;
  for (const key of given.$ref.slice(2).split("/")) found = (found as Json | undefined)?.[key];
  if (!found) throw new Error(`${given.$ref} is not in the document`);
  return found as Schema;
}

/**
 * Values that fit a schema of `document`, in which some are Known or a Moment. `kindOf` says of which kind a property's value
 * may be that earlier answers told, where there is one. Times of one object mostly ascend in the order they are declared.
 */
export function fromSchema(document: object, kindOf: (name: string, schema: Schema) => string | undefined) {
  function valid(given: Schema, name = ""): fc.Arbitrary<unknown> {
    const schema = resolve(document, given);
    const kind = kindOf(name, schema);
    if (kind === undefined) return plain(schema, name);
    const known = fc.tuple(fc.nat(), plain(schema, name)).map(([which, other]) => new Known(kind, which, other));
    return fc.oneof({ weight: 9, arbitrary: known }, { weight: 1, arbitrary: plain(schema, name) });
  }

  function plain(schema: Schema, name: string): fc.Arbitrary<unknown> {
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const some = schema.anyOf ?? schema.oneOf;
    if (some) return fc.oneof(...some.map((one) => valid(one, name)));
    if (schema.allOf)
      return fc.tuple(...schema.allOf.map((one) => valid(one, name))).map((parts) => Object.assign({}, ...parts));
    const type = [schema.type].flat()[0];
    if (type === "object" || schema.properties) return objectOf(schema);
    if (type === "array")
      return fc.array(valid(schema.items ?? {}, name), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, Math.max(schema.minItems ?? 0, 5)),
      });
    if (type === "boolean") return fc.boolean();
    if (type === "integer" || type === "number") return numberIn(schema, type === "integer");
    return type === "string" ? stringIn(schema) : fc.constant(null);
  }

  function objectOf(schema: Schema): fc.Arbitrary<Json> {
    const fields = Object.entries(schema.properties ?? {}).map(([key, value]) => [key, valid(value, key)] as const);
    const any = fc.record(Object.fromEntries(fields), { requiredKeys: schema.required ?? [] }) as fc.Arbitrary<Json>;
    return fc.tuple(any, fc.nat(3), fc.nat(2)).map(([full, dice, bare]) => {
      // with everything that may be left out, hardly any would name only what goes together
      const made =
        bare > 0 ? full : Object.fromEntries(Object.entries(full).filter(([key]) => schema.required?.includes(key)));
      const times = fields.map(([key]) => key).filter((key) => made[key] instanceof Moment);
      if (times.length < 2 || dice === 0) return made;
      const ascending = times.map((key) => made[key] as Moment).sort((a, b) => a.ms - b.ms);
      return { ...made, ...Object.fromEntries(times.map((key, i) => [key, ascending[i]])) };
    });
  }

  function numberIn(schema: Schema, whole: boolean): fc.Arbitrary<number> {
    const min = Math.max(schema.minimum ?? schema.exclusiveMinimum ?? -1_000, -1_000_000);
    const max = Math.min(schema.maximum ?? schema.exclusiveMaximum ?? 100_000, 1_000_000);
    const least = Math.ceil(min);
    const any = whole
      ? fc.integer({ min: least, max: Math.floor(max) })
      : fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
    return fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: least, max: Math.min(least + 2, Math.floor(max)) }) },
      { weight: 2, arbitrary: any },
      { weight: 1, arbitrary: fc.constantFrom(least, Math.floor(max)) },
    );
  }

  function stringIn(schema: Schema): fc.Arbitrary<unknown> {
    if (schema.format === "date-time")
      return fc.integer({ min: -5, max: 200 }).map((hours) => new Moment(hours * hour, "date-time"));
    if (schema.format === "date")
      return fc.integer({ min: -2, max: 2 }).map((days) => new Moment(days * 24 * hour, "date"));
    const ours = ourAlphabet.exec(schema.pattern ?? "");
    if (ours) return fc.nat().map((from) => ours[1] + lettersFrom(from, Number(ours[2])));
    // what only forbids some characters is text
    if (schema.pattern && !schema.pattern.includes("\\p{")) return fc.stringMatching(new RegExp(schema.pattern));
    return textOf(schema.minLength ?? 0, schema.maxLength ?? 40);
  }

  return valid;
}

/** What a value that is wrong somewhere may hold there. */
const odd: unknown[] = [
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
];

/** One thing to be wrong with a value: where (of all its places), and how. */
export const mutation = fc.record({
  place: fc.nat(),
  how: fc.constantFrom("replace", "drop", "add"),
  wrong: fc.constantFrom(...odd),
  extra: fc.constantFrom("extra", "__proto__", "状态", "price", "version"),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

/** The value with one thing wrong, at any depth: left out, of another kind, added. */
export function mutated(value: unknown, { place, how, wrong, extra }: Mutation): unknown {
  const places: string[][] = [];
  const walk = (node: unknown, path: string[]): void => {
    places.push(path);
    if (node === null || typeof node !== "object" || standsIn(node)) return;
    for (const key of Object.keys(node)) walk((node as Json)[key], [...path, key]);
  };
  walk(value, []);
  const path = places[place % places.length]!;
  const copy = (node: unknown, depth: number): unknown => {
    if (depth === path.length) {
      if (how !== "add" || node === null || typeof node !== "object" || standsIn(node)) return wrong;
      if (Array.isArray(node)) return [...node, wrong];
      return Object.defineProperty({ ...node }, extra, { value: wrong, enumerable: true });
    }
    if (Array.isArray(node)) return node.map((item, i) => (String(i) === path[depth] ? copy(item, depth + 1) : item));
    const entries = Object.entries(node as Json).flatMap(([key, item]) => {
      if (key !== path[depth]) return [[key, item]];
      return how === "drop" && depth === path.length - 1 ? [] : [[key, copy(item, depth + 1)]];
    });
    return Object.fromEntries(entries);
  };
  return copy(value, 0);
}

const patterns = new Map<string, RegExp>();
export function patternOf(text: string): RegExp {
  const known = patterns.get(text) ?? new RegExp(text, "u");
  patterns.set(text, known);
  return known;
}

/** What of a value does not fit the schema, with its place; empty where all fits. Lengths are counted in characters. */
export function flaws(document: object, given: Schema, value: unknown, place = "body"): string[] {
  const schema = resolve(document, given);
  if (schema.const !== undefined && value !== schema.const) return [`${place} is not ${String(schema.const)}`];
  if (schema.enum && !schema.enum.includes(value))
    return [`${place}: ${shown(value)} is none of ${schema.enum.join()}`];
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
    const { exclusiveMinimum = Number.NEGATIVE_INFINITY, exclusiveMaximum = Number.POSITIVE_INFINITY } = schema;
    const within = value >= minimum && value <= maximum && value > exclusiveMinimum && value < exclusiveMaximum;
    return within ? [] : [`${place}: ${value} is out of bounds`];
  }
  if (typeof value === "string") {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema;
    const length = Array.from(value).length;
    if (length < minLength || length > maxLength) return [`${place} is ${length} characters long`];
    if (pattern && !patternOf(pattern).test(value)) return [`${place}: ${shown(value)} does not match ${pattern}`];
    if (format === "date-time" && Number.isNaN(Date.parse(value))) return [`${place}: ${shown(value)} is no time`];
    return [];
  }
  if (Array.isArray(value)) {
    const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items = {} } = schema;
    if (value.length < minItems || value.length > maxItems) return [`${place} has ${value.length} items`];
    return value.flatMap((item, i) => flaws(document, items, item, `${place}[${i}]`));
  }
  if (actual !== "object") return [];
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const object = value as Json;
  return [
    ...required.filter((key) => !Object.hasOwn(object, key)).map((key) => `${place}.${key} is missing`),
    ...Object.entries(object).flatMap(([key, item]) => {
      const declared = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (declared) return flaws(document, declared, item, `${place}.${key}`);
      if (additionalProperties === false) return [`${place}.${key} is not documented`];
      return additionalProperties === true ? [] : flaws(document, additionalProperties, item, `${place}.${key}`);
    }),
  ];
}

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 80);
