import * as z from "zod";

/** What an id's first letters say it names. Ids are at most 27 letters and digits, so that every provider takes them. */
export const idPrefixes = {
  MB: "member",
  SF: "staff",
  ST: "store",
  AR: "article",
  CM: "community",
  CP: "campaign",
  TM: "team",
  OR: "order",
  RF: "refund",
  RP: "refund's proposed resolution",
  EV: "event",
  SE: "session",
  PC: "payment case",
  AU: "audit row",
  IM: "import",
  SP: "supplier",
  LT: "lot",
  RC: "recall",
  CT: "coupon",
  CG: "granted coupon",
  PO: "purchase order",
  PL: "purchase line",
  IV: "invoice",
  RL: "red letter",
  PT: "payout",
  PF: "till file",
  AD: "address",
  TK: "stock-take",
  PS: "post or comment",
} as const;
export type IdPrefix = keyof typeof idPrefixes;

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford base32: no I, L, O, U

/** Prefix + 10 characters of time (epoch ms, so ids sort by birth) + 14 random characters (70 bits). Needs 14 random bytes. */
export function makeId(prefix: IdPrefix, nowMs: number, random: Uint8Array): string {
  let time = "";
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = alphabet[rest % 32] + time;
  let tail = "";
  for (let i = 0; i < 14; i++) tail += alphabet[random[i]! % 32];
  return prefix + time + tail;
}

/** As many characters of the same alphabet as there are random bytes: 5 bits each. */
export const randomText = (random: Uint8Array): string => Array.from(random, (byte) => alphabet[byte % 32]).join("");

const idPattern = (prefix: string) => new RegExp(`^${prefix}[0-9A-HJKMNP-TV-Z]{24}$`);

/** Schema of the ids of one kind, e.g. `idOf("TM")`. */
export const idOf = (prefix: IdPrefix) =>
  z
    .string()
    .regex(idPattern(prefix), `${prefix} and 24 characters 0-9 A-Z without I L O U`)
    .meta({ description: `Id of a ${idPrefixes[prefix]}`, example: `${prefix}01KASWB3Q8W5CJ7T2N9RXEH4` });

/** What the chain itself calls an article (货号) or a store; never of the form of an id, so that a cell may hold either. */
export const ownCode = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, "1 to 32 letters, digits and . _ - with a letter or digit first")
  .refine((code) => !/^[A-Z]{2}[0-9A-HJKMNP-TV-Z]{24}$/.test(code), "must not look like an id");

/** The id that belongs to another one to one, under another prefix: `siblingId("RF", orderId)`. */
export const siblingId = (prefix: IdPrefix, id: string): string => prefix + id.slice(2);

/**
 * The id that belongs to a pair of ids, e.g. the team of a campaign and a community: the first one's time, and both random
 * parts added letter by letter, so that two pairs meet no more often than two random ids.
 */
export const pairId = (prefix: IdPrefix, first: string, second: string): string =>
  prefix +
  first.slice(2, 12) +
  Array.from({ length: 14 }, (_, i) => {
    const letter = (id: string) => alphabet.indexOf(id[12 + i]!);
    return alphabet[(letter(first) + letter(second)) % alphabet.length];
  }).join("");

/**
 * One of `count` buckets (at most 32), the same for the same id: spreads rows that share a time over partitions. Taken from
 * the random part, so that provider numbers and ids with something behind them spread as well.
 */
export const bucketOf = (id: string, count: number): number => Math.max(0, alphabet.indexOf(id[24] ?? "0")) % count;

/** A provider's number: id + two-digit attempt, 29 characters at most. `attempt` is 1 to 99. */
export function providerNumber(id: string, attempt: number): string {
  if (!Number.isInteger(attempt) || attempt < 1 || attempt > 99)
    throw new RangeError(`attempt ${attempt} is not 1 to 99`);
  return id + String(attempt).padStart(2, "0");
}

/** Splits what `providerNumber` made; undefined when it is none of ours. */
export function readProviderNumber(number: string): { id: string; attempt: number } | undefined {
  const match = /^([A-Z]{2}[0-9A-HJKMNP-TV-Z]{24})(\d\d)$/.exec(number);
  return match && match[2] !== "00" ? { id: match[1]!, attempt: Number(match[2]) } : undefined;
}
