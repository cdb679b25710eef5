import { stripVTControlCharacters } from "node:util";
import * as z from "zod";
import type { Caller } from "./http-client.ts";

const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
const paint = (code: number) => (text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = paint(1);
export const dim = paint(2);
const green = paint(32);
const red = paint(31);

const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;
/** Columns a text takes in a terminal: Chinese characters take two, colours none. */
const columns = (text: string) => {
  const plain = stripVTControlCharacters(text);
  return [...plain].length + (plain.match(wide)?.length ?? 0);
};
export const left = (text: string, width: number) => text + " ".repeat(Math.max(0, width - columns(text)));
export const right = (text: string, width: number) => " ".repeat(Math.max(0, width - columns(text))) + text;

let muted = false;
export const print = (text: string): void => {
  if (!muted) console.log(text);
};
/** Ends all telling: the demo was interrupted, and what its steps meet from then on is no finding. */
export function mute(): void {
  muted = true;
}

const meterAnswer = z.object({
  rule: z.string(),
  rows: z.array(z.object({ function: z.string(), readUnits: z.number(), writeUnits: z.number() })),
});
/** The functions that answer HTTP; what the others consume happens behind the request. */
const answering = /^(Shop|Ops|Hooks|Site)/;
const titleWidth = 68;

/** Tells the story to people: each step with what it consumed, and every check by its name. */
export function createReport(local: Caller) {
  const failed: string[] = [];
  let checks = 0;
  let steps = 0;
  let rule = "";
  const total = { readUnits: 0, writeUnits: 0 };

  const units = ({ readUnits, writeUnits }: typeof total) =>
    right(readUnits.toFixed(1), 8) + right(writeUnits.toFixed(1), 8);

  return {
    heading(zh: string, en: string): void {
      print(`\n${bold(left(`${zh}  ${en}`, titleWidth + 4))}${dim(" 请求读  请求写  其后读  其后写")}`);
    },

    line(text: string): void {
      print(`      ${text}`);
    },

    /**
     * One step: acts, waits until the platform has nothing left to do, then prints the units they consumed. What
     * the checks between the steps read is not counted.
     */
    async step<T>(zh: string, en: string, act: () => Promise<T>): Promise<T> {
      await local.get("/_local/meter?reset", z.unknown());
      const result = await act();
      await local.get("/_local/idle?timeoutMs=20000", z.object({ idle: z.literal(true) }));
      const meter = await local.get("/_local/meter?reset", meterAnswer);
      rule = meter.rule;
      const request = { readUnits: 0, writeUnits: 0 };
      const behind = { readUnits: 0, writeUnits: 0 };
      for (const row of meter.rows)
        for (const sum of [answering.test(row.function) ? request : behind, total]) {
          sum.readUnits += row.readUnits;
          sum.writeUnits += row.writeUnits;
        }
      steps++;
      print(`${right(String(steps), 3)} ${left(`${zh}  ${dim(en)}`, titleWidth)}${units(request)}${units(behind)}`);
      return result;
    },

    check(name: string, holds: boolean, found?: unknown): void {
      checks++;
      if (holds) print(`      ${green("✓")} ${name}`);
      else {
        failed.push(name);
        print(`      ${red("✗")} ${name}${found === undefined ? "" : `: ${JSON.stringify(found)}`}`);
      }
    },

    /** A failure that ended the story before its checks. */
    broke(error: unknown): void {
      const text = error instanceof Error ? error.message : String(error);
      checks++;
      failed.push(text);
      print(`      ${red("✗")} ${text}`);
    },

    /** Prints the verdict; answers whether every check passed. */
    verdict(seconds: number): boolean {
      print(`\n${bold(left("合计  Total", titleWidth + 4))}${units(total)}${dim(`   ${seconds.toFixed(1)} s`)}`);
      print(
        dim(
          `    读、写: DynamoDB units the step consumed, counted at the gateway before the engine; the checks between are left out.`,
        ),
      );
      print(
        dim(`    请求: by the functions that answer HTTP. 其后: by stream readers, state machines and scheduled jobs.`),
      );
      print(dim(`    ${rule}`));
      if (failed.length === 0)
        print(`\n${green("✓")} ${bold(`全部 ${checks} 项检查通过  all ${checks} checks passed`)}`);
      else {
        print(`\n${red("✗")} ${bold(`${failed.length} 项检查未通过  ${failed.length} of ${checks} checks failed:`)}`);
        for (const name of failed) print(`  - ${name}`);
      }
      return failed.length === 0;
    },
  };
}

export type Report = ReturnType<typeof createReport>;
