/** DynamoDB's JSON, as it goes over the wire and lies in stream records: every value under the letter of its type. */
export type AttributeValue =
  | { S: string }
  | { N: string }
  | { BOOL: boolean }
  | { NULL: true }
  | { B: string }
  | { L: AttributeValue[] }
  | { M: Item };
export interface Item {
  [name: string]: AttributeValue;
}

/**
 * The wire form of a row, or of an expression's values; what is undefined is left out. Throws a TypeError, which names the place,
 * for what a row may not hold: numbers that are no number or beyond 2⁵³, sets, dates, functions.
 */
export function toItem(values: Readonly<Record<string, unknown>>, place = ""): Item {
  const item: Item = {};
  for (const name in values) {
    const value = values[name];
    if (value !== undefined) put(item, name, toAttribute(value, place === "" ? name : `${place}.${name}`));
  }
  return item;
}

/** Sets an attribute of any name: to assign `__proto__` would lose it, and change what the object is. */
function put<T>(of: Record<string, T>, name: string, value: T): void {
  if (name === "__proto__")
    Object.defineProperty(of, name, { value, enumerable: true, configurable: true, writable: true });
  else of[name] = value;
}

function toAttribute(value: unknown, place: string): AttributeValue {
  if (typeof value === "string") return { S: value };
  if (typeof value === "number") {
    if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)
      throw new TypeError(`${place} can't be kept exactly: ${value}`);
    return { N: String(value) };
  }
  if (typeof value === "boolean") return { BOOL: value };
  if (value === null) return { NULL: true };
  if (Array.isArray(value)) return { L: value.map((each, i) => toAttribute(each ?? null, `${place}[${i}]`)) };
  if (value instanceof Uint8Array)
    return { B: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype)
    return { M: toItem(value as Record<string, unknown>, place) };
  throw new TypeError(`${place} is nothing a row can hold: ${Object.prototype.toString.call(value)}`);
}

/** The values of a row as it came over the wire: bytes as Uint8Array, numbers as numbers. */
export function fromItem(item: Item): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name in item) put(values, name, fromAttribute(item[name]!));
  return values;
}

function fromAttribute(value: AttributeValue): unknown {
  if ("S" in value) return value.S;
  if ("N" in value) return Number(value.N);
  if ("BOOL" in value) return value.BOOL;
  if ("M" in value) return fromItem(value.M);
  if ("L" in value) return value.L.map(fromAttribute);
  if ("B" in value) return new Uint8Array(Buffer.from(value.B, "base64"));
  return null;
}
