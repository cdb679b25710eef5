import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One figure with the parameters it was measured under. */
export interface Figure {
  figure: string;
  value: number;
  unit: string;
  [parameter: string]: string | number;
}

/** What a group works with. */
export interface Bench {
  tell(figure: Figure): void;
  progress(line: string): void;
  /** How many of `count` this run does: all, or a tenth with `--quick`. */
  few(count: number): number;
  /** To three significant digits below a hundred, to whole numbers above: more would be noise. */
  rounded(value: number): number;
  /** A new folder, removed at the end. */
  folder(name: string): string;
  /** Has `end` done at the end, also of a run that failed or was interrupted; last first. */
  atEnd(end: () => Promise<unknown> | unknown): void;
  /** Ends everything that was started; a second call waits for the first. */
  close(): Promise<void>;
}

export function openBench(out: Pick<Bench, "tell" | "progress"> & { quick: boolean }): Bench {
  const { tell, progress, quick } = out;
  const rounded = (value: number) => (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
  const ends: (() => Promise<unknown> | unknown)[] = [];
  let closed: Promise<void> | undefined;
  return {
    tell: (figure) => tell({ ...figure, value: rounded(figure.value) }),
    progress,
    few: (count) => (quick ? Math.ceil(count / 10) : count),
    rounded,
    folder(name) {
      const path = mkdtempSync(join(tmpdir(), `commensal-bench-${name}-`));
      ends.push(() => rmSync(path, { recursive: true, force: true }));
      return path;
    },
    atEnd: (end) => void ends.push(end),
    close() {
      closed ??= (async () => {
        for (const end of ends.reverse()) await end();
      })();
      return closed;
    },
  };
}
