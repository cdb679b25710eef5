import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bucketOf,
  type IdPrefix,
  idOf,
  idPrefixes,
  makeId,
  providerNumber,
  readProviderNumber,
  siblingId,
} from "../../shared/kernel/ids.ts";

const prefix = fc.constantFrom(...(Object.keys(idPrefixes) as IdPrefix[]));
const random = fc.uint8Array({ minLength: 14, maxLength: 14 });
const time = fc.integer({ min: 0, max: 4_102_444_800_000 });
/** WeChat Pay's own rule of out_trade_no; out_bill_no takes letters and digits alone. */
const outTradeNo = /^[A-Za-z0-9_\-*|]{6,32}$/;

test("an id is letters and digits, 26 of them, and of its kind only", () => {
  fc.assert(
    fc.property(prefix, time, random, (kind, at, bytes) => {
      const id = makeId(kind, at, bytes);
      expect(id).toMatch(/^[A-Z]{2}[0-9A-HJKMNP-TV-Z]{24}$/);
      expect(id.length).toBeLessThanOrEqual(27);
      for (const other of Object.keys(idPrefixes) as IdPrefix[])
        expect(idOf(other).safeParse(id).success).toBe(other === kind);
    }),
  );
});

test("ids sort by the time they were made at", () => {
  fc.assert(
    fc.property(time, time, random, random, (a, b, first, second) => {
      const [one, two] = [makeId("OR", a, first), makeId("OR", b, second)];
      if (a < b) expect(one < two).toBe(true);
      if (a > b) expect(one > two).toBe(true);
    }),
  );
});

test("a provider's number fits WeChat Pay's pattern, is alphanumeric, at most 29 long, and read back", () => {
  fc.assert(
    fc.property(fc.constantFrom("OR", "RF"), time, random, fc.integer({ min: 1, max: 99 }), (kind, at, bytes, n) => {
      const id = makeId(kind, at, bytes);
      const number = providerNumber(id, n);
      expect(number).toMatch(outTradeNo);
      expect(number).toMatch(/^[A-Z0-9]{1,29}$/);
      expect(readProviderNumber(number)).toEqual({ id, attempt: n });
    }),
  );
});

const id = makeId("OR", 1_795_399_200_000, new Uint8Array(14));
test.each([[0], [100], [1.5], [Number.NaN], [-1]])("there is no attempt %s", (attempt) => {
  expect(() => providerNumber(id, attempt)).toThrow(RangeError);
});
test.each([[id], [`${id}00`], [`${id}1`], [`${id}001`], [id.toLowerCase()], [""], [`${id}01 `], ["SIGNTEST"]])(
  "%j is none of our numbers",
  (number) => {
    expect(readProviderNumber(number)).toBeUndefined();
  },
);

test("a sibling differs by its prefix alone", () => {
  expect(siblingId("RF", id)).toBe(`RF${id.slice(2)}`);
});

test("buckets are used evenly", () => {
  const counts = new Array<number>(8).fill(0);
  for (let i = 0; i < 256; i++) {
    const bytes = new Uint8Array(14).fill(i);
    counts[bucketOf(makeId("EV", i, bytes), 8)]!++;
  }
  expect(counts).toEqual(new Array(8).fill(32));
});
