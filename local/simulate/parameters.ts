import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

const chance = z.number().min(0).max(1);
const weights = z.record(z.string(), z.number().min(0));
const every = z.int().min(1);
const hourOfDay = z.int().min(0).max(24);

/** Who takes part in a simulation and what they do, as `parameters.json` says it. Chances of 0 to 1; weights are relative. */
const parameters = z.strictObject({
  /** Everybody acts on whole steps, so that several act at once. */
  stepMinutes: every,
  /** Members are awake between these hours, Asia/Shanghai. */
  day: z.strictObject({ from: hourOfDay, until: hourOfDay }),
  temperaments: z
    .array(
      z.strictObject({
        name: z.string(),
        /** How many of the members are so, relative to the others. */
        part: z.number().positive(),
        /** Visits a day. */
        visits: z.number().positive(),
        wants: weights,
        pays: weights,
        /** Leaves a team, or cancels an order, at a visit. */
        changesMind: chance,
        /** Collects what is ready, at a visit. */
        collects: chance,
      }),
    )
    .min(1),
  /** Any POST is sent once more under its key, and must be answered to the byte as before. */
  repeatsRequest: chance,
  staff: z.strictObject({ everyMinutes: every, readies: chance, mistypes: chance, compensates: chance }),
  rider: z.strictObject({
    everyMinutes: every,
    accepts: chance,
    givesUp: chance,
    cannotReach: chance,
    leaves: chance,
    room: z.int().min(1).max(5),
  }),
  ops: z.strictObject({ everyMinutes: every, subsidises: chance, cancels: chance, reroutes: chance, coupons: z.int() }),
  carriers: z.strictObject({ everyMinutes: every, refuses: chance, drops: chance, gives: chance }),
  /** Sends notifications and callbacks that are forged. */
  stranger: z.strictObject({ everyMinutes: every }),
  goods: z.array(z.strictObject({ name: z.string(), priceFen: z.int(), costFen: z.int() })).min(2),
  unitsPerStore: z.int(),
  slots: z.strictObject({ hours: z.array(hourOfDay), capacity: z.int(), leadMinutes: z.int() }),
  campaigns: z.strictObject({
    invitesRequired: z.array(z.int().min(1)).min(1),
    durationMinutes: z.int(),
    units: z.int(),
    holdMinutes: z.int(),
  }),
});
export type Parameters = z.infer<typeof parameters>;
export type Temperament = Parameters["temperaments"][number];

/** The parameters of a file; `parameters.json` beside this one where none is named. Throws, naming the field. */
export function readParameters(file = join(import.meta.dirname, "parameters.json")): Parameters {
  const read = parameters.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!read.success) throw new Error(`${file}: ${z.prettifyError(read.error)}`);
  return read.data;
}
