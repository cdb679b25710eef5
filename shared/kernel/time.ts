import * as z from "zod";

/** Business time is Asia/Shanghai, which has had no daylight saving since 1991: a fixed +08:00. */
const shanghaiOffset = 8 * 3_600_000;

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** ISO 8601 with +08:00, to the second: `2026-11-23T20:00:05+08:00`; ms are cut off. */
export const toIso = (ms: number): string => `${new Date(ms + shanghaiOffset).toISOString().slice(0, 19)}+08:00`;

/** `11-23 20:00` in +08:00: for people to read. */
export const clockText = (ms: number): string => toIso(ms).slice(5, 16).replace("T", " ");

/** UTC with ms, as Step Functions wants its timestamps: `2026-11-23T12:00:05.000Z`. */
export const toUtc = (ms: number): string => new Date(ms).toISOString();

/** The moment that an HTTP date tells, epoch ms; NaN where it is none. */
export const fromHttpDate = (text: string): number => Date.parse(text);

/** Epoch ms of an ISO 8601 / RFC 3339 date-time with an offset. Throws RangeError on anything else. */
export function parseIso(text: string): number {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text))
    throw new RangeError(`"${text}" is no date-time with an offset`);
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new RangeError(`"${text}" is no date-time`);
  return ms;
}

/** `2026-11-23` in Asia/Shanghai. */
export const dayOf = (ms: number): string => new Date(ms + shanghaiOffset).toISOString().slice(0, 10);

/** Day of the week in Asia/Shanghai, 0 = Monday … 6 = Sunday, and minutes since its midnight. */
export function weekMinute(ms: number): { weekday: number; minute: number } {
  const local = new Date(ms + shanghaiOffset);
  return { weekday: (local.getUTCDay() + 6) % 7, minute: local.getUTCHours() * 60 + local.getUTCMinutes() };
}

/** Epoch ms of 00:00 Asia/Shanghai of the day that holds `ms`. */
export const startOfDay = (ms: number): number => Math.floor((ms + shanghaiOffset) / day) * day - shanghaiOffset;

/** Down to the whole second: deadlines and the channel's success times are whole seconds. */
export const wholeSecond = (ms: number): number => Math.floor(ms / second) * second;

/** Epoch ms as rows hold it. */
export const epochMs = z.int().min(0).max(4_102_444_800_000);

/** A date-time as the API takes it, turned into epoch ms. */
export const isoInput = z
  .string()
  .transform((text, context) => {
    try {
      return parseIso(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  })
  .meta({
    description: "Date-time with offset (ISO 8601)",
    example: "2026-11-23T20:00:00+08:00",
    type: "string",
    format: "date-time",
  });

/** A date-time as the API answers it. */
export const isoOutput = z
  .string()
  .meta({ description: "Date-time in +08:00", example: "2026-11-23T20:00:00+08:00", format: "date-time" });
